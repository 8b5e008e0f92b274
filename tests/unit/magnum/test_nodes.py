"""Waiting for nodes as Kubernetes counts them, and what is said of those that do not come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum import nodes as waiting
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.client import Magnum
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.errors import OperationFailedError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.nodes import Count, NodesModule, counts
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.progress import Progress
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.shortage import reasons, sentence
from urllib3.exceptions import HTTPError

from .fakes import Answer, Clock, Nova, Proxy

Json = dict[str, Any]
ROOM = {"maxTotalInstances": 10, "totalInstancesUsed": 3, "maxTotalCores": 288, "totalCoresUsed": 282}
LARGE = {"name": "c3.large", "vcpus": 16, "ram": 32768}
WORKER = {"name": "default-worker", "least": 2, "flavor": "c3.large"}


def node(name: str, group: str, ready: bool = True) -> Json:
    return {
        "metadata": {"name": name, "labels": {"node.cluster.x-k8s.io/nodegroup": group}},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def test_nodes_are_counted_by_their_group_and_only_ready_ones_serve() -> None:
    nodes = [node("a", "default-worker"), node("b", "default-worker", ready=False), node("c", "gpu")]
    (count,) = counts([WORKER], nodes)
    assert (count.present, count.ready, count.short) == (2, 1, True)


def test_nova_tells_of_a_quota_and_of_broken_servers() -> None:
    servers = [{"name": "kube-ab1c2-gpu-x", "status": "ERROR", "fault": "No valid host was found"}]
    assert reasons(servers, ROOM, LARGE, 2) == [
        "server kube-ab1c2-gpu-x is in ERROR: No valid host was found",
        "the quota of cores is 288, 282 are used, and one more c3.large takes 16, 32 for the 2 that are missing",
    ]
    assert reasons([], {**ROOM, "maxTotalCores": -1}, LARGE, 1) == []
    assert reasons([], {}, {}, 1) == []


def test_what_is_said_names_what_is_asked_and_what_is_there() -> None:
    said = sentence(
        "gpu", Count("gpu", 3, 2, 1).there, ["the quota of cores is 8, 8 are used, and one more g1 takes 4"]
    )
    assert said.startswith("Node group gpu: 1 of 3 nodes are ready, 1 more are there. Nova: the quota of cores is 8")
    assert said.endswith("Ask the cloud's operators for a higher quota, or ask for fewer or smaller nodes.")
    assert "Nova shows nothing that keeps them" in sentence("gpu", Count("gpu", 3, 1, 1).there, [])


class Nodes(NodesModule):
    """The module with answers of Kubernetes by time, and a cloud of Magnum and Nova alone."""

    def __init__(self, clock: Clock, kubernetes: list[tuple[float, list[Json]]], nova: Nova) -> None:
        self.clock, self.kubernetes = clock, kubernetes
        self.conn = nova.connection()
        self.live = [{"name": "default-worker"}]
        self.magnum = Magnum(Proxy(self._magnum), sleep=clock.sleep, clock=clock)
        self.progress = Progress("")
        self.check_mode = False
        self.said: list[str] = []
        self.params = {"cluster": "hub", "groups": [WORKER], "timeout": 600, "wait": True, "kubeconfig": "x"}
        self.began = clock()

    def _magnum(self, *_any: Any) -> Answer:
        return Answer(200, {"nodegroups": self.live})

    def warn(self, text: str) -> None:
        self.said.append(text)

    def find_cluster(self, _name: str) -> Json:
        return {"name": "hub", "uuid": "u-1", "stack_id": "kube-ab12c", "api_address": "https://192.0.2.1:6443"}

    def _nodes(self, _cluster: Json, _end: float) -> list[Json]:
        return [nodes for after, nodes in self.kubernetes if self.clock() - self.began >= after][-1]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    made = Clock()
    monkeypatch.setattr(waiting.time, "monotonic", made)
    monkeypatch.setattr(waiting.time, "sleep", made.sleep)
    yield made


def full(used: int, *servers: str) -> Nova:
    """A project that may not have more servers than it has; those of the cluster."""
    listed = [{"id": name, "name": name, "status": "ACTIVE"} for name in servers]
    limits = {"maxTotalInstances": used, "totalInstancesUsed": used}
    return Nova(listed, limits, [{"id": "f", **LARGE}])


BOTH = [node("a", "default-worker"), node("b", "default-worker")]


def test_nodes_that_come_later_are_waited_for(clock: Clock) -> None:
    module = Nodes(clock, [(0, []), (60, BOTH[:1]), (200, BOTH)], Nova())
    result = module.act()
    assert (result["groups"][0]["ready"], module.said) == (2, [])
    assert 200 <= clock() - module.began < 210


def test_what_nova_refuses_ends_the_wait_and_not_the_run(clock: Clock) -> None:
    module = Nodes(clock, [(0, []), (10, BOTH[:1])], full(2))
    result = module.act()
    assert 40 <= clock() - module.began < 60
    assert "1 of 2 nodes are ready. Nova: the quota of instances is 2, 2 are used" in module.said[0]
    assert result["groups"][0]["why"] == module.said[0]


def test_without_any_worker_nothing_runs(clock: Clock) -> None:
    module = Nodes(clock, [(0, [])], full(1))
    with pytest.raises(
        OperationFailedError, match=r"has no node that could run anything\. Node group default-worker: 0"
    ):
        module.act()


def test_without_a_reason_the_whole_time_is_waited(clock: Clock) -> None:
    module = Nodes(clock, [(0, BOTH[:1])], Nova())
    module.act()
    assert clock() - module.began >= 600
    assert "Nova shows nothing that keeps them" in module.said[0]


def test_a_server_that_is_starting_is_waited_for_although_the_quota_is_used(clock: Clock) -> None:
    """What it takes of the quota is among what is used."""
    servers = ("kube-ab12c-default-worker-a", "kube-ab12c-default-worker-b")
    module = Nodes(clock, [(0, BOTH[:1]), (200, BOTH)], full(2, *servers))
    assert (module.act()["groups"][0]["ready"], module.said) == (2, [])
    assert 200 <= clock() - module.began < 210


def test_servers_of_a_group_that_is_not_asked_about_are_not_taken_for_another_s(clock: Clock) -> None:
    servers = ("kube-ab12c-default-worker-a", "kube-ab12c-default-worker-more-b")
    module = Nodes(clock, [(0, BOTH[:1])], full(2, *servers))
    module.live.append({"name": "default-worker-more"})
    module.act()
    assert clock() - module.began < 60
    assert "the quota of instances is 2" in module.said[0]


def test_a_nova_that_is_away_for_a_while_ends_nothing(clock: Clock) -> None:
    nova = full(1, "kube-ab12c-default-worker-a")
    module = Nodes(clock, [(0, BOTH[:1])], nova)
    nova.broken = lambda _what: clock() - module.began < 100
    module.act()
    assert 130 <= clock() - module.began < 150
    assert "the quota of instances is 1" in module.said[0]


@pytest.mark.parametrize("what", ["servers", "limits"])
def test_a_nova_that_stays_away_is_told_at_the_end(clock: Clock, what: str) -> None:
    nova = full(1, "kube-ab12c-default-worker-a")
    nova.broken = lambda path: path == what
    module = Nodes(clock, [(0, BOTH[:1])], nova)
    module.act()
    assert clock() - module.began >= 600
    assert "Nova: could not be asked (HttpException: 503" in module.said[0]


@pytest.mark.parametrize(
    ("wait", "check_mode", "waits"), [(True, False, True), (False, False, False), (True, True, False)]
)
def test_a_kubernetes_that_is_away_is_waited_for_where_it_is_to_be(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, wait: bool, check_mode: bool, waits: bool
) -> None:
    def away(_kubeconfig: str) -> NoReturn:
        raise HTTPError("no route to host")

    monkeypatch.setattr(waiting, "lists", away)
    module = Nodes(clock, [], Nova())
    module.params["wait"], module.check_mode = wait, check_mode
    monkeypatch.setattr(Nodes, "_nodes", NodesModule._nodes)
    with pytest.raises(OperationFailedError, match="Kubernetes' API does not answer"):
        module.act()
    assert (clock() - module.began >= 600) is waits
