"""The node reconciler against a cloud and an API server in memory."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openstack import exceptions

from rehearsal.cluster import node_reconciler
from rehearsal.cluster.desired import FAILED, READY, Desired, Group, Status
from rehearsal.cluster.flavors import Flavor
from rehearsal.cluster.layout import ClusterDir
from rehearsal.cluster.machines import Machine, Machines, PaperMachines
from rehearsal.cluster.node_reconciler import NodeReconciler
from rehearsal.settings import Settings

UUID = "5dcaa89c-d048-498a-9e73-ee9ee4cfe5f4"


class FakeKube:
    """Nodes in memory; each becomes Ready at once, as KWOK does it. ``pods`` are those that a drain finds."""

    def __init__(self) -> None:
        self.nodes: dict[str, dict[str, Any]] = {}
        self.pods: list[dict[str, Any]] = []
        self.evicted: list[str] = []
        self._events: queue.Queue[dict[str, Any]] = queue.Queue()

    def get(self, path: str) -> dict[str, Any]:
        if "pods?" in path:
            return {"items": list(self.pods)}
        return {"items": list(self.nodes.values()), "metadata": {"resourceVersion": "1"}}

    def create(self, path: str, body: dict[str, Any]) -> bool:
        name = body["metadata"]["name"]
        if name in self.nodes:
            return False
        conditions = [{"type": "Ready", "status": "True"}]
        body["metadata"]["resourceVersion"] = "2"
        self.nodes[name] = {**body, "status": {"conditions": conditions}}
        self._tell("ADDED", name)
        return True

    def patch(self, path: str, body: dict[str, Any], kind: str = "") -> dict[str, Any]:
        name = path.removesuffix("/status").rpartition("/")[2]
        self.nodes[name].setdefault("status", {}).update(body.get("status", {}))
        self.nodes[name]["spec"].update(body.get("spec", {}))
        self._tell("MODIFIED", name)
        return self.nodes[name]

    def delete(self, path: str) -> None:
        gone = self.nodes.pop(path.rpartition("/")[2], None)
        if gone:
            self._events.put({"type": "DELETED", "object": gone})

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.evicted.append(body["metadata"]["name"])
        self.pods = [pod for pod in self.pods if pod["metadata"]["name"] != body["metadata"]["name"]]
        return {}

    def stream(self, path: str, version: str, seconds: int = 0) -> Iterator[dict[str, Any]]:
        while True:
            yield self._events.get()

    def _tell(self, kind: str, name: str) -> None:
        self._events.put({"type": kind, "object": self.nodes[name]})


class Limited(PaperMachines):
    """Refuses servers beyond a quota."""

    quota = 3

    def create(self, desired: Desired, group: Group) -> None:
        if len(self.machines(desired)) >= self.quota:
            raise exceptions.ForbiddenException("403", details="Quota exceeded for instances: Requested 1")
        super().create(desired, group)


def group(name: str, count: int, role: str = "worker") -> Group:
    return Group(name, role, count, Flavor("f", 2, 4096), "1", "image", "v1.34.4")


class World:
    """One cluster with its reconciler."""

    def __init__(self, state: Path) -> None:
        self.cluster = ClusterDir(Settings.load(state), UUID)
        self.cluster.make()
        self.cluster.write_facts(name="jh", api_port=1)
        self.kube = FakeKube()
        self.machines: Machines = Limited(self.cluster)
        self.desired = Desired(UUID, "jh", cloud=False, servers=False, groups={"w": group("w", 2)})
        self.desired.save(self.cluster)
        self.reconciler = NodeReconciler(self.cluster, self.kube, self.machines)  # type: ignore[arg-type]

    def ask(self, change: Callable[[Desired], None]) -> None:
        change(self.desired)
        self.desired.generation += 1
        self.desired.save(self.cluster)

    def settle(self) -> Status:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            self.reconciler.reconcile()
            status = Status.load(self.cluster)
            if status.generation == self.desired.generation and status.phase in (READY, FAILED):
                return status
            time.sleep(0.01)
        raise AssertionError(f"did not settle: {status}")

    def present(self) -> list[Machine]:
        return self.machines.machines(self.desired)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_nodes_are_registered_for_servers(world: World) -> None:
    status = world.settle()
    assert status.phase == READY
    assert status.api
    assert {node.name for node in status.groups["w"]} == set(world.kube.nodes)
    providers = {node["spec"]["providerID"] for node in world.kube.nodes.values()}
    assert providers == {f"openstack:///{machine.id}" for machine in world.present()}


def test_the_rest_of_the_network_waits_until_no_server_is_being_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers and routers are made by the same Neutron, and nodes need the servers."""
    order: list[str] = []
    create = world.machines.create
    monkeypatch.setattr(world.machines, "finish", lambda _desired: order.append("network"))
    monkeypatch.setattr(world.machines, "create", lambda *wish: (order.append("server"), create(*wish)))
    world.reconciler.reconcile()
    assert order == ["server", "server"]
    world.settle()
    assert order[2:] == ["network"] * len(order[2:])
    assert order[2:]


