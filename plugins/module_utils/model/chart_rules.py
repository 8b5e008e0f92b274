# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""``hub_values``: what would break the release later and less clearly, lose volumes, or undo what keys of ours do.

Sources: zero-to-jupyterhub 4.4 (``values.schema.yaml``, ``jupyterhub_config.py``), kubespawner 7, oauthenticator 17.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..written import Finding, Path, Severity, Values

GROUPS = {
    "hub": ("config", "db", "annotations", "nodeSelector", "resources", "networkPolicy"),
    "proxy": ("https", "service", "chp", "traefik", "annotations"),
    "singleuser": ("cpu", "memory", "image", "storage", "networkPolicy", "nodeSelector", "extraResource", "extraFiles"),
    "scheduling": ("podPriority", "userScheduler", "userPlaceholder", "userPods", "corePods"),
    "prePuller": ("hook", "continuous"),
    "cull": (),
}
"""Values of the chart that are groups of values, and that we write or read; by group, the groups in it."""

SECRET_NAMES = {
    "api_token", "apitoken", "client_secret", "cookie_secret", "cookiesecret", "crypt_keys", "cryptkeeper",
    "lookup_dn_search_password", "password", "private_key", "secrettoken", "token",
}  # fmt: skip
"""Names of the chart's values that hold secrets, in lower case."""

LOWEST_PRIORITY = -10
"""The cluster autoscaler adds no node for a pod of lower priority (``--expendable-pods-priority-cutoff``)."""

_CLAIMS = "gives users' claims other names: whoever has a volume gets an empty new one"
_CLAIMS_HINT = "remove it, unless nobody has logged in yet"

Test = Callable[[Any], bool]

MISTAKES: tuple[tuple[str, Test, str, str, Severity], ...] = (
    # path, when it is a mistake, what is wrong, what to do, severity
    (
        "fullnameOverride",
        bool,
        "renames the chart's objects, which we find by their usual names",
        "remove it; two hubs in a cluster have a hub_namespace and a hub_release each",
        "error",
    ),
    (
        "nameOverride",
        bool,
        "renames the chart's objects, which we find by their usual names",
        "remove it; two hubs in a cluster have a hub_namespace and a hub_release each",
        "error",
    ),
    (
        "prePuller.hook.enabled",
        bool,
        "a first install forbids its pods: their PriorityClass comes after them",
        "remove it; hub_image_prepull pulls the images on every node",
        "error",
    ),
    ("singleuser.storage.dynamic.pvcNameTemplate", bool, _CLAIMS, _CLAIMS_HINT, "warning"),
    ("hub.config.KubeSpawner.pvc_name_template", bool, _CLAIMS, _CLAIMS_HINT, "warning"),
    ("hub.config.KubeSpawner.slug_scheme", bool, _CLAIMS, _CLAIMS_HINT, "warning"),
    (
        "scheduling.podPriority.userPlaceholderPriority",
        lambda value: isinstance(value, int) and value < LOWEST_PRIORITY,
        f"autoscalers add no node for pods below {LOWEST_PRIORITY}: used placeholders would not come back",
        "remove it",
        "warning",
    ),
    (
        "scheduling.podPriority.enabled",
        lambda value: value is False,
        "placeholders then keep users out, since nothing makes room for them",
        "remove it",
        "error",
    ),
    (
        "scheduling.userPlaceholder.replicas",
        lambda value: isinstance(value, int) and value > 0,
        "the chart's own placeholders have one size for all, in other units than users' servers",
        "write placeholders for a profile",
        "warning",
    ),
    (
        "singleuser.networkPolicy.enabled",
        lambda value: value is False,
        "users' servers then reach each other, the cloud's metadata and private addresses",
        "remove it",
        "warning",
    ),
    (
        "singleuser.profileList",
        lambda value: value is not None,
        "replaces every profile, its sizes and its node group",
        "describe the instances in hub_profiles",
        "warning",
    ),
)


def chart_values(values: Values) -> Iterator[Finding]:
    """What is wrong in ``hub_values``."""
    given = values.get("hub_values")
    if not isinstance(given, Mapping):
        return
    broken = list(_groups(given))
    yield from broken
    if broken:
        return
    for path, test, message, hint, severity in MISTAKES:
        if test(_at(given, path)):
            yield Finding(("hub_values", *path.split(".")), message, hint, severity)
    yield from _config(given)


def _groups(given: Values) -> Iterator[Finding]:
    message, hint = "is a group of values in the chart", "write keys with values below it"
    for name, inner in GROUPS.items():
        group = given.get(name)
        if group is not None and not isinstance(group, Mapping):
            yield Finding(("hub_values", name), message, hint)
            continue
        for member in inner:
            below = group.get(member) if group else None
            if below is not None and not isinstance(below, Mapping):
                yield Finding(("hub_values", name, member), message, hint)


def _config(given: Values) -> Iterator[Finding]:
    config = _at(given, "hub.config")
    for section, settings in config.items() if isinstance(config, Mapping) else ():
        path: Path = ("hub_values", "hub", "config", section)
        if not str(section)[:1].isupper():
            message = "is not the name of a class: the hub would refuse to start"
            yield Finding(path, message, f"write hub.{section}, or the class that it belongs to")
        elif settings is not None and not isinstance(settings, Mapping):
            yield Finding(path, "is a class: it has settings", f"write {section}: with its settings below it")
        elif isinstance(settings, Mapping) and "claim_groups_key" in settings:
            message = "has been replaced in oauthenticator 17"
            yield Finding((*path, "claim_groups_key"), message, "write hub_auth.groups_claim", "warning")


def _at(values: Any, path: str) -> Any:
    for name in path.split("."):
        values = values.get(name) if isinstance(values, Mapping) else None
    return values
