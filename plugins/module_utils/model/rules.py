# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What must hold between keys, and between the two files. Each rule looks at converted values and yields findings.

Values that are wrong in themselves, or not rendered yet, are UNKNOWN: no rule draws conclusions from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..capacity.fit import fit
from ..magnum.families import DEFAULT_WORKER
from ..written import Finding, Path, Values, is_number
from . import address_rules, cluster_rules, hub_rules
from .chart_rules import chart_values
from .convert import UNKNOWN, nearest
from .looking import get, version_of

Rule = Callable[[Values], Iterator[Finding]]

OLDEST_KUBERNETES = {4: (1, 28), 5: (1, 32)}
"""Oldest Kubernetes of each major version of the chart (``kubeVersion`` in its Chart.yaml)."""

OLDEST_CHART = (4, 3)
"""Before 4.3 the chart accepts values that it refuses later, and the other way round; ours are for 4.3 and later."""


def check(values: Values) -> list[Finding]:
    """Everything that the rules find in converted values of both files, or of one."""
    return [finding for rule in RULES for finding in rule(values)]


def chart_and_kubernetes(values: Values) -> Iterator[Finding]:
    """Versions of the chart and of Kubernetes that go together."""
    chart = version_of(values.get("hub_chart_version"))
    kubernetes = version_of(values.get("cluster_kubernetes_version"))
    if chart and chart[:2] < OLDEST_CHART:
        message = f"{values['hub_chart_version']} is older than the values that we write for it"
        yield Finding(("hub_chart_version",), message, "write 4.4.0")
    oldest = OLDEST_KUBERNETES.get(chart[0]) if chart else None
    if oldest and kubernetes and kubernetes[:2] < oldest:
        message = f"chart {values['hub_chart_version']} needs Kubernetes {oldest[0]}.{oldest[1]} or later"
        hint = f"write v{oldest[0]}.{oldest[1]}.0 or later"
        yield Finding(("cluster_kubernetes_version",), message, hint)


def profiles_on_groups(values: Values) -> Iterator[Finding]:
    """Each profile, and the hub's own pods, on a group that exists and can hold it."""
    groups = get(values, "cluster_node_groups")
    if not isinstance(groups, list) or any(not isinstance(get(group, "name"), str) for group in groups):
        return
    by_name = {group["name"]: group for group in groups}
    yield from _on_group(("hub_core_node_group",), values.get("hub_core_node_group"), by_name)
    found = get(values, "hub_profiles")
    for index, profile in enumerate(found if isinstance(found, list) else []):
        if not isinstance(profile, dict) or profile["enabled"] is not True:
            continue
        name = profile["node_group"]
        yield from _on_group(("hub_profiles", index, "node_group"), name, by_name)
        if isinstance(name, str) and name in by_name:
            yield from _gpus(("hub_profiles", index), profile, by_name[name], by_name)


def _on_group(path: Path, name: Any, groups: Mapping[str, Values]) -> Iterator[Finding]:
    if not isinstance(name, str):
        return
    if name == DEFAULT_WORKER and (name not in groups or groups[name].get("enabled") is False):
        return  # reported once, where the groups are
    if name not in groups:
        near = nearest(name, groups)
        hint = f"write {near}" if near else f"write one of {', '.join(groups)}"
        yield Finding(path, f"there is no node group {name}", hint)
    elif groups[name].get("enabled") is False:
        hint = f"enable {name} in cluster_node_groups too, or write another group"
        yield Finding(path, f"the node group {name} is not enabled", hint)


def _gpus(path: Path, profile: Values, group: Values, groups: Mapping[str, Values]) -> Iterator[Finding]:
    wanted, there = profile["gpus"], group["gpus"]
    if not is_number(wanted) or not is_number(there):
        return
    if wanted > there:
        fitting = [name for name, other in groups.items() if is_number(other["gpus"]) and other["gpus"] >= wanted]
        has = "no GPUs" if not there else f"{there} on each node"
        hint = f"write node_group: {fitting[0]}" if fitting else f"write gpus: {wanted} in a node group"
        yield Finding((*path, "gpus"), f"asks for {wanted} and the node group {group['name']} has {has}", hint)
    elif there and not wanted:
        message = f"{group['name']} has GPUs, and this profile occupies its nodes without using them"
        yield Finding((*path, "node_group"), message, "write gpus: 1, or another group", "warning")
    most = group.get("max") if group.get("max") is not None else group.get("count")
    places = profile["placeholders"]
    each = there // wanted if wanted else 0
    if each and is_number(most) and is_number(places) and places > each * most:
        message = f"{places} are more than {group['name']} ever holds: {each} on each of {most} nodes, by GPUs"
        yield Finding((*path, "placeholders"), message, f"write {each * most} or less, or a larger max")


def unused_groups(values: Values) -> Iterator[Finding]:
    """Groups that hold nobody; GPU nodes that hold the hub."""
    groups, found, core = (get(values, key) for key in ("cluster_node_groups", "hub_profiles", "hub_core_node_group"))
    if not isinstance(groups, list) or not isinstance(found, list) or not isinstance(core, str):
        return
    if any(
        not isinstance(profile, dict) or UNKNOWN in (profile["enabled"], profile["node_group"]) for profile in found
    ):
        return
    used = {core, *(profile["node_group"] for profile in found if profile["enabled"])}
    for index, group in enumerate(groups):
        if not isinstance(group, dict) or group["enabled"] is not True or not isinstance(group["name"], str):
            continue
        path: Path = ("cluster_node_groups", index, "name")
        if group["name"] not in used | {DEFAULT_WORKER}:
            message = "no profile has this group, so its nodes would stand idle"
            yield Finding(
                path, message, f"write node_group: {group['name']} in a profile, or enabled: false", "warning"
            )
        if group["name"] == core and group["gpus"]:
            message = f"the hub's own pods would run on GPU nodes of {core}, and keep one of them up"
            yield Finding(("hub_core_node_group",), message, f"write {DEFAULT_WORKER}", "warning")


def profiles_fit(values: Values) -> Iterator[Finding]:
    """Profiles and placeholders on nodes of the sizes that the file states."""
    flavors = values.get("cluster_flavors_known")
    driver = values.get("cluster_driver")
    if isinstance(flavors, Mapping):
        yield from fit(values, flavors, driver if isinstance(driver, str) else "")


RULES: tuple[Rule, ...] = (
    cluster_rules.control_plane,
    cluster_rules.node_groups,
    cluster_rules.driver_limits,
    cluster_rules.given_labels,
    cluster_rules.subnet_of_network,
    chart_and_kubernetes,
    hub_rules.https,
    hub_rules.address,
    address_rules.ranges,
    address_rules.ranges_that_ovn_ignores,
    address_rules.plain_and_public,
    hub_rules.who_may_log_in,
    hub_rules.user_names,
    hub_rules.login,
    hub_rules.profiles,
    profiles_on_groups,
    unused_groups,
    hub_rules.images,
    profiles_fit,
    hub_rules.timeouts,
    chart_values,
)
