# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Whether what a release made is ready, and in words what it is waiting for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

Object = Mapping[str, Any]

PUBLIC_SERVICE = "proxy-public"
"""The Service of type LoadBalancer through which users come."""

WAITED_FOR = ("Deployment", "StatefulSet")
"""Not daemon sets: the image puller takes as long as the images are large, and nobody waits for it."""

MOST_RESTARTS = 5
"""Restarts after which a container is not going to come up by itself."""

HOPELESS = {
    "CreateContainerConfigError": 60.0,
    "CreateContainerError": 120.0,
    "ErrImageNeverPull": 10.0,
    "InvalidImageName": 10.0,
}
"""Seconds after which a container that waits for this reason is given up."""


@dataclasses.dataclass(frozen=True)
class PodState:
    """A pod as a person would describe it."""

    name: str
    ready: bool
    text: str
    hopeless: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


def workload_ready(workload: Object) -> bool:
    """Whether the controller has seen the last change and all its pods are new and ready."""
    spec, status = workload.get("spec") or {}, workload.get("status") or {}
    wanted = spec.get("replicas", 1)
    if status.get("observedGeneration", 0) < (workload["metadata"].get("generation") or 0):
        return False
    if wanted == 0:
        return True
    ready = status.get("readyReplicas", 0)
    return status.get("updatedReplicas", 0) >= wanted and ready >= wanted and status.get("replicas", 0) == wanted


def balancer_address(service: Object) -> str:
    """Address or host name that the load balancer got; "" while there is none."""
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or [{}]
    return ingress[0].get("ip") or ingress[0].get("hostname") or ""


def pod_state(pod: Object, now: datetime) -> PodState:
    """What a pod is doing. ``now`` has a time zone."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return PodState(name, False, "is being removed")
    conditions = {item["type"]: item for item in status.get("conditions") or []}
    if (conditions.get("Ready") or {}).get("status") == "True":
        return PodState(name, True, "ready")
    scheduled = conditions.get("PodScheduled") or {}
    if scheduled.get("status") == "False":
        return PodState(name, False, f"waits for a node: {scheduled.get('message') or scheduled.get('reason')}")
    age = _age(pod, now)
    statuses = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for container in statuses:
        described = _container(container, age)
        if described:
            return PodState(name, False, described[0], described[1])
    if status.get("phase") in ("Failed", "Succeeded"):
        return PodState(name, False, f"has ended ({status.get('reason') or status['phase']})")
    if status.get("phase") == "Running":
        return PodState(name, False, "runs, is not ready yet")
    return PodState(name, False, "is starting")


def current_pods(workload: Object, pods: Sequence[Object]) -> list[Object]:
    """The newest pods of a workload: while one is replaced the old one tells nothing."""
    wanted = (workload.get("spec") or {}).get("replicas", 1)
    ordered = sorted(pods, key=lambda pod: pod["metadata"].get("creationTimestamp") or "", reverse=True)
    return ordered[:wanted]


def ended_container(pod: Object) -> tuple[str, bool]:
    """The container whose log tells most, and whether that is the log of its run before. ("", False) if none ran."""
    status = pod.get("status") or {}
    statuses = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    for container in statuses:
        # One that runs again has not come to its mistake yet; its run before has.
        if (container.get("lastState") or {}).get("terminated") and not container.get("ready"):
            return container["name"], True
    for container in statuses:
        state = container.get("state") or {}
        failed = (state.get("terminated") or {}).get("exitCode")
        if failed or ("running" in state and not container.get("ready")):
            return container["name"], False
    return "", False


def _container(container: Mapping[str, Any], age: float) -> tuple[str, bool] | None:
    """What a container that holds its pod up is doing, and whether to give up. None for one that does not."""
    state, restarts = container.get("state") or {}, container.get("restartCount", 0)
    name = container["name"]
    if waiting := state.get("waiting"):
        reason = waiting.get("reason") or "waiting"
        if reason in ("PodInitializing", "ContainerCreating"):
            return None
        message = f" ({_first_line(waiting['message'])})" if waiting.get("message") else ""
        hopeless = age > HOPELESS.get(reason, float("inf")) or restarts >= MOST_RESTARTS
        return f"{name}: {reason}{message}", hopeless
    ended = (container.get("lastState") or {}).get("terminated")
    if "running" in state and ended and not container.get("ready"):
        times = "1 restart" if restarts == 1 else f"{restarts} restarts"
        return f"{name}: is not ready yet after {times}, ended with {ended.get('exitCode')} before", False
    terminated = state.get("terminated")
    if terminated and terminated.get("exitCode"):
        return f"{name}: ended with {terminated['exitCode']} ({terminated.get('reason')})", restarts >= MOST_RESTARTS
    return None


def _age(pod: Object, now: datetime) -> float:
    created = pod["metadata"].get("creationTimestamp")
    return (now - datetime.fromisoformat(created.replace("Z", "+00:00"))).total_seconds() if created else 0.0


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:200]
