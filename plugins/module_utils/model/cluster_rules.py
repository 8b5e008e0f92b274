# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What must hold between the keys of ``openstack.yml``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..magnum.families import CAPI_HELM, CLUSTER_API, DEFAULT_WORKER, FAMILIES, HEAT, Family
from ..written import Finding, Path, Values, is_number
from .convert import UNKNOWN, nearest
from .looking import get, version_of

RESERVED_GROUPS = ("default-master",)
"""Magnum's name for the control plane's group."""

NEWEST_HEAT = (1, 28)
"""The newest Kubernetes that Magnum's Heat driver was tested with."""

LABELS_OF_KEYS = {
    "auto_scaling_enabled": "write min and max in the node groups",
    "min_node_count": "write min in the node group",
    "max_node_count": "write max in the node group",
}
"""Labels that bound the autoscaler, and the keys to write instead."""


def control_plane(values: Values) -> Iterator[Finding]:
    """An odd number of control plane nodes."""
    count = get(values, "cluster_control_plane", "count")
    if is_number(count) and count % 2 == 0:
        hint = f"write {count - 1} or {count + 1}"
        yield Finding(("cluster_control_plane", "count"), f"{count} is even; Magnum wants an odd number", hint)


def node_groups(values: Values) -> Iterator[Finding]:
    """Each group's bounds; the group that must be there."""
    groups = get(values, "cluster_node_groups")
    if not isinstance(groups, list):
        return
    for index, group in enumerate(groups):
        if isinstance(group, dict):
            yield from _bounds(("cluster_node_groups", index), group)
            if group.get("name") in RESERVED_GROUPS:
                path: Path = ("cluster_node_groups", index, "name")
                yield Finding(path, f"{group['name']} is Magnum's name for the control plane", "give it another name")
    names = [get(group, "name") for group in groups]
    if UNKNOWN in names:
        return
    if DEFAULT_WORKER not in names:
        near = nearest(DEFAULT_WORKER, [name for name in names if isinstance(name, str)])
        hint = f"rename {near}" if near else f"add a group with name: {DEFAULT_WORKER}"
        yield Finding(("cluster_node_groups",), f"has no {DEFAULT_WORKER}, the group that Magnum makes first", hint)
    else:
        index = names.index(DEFAULT_WORKER)
        if get(groups[index], "enabled") is False:
            path = ("cluster_node_groups", index, "enabled")
            yield Finding(path, f"Magnum always makes {DEFAULT_WORKER}", "remove this line")


def _bounds(path: Path, group: Values) -> Iterator[Finding]:
    low, high, count = (group.get(name) for name in ("min", "max", "count"))
    if count is not None and (low is not None or high is not None):
        there = " and ".join(name for name in ("min", "max") if group.get(name) is not None)
        yield Finding(
            (*path, "count"), f"fixes the number of nodes, and {there} says otherwise", "keep one or the other"
        )
    elif count is None and high is None:
        given = "min without max" if low is not None else "neither max nor count"
        yield Finding((*path, "max"), f"is missing: there is {given}", "write min and max, or count")
    if is_number(low) and is_number(high) and low > high:
        yield Finding((*path, "min"), f"{low} is more than max, {high}", f"write {high} or less")
    if low == 0 and group.get("gpus"):
        message = "autoscalers start GPU nodes from none unreliably: they cannot know that a new node will have GPUs"
        yield Finding((*path, "min"), message, "write 1, or expect users to wait", "warning")


def driver_limits(values: Values) -> Iterator[Finding]:
    """What the drivers of Magnum refuse or do not do, where the file names the driver."""
    plugin = values.get("cluster_network_driver")
    family = FAMILIES.get(values.get("cluster_driver"))  # type: ignore[arg-type]
    if plugin == "flannel" and (family is None or plugin in family.network_drivers):
        message = "flannel does not enforce network policies: users can reach each other's servers"
        yield Finding(("cluster_network_driver",), message, "write calico", "warning")
    if family is None:
        return
    takes = " and ".join(family.network_drivers)
    if isinstance(plugin, str) and plugin not in family.network_drivers and values.get("cluster_template") is None:
        message = f"the {family.name} driver accepts only {takes}"
        yield Finding(("cluster_network_driver",), message, "write calico")
    version = version_of(values.get("cluster_kubernetes_version"))
    if family is HEAT and version and version[:2] > NEWEST_HEAT:
        message = "the heat driver was never tested beyond v1.28"
        yield Finding(("cluster_kubernetes_version",), message, "write v1.28.9", "warning")
    if family is CAPI_HELM and isinstance(values.get("cluster_registry_mirror"), str):
        message = "the capi-helm driver has no such setting: its images come from its charts"
        yield Finding(("cluster_registry_mirror",), message, "remove it")
    if family is CLUSTER_API and values.get("cluster_api_allowed_cidrs"):
        message = "the cluster-api driver has no such setting"
        yield Finding(("cluster_api_allowed_cidrs",), message, "restrict the API server's balancer in Octavia instead")
    yield from _ignored_labels(("cluster_labels",), values.get("cluster_labels"), family)
    groups = get(values, "cluster_node_groups")
    for index, group in enumerate(groups if isinstance(groups, list) else []):
        if not isinstance(group, dict) or group["enabled"] is False:
            continue
        path: Path = ("cluster_node_groups", index)
        default = group["name"] == DEFAULT_WORKER
        if isinstance(group["name"], str) and not family.takes_group(group["name"]):
            message = f"the {family.name} driver makes no node group of this name"
            yield Finding((*path, "name"), message, f"write another: {family.group_names[1]}")
        if group["min"] == 0 and is_number(group["max"]):
            allowed = family.zero_minimum_default_group if default else family.zero_minimum
            if not allowed:
                what = f"{DEFAULT_WORKER} with" if default and family.zero_minimum else "an autoscaled group with"
                yield Finding((*path, "min"), f"the {family.name} driver refuses {what} no nodes", "write 1")
        yield from _ignored_labels((*path, "labels"), group["labels"], family)


def _ignored_labels(path: Path, labels: Any, family: Family) -> Iterator[Finding]:
    for name in labels if isinstance(labels, Mapping) else ():
        if name in family.ignored_labels:
            yield Finding((*path, name), f"the {family.name} driver ignores this label", "remove it", "warning")


def given_labels(values: Values) -> Iterator[Finding]:
    """Bounds of the autoscaler as labels: the keys would change and the labels would not."""
    groups = get(values, "cluster_node_groups")
    places: list[tuple[Path, Any]] = [(("cluster_labels",), values.get("cluster_labels"))]
    if isinstance(groups, list):
        places += [
            (("cluster_node_groups", index, "labels"), get(group, "labels")) for index, group in enumerate(groups)
        ]
    for path, labels in places:
        for name in labels if isinstance(labels, Mapping) else ():
            if name in LABELS_OF_KEYS:
                yield Finding((*path, name), "comes from a key, and Magnum never changes a label", LABELS_OF_KEYS[name])


def subnet_of_network(values: Values) -> Iterator[Finding]:
    """A subnet without its network."""
    if isinstance(values.get("cluster_fixed_subnet"), str) and values.get("cluster_fixed_network", "") is None:
        hint = "write cluster_fixed_network too"
        yield Finding(("cluster_fixed_subnet",), "is the subnet of a network that is not given", hint)
