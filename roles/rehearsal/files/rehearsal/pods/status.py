"""A pod's status as a kubelet computes it, from its containers' states.

Sources: pkg/kubelet/kubelet_pods.go ``getPhase`` and pkg/kubelet/status/generate.go.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from rehearsal.pods.kube import Object

Kind = Literal["init", "sidecar", "main"]


@dataclasses.dataclass(frozen=True)
class ContainerStatus:
    """What the pod's status has to know of one container. ``state`` is the API's: waiting, running or terminated."""

    name: str
    image: str
    kind: Kind
    state: Object
    last_state: Object
    restarts: int
    ready: bool
    started: bool
    run: str = ""

    @property
    def exit_code(self) -> int | None:
        ended = self.state.get("terminated")
        return None if ended is None else int(ended["exitCode"])

    @property
    def initialized(self) -> bool:
        """Whether the containers after this one may start."""
        return self.started if self.kind == "sidecar" else self.exit_code == 0

    def as_api(self) -> Object:
        return {
            "name": self.name,
            "image": self.image,
            "imageID": f"rehearsal://{self.image}",
            "containerID": f"rehearsal://{self.run}" if self.run else "",
            "ready": self.ready,
            "started": self.started,
            "restartCount": self.restarts,
            "state": self.state,
            "lastState": self.last_state,
        }


def kind_of(container: Object, init: bool) -> Kind:
    if not init:
        return "main"
    return "sidecar" if container.get("restartPolicy") == "Always" else "init"


def restarts(policy: str, kind: Kind, exit_code: int) -> bool:
    """Whether a container that ended is started again. Init containers under Always are retried until they succeed."""
    if kind == "sidecar":
        return True
    if kind == "init":
        return exit_code != 0 and policy != "Never"
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def back_off(restart: int) -> float:
    """Seconds to wait before the n-th restart in a row (n from 1): at once, then 10 s doubled up to 300 s."""
    return 0.0 if restart <= 1 else min(300.0, 10.0 * 2.0 ** (min(restart, 20) - 2))


STABLE_SECONDS = 600
"""A run this long makes the next failure the first one again."""


def phase(containers: Sequence[ContainerStatus], policy: str) -> str:
    """Pending, Running, Succeeded or Failed."""
    inits = [one for one in containers if one.kind == "init"]
    mains = [one for one in containers if one.kind == "main"]
    if any(one.exit_code not in (None, 0) and policy == "Never" for one in inits):
        return "Failed"
    if not all(one.initialized for one in containers if one.kind != "main") and not any(
        "running" in one.state or one.exit_code is not None for one in mains
    ):
        return "Pending"
    if any("waiting" in one.state and not one.last_state for one in mains):
        return "Pending"
    codes = [one.exit_code for one in mains]
    if any("running" in one.state for one in mains) or None in codes or policy == "Always":
        return "Running"
    if all(code == 0 for code in codes):
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def conditions(
    containers: Sequence[ContainerStatus], *, sandboxed: bool, phase: str, gates: Mapping[str, bool], deleting: bool
) -> list[Object]:
    """The kubelet's five conditions without ``PodScheduled`` (which is the scheduler's) and without times."""
    finished = phase in ("Succeeded", "Failed")
    uninitialized = [one.name for one in containers if one.kind != "main" and not one.initialized]
    unready = [one.name for one in containers if one.kind != "init" and not one.ready]
    initialized: Object = {"type": "Initialized", "status": "True"}
    if phase == "Succeeded":
        initialized["reason"] = "PodCompleted"
    elif uninitialized and not finished:
        initialized = _false(
            "Initialized",
            "ContainersNotInitialized",
            f"containers with incomplete status: [{' '.join(uninitialized)}]",
        )
    if finished:
        reason = "PodCompleted" if phase == "Succeeded" else "PodFailed"
        whole = _false("ContainersReady", reason)
    elif unready:
        whole = _false(
            "ContainersReady", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]"
        )
    else:
        whole = {"type": "ContainersReady", "status": "True"}
    ready = {**whole, "type": "Ready"}
    closed = [name for name, open_ in gates.items() if not open_]
    if ready["status"] == "True" and closed:
        ready = _false("Ready", "ReadinessGatesNotReady", f"corresponding condition of pod readiness gate {closed}")
    if ready["status"] == "True" and deleting:
        ready = _false("Ready", "PodTerminating")
    return [
        {"type": "PodReadyToStartContainers", "status": "True" if sandboxed else "False"},
        initialized,
        ready,
        whole,
    ]


def _false(kind: str, reason: str, message: str = "") -> Object:
    found: dict[str, Any] = {"type": kind, "status": "False", "reason": reason}
    return found | ({"message": message} if message else {})


def stamped(fresh: list[Object], old: list[Object], now: str) -> list[Object]:
    """The conditions with ``lastTransitionTime``, kept from ``old`` where the status did not change."""
    before = {one["type"]: one for one in old}
    found = []
    for one in fresh:
        known = before.get(one["type"])
        same = known is not None and known["status"] == one["status"]
        since = known["lastTransitionTime"] if known and same and "lastTransitionTime" in known else now
        # A strategic merge keeps what it is not told: a reason that no longer holds is taken away by name.
        found.append({"reason": None, "message": None, **one, "lastTransitionTime": since})
    return found


def overruled(sent: list[Object], found: list[Object]) -> bool:
    """Whether somebody else has set a condition of ours: the node controller makes the pods of a node that was silent
    for a while unready, and leaves it to the kubelet to say that they are not."""
    now = {one["type"]: one["status"] for one in found}
    return any(now.get(one["type"], one["status"]) != one["status"] for one in sent)
