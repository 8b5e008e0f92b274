"""Waiting through stale statuses, faults and silence."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.client import Magnum
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.errors import (
    ApiError,
    OperationFailedError,
    TimedOutError,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.operating import (
    drops_patch,
    drops_resize,
    takes_always,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.progress import Progress
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.waiter import (
    Seen,
    Waiter,
    never_ends,
    summary,
)
from ansible_collections.stfc.jupyterhub.plugins.plugin_utils.progress import shown
from keystoneauth1 import exceptions as ksa

from .fakes import Answer, Clock, Proxy, error

Json = dict[str, Any]


def cluster(status: str, **more: Any) -> Json:
    return {"uuid": "u", "name": "hub", "status": status, "updated_at": None, **more}


def workers(status: str = "CREATE_COMPLETE", count: int = 1, **more: Any) -> Json:
    return {"uuid": "g", "name": "default-worker", "status": status, "node_count": count, **more}


class Cloud:
    """Shows the next state at each look, and the last one from then on."""

    def __init__(self, *states: tuple[Any, ...], timeout: float = 600, short: str = "", missing: int = 0) -> None:
        self.states = list(states)
        self.clock = Clock()
        self.waiter = Waiter(
            Magnum(Proxy(self.answer), sleep=self.clock.sleep, clock=self.clock),
            "u",
            "hub",
            timeout,
            Progress("", self.clock),
            short=lambda seen: short if any(g["status"].endswith("_IN_PROGRESS") for g in seen.groups) else "",
            missing=lambda _seen: missing,
            sleep=self.clock.sleep,
            clock=self.clock,
        )

    def answer(self, _method: str, path: str, _json: Any) -> Answer | Exception:
        state = self.states[0]
        if path == "/clusters/u":
            return state[0] if isinstance(state[0], Answer | Exception) else Answer(200, state[0])
        if path.endswith("/nodegroups"):
            if len(self.states) > 1:
                self.states.pop(0)
            return Answer(200, {"nodegroups": list(state[1:])})
        return Answer(200, next(g for g in state[1:] if path.endswith(g["uuid"])))

    def now(self) -> Seen:
        seen = self.waiter.look()
        assert seen is not None
        return seen


def has(count: int) -> Any:
    return lambda seen: (seen.group("default-worker") or {}).get("node_count") == count


def test_a_status_from_before_a_resize_is_not_its_result() -> None:
    before = (cluster("CREATE_COMPLETE"), workers())
    cloud = Cloud(
        before,
        before,
        before,
        (cluster("CREATE_COMPLETE"), workers("UPDATE_IN_PROGRESS", 3)),
        (cluster("UPDATE_IN_PROGRESS"), workers("UPDATE_IN_PROGRESS", 3)),
        (cluster("UPDATE_COMPLETE"), workers("UPDATE_COMPLETE", 3)),
    )
    seen = cloud.waiter.until_done("resizing", cloud.now(), has(3), "default-worker")
    assert seen.cluster["status"] == "UPDATE_COMPLETE"


def test_an_old_failure_is_not_the_new_operations() -> None:
    before = (cluster("UPDATE_FAILED", updated_at="1"), workers("UPDATE_FAILED"))
    cloud = Cloud(before, before, (cluster("UPDATE_COMPLETE", updated_at="2"), workers("UPDATE_COMPLETE", 3)))
    assert cloud.waiter.until_done("resizing", cloud.now(), has(3), "default-worker")


def test_a_failure_is_told_in_magnums_words() -> None:
    failed = cluster("UPDATE_FAILED", status_reason="quota", faults={"default-worker": "No valid host was found."})
    cloud = Cloud((cluster("CREATE_COMPLETE"), workers()), (failed, workers("UPDATE_FAILED", 1, status_reason="quota")))
    with pytest.raises(
        OperationFailedError, match=r"resizing failed \(UPDATE_FAILED\): quota; default-worker: No valid"
    ):
        cloud.waiter.until_done("resizing", cloud.now(), has(3), "default-worker")


def test_an_operation_that_is_dropped_is_not_waited_for_until_the_end() -> None:
    cloud = Cloud((cluster("CREATE_COMPLETE"), workers()))
    with pytest.raises(OperationFailedError, match="nothing has come of it within 60 s"):
        cloud.waiter.until_done("resizing", cloud.now(), has(3), "default-worker")
    assert cloud.clock.now < 1000 + 80


def test_a_result_that_was_there_all_along_is_one() -> None:
    cloud = Cloud((cluster("CREATE_COMPLETE"), workers(count=3)))
    assert cloud.waiter.until_done("resizing", cloud.now(), has(3), "default-worker")


def test_creating_absorbs_404_and_400() -> None:
    cloud = Cloud(
        (cluster("CREATE_IN_PROGRESS"), workers("CREATE_IN_PROGRESS")), (cluster("CREATE_COMPLETE"), workers())
    )
    early = [error(404, "not there"), error(400, "no node groups")]
    answer = cloud.answer
    cloud.waiter._magnum._proxy.handler = lambda *a: early.pop(0) if early else answer(*a)
    assert cloud.waiter.until_created()["status"] == "CREATE_COMPLETE"


def test_a_cluster_that_never_appears() -> None:
    cloud = Cloud((error(404, "not there"),))
    with pytest.raises(OperationFailedError, match="still no cluster u"):
        cloud.waiter.until_created()


def test_the_end_of_the_time_says_what_was_there() -> None:
    cloud = Cloud((cluster("CREATE_IN_PROGRESS"), workers("CREATE_IN_PROGRESS")))
    with pytest.raises(TimedOutError, match=r"not done within 600 s \(cluster hub: CREATE_IN_PROGRESS"):
        cloud.waiter.until_created()
    assert cloud.clock.now == pytest.approx(1600, abs=1)


def test_deleting_ends_when_it_is_gone_and_when_it_fails() -> None:
    gone = Cloud((cluster("CREATE_COMPLETE"), workers()), (cluster("DELETE_IN_PROGRESS"),), (error(404, "gone"),))
    gone.waiter.until_gone(gone.now())
    stuck = Cloud((cluster("CREATE_COMPLETE"), workers()), (cluster("DELETE_FAILED", status_reason="port in use"),))
    with pytest.raises(OperationFailedError, match="port in use"):
        stuck.waiter.until_gone(stuck.now())


def test_a_running_operation_is_waited_for() -> None:
    cloud = Cloud((cluster("UPDATE_IN_PROGRESS"),), (cluster("UPDATE_IN_PROGRESS"),), (cluster("UPDATE_COMPLETE"),))
    assert not cloud.waiter.until_idle("resizing").busy


def test_the_summary_counts_ready_nodes() -> None:
    health = {"api": "ok", "a.Ready": "True", "b.Ready": "False"}
    groups = [workers("UPDATE_COMPLETE", 3), {"name": "gpu", "status": "CREATE_IN_PROGRESS", "node_count": 1}]
    line = summary("hub", cluster("UPDATE_IN_PROGRESS", health_status_reason=health), groups)
    assert line == "cluster hub: UPDATE_IN_PROGRESS, 1 of 4 nodes ready, node groups gpu CREATE_IN_PROGRESS"


def test_lines_come_through_the_pipe_in_order() -> None:
    lines: list[str] = []
    clock = Clock()
    with shown(lines.append) as pipe:
        progress = Progress(pipe, clock)
        progress.say("one")
        progress.say("one")
        clock.sleep(31)
        progress.say("one")
        progress.say("two\nlines")
    assert lines == ["one, 0 s", "one, 31 s", "two lines, 31 s"]
    assert not os.path.exists(pipe)


def test_progress_without_a_reader_is_silent(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("")
    for name in ("pipe", "file", "missing"):
        Progress(str(tmp_path / name)).say("nobody hears")
    assert (tmp_path / "file").read_text() == ""


def test_an_api_that_is_away_for_a_while_is_waited_for() -> None:
    cloud = Cloud((cluster("CREATE_COMPLETE"), workers()))
    away = [ksa.ConnectFailure("connection refused")] * 30
    answer = cloud.answer
    cloud.waiter._magnum._proxy.handler = lambda *a: away.pop(0) if away else answer(*a)
    assert cloud.waiter.until_created()["status"] == "CREATE_COMPLETE"
    assert not away


def test_an_api_that_stays_away_is_told() -> None:
    cloud = Cloud((ksa.ConnectFailure("connection refused"),), timeout=3600)
    with pytest.raises(ApiError, match=r"no answer came: connection refused\. It is safe to run this again"):
        cloud.waiter.until_created()
    assert 1600 < cloud.clock.now < 1700


def test_an_operation_that_was_answered_by_an_error_may_have_begun() -> None:
    before = (cluster("CREATE_COMPLETE"), workers())
    cloud = Cloud(before, before, (cluster("UPDATE_IN_PROGRESS"), workers()))
    assert cloud.waiter.began(cloud.now())
    cloud = Cloud(before)
    assert not cloud.waiter.began(cloud.now())
    assert cloud.clock.now < 1010


NOW = datetime.datetime(2026, 1, 1, 12, 0, tzinfo=datetime.timezone.utc)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"created_at": "2026-01-01T10:00:00+00:00", "create_timeout": 60, "stack_id": "s"}, "gives up after 60"),
        ({"created_at": "2026-01-01T11:50:00Z", "create_timeout": 60}, "has made nothing of it"),
        ({"created_at": "2026-01-01T11:50:00", "create_timeout": 60, "stack_id": "s"}, None),
        ({"created_at": "2026-01-01T11:59:00", "create_timeout": 60}, None),
        ({"created_at": "yesterday"}, None),
        ({}, None),
    ],
)
def test_a_creation_that_never_ends_is_known(more: Json, told: str | None) -> None:
    said = never_ends(cluster("CREATE_IN_PROGRESS", **more), NOW)
    assert (said is None) if told is None else (told in said and "Delete the cluster" in said)


def test_the_end_of_the_time_says_that_it_never_ends() -> None:
    long_ago = cluster("CREATE_IN_PROGRESS", created_at="2025-01-01T00:00:00Z", create_timeout=60)
    cloud = Cloud((long_ago, workers("CREATE_IN_PROGRESS")))
    with pytest.raises(TimedOutError, match=r"itself gives up after 60: .* so this never ends\. Delete the cluster"):
        cloud.waiter.until_created()


def test_a_quota_that_was_reached_is_told_with_what_it_takes() -> None:
    words = "Quota exceeded for instances: Requested 1, but already used 4 of 4 instances"
    failed = workers("CREATE_FAILED", 3, status_reason=words)
    cloud = Cloud((cluster("CREATE_FAILED", faults={"default-worker": words}), failed), missing=2)
    with pytest.raises(OperationFailedError) as raised:
        cloud.waiter.until_created()
    assert f"creating cluster hub failed (CREATE_FAILED): default-worker: {words}. This takes" in str(raised.value)
    assert "instances (4 allowed, 4 used; 1 more for each node, 6 in all for the 2 that are missing)" in str(
        raised.value
    )


# Drivers on Cluster API, which try for ever

SHORT = "Node group default-worker: 1 of 3. Nova: the quota of instances is 2, 2 are used"
MASTER = {"uuid": "m", "name": "default-master", "role": "master", "status": "CREATE_COMPLETE", "node_count": 1}
OTHER = {"uuid": "o", "name": "gpu", "status": "CREATE_IN_PROGRESS", "node_count": 1}


def capi(status: str) -> Json:
    return cluster(status, stack_id="hub-abcdefgh2345", api_address="https://192.0.2.1:6443")


def test_a_creation_that_nova_keeps_from_its_end_is_gone_on_from() -> None:
    making = (capi("CREATE_IN_PROGRESS"), MASTER, workers("CREATE_IN_PROGRESS", 3))
    cloud = Cloud(making, short=SHORT, timeout=3600)
    assert cloud.waiter.until_created()["status"] == "CREATE_IN_PROGRESS"
    assert cloud.waiter.notes == [SHORT]
    assert 30 <= cloud.clock.now - 1000 < 60


def test_without_a_reason_or_a_control_plane_or_on_heat_it_is_waited_for() -> None:
    groups = (MASTER, workers("CREATE_IN_PROGRESS", 3))
    plane = {**MASTER, "status": "CREATE_IN_PROGRESS"}
    heat = {**capi("CREATE_IN_PROGRESS"), "stack_id": "49dc23f5-ffc9-40c3-9d34-7be7f9e34d63"}
    for state, short in (
        ((capi("CREATE_IN_PROGRESS"), *groups), ""),
        ((capi("CREATE_IN_PROGRESS"), plane, groups[1]), SHORT),
        ((heat, *groups), SHORT),
    ):
        with pytest.raises(TimedOutError):
            Cloud(state, short=short, timeout=300).waiter.until_created()


def test_a_group_is_done_although_another_is_stuck() -> None:
    before = (capi("UPDATE_IN_PROGRESS"), MASTER, OTHER, workers())
    cloud = Cloud(
        before,
        (capi("UPDATE_IN_PROGRESS"), MASTER, OTHER, workers("UPDATE_IN_PROGRESS", 3)),
        (capi("UPDATE_IN_PROGRESS"), MASTER, OTHER, workers("UPDATE_COMPLETE", 3)),
    )
    taken = cloud.waiter.until_taken("resizing", drops_resize("default-worker"))
    assert (
        cloud.waiter.until_done("resizing", taken, has(3), "default-worker").cluster["status"] == "UPDATE_IN_PROGRESS"
    )
    assert cloud.clock.now < 1010


def test_a_stuck_group_is_gone_on_from_and_deleted_at_once() -> None:
    stuck = (capi("UPDATE_IN_PROGRESS"), MASTER, workers(), OTHER)
    cloud = Cloud(stuck, short=SHORT, timeout=3600)
    seen = cloud.waiter.until_done("creating", cloud.now(), lambda _seen: False, "gpu")
    assert (seen.group("gpu") or {})["status"] == "CREATE_IN_PROGRESS"
    assert cloud.waiter.notes == [SHORT]
    gone = Cloud(stuck, (capi("UPDATE_IN_PROGRESS"), MASTER, workers()), timeout=3600)
    before = gone.waiter.until_taken("deleting", takes_always)
    gone.waiter.until_done("deleting", before, lambda seen: seen.group("gpu") is None, "gpu")
    assert gone.clock.now < 1010


def test_what_magnum_would_drop_is_not_asked_and_the_end_of_the_wait_says_why() -> None:
    making = (capi("CREATE_IN_PROGRESS"), MASTER, workers("CREATE_IN_PROGRESS", 3))
    cloud = Cloud(making, short=SHORT, timeout=3600)
    with pytest.raises(OperationFailedError, match=r"takes no such request while .* does not end\. Node group default"):
        cloud.waiter.until_taken("resizing", drops_resize("default-worker"))
    drops = drops_patch("gpu")
    assert drops(Seen(capi("UPDATE_IN_PROGRESS"), (OTHER,)))
    assert not drops(Seen(capi("UPDATE_IN_PROGRESS"), ({**OTHER, "status": "UPDATE_IN_PROGRESS"},)))


def test_a_long_creation_on_cluster_api_is_not_called_dead() -> None:
    old = {**capi("CREATE_IN_PROGRESS"), "created_at": "2025-01-01T00:00:00Z", "create_timeout": 60}
    assert never_ends(old, datetime.datetime.now(datetime.timezone.utc)) is None
    assert never_ends({**old, "stack_id": None}, datetime.datetime.now(datetime.timezone.utc))


def test_behind_a_group_that_can_never_be_deleted_nothing_is_waited_for() -> None:
    lost = {"uuid": "o", "name": "GPU", "status": "DELETE_FAILED", "node_count": 1, "status_reason": "ERROR: None"}
    live = {**capi("UPDATE_IN_PROGRESS"), "stack_id": "kube-ab1c2"}
    cloud = Cloud((live, MASTER, workers("UPDATE_IN_PROGRESS"), lost), timeout=3600)
    with pytest.raises(OperationFailedError, match=r"resizing: Node group GPU .* final: .* Only a new cluster helps"):
        cloud.waiter.until_taken("resizing", drops_resize("default-worker"))
    with pytest.raises(OperationFailedError, match="Only a new cluster helps"):
        cloud.waiter.until_done("resizing", cloud.now(), has(1), "default-worker")


def test_a_request_that_another_stuck_group_keeps_from_being_taken_is_given_up() -> None:
    """The group that is meant is well; what the creation of another does to the cluster is in its way."""
    stuck = (
        capi("CREATE_IN_PROGRESS"),
        MASTER,
        workers("CREATE_IN_PROGRESS", 3),
        {**OTHER, "status": "CREATE_COMPLETE"},
    )
    cloud = Cloud(stuck, short=SHORT, timeout=3600)
    with pytest.raises(OperationFailedError, match=r"does not end\. Node group default-worker: 1 of 3"):
        cloud.waiter.until_taken("resizing gpu", drops_resize("gpu"))
    assert 30 <= cloud.clock.now - 1000 < 60


def test_each_wait_has_its_own_patience() -> None:
    """What was known of one group while its turn was waited for says nothing of the next."""
    making = (capi("CREATE_IN_PROGRESS"), MASTER, workers("CREATE_IN_PROGRESS", 3))
    after = (capi("UPDATE_IN_PROGRESS"), MASTER, workers(), OTHER)
    cloud = Cloud(making, short=SHORT, timeout=3600)
    cloud.waiter.until_created()
    cloud.states = [after]
    began = cloud.clock.now
    cloud.waiter.until_done("creating", cloud.now(), lambda _seen: False, "gpu")
    assert 30 <= cloud.clock.now - began < 60
