# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The cluster layer: whether what runs there fits what the files say. Pure functions over Kubernetes' objects."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..hub_release.history import PENDING, revisions
from ..magnum.desired import bounds
from ..magnum.families import DEFAULT_WORKER, FAMILIES, HEAT, by_node_labels
from ..quantity import kubernetes_to_number
from ..reserves import Resources, daemons
from .finding import Finding, missing
from .machines import check_measured_fit

Json = Mapping[str, Any]

PROVISIONER = "cinder.csi.openstack.org"

ENFORCING = ("calico-node", "canal", "cilium", "antrea-agent", "kube-router", "weave-net", "ovnkube-node")
"""DaemonSets of network plugins that enforce NetworkPolicies, as the plugins' own manifests name them."""

NOT_ENFORCING = ("kube-flannel", "kube-flannel-ds", "kindnet")
"""Those of plugins that do not."""

AUTOSCALER = "cluster-autoscaler"


@dataclasses.dataclass
class Seen:
    """Objects of the cluster. ``releases`` are Helm's Secrets of the hub's release, their metadata alone."""

    nodes: Sequence[Json] = ()
    storage_classes: Sequence[Json] = ()
    csi_drivers: Sequence[Json] = ()
    daemon_sets: Sequence[Json] = ()
    deployments: Sequence[Json] = ()
    releases: Sequence[Json] = ()


def check_cluster(service: Json, seen: Seen) -> list[Finding]:
    """Everything that is found. Keys that ``service`` lacks are not looked at."""
    return [
        *_nodes(seen),
        *_storage(service, seen),
        *_network(seen),
        *_autoscaler(service, seen),
        *_gpus(service, seen),
        *_fit(service, seen),
        *_release(service, seen),
    ]


def notes(seen: Seen) -> list[str]:
    """What cannot be told from the objects."""
    if _known(seen, ENFORCING) or _known(seen, NOT_ENFORCING):
        return []
    return ["network policies: no DaemonSet in the cluster is one of a network plugin that is known here"]


def _nodes(seen: Seen) -> Iterator[Finding]:
    lost = [_name(node) for node in seen.nodes if not _ready(node)]
    if lost:
        are = f"{len(lost)} of {len(seen.nodes)} nodes {'is' if len(lost) == 1 else 'are'}"
        message = f"{are} not Ready: {', '.join(sorted(lost)[:5])}"
        hint = f"kubectl describe node {sorted(lost)[0]}"
        yield Finding("cluster_node_groups", message, hint, "warning")


def _storage(service: Json, seen: Seen) -> Iterator[Finding]:
    storage = service.get("hub_storage") or {}
    if storage.get("type") != "dynamic":
        return
    wanted = storage.get("class_name")
    if wanted:
        classes = {_name(each): each for each in seen.storage_classes}
        if wanted not in classes:
            found = missing("hub_storage.class_name", "storage class", wanted, "", classes)
            yield Finding(found.key, f"the cluster has no storage class '{wanted}'", found.hint)
        elif classes[wanted].get("reclaimPolicy", "Delete") == "Delete":  # Kubernetes' default
            message = f"the storage class '{wanted}' deletes a user's files with the claim, or with the namespace"
            hint = "leave class_name out for a class of ours that keeps them, or write one with reclaimPolicy: Retain"
            yield Finding("hub_storage.class_name", message, hint, "warning")
    elif PROVISIONER not in [_name(each) for each in seen.csi_drivers]:
        message = f"the cluster has no CSI driver {PROVISIONER}, which makes users' volumes"
        yield Finding("hub_storage", message, "install it, or write the class_name of another storage class")


def _network(seen: Seen) -> Iterator[Finding]:
    found = _known(seen, NOT_ENFORCING)
    if found and not _known(seen, ENFORCING):
        message = (
            f"the cluster's network plugin ({found}) enforces no network policies: users reach each other's servers"
        )
        hint = "make a cluster with calico or cilium under another cluster_name"
        yield Finding("cluster_network_driver", message, hint, "warning")


def _known(seen: Seen, names: Sequence[str]) -> str:
    return next((_name(each) for each in seen.daemon_sets if _name(each) in names), "")


