# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""``hub_values``: what would break the release later and less clearly, lose volumes, or undo what keys of ours do.

Sources: zero-to-jupyterhub 4.4 (``values.schema.yaml``, ``jupyterhub_config.py``), kubespawner 7, oauthenticator 17.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ..written import Finding, Path, Severity, Values
from .chart_schema import Known, mismatches, of_schema, of_table
from .chart_values import CHART, VALUES
from .convert import UNKNOWN
from .hub_config_rules import hub_config
from .looking import at
from .server_rules import named_lists, servers
from .text_rules import filled

GROUPS = (
    "cull", "hub", "hub.annotations", "hub.config", "hub.config.JupyterHub", "hub.config.KubeSpawner", "hub.db",
    "hub.db.pvc", "hub.networkPolicy", "hub.nodeSelector", "hub.resources", "prePuller", "prePuller.continuous",
    "prePuller.hook", "proxy", "proxy.annotations", "proxy.chp", "proxy.https", "proxy.service", "proxy.traefik",
    "scheduling", "scheduling.corePods", "scheduling.podPriority", "scheduling.userPlaceholder",
    "scheduling.userPlaceholder.image", "scheduling.userPods", "scheduling.userScheduler", "singleuser",
    "singleuser.cloudMetadata", "singleuser.cpu", "singleuser.extraFiles", "singleuser.extraResource",
    "singleuser.extraResource.guarantees", "singleuser.extraResource.limits", "singleuser.image", "singleuser.memory",
    "singleuser.networkPolicy", "singleuser.networkPolicy.egressAllowRules", "singleuser.nodeSelector",
    "singleuser.storage", "singleuser.storage.dynamic",
)  # fmt: skip
"""Values of the chart that are groups of values, and that we write or read."""

LEAVES = (
    "hub.concurrentSpawnLimit", "hub.existingSecret", "scheduling.podPriority.enabled",
    "scheduling.userScheduler.enabled", "singleuser.startTimeout", "singleuser.storage.type",
)  # fmt: skip
"""Single values that we write, and that have to have one."""

SECRET_NAMES = {
    "api_token", "apitoken", "client_secret", "cookie_secret", "cookiesecret", "crypt_keys", "cryptkeeper",
    "lookup_dn_search_password", "password", "private_key", "secrettoken", "token",
}  # fmt: skip
"""Names of the chart's values that hold secrets, in lower case."""

LOWEST_PRIORITY = -10
"""The cluster autoscaler adds no node for a pod of lower priority (``--expendable-pods-priority-cutoff``)."""

_CLAIMS = "gives users' claims other names: whoever has a volume gets an empty new one"
_CLAIMS_HINT = "remove it, unless nobody has logged in yet"

_NO_EFFECT = "has no effect: every instance of hub_profiles sets its own"

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
        "singleuser.extraPodConfig.securityContext",
        lambda value: value is not None,
        "replaces the group that makes volumes writable",
        "write hub.config.KubeSpawner.pod_security_context, which is merged with it",
        "warning",
    ),
    ("singleuser.cpu", bool, _NO_EFFECT, "write cpu and cpu_guarantee in hub_profiles", "warning"),
    ("singleuser.memory", bool, _NO_EFFECT, "write memory and memory_guarantee in hub_profiles", "warning"),
)


def chart_values(values: Values) -> Iterator[Finding]:
    """What is wrong in ``hub_values``."""
    given = values.get("hub_values")
    if not isinstance(given, Mapping):
        return
    shape = [*_groups(given), *named_lists(given)]
    yield from shape
    types = [each for each in _names_and_types(values, given) if not _within(each, shape)]
    yield from types
    broken = [each for each in (*shape, *types) if each.severity == "error"]
    for finding in _meaning(values, given, all(each.path[1:3] == ("hub", "config") for each in shape)):
        if not _within(finding, broken):
            yield finding


def _within(finding: Finding, others: list[Finding]) -> bool:
    return any(finding.path[: len(other.path)] == other.path for other in others)


def _meaning(values: Values, given: Values, whole: bool) -> Iterator[Finding]:
    """What values say, of which some may have the wrong shape. ``whole``: none that matters to users' servers has."""
    for path, test, message, hint, severity in MISTAKES:
        if test(at(given, path)):
            yield Finding(("hub_values", *path.split(".")), message, hint, severity)
    yield from hub_config(given)
    if whole:
        yield from servers(values, given)
    yield from filled(given)


def given_chart(values: Values, schema: Values) -> Iterator[Finding]:
    """What a chart, whose JSON Schema of values is given, does not take of ``hub_values``."""
    yield from mismatches(values.get("hub_values"), of_schema(schema), "error", "the chart")


def is_local(ref: Any) -> bool:
    """Whether ``hub_chart_ref`` is a directory or an archive: its own schema says what its values are."""
    return isinstance(ref, str) and not ref.startswith("oci://") and ("/" in ref or ref.endswith(".tgz"))


def _names_and_types(values: Values, given: Values) -> Iterator[Finding]:
    if is_local(values.get("hub_chart_ref")):
        return
    # Of another version we only know that most is the same.
    severity: Severity = "error" if values.get("hub_chart_version") == CHART else "warning"
    yield from mismatches(given, _pinned(), severity, f"the chart {CHART}")


@functools.cache
def _pinned() -> Known:
    return of_table(VALUES)


def _groups(given: Values) -> Iterator[Finding]:
    for path in (*GROUPS, *LEAVES):
        owner, _dot, name = path.rpartition(".")
        group = at(given, owner) if owner else given
        if not isinstance(group, Mapping) or name not in group or group[name] is UNKNOWN:
            continue
        where: Path = ("hub_values", *path.split("."))
        if group[name] is None:
            message = "has no value, which takes away what the chart and we write there"
            yield Finding(where, message, "remove the line, or write keys with values below it")
        elif path in GROUPS and not isinstance(group[name], Mapping):
            yield Finding(where, "is a group of values in the chart", "write keys with values below it")
