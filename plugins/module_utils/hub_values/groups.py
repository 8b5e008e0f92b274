# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Where pods go: selectors and tolerations of node groups. From ``cluster_facts.node_groups``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import HubValuesError

Toleration = dict[str, str]


def node_group(cluster: Mapping[str, Any], name: str, wanted_by: str) -> Mapping[str, Any]:
    """Facts of one node group. Raises HubValuesError with the groups that there are."""
    groups = cluster.get("node_groups") or {}
    if name not in groups:
        known = ", ".join(sorted(groups)) or "none"
        raise HubValuesError(
            f"{wanted_by} names the node group {name!r}, and the cluster has no such group; it has: {known}"
        )
    return groups[name]


def selector(group: Mapping[str, Any]) -> dict[str, str]:
    """Labels that every node of the group has, and no other."""
    return dict(group["selector"])


def tolerations(group: Mapping[str, Any]) -> list[Toleration]:
    """What lets a pod onto the group's nodes."""
    result = []
    for taint in group.get("taints") or []:
        toleration = {"key": taint["key"], "effect": taint["effect"]}
        if taint.get("value"):
            toleration |= {"operator": "Equal", "value": taint["value"]}
        else:
            toleration["operator"] = "Exists"
        result.append(toleration)
    return result
