"""The janitor against a cloud in memory, which refuses as Cinder and Octavia do what is going already."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from openstack import exceptions

from rehearsal.cluster import janitor
from rehearsal.cluster.desired import Desired
from rehearsal.cluster.disks import CLUSTER

STACK = "jh-abc"


class Cloud:
    """What is asked to be deleted is ``deleting`` until ``settle``; to ask again is refused."""

    def __init__(self) -> None:
        self.network = self.load_balancer = self.block_storage = self
        self.things: dict[str, list[Any]] = {"ips": [], "load_balancers": [], "snapshots": [], "volumes": []}
        self.asked: list[str] = []
        self.refusal: type[exceptions.HttpException] = exceptions.BadRequestException

    def add(self, kind: str, identifier: str, status: str = "available", **more: Any) -> None:
        self.things[kind].append(SimpleNamespace(id=identifier, name=identifier, status=status, **more))

    def volume(self, kind: str, identifier: str, cluster: str = STACK, status: str = "available", **more: str) -> None:
        self.add(kind, identifier, status, metadata={CLUSTER: cluster, **more})

    def settle(self) -> None:
        for kind, found in self.things.items():
            self.things[kind] = [one for one in found if one.status != "deleting"]

    def _delete(self, one: Any, **_options: Any) -> None:
        self.asked.append(one.id)
        if one.status != "available":
            raise self.refusal("no")
        one.status = "deleting"

    def _list(self, kind: str) -> Any:
        return lambda: list(self.things[kind])

    def __getattr__(self, name: str) -> Any:
        return self._delete if name.startswith("delete_") else self._list(name)


def clear(cloud: Any, **desired: Any) -> bool:
    return janitor.clear(
        cloud, Desired("uuid", "jh", family="capi-helm", **{"stack": STACK, "janitor": "0.14.0"} | desired)
    )


@pytest.fixture
def cloud() -> Cloud:
    found = Cloud()
    description = "Floating IP for Kubernetes external service hub/proxy-public from cluster "
    found.add("ips", "mine", description=description + STACK)
    found.add("ips", "theirs", description=description + "other")
    found.add("load_balancers", f"kube_service_{STACK}_hub_proxy-public")
    found.volume("snapshots", "snapshot")
    found.volume("volumes", "volume")
    found.volume("volumes", "kept", **{janitor.KEEP: "true"})
    found.volume("volumes", "other", cluster="other")
    return found


def test_what_names_the_cluster_goes(cloud: Cloud) -> None:
    assert not clear(cloud)
    cloud.settle()
    assert not clear(cloud)
    cloud.settle()
    assert clear(cloud)
    assert sorted(one.id for found in cloud.things.values() for one in found) == ["kept", "other", "theirs"]


@pytest.mark.parametrize("kind", ["snapshots", "volumes"])
def test_what_is_going_is_waited_for(kind: str) -> None:
    cloud = Cloud()
    cloud.volume(kind, "one")
    assert not clear(cloud)
    assert not clear(cloud)
    assert cloud.asked == ["one"]
    cloud.settle()
    assert clear(cloud)


@pytest.mark.parametrize("refusal", [exceptions.BadRequestException, exceptions.ConflictException])
@pytest.mark.parametrize("kind", ["ips", "load_balancers", "snapshots", "volumes"])
def test_a_refusal_fails_nothing(kind: str, refusal: type[exceptions.HttpException], cloud: Cloud) -> None:
    cloud.refusal = refusal
    for one in cloud.things[kind]:
        one.status = "in-use"
    assert not clear(cloud)
    for one in cloud.things[kind]:
        one.status = "available"
    for _round in range(3):
        done = clear(cloud)
        cloud.settle()
    assert done


def test_other_failures_are_told() -> None:
    cloud = Cloud()
    cloud.refusal = exceptions.ForbiddenException
    cloud.volume("volumes", "one", status="in-use")
    with pytest.raises(exceptions.ForbiddenException):
        clear(cloud)


@pytest.mark.parametrize("without", [{"janitor": ""}, {"stack": ""}])
def test_without_a_janitor_everything_stays(cloud: Cloud, without: dict[str, str]) -> None:
    assert clear(cloud, **without)
    assert not cloud.asked
