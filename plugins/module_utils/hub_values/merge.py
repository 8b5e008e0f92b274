# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""``hub_values``: the chart's values that a team adds, merged last over ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..plain import plain

OWNERS = {
    "cull": "hub_culling",
    "hub.annotations": "hub_auth",
    "hub.config": "hub_auth",
    "hub.db": "hub_database",
    "hub.existingSecret": "hub_auth",
    "hub.nodeSelector": "hub_core_node_group",
    "hub.tolerations": "hub_core_node_group",
    "imagePullSecrets": "hub_image_pull_secrets",
    "prePuller.continuous.enabled": "hub_image_prepull",
    "prePuller.extraTolerations": "cluster_node_groups",
    "prePuller.hook.enabled": "hub_image_prepull",
    "proxy.chp.nodeSelector": "hub_core_node_group",
    "proxy.chp.tolerations": "hub_core_node_group",
    "proxy.https": "hub_https",
    "proxy.service": "hub_address",
    "proxy.traefik.nodeSelector": "hub_core_node_group",
    "proxy.traefik.tolerations": "hub_core_node_group",
    "scheduling.podPriority": "hub_profiles (placeholders)",
    "scheduling.userPlaceholder": "hub_profiles (placeholders)",
    "scheduling.userScheduler.enabled": "hub_profiles (placeholders)",
    "singleuser.cpu": "hub_profiles",
    "singleuser.extraFiles.culling": "hub_culling",
    "singleuser.image": "hub_image",
    "singleuser.memory": "hub_profiles",
    "singleuser.profileList": "hub_profiles",
    "singleuser.startTimeout": "hub_start_timeout",
    "singleuser.storage": "hub_storage",
}
"""Where a value of the chart comes from: the key of ours to write instead."""


def merged(base: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """A new dict: dicts merged recursively, anything else replaced, as Helm does. Neither argument is changed."""
    result: dict[str, Any] = plain(base)
    for key, value in extra.items():
        if isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        else:
            result[key] = plain(value)
    return result


def overridden(service: Mapping[str, Any], cluster: Mapping[str, Any]) -> list[str]:
    """A warning for each value in ``hub_values`` that replaces one which a key of ours decides."""
    from .chart import own_values  # chart.py needs merged()

    ours = dict(_leaves(own_values(service, cluster, {})))
    warnings = []
    for path, value in _leaves(service.get("hub_values") or {}):
        owner = _owner(path)
        replaced = [
            known for known in ours if known == path or known.startswith(f"{path}.") or path.startswith(f"{known}.")
        ]
        if owner and replaced and (path not in ours or ours[path] != value):
            warnings.append(
                f"hub_values: {path} replaces what {owner} says; set {owner} instead if it can say the same"
            )
    return warnings


def _owner(path: str) -> str | None:
    return next((owner for prefix, owner in OWNERS.items() if path == prefix or path.startswith(f"{prefix}.")), None)


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
