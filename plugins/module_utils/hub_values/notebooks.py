# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Users' servers: profiles, storage, shared memory, idle kernels. ``singleuser`` and ``cull`` of the chart.

KubeSpawner merges a profile's dicts into the spawner's and replaces its lists (``_apply_overrides``). So a default
list is repeated in a profile that adds to it, and a dict that differs from profile to profile (the selector) has no
default that could shine through.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .. import kubespawner
from . import groups
from .objects import storage_class_name
from .volumes import SHARED_MEMORY, SHARED_MEMORY_PATH

USER_TOLERATIONS: list[groups.Toleration] = [
    {"key": key, "operator": "Equal", "value": "user", "effect": "NoSchedule"}
    for key in ("hub.jupyter.org/dedicated", "hub.jupyter.org_dedicated")
]
"""The chart's ``scheduling.userPods.tolerations``, which a profile with tolerations of its own replaces."""

CLAIM_TEMPLATE = "claim-{username}--{safe_servername}"
"""Names a server's claim. Never change it: whoever has no running server would get an empty volume.

KubeSpawner takes the dashes away where a server has no name: everybody's first server has ``claim-USER``. Its slugs
hold no ``--`` (``kubespawner/slugs.py``), so no two servers share a claim. The chart's ``{user_server}`` shortens long
names. With ``{servername}``, KubeSpawner would delete the claim with its server, and a server made while all of a
user's had one claim remembers that one.
"""

SERVER_CONFIG = "/usr/local/etc/jupyter/jupyter_config.json"
"""Settings for all Jupyter programs: those in any ``jupyter_server_config`` go over them (``jupyter_core``)."""

CULLING_FILE = "hub-culling"
"""Key of that file in ``singleuser.extraFiles``."""

ENFORCING = ("calico", "cilium")
"""Network drivers that enforce policies; flannel does not."""

_CHECKS_PER_TIMEOUT = 12
_MOST_SECONDS_BETWEEN_CHECKS = 300


def singleuser(service: Mapping[str, Any], cluster: Mapping[str, Any]) -> dict[str, Any]:
    """``singleuser``. What a user gets who chooses nothing is what the default profile says."""
    profiles = service["hub_profiles"]
    default = default_profile(profiles)
    image, tag = split_image(image_of(service, default))
    result = {
        "image": {"name": image, "tag": tag, "pullPolicy": service["hub_image_pull_policy"]},
        "cpu": {"limit": number(default["cpu"]), "guarantee": number(default["cpu_guarantee"])},
        "memory": {"limit": default["memory"], "guarantee": memory_guarantee(default)},
        "startTimeout": service["hub_start_timeout"],
        "networkPolicy": {"enabled": True},
        "cloudMetadata": {"blockWithIptables": _blocked_by_iptables(service, cluster)},
        "storage": _storage(service, default),
        "extraEnv": {"JUPYTERHUB_ACTIVITY_INTERVAL": str(activity_interval(service))},
        "profileList": [_profile(service, cluster, profile, profile is default) for profile in profiles],
    }
    if service["hub_culling"]["enabled"] and service["hub_culling"]["kernels"]["enabled"]:
        config = kernel_culling(service)
        # A string: Helm would turn the numbers of a mapping into floats on the way.
        result["extraFiles"] = {
            CULLING_FILE: {
                "mountPath": SERVER_CONFIG,
                "stringData": json.dumps(config, indent=2, sort_keys=True) + "\n",
            }
        }
    return result


def _blocked_by_iptables(service: Mapping[str, Any], cluster: Mapping[str, Any]) -> bool:
    """Whether the cloud's metadata have to be blocked in each pod, with rights that a policy makes unnecessary.

    They have where no policy does it: the network driver enforces none or is not known, or ``hub_values`` says so.
    """
    given = (service.get("hub_values") or {}).get("singleuser") or {}
    policy = given.get("networkPolicy") or {}
    if (policy.get("egressAllowRules") or {}).get("cloudMetadataServer"):
        return False  # a team opens them; the chart refuses both together
    return (
        policy.get("enabled") is False or bool(policy.get("egress")) or cluster.get("network_driver") not in ENFORCING
    )


