# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Places kept free: one StatefulSet for each profile that asks for some.

A placeholder asks for exactly what a user's pod of its profile asks for, or it would not make room for one. So it is
derived from the chart's values as they are released, ``hub_values`` included, by KubeSpawner's rules
(``kubespawner/objects.py``, make_pod) and Kubernetes' (a limit without a request is the request).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from ..kubespawner import size
from . import named
from .chart import hub_values
from .errors import HubValuesError
from .labels import PROFILE, ours
from .merge import merged
from .notebooks import USER_TOLERATIONS

PAUSE_IMAGE = "registry.k8s.io/pause:3.10.1"

Manifest = dict[str, Any]


def placeholders(service: Mapping[str, Any], cluster: Mapping[str, Any]) -> list[Manifest]:
    """StatefulSets ``user-placeholder-<profile>``; none for a profile with no placeholders.

    Raises HubValuesError.
    """
    values = hub_values(service, cluster)
    return [_stateful_set(service, values, profile) for profile in service["hub_profiles"] if profile["placeholders"]]


def requests(service: Mapping[str, Any], cluster: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What a user's pod of each profile asks of the scheduler, by profile: resources as Kubernetes writes them.

    Raises HubValuesError.
    """
    values = hub_values(service, cluster)
    names = [profile["name"] for profile in service["hub_profiles"]]
    found: dict[str, dict[str, str]] = {name: _resources(_spawner(values, name))["requests"] for name in names}
    return found


def _stateful_set(service: Mapping[str, Any], values: Mapping[str, Any], profile: Mapping[str, Any]) -> Manifest:
    name = f"user-placeholder-{profile['name']}"
    selector = ours(service, "user-placeholder") | {PROFILE: profile["name"]}
    del selector["app.kubernetes.io/managed-by"]
    labels = ours(service, "user-placeholder") | {PROFILE: profile["name"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": service["hub_namespace"], "labels": labels},
        "spec": {
            "replicas": profile["placeholders"],
            "serviceName": name,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": selector},
            "template": {
                "metadata": {
                    "labels": labels,
                    # A node that holds nothing but placeholders may go.
                    "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"},
                },
                "spec": _pod(service, values, _spawner(values, profile["name"])),
            },
        },
    }


def _spawner(values: Mapping[str, Any], profile: str) -> dict[str, Any]:
    """KubeSpawner's settings for one profile: what matters to the scheduler."""
    single, scheduling = values["singleuser"], values["scheduling"]
    cpu, memory = single.get("cpu") or {}, single.get("memory") or {}
    settings: dict[str, Any] = {
        "cpu_guarantee": cpu.get("guarantee"),
        "cpu_limit": cpu.get("limit"),
        "mem_guarantee": memory.get("guarantee"),
        "mem_limit": memory.get("limit"),
        "extra_resource_guarantees": (single.get("extraResource") or {}).get("guarantees") or {},
        "extra_resource_limits": (single.get("extraResource") or {}).get("limits") or {},
        "node_selector": single.get("nodeSelector") or {},
        "tolerations": [
            *((scheduling.get("userPods") or {}).get("tolerations", USER_TOLERATIONS) or []),
            *(single.get("extraTolerations") or []),
        ],
    }
    for item in single["profileList"]:
        if item.get("slug") == profile:
            for override in named.default_overrides(item):
                settings = merged(settings, {key: value for key, value in override.items() if key in settings})
            return {key: _without_nulls(value) for key, value in settings.items()}
    raise HubValuesError(f"there is no instance {profile!r} in singleuser.profileList")


def _without_nulls(value: Any) -> Any:
    """KubeSpawner takes a null in a mapping for the key's removal."""
    if not isinstance(value, Mapping):
        return value
    return {key: member for key, member in value.items() if member is not None}


def _pod(service: Mapping[str, Any], values: Mapping[str, Any], spawner: Mapping[str, Any]) -> dict[str, Any]:
    scheduling = values["scheduling"]
    pod: dict[str, Any] = {
        "priorityClassName": f"{service['hub_release']}-user-placeholder-priority",
        "nodeSelector": dict(spawner["node_selector"]),
        "tolerations": [dict(item) for item in spawner["tolerations"]],
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "containers": [
            {
                "name": "pause",
                "image": _image(scheduling.get("userPlaceholder") or {}),
                "resources": _resources(spawner),
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 65534,
                    "runAsGroup": 65534,
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
            }
        ],
    }
    if scheduling["userScheduler"]["enabled"]:
        pod["schedulerName"] = f"{service['hub_release']}-user-scheduler"
    if values.get("imagePullSecrets"):
        pod["imagePullSecrets"] = [
            item if isinstance(item, Mapping) else {"name": item} for item in values["imagePullSecrets"]
        ]
    return pod


def _resources(spawner: Mapping[str, Any]) -> dict[str, Any]:
    """Requests of the user's pod. Limits only of extended resources, which Kubernetes wants equal to the requests."""
    requests: dict[str, str] = {}
    cpu = spawner["cpu_guarantee"] or spawner["cpu_limit"]
    memory = spawner["mem_guarantee"] or spawner["mem_limit"]
    if cpu:
        requests["cpu"] = cpu_quantity(cpu)
    if memory:
        requests["memory"] = str(size(memory))
    limits = {name: str(count) for name, count in spawner["extra_resource_limits"].items()}
    requests |= limits | {name: str(count) for name, count in spawner["extra_resource_guarantees"].items()}
    return {"requests": requests, "limits": limits} if limits else {"requests": requests}


def cpu_quantity(cpu: float | str) -> str:
    """CPUs as Kubernetes writes them back: ``2``, ``50m``; parts of a thousandth are rounded up."""
    milli = math.ceil(Fraction(str(cpu)) * 1000)
    return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"


def _image(placeholder: Mapping[str, Any]) -> str:
    image = placeholder.get("image") or {}
    name, tag = PAUSE_IMAGE.rsplit(":", 1)
    return f"{image.get('name') or name}:{image.get('tag') or tag}"