def _autoscaler(service: Json, seen: Seen) -> Iterator[Finding]:
    """With the Heat driver it runs in the cluster, and its bounds are arguments; other drivers' is not to be seen."""
    scaled = [g for g in service.get("cluster_node_groups") or () if g.get("max") is not None and g.get("name")]
    family = next((f for f in (by_node_labels(_labels(node)) for node in seen.nodes) if f), None)
    if family is not HEAT or not scaled:
        return
    found = next((each for each in seen.deployments if AUTOSCALER in _name(each)), None)
    if found is None:
        message = f"the cluster has no Deployment {AUTOSCALER}: nobody adds nodes when they are needed"
        hint = "a cluster made with auto_scaling_enabled=true has one; see kubectl -n kube-system get deployments"
        yield Finding("cluster_node_groups", message, hint, "warning")
        return
    if not (found.get("status") or {}).get("availableReplicas"):
        message = f"{_name(found)} does not run: nobody adds nodes when they are needed"
        hint = f"kubectl -n {found['metadata'].get('namespace')} describe deployment {_name(found)}"
        yield Finding("cluster_node_groups", message, hint, "warning")
    given = _bounds_given(found)
    for group in scaled:
        has = given.get(group["name"])
        wants = bounds(group)
        if has and has != wants:
            message = (
                f"the autoscaler keeps {group['name']} at {has[0]} to {has[1]} nodes, and the file says {wants[0]} to "
            )
            hint = f"write min: {has[0]} and max: {has[1]}"
            if group["name"] == DEFAULT_WORKER:
                hint += ", which never change for this group of this driver"
            yield Finding(f"cluster_node_groups[{group['name']}]", f"{message}{wants[1]}", hint, "warning")


def _bounds_given(deployment: Json) -> dict[str, tuple[int, int]]:
    """Bounds by node group, from ``--nodes=1:20:default-worker``."""
    containers = deployment["spec"]["template"]["spec"]["containers"]
    words = [word for each in containers for word in (*(each.get("command") or ()), *(each.get("args") or ()))]
    found = re.findall(r"--nodes[= ](\d+):(\d+):([^\s]+)", " ".join(words))
    return {name: (int(low), int(high)) for low, high, name in found}


def _gpus(service: Json, seen: Seen) -> Iterator[Finding]:
    for group in service.get("cluster_node_groups") or ():
        wants = int(group.get("gpus") or 0)
        resource = group.get("gpu_resource") or "nvidia.com/gpu"
        mine = _members(seen, group.get("name"))
        short = sorted(_name(node) for node in mine if _amount(node, resource) < wants)
        if short:
            are = f"{len(short)} of {len(mine)} nodes of {group['name']}"
            message = f"{are} offer{'s' * (len(short) == 1)} less than {wants} {resource}: {', '.join(short[:5])}"
            hint = "look at the GPU operator's (or device plugin's) pods on it, or correct gpus or gpu_resource"
            yield Finding(f"cluster_node_groups[{group['name']}].gpus", message, hint, "warning")


def _fit(service: Json, seen: Seen) -> Iterator[Finding]:
    """What the profiles keep for users against what live nodes have, less what their daemons ask for."""
    sizes, measured = {}, {}
    for group in service.get("cluster_node_groups") or ():
        node = next((each for each in _members(seen, group.get("name")) if _ready(each)), None)
        capacity = ((node or {}).get("status") or {}).get("capacity") or {}
        if node is None or not group.get("flavor") or not {"cpu", "memory"} <= capacity.keys():
            continue
        sizes[group["flavor"]] = {
            "vcpus": int(kubernetes_to_number(capacity["cpu"])),
            "memory": int(kubernetes_to_number(capacity["memory"])),
        }
        taken = daemons(seen.daemon_sets, _labels(node), (node.get("spec") or {}).get("taints") or ())
        has = Resources(round(_amount(node, "cpu") * 1000), int(_amount(node, "memory")))
        measured[group["name"]] = has.minus(taken)
    yield from check_measured_fit(service, sizes, measured)


def _members(seen: Seen, group: Any) -> list[Json]:
    labels = {family.node_group_label for family in FAMILIES.values()}
    return [node for node in seen.nodes if any(_labels(node).get(each) == group for each in labels)]


def _release(service: Json, seen: Seen) -> Iterator[Finding]:
    history = revisions(seen.releases)
    if not history:
        return
    last = history[-1]
    release, namespace = service.get("hub_release"), service.get("hub_namespace")
    good = next((each.number for each in reversed(history) if each.status in ("deployed", "superseded")), None)
    back = f"helm rollback {release} {good} --namespace {namespace}" if good else f"helm uninstall {release}"
    if last.status in PENDING:
        message = (
            f"revision {last.number} of the release {release} is {last.status}: a Helm was interrupted, or is at work"
        )
        yield Finding("hub_release", message, f"deploy.yml takes it back by itself; by hand: {back}", "warning")
    elif last.status == "failed":
        message = f"revision {last.number} of the release {release} failed"
        yield Finding("hub_release", message, f"deploy.yml starts from the last good one; by hand: {back}", "warning")


def _name(thing: Json) -> str:
    return str(thing["metadata"]["name"])


def _labels(node: Json) -> Json:
    return node["metadata"].get("labels") or {}


def _ready(node: Json) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def _amount(node: Json, resource: str) -> float:
    return float(kubernetes_to_number(((node.get("status") or {}).get("allocatable") or {}).get(resource) or "0"))