def default_profile(profiles: list[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The profile marked ``default``, or else the first (as KubeSpawner has it)."""
    return next((profile for profile in profiles if profile.get("default")), profiles[0])


def memory_guarantee(profile: Mapping[str, Any]) -> int:
    """Bytes kept for a user: all that the user may use, unless the profile says less."""
    guarantee = profile.get("memory_guarantee")
    return profile["memory"] if guarantee is None else guarantee


def number(value: float) -> float:
    """2 rather than 2.0, as YAML and people write it."""
    return int(value) if float(value).is_integer() else float(value)


def image_of(service: Mapping[str, Any], profile: Mapping[str, Any]) -> str:
    """The profile's image, or everybody's."""
    return profile.get("image") or service["hub_image"]


def split_image(image: str) -> tuple[str, str]:
    """Name and tag as the chart joins them again with a colon; of a digest only its hex part is the "tag"."""
    name, _sep, tag = image.rpartition(":")
    return (name, tag) if name and "/" not in tag else (image, "latest")


def activity_interval(service: Mapping[str, Any]) -> int:
    """Seconds between two reports of a server's activity: seldom enough for a big hub, often enough for the culler."""
    culling = service["hub_culling"]
    if not culling["enabled"]:
        return 3600
    return max(15, min(3600, culling["idle_timeout"] // _CHECKS_PER_TIMEOUT))


def cull(service: Mapping[str, Any]) -> dict[str, Any]:
    """``cull``: idle servers are stopped; users and their volumes stay."""
    culling = service["hub_culling"]
    if not culling["enabled"]:
        return {"enabled": False}
    return {
        "enabled": True,
        "timeout": culling["idle_timeout"],
        "every": culling["every"],
        "maxAge": culling.get("max_age") or 0,
        "adminUsers": culling["admins"],
        "users": False,
        "removeNamedServers": False,
    }


def kernel_culling(service: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of jupyter_server: an idle kernel or terminal in an open tab would hold its server for ever."""
    culling = service["hub_culling"]
    kernels = culling["kernels"]
    timeout = kernels.get("idle_timeout") or culling["idle_timeout"]
    interval = max(10, min(_MOST_SECONDS_BETWEEN_CHECKS, timeout // _CHECKS_PER_TIMEOUT))
    return {
        "MappingKernelManager": {
            "cull_idle_timeout": timeout,
            "cull_interval": interval,
            "cull_connected": kernels["connected"],
            "cull_busy": kernels["busy"],
        },
        "TerminalManager": {"cull_inactive_timeout": timeout, "cull_interval": interval},
    }


def user_tolerations(service: Mapping[str, Any], cluster: Mapping[str, Any]) -> list[groups.Toleration]:
    """What lets a pod onto the nodes of every profile."""
    result: list[groups.Toleration] = []
    for profile in service["hub_profiles"]:
        for toleration in groups.tolerations(_group(cluster, profile)):
            if toleration not in result:
                result.append(toleration)
    return result


def _group(cluster: Mapping[str, Any], profile: Mapping[str, Any]) -> Mapping[str, Any]:
    return groups.node_group(cluster, profile["node_group"], f"hub_profiles: {profile['name']}")


def _storage(service: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    storage = service["hub_storage"]
    result: dict[str, Any] = {
        "type": storage["type"],
        # Dicts, not lists: a profile overrides the size alone, and the user's volume stays.
        "extraVolumes": {SHARED_MEMORY: _shared_memory(service, default)},
        "extraVolumeMounts": {SHARED_MEMORY_PATH: {"name": SHARED_MEMORY, "mountPath": SHARED_MEMORY_PATH}},
    }
    if storage["type"] == "dynamic":
        result |= {
            "capacity": str(storage["capacity"]),
            "homeMountPath": kubespawner.filled(storage["mount_path"]),
            "dynamic": {"storageClass": storage_class_name(service), "pvcNameTemplate": CLAIM_TEMPLATE},
        }
    return result


def _shared_memory(service: Mapping[str, Any], profile: Mapping[str, Any]) -> dict[str, Any]:
    """Shared memory. What is in it counts against the notebook's limit, so more than that is of no use."""
    size = min(service.get("hub_shared_memory") or profile["memory"], profile["memory"])
    return {"name": SHARED_MEMORY, "emptyDir": {"medium": "Memory", "sizeLimit": str(size)}}


def _profile(
    service: Mapping[str, Any], cluster: Mapping[str, Any], profile: Mapping[str, Any], is_default: bool
) -> dict[str, Any]:
    group = _group(cluster, profile)
    override: dict[str, Any] = {
        "cpu_limit": number(profile["cpu"]),
        "cpu_guarantee": number(profile["cpu_guarantee"]),
        "mem_limit": profile["memory"],
        "mem_guarantee": memory_guarantee(profile),
        "node_selector": groups.selector(group),
        "volumes": {SHARED_MEMORY: _shared_memory(service, profile)},
    }
    if image_of(service, profile) != image_of(service, default_profile(service["hub_profiles"])):
        override["image"] = image_of(service, profile)
    if extra := groups.tolerations(group):
        override["tolerations"] = USER_TOLERATIONS + extra
    if profile.get("gpus"):
        override["extra_resource_limits"] = {group.get("gpu_resource") or "nvidia.com/gpu": str(profile["gpus"])}
    if profile.get("environment"):
        override["environment"] = {
            name: kubespawner.variable(str(value)) for name, value in profile["environment"].items()
        }
    result: dict[str, Any] = {"slug": profile["name"], "display_name": profile.get("display_name") or profile["name"]}
    if profile.get("description"):
        result["description"] = profile["description"]
    if is_default:
        result["default"] = True
    return result | {"kubespawner_override": override}
