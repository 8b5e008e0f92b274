"""What is done next to a node group, and that wishes and reports survive their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal.cluster.desired import Desired, Group, Member, NodeStatus, Plan, Status, is_over, plan
from rehearsal.cluster.flavors import Flavor
from rehearsal.cluster.layout import ClusterDir
from rehearsal.settings import Settings


def group(count: int, remove: list[str] | None = None) -> Group:
    return Group("w", "worker", count, Flavor("f", 2, 4096), "1", "image", "v1.34.4", remove=remove or [])


def member(number: int, *, current: bool = True, ready: bool = True, broken: bool = False) -> Member:
    return Member(
        f"w-{number}", f"id-{number}", f"10.6.0.{number}", f"2026-01-0{number}T00:00:00Z", current, ready, broken
    )


def names(step: Plan) -> list[str]:
    return [one.name for one in step.remove]


def test_missing_members_are_made_at_once() -> None:
    assert plan(group(3), [member(1)]) == Plan(create=2)


def test_nothing_to_do() -> None:
    assert plan(group(2), [member(1), member(2)]).done


def test_the_youngest_goes_first() -> None:
    assert names(plan(group(1), [member(1), member(3), member(2)])) == ["w-3", "w-2"]


@pytest.mark.parametrize("named", ["w-1", "id-1", "10.6.0.1"])
def test_named_members_go_before_the_youngest(named: str) -> None:
    assert names(plan(group(2, [named]), [member(1), member(2), member(3)])) == ["w-1"]


def test_a_named_member_stays_when_there_are_not_too_many() -> None:
    assert plan(group(2, ["w-1"]), [member(1), member(2)]).done


def test_a_removed_group_loses_all() -> None:
    assert names(plan(None, [member(1), member(2)])) == ["w-1", "w-2"]


def test_a_broken_member_is_removed() -> None:
    assert names(plan(group(2), [member(1), member(2, broken=True)])) == ["w-2"]


def test_group_may_be_empty() -> None:
    assert names(plan(group(0), [member(1)])) == ["w-1"]
    assert plan(group(0), []).done


def test_upgrade_replaces_one_after_the_other() -> None:
    wanted = group(2)
    old = [member(1, current=False), member(2, current=False)]
    assert plan(wanted, old) == Plan(create=1)
    assert plan(wanted, [*old, member(3, ready=False)]) == Plan(), "it waits until the new one is Ready"
    assert names(plan(wanted, [*old, member(3)])) == ["w-1"]
    assert plan(wanted, [old[1], member(3)]) == Plan(create=1)
    assert names(plan(wanted, [old[1], member(3), member(4)])) == ["w-2"]
    assert plan(wanted, [member(3), member(4)]).done


def test_upgrade_of_an_emptied_group() -> None:
    assert names(plan(group(0), [member(1, current=False)])) == ["w-1"]


def node(*, ready: bool = True, current: bool = True) -> NodeStatus:
    return NodeStatus("w-1", "id", "10.6.0.1", ready, "v1.34.4", current=current)


def test_when_drivers_on_cluster_api_are_done() -> None:
    """magnum-cluster-api 0.38.2 does not count its workers, magnum-capi-helm 1.4.0 does; both count control planes."""
    master = Group("m", "master", 1, Flavor("f", 2, 4096), "1", "image", "v1.34.4")
    assert is_over(group(2), [], deleted=False, counted=False)
    assert not is_over(group(2), [node(), node(current=False)], deleted=False, counted=False)
    assert not is_over(group(2), [node(), node(ready=False)], deleted=False, counted=True)
    assert is_over(group(2), [node(), node()], deleted=False, counted=True)
    assert not is_over(master, [], deleted=False, counted=False)
    assert not is_over(None, [], deleted=False, counted=False)
    assert not is_over(None, [node()], deleted=True, counted=False)
    assert is_over(None, [], deleted=True, counted=False)


def test_files_give_back_what_was_written(tmp_path: Path) -> None:
    cluster = ClusterDir(Settings.load(tmp_path), "5dcaa89c-d048-498a-9e73-ee9ee4cfe5f4")
    assert Desired.load(cluster) is None
    assert Status.load(cluster).generation == 0
    cluster.make()
    desired = Desired("u", "n", generation=3, groups={"w": group(2, ["x"])})
    desired.save(cluster)
    assert Desired.load(cluster) == desired
    status = Status(3, "ready", True, {"w": [NodeStatus("w-1", "id", "10.6.0.1", True, "v1.34.4")]}, {"": "no"})
    status.save(cluster)
    assert Status.load(cluster) == status
    assert cluster.status.stat().st_mode & 0o077 == 0
