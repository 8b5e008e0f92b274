"""Phase, conditions, restarts and back-off as a kubelet has them."""

from __future__ import annotations

import pytest

from rehearsal.pods import status
from rehearsal.pods.status import ContainerStatus

WAITING = {"waiting": {"reason": "PodInitializing"}}
RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


def ended(code: int) -> dict[str, object]:
    return {"terminated": {"exitCode": code}}


def one(
    kind: str,
    state: dict[str, object],
    *,
    last: dict[str, object] | None = None,
    ready: bool = False,
    started: bool = False,
) -> ContainerStatus:
    return ContainerStatus(f"{kind}-1", "image", kind, state, last or {}, 0, ready, started)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("containers", "policy", "expected"),
    [
        ([one("main", WAITING)], "Always", "Pending"),
        ([one("main", RUNNING)], "Always", "Running"),
        ([one("main", WAITING, last=ended(1))], "Always", "Running"),
        ([one("main", ended(0))], "Always", "Running"),
        ([one("main", ended(0))], "OnFailure", "Succeeded"),
        ([one("main", ended(1))], "OnFailure", "Running"),
        ([one("main", ended(1))], "Never", "Failed"),
        ([one("main", ended(0)), one("main", RUNNING)], "Never", "Running"),
        ([one("main", ended(0)), one("main", ended(3))], "Never", "Failed"),
        ([one("init", RUNNING), one("main", WAITING)], "Always", "Pending"),
        ([one("init", ended(1)), one("main", WAITING)], "Always", "Pending"),
        ([one("init", ended(1)), one("main", WAITING)], "Never", "Failed"),
        ([one("init", ended(0)), one("main", RUNNING)], "Never", "Running"),
        ([one("sidecar", RUNNING, started=True), one("main", RUNNING)], "Never", "Running"),
        ([one("sidecar", ended(143)), one("main", ended(0))], "Never", "Succeeded"),
    ],
)
def test_phase(containers: list[ContainerStatus], policy: str, expected: str) -> None:
    assert status.phase(containers, policy) == expected


@pytest.mark.parametrize(
    ("policy", "kind", "code", "expected"),
    [
        ("Always", "main", 0, True),
        ("OnFailure", "main", 0, False),
        ("OnFailure", "main", 1, True),
        ("Never", "main", 1, False),
        ("Always", "init", 0, False),
        ("Always", "init", 1, True),
        ("Never", "init", 1, False),
        ("Never", "sidecar", 0, True),
    ],
)
def test_restarts(policy: str, kind: status.Kind, code: int, expected: bool) -> None:
    assert status.restarts(policy, kind, code) is expected


def test_back_off_doubles_to_five_minutes() -> None:
    assert [status.back_off(number) for number in range(1, 9)] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert status.back_off(10**6) == 300


def by_type(found: list[dict[str, object]]) -> dict[object, dict[str, object]]:
    return {condition["type"]: condition for condition in found}


def conditions(containers: list[ContainerStatus], **changes: object) -> dict[object, dict[str, object]]:
    values: dict[str, object] = {"sandboxed": True, "phase": "Running", "gates": {}, "deleting": False}
    return by_type(status.conditions(containers, **{**values, **changes}))  # type: ignore[arg-type]


def test_a_ready_pod() -> None:
    found = conditions([one("init", ended(0)), one("main", RUNNING, ready=True)])
    assert {kind: condition["status"] for kind, condition in found.items()} == {
        "PodReadyToStartContainers": "True",
        "Initialized": "True",
        "Ready": "True",
        "ContainersReady": "True",
    }


def test_who_is_not_ready_is_named() -> None:
    found = conditions([one("init", RUNNING), one("main", WAITING)], phase="Pending")
    assert found["Initialized"]["message"] == "containers with incomplete status: [init-1]"
    assert found["ContainersReady"]["message"] == "containers with unready status: [main-1]"
    assert found["Ready"]["reason"] == "ContainersNotReady"


def test_gates_deletion_and_completion() -> None:
    ready = [one("main", RUNNING, ready=True)]
    assert conditions(ready, gates={"lb": False})["Ready"]["reason"] == "ReadinessGatesNotReady"
    assert conditions(ready, gates={"lb": True})["Ready"]["status"] == "True"
    assert conditions(ready, deleting=True)["Ready"]["status"] == "False"
    done = conditions([one("main", ended(0))], phase="Succeeded")
    assert (done["Ready"]["status"], done["Ready"]["reason"]) == ("False", "PodCompleted")


def test_transition_times_are_kept_while_nothing_changes() -> None:
    old = [
        {"type": "Ready", "status": "True", "lastTransitionTime": "then"},
        {"type": "Initialized", "status": "False", "lastTransitionTime": "then"},
    ]
    fresh = [{"type": "Ready", "status": "True"}, {"type": "Initialized", "status": "True"}]
    found = by_type(status.stamped(fresh, old, "now"))
    assert found["Ready"]["lastTransitionTime"] == "then"
    assert found["Initialized"]["lastTransitionTime"] == "now"
    assert found["Ready"]["reason"] is None, "a reason that no longer holds is removed by the merge"


def test_a_condition_that_somebody_else_has_set_is_noticed() -> None:
    sent = [{"type": "Ready", "status": "True"}, {"type": "ContainersReady", "status": "True"}]
    assert not status.overruled(sent, [*sent, {"type": "PodScheduled", "status": "True"}])
    assert status.overruled(sent, [{"type": "Ready", "status": "False"}, {"type": "ContainersReady", "status": "True"}])
    assert not status.overruled(sent, []), "news from before the first word"
    assert not status.overruled([], [{"type": "Ready", "status": "False"}])
