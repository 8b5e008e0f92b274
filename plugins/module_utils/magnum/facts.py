"""Facts about a cluster for those who deploy on it: pure functions over what Magnum, Nova and Kubernetes answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .. import reserves
from ..quantity import kubernetes_to_bytes, kubernetes_to_number
from .families import FAMILIES, Family, by_node_labels

Json = dict[str, Any]


def cluster_facts(
    cluster: Mapping[str, Any],
    node_groups: Iterable[Mapping[str, Any]],
    nodes: Iterable[Mapping[str, Any]],
    *,
    flavors: Mapping[str, Mapping[str, Any]],
    family: str,
    kubeconfig: str,
    network_driver: str = "calico",
    site_template: str | None = None,
    kubelet_options: str = "",
    cloud: str = "",
    external_network: str = "",
    daemon_sets: Iterable[Mapping[str, Any]] | None = None,
) -> Json:
    """The facts that role ``cluster`` leaves (docs/architecture.md).

    ``node_groups`` are those of the vars file; ``nodes`` and ``daemon_sets`` Kubernetes' objects; ``flavors`` by name:
    {vcpus, memory in bytes}. A live node's labels say which family it really is. Without nodes or ``daemon_sets`` the
    usual reserves of the family serve (``reserves.py``); ``kubelet_options`` is the Heat driver's label. With
    ``site_template``, a template that is not ours, ``network_driver`` is what the file says and not what there is.
    ``cloud`` is its name in ``clouds.yaml``, ``external_network`` the id of the network of its floating IPs.
    """
    live = list(nodes)
    found = next((f for f in (by_node_labels(_labels(n)) for n in live) if f), None) or FAMILIES[family]
    usual = reserves.usual_daemons(found.name, network_driver)
    options = kubelet_options if found.name == "heat" else ""
    daemons = None if daemon_sets is None else list(daemon_sets)
    groups = {g["name"]: _group(g, found, live, flavors, options, daemons, usual) for g in node_groups}
    return {
        "name": cluster["name"],
        "uuid": cluster["uuid"],
        "status": cluster.get("status"),
        "family": found.name,
        "api_address": cluster.get("api_address"),
        "kubeconfig": kubeconfig,
        "kubernetes_version": _version(live) or cluster.get("coe_version"),
        "network_driver": None if site_template else network_driver,
        "cloud": cloud,
        "external_network": external_network,
        "node_groups": groups,
    }


def nodes_of_group(nodes: Iterable[Mapping[str, Any]], name: str) -> int:
    """How many nodes have a label of any driver family that names the node group."""
    return len(members(nodes, name))


def members(nodes: Iterable[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """The nodes that have a label of any driver family that names the node group."""
    keys = [f.node_group_label for f in FAMILIES.values()]
    return [n for n in nodes if any(_labels(n).get(k) == name for k in keys)]


def _group(
    group: Mapping[str, Any],
    family: Family,
    nodes: list[Mapping[str, Any]],
    flavors: Mapping[str, Mapping[str, Any]],
    options: str,
    daemon_sets: list[Mapping[str, Any]] | None,
    usual: reserves.Resources,
) -> Json:
    name = group["name"]
    mine = [n for n in nodes if _labels(n).get(family.node_group_label) == name]
    flavor = flavors.get(group["flavor"]) or {}
    sample = next((n for n in mine if is_ready(n)), mine[0] if mine else None)
    high = group.get("max")
    count = group.get("count")
    low = group.get("min") if high is not None else count
    return {
        "selector": family.selector(name),
        "taints": _taints(sample),
        "flavor": {"name": group["flavor"], "vcpus": flavor.get("vcpus"), "memory": flavor.get("memory")},
        "allocatable": _allocatable(sample, flavor, options),
        "daemons": _daemons(sample, daemon_sets, usual),
        "gpus": int(group.get("gpus") or 0),
        "gpu_resource": group.get("gpu_resource") or "nvidia.com/gpu",
        "min": 1 if low is None else int(low),
        "max": int(high) if high is not None else (1 if count is None else int(count)),
        "nodes": len(mine),
    }


def _allocatable(node: Mapping[str, Any] | None, flavor: Mapping[str, Any], options: str) -> Json:
    given = ((node or {}).get("status") or {}).get("allocatable") or {}
    if given.get("cpu") and given.get("memory"):
        return {"cpu": float(kubernetes_to_number(given["cpu"])), "memory": kubernetes_to_bytes(given["memory"])}
    return _json(reserves.allocatable(flavor, options))


def _daemons(
    node: Mapping[str, Any] | None, daemon_sets: list[Mapping[str, Any]] | None, usual: reserves.Resources
) -> Json:
    """What the daemons on one node ask for; ``measured`` where they are those of the live cluster."""
    if node is None or daemon_sets is None:
        return {**_json(usual), "measured": False}
    taints = (node.get("spec") or {}).get("taints") or []
    return {**_json(reserves.daemons(daemon_sets, _labels(node), taints)), "measured": True}


def _json(resources: reserves.Resources) -> Json:
    return {"cpu": resources.cpu / 1000, "memory": resources.memory}


def _taints(node: Mapping[str, Any] | None) -> list[Json]:
    """Lasting taints: those that Kubernetes itself sets and removes say nothing about the group."""
    taints = ((node or {}).get("spec") or {}).get("taints") or []
    return [
        {"key": t["key"], "value": t.get("value") or "", "effect": t["effect"]}
        for t in taints
        if not t["key"].startswith(
            ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/", "node.cluster.x-k8s.io/")
        )
        and t["key"] not in ("ToBeDeletedByClusterAutoscaler", "DeletionCandidateOfClusterAutoscaler")
    ]


def _labels(node: Mapping[str, Any]) -> Mapping[str, str]:
    return (node.get("metadata") or {}).get("labels") or {}


def is_ready(node: Mapping[str, Any]) -> bool:
    """Whether Kubernetes calls the node Ready."""
    conditions = (node.get("status") or {}).get("conditions") or []
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _version(nodes: list[Mapping[str, Any]]) -> str | None:
    versions = {((n.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion") for n in nodes}
    return min((v for v in versions if v), default=None)