def test_a_deleted_server_is_replaced_and_its_node_forgotten(world: World) -> None:
    world.settle()
    lost = world.present()[0]
    world.machines.delete(lost.id)
    world.settle()
    assert lost.name not in world.kube.nodes
    assert len(world.kube.nodes) == len(world.present()) == 2


def test_a_quota_is_reported_in_its_own_words_and_not_asked_again(world: World) -> None:
    world.ask(lambda desired: setattr(desired.groups["w"], "count", 5))
    status = world.settle()
    assert status.phase == FAILED
    assert status.errors == {"w": "Quota exceeded for instances: Requested 1"}
    assert len(world.present()) == 3
    world.machines.quota = 9  # type: ignore[attr-defined]
    assert world.settle().phase == FAILED
    assert len(world.present()) == 3, "nothing is tried again by itself"
    world.ask(lambda desired: None)
    assert world.settle().phase == READY
    assert len(world.present()) == 5


def test_cluster_api_asks_again_and_never_calls_it_failed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_reconciler, "RETRY_SECONDS", 0.1)
    world.desired.keeps_trying = True
    world.ask(lambda desired: setattr(desired.groups["w"], "count", 5))
    until = time.monotonic() + 1
    while time.monotonic() < until:
        world.reconciler.reconcile()
        assert Status.load(world.cluster).phase != FAILED
    assert Status.load(world.cluster).errors == {"w": "Quota exceeded for instances: Requested 1"}
    world.machines.quota = 9  # type: ignore[attr-defined]
    assert world.settle().phase == READY
    assert len(world.present()) == 5


def test_scaling_down_drains_first(world: World) -> None:
    world.settle()
    pod = {"metadata": {"name": "p", "namespace": "hub"}, "status": {"phase": "Running"}}
    daemon = {
        "metadata": {"name": "d", "namespace": "hub", "ownerReferences": [{"kind": "DaemonSet"}]},
        "status": {"phase": "Running"},
    }
    world.kube.pods = [pod, daemon]
    oldest = min(world.present(), key=lambda machine: machine.created)

    def shrink(desired: Desired) -> None:
        desired.groups["w"].count = 1
        desired.groups["w"].remove = [oldest.id]

    world.ask(shrink)
    world.settle()
    assert world.kube.evicted == ["p"]
    assert oldest.id not in {machine.id for machine in world.present()}
    assert len(world.kube.nodes) == 1


def test_upgrade_replaces_every_node(world: World) -> None:
    world.settle()
    before = {machine.id for machine in world.present()}
    world.ask(lambda desired: setattr(desired.groups["w"], "kube_tag", "v1.35.0"))
    status = world.settle()
    assert {node.kube_tag for node in status.groups["w"]} == {"v1.35.0"}
    assert not before & {machine.id for machine in world.present()}
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in world.kube.nodes.values()} == {"v1.35.0"}


def test_a_removed_group_goes(world: World) -> None:
    world.settle()
    world.ask(lambda desired: desired.groups.clear())
    world.settle()
    assert not world.present()
    assert not world.kube.nodes
