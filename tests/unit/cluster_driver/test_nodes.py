"""Node objects."""

from __future__ import annotations

from rehearsal.cluster.flavors import Flavor
from rehearsal.cluster.node_reconciler import evictable, trim_node
from rehearsal.cluster.nodes import NodeSpec, provider_id, server_of

SERVER = "6cfcbf50-5d5e-40b7-ad43-2943728fe43a"


def spec(role: str = "worker") -> NodeSpec:
    return NodeSpec(
        name="jh-w-abcde",
        server=SERVER,
        address="10.6.0.12",
        role=role,
        flavor=Flavor("c3.medium", 8, 16384),
        kube_tag="v1.34.4",
        labels={"node.cluster.x-k8s.io/nodegroup": "w"},
        taints=[{"key": "a", "value": "b", "effect": "NoSchedule"}],
        boot_seconds=1.5,
    )


def test_worker() -> None:
    body = spec().body()
    assert body["spec"]["providerID"] == f"openstack:///{SERVER}"
    assert body["spec"]["taints"] == [{"key": "a", "value": "b", "effect": "NoSchedule"}]
    assert body["metadata"]["annotations"] == {
        "kwok.x-k8s.io/node": "fake",
        "rehearsal.stfc.ac.uk/boot-delay": "1.5s",
    }
    labels = body["metadata"]["labels"]
    assert labels["node.cluster.x-k8s.io/nodegroup"] == "w"
    assert labels["kubernetes.io/hostname"] == "jh-w-abcde"
    assert labels["node.kubernetes.io/instance-type"] == "c3.medium"


def test_control_plane_has_its_taint_and_stays_out_of_balancers() -> None:
    body = spec("master").body()
    assert {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"} in body["spec"]["taints"]
    assert "node.kubernetes.io/exclude-from-external-load-balancers" in body["metadata"]["labels"]


def test_status() -> None:
    status = spec().status()
    assert status["addresses"][0] == {"type": "InternalIP", "address": "10.6.0.12"}
    assert status["daemonEndpoints"]["kubeletEndpoint"]["Port"] == 10250
    assert status["nodeInfo"]["kubeletVersion"] == "v1.34.4"
    assert status["nodeInfo"]["systemUUID"] == SERVER


def test_provider_id_goes_both_ways() -> None:
    assert server_of(provider_id(SERVER)) == SERVER
    assert server_of("aws:///i-1") is None
    assert server_of(None) is None


def test_only_ready_true_is_ready() -> None:
    node = {"metadata": {"name": "n"}, "spec": {}, "status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
    assert trim_node(node)["ready"] is False
    node["status"]["conditions"][0]["status"] = "True"  # type: ignore[index]
    assert trim_node(node)["ready"] is True


def test_a_drain_does_not_wait_for_daemons_and_ended_pods() -> None:
    running = {"metadata": {}, "status": {"phase": "Running"}}
    assert evictable(running)
    assert not evictable({**running, "status": {"phase": "Succeeded"}})
    assert not evictable({**running, "metadata": {"ownerReferences": [{"kind": "DaemonSet"}]}})
