"""What a deployment that changes nothing costs as the cluster grows: node groups, and nodes of an autoscaler's."""

from __future__ import annotations

import contextlib
import copy
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes
import yaml

from tests.benchmarks.deployment import ROOT, deploy
from tests.support.faults import quota

GROUPS = (1, 10, 30)
NODES = (10, 100, 500)
GROUP_LABEL = "node.cluster.x-k8s.io/nodegroup"
MARK = "bench-node"
FLAVOR = "c3.small"


def costs(state: Path) -> Iterator[dict[str, Any]]:
    """``{node_groups, nodes, seconds, openstack, kubernetes}`` of each size, the last two in calls."""
    for nodes in NODES:
        with _nodes(state, nodes) as there:
            yield {"node_groups": 1, "nodes": there, **_cost(state)}
    overlay = state / "scale.yml"
    with quota(state, server_groups=2 * max(GROUPS)):
        yield from _costs_of_groups(state, overlay)


def _costs_of_groups(state: Path, overlay: Path) -> Iterator[dict[str, Any]]:
    try:
        for groups in GROUPS:
            arguments = _with_groups(state, overlay, groups)
            deploy(state, *arguments)
            yield {"node_groups": groups, "nodes": _count(state), **_cost(state, *arguments)}
    finally:
        deploy(state)  # the groups go again
        overlay.unlink(missing_ok=True)


def _cost(state: Path, *arguments: str) -> dict[str, Any]:
    seconds = deploy(state, *arguments).seconds
    calls = deploy(state, *arguments, watch=True).calls
    counted = {to.lower(): sum(call.to == to for call in calls) for to in ("OpenStack", "Kubernetes")}
    return {"seconds": round(seconds, 1), **counted}


def _with_groups(state: Path, overlay: Path, groups: int) -> list[str]:
    """Arguments for a deployment with so many groups; all but the first have no nodes."""
    shipped = yaml.safe_load((ROOT / "vars" / "openstack.yml").read_text())["cluster_node_groups"]
    default = next(group for group in shipped if group["name"] == "default-worker")
    more = [{"name": f"bench-{number:02}", "flavor": FLAVOR, "count": 0} for number in range(1, groups)]
    overlay.write_text(yaml.safe_dump({"cluster_node_groups": [default, *more]}))
    return ["-e", json.dumps({"service_overlays": [str(state / "overlay.yml"), str(overlay)]})]


def _core(state: Path) -> kubernetes.client.CoreV1Api:
    return kubernetes.client.CoreV1Api(kubernetes.config.new_client_from_config(str(state / "kubeconfig")))


def _count(state: Path) -> int:
    return len(_core(state).list_node().items)


@contextlib.contextmanager
def _nodes(state: Path, wanted: int) -> Iterator[int]:
    """So many Ready nodes, as if an autoscaler had added them: Magnum does not know of them."""
    core = _core(state)
    everything = [node.to_dict() for node in core.list_node().items]
    pattern = core.api_client.sanitize_for_serialization(core.list_node(label_selector=f"{GROUP_LABEL}=default-worker"))
    node = pattern["items"][0]
    # KWOK 0.8 may stop renewing leases when a node comes back under its old name within seconds.
    names = [f"{MARK}-{wanted}-{number:03}" for number in range(wanted - len(everything))]
    try:
        for name in names:
            core.create_node(_copy(node, name))
            core.patch_node_status(name, {"status": {k: node["status"][k] for k in ("capacity", "allocatable")}})
        while sum(_ready(one) for one in core.list_node().items) < wanted:
            time.sleep(0.5)
        yield wanted
    finally:
        core.delete_collection_node(label_selector=f"{MARK}=yes")


def _copy(node: dict[str, Any], name: str) -> dict[str, Any]:
    metadata = node["metadata"]
    labels = {**metadata["labels"], "kubernetes.io/hostname": name, MARK: "yes"}
    annotations = {key: value for key, value in metadata["annotations"].items() if "kwok" in key or "boot" in key}
    spec = {"taints": copy.deepcopy(node["spec"].get("taints") or [])}
    return {"metadata": {"name": name, "labels": labels, "annotations": annotations}, "spec": spec}


def _ready(node: Any) -> bool:
    return any(item.type == "Ready" and item.status == "True" for item in node.status.conditions or [])
