# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The chart's values as a whole. Zero to JupyterHub 4.4 (``values.schema.yaml``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import address, auth, groups, hub_side, named, notebooks, volumes
from .merge import by_name, merged_by_name
from .objects import storage_class_name
from .secrets import EXISTING_VALUES

SECRETS_ANNOTATION = "jupyterhub.stfc.ac.uk/secrets"
"""On the hub's (and where the proxy shows a certificate, the proxy's) pod: a new secret restarts it."""

CONCURRENT_SPAWNS = 300
"""A server that waits for a node counts as starting for minutes; at the chart's 64 a class would be turned away."""

SECONDS_BETWEEN_CHECKS = 60
"""The hub looks at the proxy's routes as often as it reads users' activity from them, whatever the culler needs."""

PLACEHOLDER_PRIORITY = -10
"""The cluster autoscaler adds no node for anything lower (``--expendable-pods-priority-cutoff``)."""

# Without requests a pod is the first to be killed when a node runs out of memory.
_REQUESTS = {
    "hub": {"cpu": "100m", "memory": "512Mi"},
    "proxy": {"cpu": "100m", "memory": "128Mi"},
    "userScheduler": {"cpu": "50m", "memory": "128Mi"},
}


def hub_values(
    service: Mapping[str, Any], cluster: Mapping[str, Any], secret_fingerprints: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Values of the chart, ``service["hub_values"]`` merged last, by name.

    ``secret_fingerprints``: by the name of Secrets that its pods read, what changes when their content does.
    Raises HubValuesError: a profile's or the hub's node group is not there.
    """
    own = own_values(service, cluster, secret_fingerprints or {})
    given = by_name(service.get("hub_values") or {})
    volumes.yield_shared_memory(own, given)
    volumes.replace_whole(own, given)
    values = merged_by_name(own, given)
    _tolerate(values, {profile["name"] for profile in service["hub_profiles"]})
    return values


def _tolerate(values: dict[str, Any], ours: set[str]) -> None:
    """Let everybody's tolerations reach our instances with tolerations, which KubeSpawner puts in place of those."""
    everybody = [
        *_list(values["scheduling"]["userPods"], "tolerations"),
        *_list(values["singleuser"], "extraTolerations"),
    ]
    for profile in values["singleuser"]["profileList"]:
        override = profile.get("kubespawner_override") or {}
        if profile.get("slug") in ours and override.get("tolerations"):
            override["tolerations"] = named.joined(everybody, override["tolerations"])


def _list(values: Mapping[str, Any], name: str) -> list[Any]:
    return values.get(name) or []


def own_values(
    service: Mapping[str, Any], cluster: Mapping[str, Any], secret_fingerprints: Mapping[str, str]
) -> dict[str, Any]:
    """The values without ``hub_values``."""
    core = groups.node_group(cluster, service["hub_core_node_group"], "hub_core_node_group")
    where: dict[str, Any] = {"nodeSelector": groups.selector(core), "tolerations": groups.tolerations(core)}
    values: dict[str, Any] = {
        "hub": _hub(service, where),
        "proxy": {
            "https": address.https(service),
            "service": address.balancer(service, cluster),
            "chp": {"resources": _requests("proxy"), "networkPolicy": {"enabled": True}, **where},
            "traefik": {"resources": _requests("proxy"), "networkPolicy": {"enabled": True}, **where},
        },
        "singleuser": notebooks.singleuser(service, cluster),
        "scheduling": _scheduling(where),
        "prePuller": {
            # The hook's pods want a PriorityClass that a first install has not made yet, and are forbidden.
            "hook": {"enabled": False},
            "continuous": {"enabled": service["hub_image_prepull"]},
            "extraTolerations": notebooks.user_tolerations(service, cluster),
        },
        "cull": notebooks.cull(service),
    }
    if service["hub_image_pull_secrets"]:
        values["imagePullSecrets"] = list(service["hub_image_pull_secrets"])
    if code := auth.code(service):
        values["hub"]["extraConfig"] |= code
    if flags := address.proxy_flags(service):
        values["proxy"]["chp"]["extraCommandLineFlags"] = flags
    _annotate(values, secret_fingerprints, address.certificate(service))
    return values


def _hub(service: Mapping[str, Any], where: Mapping[str, Any]) -> dict[str, Any]:
    config = auth.authentication(service)
    config["JupyterHub"]["last_activity_interval"] = SECONDS_BETWEEN_CHECKS
    # Without it Kubernetes walks through all files of a volume at each start, and makes private keys group-writable.
    config["KubeSpawner"] = {"pod_security_context": {"fsGroupChangePolicy": "OnRootMismatch"}}
    return {
        "config": config,
        "extraConfig": hub_side.code(),
        "extraFiles": hub_side.files(),
        "existingSecret": EXISTING_VALUES,
        "concurrentSpawnLimit": CONCURRENT_SPAWNS,
        "db": {
            "type": "sqlite-pvc",
            "pvc": {
                "storage": str(service["hub_database"]["capacity"]),
                "storageClassName": storage_class_name(service),
            },
        },
        "resources": _requests("hub"),
        "networkPolicy": {"enabled": True},
        **where,
    }


def _scheduling(where: Mapping[str, Any]) -> dict[str, Any]:
    # Node groups decide where pods go; the chart's labels for purposes are nowhere.
    ignore = {"nodeAffinity": {"matchNodePurpose": "ignore"}}
    return {
        "podPriority": {"enabled": True, "userPlaceholderPriority": PLACEHOLDER_PRIORITY},
        "userScheduler": {"enabled": True, "resources": _requests("userScheduler"), **where},
        # Its own placeholders know one size only; it is on for its PriorityClass.
        "userPlaceholder": {"enabled": True, "replicas": 0},
        "corePods": ignore,
        "userPods": ignore | {"tolerations": notebooks.USER_TOLERATIONS},
    }


def _annotate(values: dict[str, Any], fingerprints: Mapping[str, str], certificate: str | None) -> None:
    if found := fingerprints.get(EXISTING_VALUES):
        values["hub"]["annotations"] = {SECRETS_ANNOTATION: found}
    if certificate and (found := fingerprints.get(certificate)):
        values["proxy"]["annotations"] = {SECRETS_ANNOTATION: found}


def _requests(component: str) -> dict[str, Any]:
    return {"requests": dict(_REQUESTS[component])}
