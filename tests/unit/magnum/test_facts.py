"""Facts from live nodes, and without any."""

from __future__ import annotations

from typing import Any

from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.facts import (
    cluster_facts,
    nodes_of_group,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.leftovers import (
    is_balancer,
    is_floating_ip,
)

GIB = 1024**3
GROUPS = [
    {"name": "default-worker", "flavor": "c3.medium", "min": 1, "max": 20},
    {"name": "gpu", "flavor": "g1", "count": 2, "gpus": 1},
]
FLAVORS = {"c3.medium": {"vcpus": 8, "memory": 16 * GIB}, "g1": {"vcpus": 4, "memory": 8 * GIB}}


def node(group: str, ready: bool = True, label: str = "capi.stackhpc.com/node-group", **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"labels": {label: group}},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": "7910m", "memory": "15735692Ki"},
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "nodeInfo": {"kubeletVersion": "v1.34.4"},
        },
    }


def facts(nodes: list[dict[str, Any]], family: str = "cluster-api", **more: Any) -> dict[str, Any]:
    cluster = {"name": "hub", "uuid": "u", "status": "CREATE_COMPLETE", "api_address": "https://192.0.2.1:6443"}
    return cluster_facts(cluster, GROUPS, nodes, flavors=FLAVORS, family=family, kubeconfig="/k", **more)


def test_live_nodes_say_what_they_give_and_who_made_them() -> None:
    taints = [
        {"key": "nvidia.com/gpu", "effect": "NoSchedule"},
        {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"},
        {"key": "ToBeDeletedByClusterAutoscaler", "value": "1", "effect": "NoSchedule"},
    ]
    found = facts([node("default-worker"), node("default-worker", ready=False), node("gpu", taints=taints)])
    assert (found["family"], found["kubernetes_version"]) == ("capi-helm", "v1.34.4")
    assert found["node_groups"]["default-worker"] == {
        "selector": {"capi.stackhpc.com/node-group": "default-worker"},
        "taints": [],
        "flavor": {"name": "c3.medium", "vcpus": 8, "memory": 16 * GIB},
        "allocatable": {"cpu": 7.91, "memory": 15735692 * 1024},
        "daemons": {"cpu": 0.005, "memory": 64 * 1024**2, "measured": False},
        "gpus": 0,
        "gpu_resource": "nvidia.com/gpu",
        "min": 1,
        "max": 20,
        "nodes": 2,
    }
    gpu = found["node_groups"]["gpu"]
    assert gpu["taints"] == [{"key": "nvidia.com/gpu", "value": "", "effect": "NoSchedule"}]
    assert (gpu["min"], gpu["max"], gpu["gpus"]) == (2, 2, 1)


def test_without_nodes_the_flavor_less_a_reserve_serves() -> None:
    group = facts([])["node_groups"]["gpu"]
    assert group["selector"] == {"node.cluster.x-k8s.io/nodegroup": "gpu"}
    assert group["allocatable"]["cpu"] == 4.0
    assert 7.5 * GIB < group["allocatable"]["memory"] < 8 * GIB
    assert group["daemons"] == {"cpu": 0.25, "memory": 0, "measured": False}


def test_only_the_heat_driver_hands_options_to_kubelet() -> None:
    def memory(family: str) -> int:
        found = facts([], family, kubelet_options="--kube-reserved=cpu=100m,memory=1Gi")
        return int(found["node_groups"]["gpu"]["allocatable"]["memory"])

    assert memory("heat") == memory("cluster-api") - GIB


def test_daemons_of_a_live_cluster_are_measured_for_each_group() -> None:
    def daemon_set(cpu: str, **pod: Any) -> dict[str, Any]:
        containers = [{"resources": {"requests": {"cpu": cpu, "memory": "50Mi"}}}]
        return {"spec": {"template": {"spec": {"containers": containers, **pod}}}}

    taints = [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}]
    nodes = [node("default-worker"), node("gpu", taints=taints)]
    sets = [
        daemon_set("250m", tolerations=[{"operator": "Exists"}]),
        daemon_set("10m"),
        daemon_set("1", nodeSelector={"capi.stackhpc.com/node-group": "nowhere"}),
    ]
    found = facts(nodes, daemon_sets=sets)["node_groups"]
    assert found["default-worker"]["daemons"] == {"cpu": 0.26, "memory": 100 * 1024**2, "measured": True}
    assert found["gpu"]["daemons"] == {"cpu": 0.25, "memory": 50 * 1024**2, "measured": True}


def test_nodes_are_counted_whoever_made_them() -> None:
    nodes = [node("gpu"), node("gpu", label="magnum.openstack.org/nodegroup"), node("default-worker")]
    assert nodes_of_group(nodes, "gpu") == 2


def test_only_this_clusters_balancers_and_addresses_are_ours() -> None:
    assert is_balancer("kube_service_hub_jupyterhub_proxy-public", ["hub"])
    assert not is_balancer("kube_service_hub_dev_jupyterhub_proxy-public", ["hub"])
    assert not is_balancer("kube_service_other_jupyterhub_proxy-public", ["hub", "u"])
    assert not is_balancer("web", ["hub"])
    text = "Floating IP for Kubernetes external service a/b from cluster hub"
    assert is_floating_ip(text, ["u", "hub"])
    assert not is_floating_ip(f"{text}2", ["hub"])
    assert not is_floating_ip("for hub", ["hub"])
