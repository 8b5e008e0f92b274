from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from rehearsal.cloud import octavia_statuses as statuses


class Unset:
    """octavia-lib's mark of an attribute that was not given."""

    def __bool__(self) -> bool:
        return False


UNSET = Unset()


def pool(name: str, members: Any = UNSET, monitor: str | None = None) -> SimpleNamespace:
    monitored = SimpleNamespace(healthmonitor_id=monitor) if monitor else UNSET
    return SimpleNamespace(pool_id=name, members=members, healthmonitor=monitored)


def member(name: str) -> SimpleNamespace:
    return SimpleNamespace(member_id=name)


def test_everything_below_a_new_load_balancer_becomes_active() -> None:
    rule = SimpleNamespace(l7rule_id="rule")
    policy = SimpleNamespace(l7policy_id="policy", rules=[rule], redirect_pool=pool("elsewhere"))
    shared = pool("shared", [member("m1"), member("m2")], monitor="monitor")
    listeners = [
        SimpleNamespace(listener_id="https", default_pool=shared, l7policies=[policy]),
        SimpleNamespace(listener_id="http", default_pool=shared, l7policies=UNSET),
    ]
    status = statuses.created(SimpleNamespace(loadbalancer_id="lb", listeners=listeners, pools=[shared]))
    assert {kind: [entry["id"] for entry in entries] for kind, entries in status.items()} == {
        "loadbalancers": ["lb"],
        "listeners": ["https", "http"],
        "l7policies": ["policy"],
        "l7rules": ["rule"],
        "pools": ["shared", "elsewhere"],
        "members": ["m1", "m2"],
        "healthmonitors": ["monitor"],
    }
    assert all(e["provisioning_status"] == "ACTIVE" for entries in status.values() for e in entries)


def test_a_bare_load_balancer() -> None:
    status = statuses.created(SimpleNamespace(loadbalancer_id="lb", listeners=UNSET, pools=UNSET))
    assert status["loadbalancers"] == [statuses.active("lb")]
    assert not any(entries for kind, entries in status.items() if kind != "loadbalancers")


def test_of_two_entries_for_an_object_the_later_counts() -> None:
    merged = statuses.merge(
        {"pools": [statuses.active("a"), statuses.active("b")]}, {"pools": [statuses.deleted("a")], "members": []}
    )
    assert merged == {"pools": [statuses.deleted("a"), statuses.active("b")], "members": []}


def test_a_batch_deletes_what_it_does_not_name() -> None:
    assert statuses.replaced(["old", "kept"], ["kept", "new"]) == [
        statuses.active("kept"),
        statuses.active("new"),
        statuses.deleted("old"),
    ]


@pytest.mark.parametrize(
    ("pending", "settled"),
    [("PENDING_CREATE", "ACTIVE"), ("PENDING_UPDATE", "ACTIVE"), ("PENDING_DELETE", "DELETED")],
)
def test_what_was_left_pending_is_settled(pending: str, settled: str) -> None:
    assert statuses.settled("x", pending)["provisioning_status"] == settled
