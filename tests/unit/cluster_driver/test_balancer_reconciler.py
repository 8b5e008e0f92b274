"""Services' balancers against a cloud and an API server in memory: events, pauses, and what is ensured again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cluster import balancer_reconciler, kube
from rehearsal.cluster.balancer_reconciler import BalancerReconciler, trim_service
from rehearsal.cluster.balancers import BalancerError, Balancers, Warn
from rehearsal.cluster.layout import ClusterDir
from rehearsal.cluster.node_reconciler import trim_node
from rehearsal.cluster.service_options import FINALIZER, ServiceOptions
from rehearsal.settings import Settings
from tests.support.kube_in_memory import FakeKube, put

ADDRESS = "203.0.113.7"


class Cloud(Balancers):
    """What Octavia has; refuses ``bad`` ranges, and everything while it is ``full``."""

    def __init__(self) -> None:
        self.ranges: tuple[str, ...] | None = None
        self.nodes: list[str] = []
        self.full = False

    def ensure(self, service: ServiceOptions, nodes: Mapping[str, str], warn: Warn) -> tuple[str, str]:
        if not nodes:
            raise BalancerError(f"there are no available nodes for LoadBalancer service {service.name}")
        self.ranges = service.source_ranges
        if self.full or "bad" in service.source_ranges:
            raise BalancerError("no")
        self.nodes = sorted(nodes)
        return "b", ADDRESS

    def update(self, service: ServiceOptions, nodes: Mapping[str, str]) -> bool:
        if self.full:
            raise BalancerError("quota of members")
        self.nodes = sorted(nodes)
        return self.ranges is not None

    def delete(self, service: ServiceOptions) -> None:
        self.ranges = None
        if self.full:
            raise BalancerError("immutable")

    def clear(self, keep: Collection[str]) -> bool:
        return True


class World:
    """One cluster with the Services and nodes that a test gives it."""

    def __init__(self, state: Path) -> None:
        cluster = ClusterDir(Settings.load(state), "5dcaa89c-d048-498a-9e73-ee9ee4cfe5f4")
        cluster.make()
        self.kube, self.cloud = FakeKube(), Cloud()
        as_kube: Any = self.kube
        self.nodes = kube.Collection(as_kube, "/api/v1/nodes", lambda: None, trim_node)
        self.reconciler = BalancerReconciler(cluster, as_kube, self.cloud, self.nodes)
        self.have("one")
        self.spec: dict[str, Any] = {"type": "LoadBalancer", "ports": [{"port": 80, "nodePort": 30080}]}
        self.name = "proxy-public"
        self.address = ""

    def have(self, *names: str, ready: bool = True) -> None:
        put(self.nodes, *(node(name, ready) for name in names))

    def ask(self, *others: dict[str, Any], **spec: Any) -> list[tuple[str, int]]:
        """Change the Service and look at it once: the events until now."""
        self.spec |= spec
        put(self.reconciler.services, service(self.name, self.spec, self.address), *others)
        return self.look()

    def look(self) -> list[tuple[str, int]]:
        self.pause = self.reconciler.reconcile()
        if self.reconciler._addresses.get(("hub", self.name)) and not self.address:
            self.address = ADDRESS
            put(self.reconciler.services, service(self.name, self.spec, self.address))
        return self.kube.told()

    def wait(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> list[tuple[str, int]]:
        """Look again so many seconds later."""
        now = balancer_reconciler.time.monotonic() + seconds
        with monkeypatch.context() as later:
            later.setattr(balancer_reconciler.time, "monotonic", lambda: now)
            return self.look()


def node(name: str, ready: bool = True) -> dict[str, Any]:
    status = {
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "addresses": [{"type": "InternalIP", "address": f"10.0.0.{len(name)}"}],
    }
    return {"metadata": {"name": name}, "spec": {}, "status": status}


def service(name: str, spec: dict[str, Any], address: str = "", namespace: str = "hub") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": namespace, "uid": f"u-{namespace}-{name}", "finalizers": [FINALIZER]},
        "spec": dict(spec),
        "status": {"loadBalancer": {"ingress": [{"ip": address}] if address else []}},
    }


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


ENSURED = [("EnsuringLoadBalancer", 1), ("EnsuredLoadBalancer", 1)]


def test_what_is_there_is_left_alone(world: World) -> None:
    assert world.ask() == ENSURED
    assert world.look() == ENSURED
    assert trim_service(service("a", world.spec, ADDRESS))["ingress"] == [{"ip": ADDRESS}]


def test_after_a_refusal_what_was_there_before_is_ensured_again(world: World) -> None:
    """The refused attempt has changed listeners."""
    world.ask(loadBalancerSourceRanges=["192.0.2.0/24"])
    assert world.ask(loadBalancerSourceRanges=["bad"])[-1] == ("SyncLoadBalancerFailed", 1)
    assert world.ask(loadBalancerSourceRanges=["192.0.2.0/24"])[:2] == [
        ("EnsuringLoadBalancer", 3),
        ("EnsuredLoadBalancer", 2),
    ]
    assert world.cloud.ranges == ("192.0.2.0/24",)


def test_after_a_failed_removal_the_balancer_is_ensured_again(world: World) -> None:
    world.ask()
    world.cloud.full = True
    assert world.ask(type="ClusterIP")[-1] == ("SyncLoadBalancerFailed", 1)
    world.cloud.full = False
    assert ("EnsuredLoadBalancer", 2) in world.ask(type="LoadBalancer")


def test_other_nodes_alone_are_an_update(world: World) -> None:
    world.ask()
    world.have("one", "second")
    assert world.look() == [*ENSURED, ("UpdatedLoadBalancer", 1)]
    assert world.cloud.nodes == ["one", "second"]
    world.have("one", "second", ready=False)  # to be Ready is nothing that the service controller asks for
    assert world.look() == [*ENSURED, ("UpdatedLoadBalancer", 1)]
    world.have()
    assert world.look()[-1] == ("UnAvailableLoadBalancer", 1)
    assert not world.cloud.nodes


def test_a_refused_update_is_told_and_then_ensured(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.ask()
    world.cloud.full = True
    world.have("one", "second")
    failed = [("UpdateLoadBalancerFailed", 1), ("SyncLoadBalancerFailed", 1)]
    assert world.look() == [("EnsuringLoadBalancer", 2), ("EnsuredLoadBalancer", 1), *failed]
    assert world.kube.events[2]["message"] == (
        "Error updating load balancer with new hosts [one second] [node names limited, total number of nodes: 2], "
        "error: quota of members"
    )
    world.cloud.full = False
    assert world.wait(monkeypatch, 4.0)[1] == ("EnsuredLoadBalancer", 1)
    assert world.wait(monkeypatch, 6.0) == [("EnsuringLoadBalancer", 3), ("EnsuredLoadBalancer", 2), *failed]


def test_a_service_without_nodes_is_refused_and_comes_through_soon_after_the_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.have()
    told = world.ask()
    assert told == [("EnsuringLoadBalancer", 1), ("UnAvailableLoadBalancer", 1), ("SyncLoadBalancerFailed", 1)]
    assert world.kube.events[2]["message"].startswith(
        "Error syncing load balancer: failed to ensure load balancer: there are no available nodes for LoadBalancer"
    )
    world.wait(monkeypatch, 2.0)
    assert world.wait(monkeypatch, 10.0)[2] == ("SyncLoadBalancerFailed", 3)
    world.have("one")
    assert world.look()[2:] == [("SyncLoadBalancerFailed", 3)]  # that a node came does not shorten the pause
    assert world.wait(monkeypatch, 12.5)[-1] == ("EnsuredLoadBalancer", 1)


def test_an_event_that_cannot_be_written_holds_up_nobody(world: World) -> None:
    """Neither the other Services nor the pause of its own."""
    world.kube.closed.add("going")
    other = service("other", {"type": "LoadBalancer", "loadBalancerSourceRanges": ["bad"]}, namespace="going")
    put(world.reconciler.services, other)
    assert world.look() == []
    assert world.pause is not None and 4 < world.pause <= 5
    assert world.ask(other) == ENSURED


def test_what_was_told_is_forgotten_with_the_service(world: World) -> None:
    world.ask()
    assert world.reconciler._told
    put(world.reconciler.services)
    world.look()
    assert not world.reconciler._told
