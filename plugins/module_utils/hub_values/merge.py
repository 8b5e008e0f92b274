# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""``hub_values``: the chart's values that a team adds, merged last over ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..plain import plain
from . import named, volumes

JOINED = {"tolerations", "extraTolerations", "imagePullSecrets", "extraCommandLineFlags", "hosts"}
"""Lists of ours that a team's stand beside, by their names in the chart and in KubeSpawner."""

MISSING = object()

OWNERS = {
    "cull": "hub_culling",
    "hub.annotations": "hub_auth",
    "hub.config": "hub_auth",
    "hub.db": "hub_database",
    "hub.existingSecret": "hub_auth",
    "hub.extraConfig.groupsClaim": "hub_auth",
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
    "singleuser.extraFiles.hub-culling": "hub_culling",
    "singleuser.image": "hub_image",
    "singleuser.startTimeout": "hub_start_timeout",
    "singleuser.storage": "hub_storage",
    "singleuser.storage.extraVolumeMounts": "hub_shared_memory",
    "singleuser.storage.extraVolumes": "hub_shared_memory",
}
"""Where a value of the chart comes from, or what is below it: the key of ours to write instead."""


def merged(base: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """A new dict: dicts merged recursively, anything else replaced, as Helm does. Neither argument is changed."""
    result: dict[str, Any] = plain(base)
    for key, value in extra.items():
        if isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        else:
            result[key] = plain(value)
    return result


def by_name(given: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of ``hub_values`` in which every list that the chart or KubeSpawner also takes as a mapping is one."""
    result: dict[str, Any] = plain(given)
    single = result.get("singleuser")
    if isinstance(single, dict):
        for owner, name in (
            (single, "extraEnv"),
            *((override, "environment") for override in named.overrides(single.get("profileList") or [])),
        ):
            if isinstance(owner.get(name), list):
                owner[name] = named.variables(owner[name])
        volumes.key_in_place(single)
    return result


def merged_by_name(base: Mapping[str, Any], extra: Mapping[str, Any], path: tuple[str, ...] = ()) -> dict[str, Any]:
    """As ``merged``, with ``extra`` by name (``by_name``): lists of things that stand beside each other are joined.

    An empty list takes nothing of ours away, whatever it is a list of.
    """
    result: dict[str, Any] = plain(base)
    for key, value in extra.items():
        ours, here = result.get(key), (*path, key)
        if isinstance(value, Mapping) and isinstance(ours, Mapping):
            result[key] = merged_by_name(ours, value, here)
        elif isinstance(value, list) and isinstance(ours, list) and here == named.PROFILES:
            result[key] = named.joined_profiles(ours, value, merged_by_name)
        elif isinstance(value, list) and isinstance(ours, list) and (not value or key in JOINED):
            result[key] = named.joined(ours, value)
        else:
            result[key] = plain(value)
    return result


def overridden(service: Mapping[str, Any], cluster: Mapping[str, Any]) -> list[str]:
    """A warning for each value in ``hub_values`` that replaces one which a key of ours decides."""
    from .chart import own_values  # chart.py needs merged()

    own = own_values(service, cluster, {})
    given = by_name(service.get("hub_values") or {})
    result = merged_by_name(own, given)
    warnings = []
    for path, _value in _leaves(given):
        ours, theirs = _at(own, path), _at(result, path)
        if (
            ours is not MISSING
            and ours != theirs
            and not _added(ours, theirs)
            and (owner := _owner(path))
            and path != named.PROFILES
        ):
            shown = ".".join(path)
            warnings.append(
                f"hub_values: {shown} replaces what {owner} says; set {owner} instead if it can say the same"
            )
    return warnings


def _added(ours: Any, theirs: Any) -> bool:
    """Whether a list of ours was only added to."""
    return isinstance(ours, list) and isinstance(theirs, list) and all(each in theirs for each in ours)


def _owner(path: tuple[str, ...]) -> str | None:
    prefixes = [".".join(path[:length]) for length in range(len(path), 0, -1)]
    return next((OWNERS[prefix] for prefix in prefixes if prefix in OWNERS), None)


def _at(values: Any, path: tuple[str, ...]) -> Any:
    """The value at a path, or the nearest above it that is no mapping; MISSING where there is none."""
    for name in path:
        if not isinstance(values, Mapping):
            break
        values = values.get(name, MISSING)
    return values


def _leaves(values: Mapping[str, Any], prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*prefix, key))
        else:
            yield (*prefix, key), value
