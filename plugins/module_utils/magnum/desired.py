"""From the keys of ``openstack.yml`` to what Magnum is asked for: pure functions.

``service`` is what ``load_service`` leaves: the keys with their defaults, durations in seconds.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .families import CAPI_HELM, CLUSTER_API, DEFAULT_WORKER, HEAT, Family
from .plan import label

Json = dict[str, Any]

DNS = "8.8.8.8"
"""The name server of a template for which nobody names one. The API has no default: python-magnumclient sends this
(``osc/v1/cluster_templates.py``), so that magnum-cluster-api, which cannot do without, gets one from its users."""

OURS = "managed_by"
OURS_VALUE = "stfc.jupyterhub"
"""A label of the node groups that we make. Magnum's node groups have no tags; a label that no driver knows is kept."""


@dataclass
class Desired:
    """Bodies for the modules: ``template`` (None where the site's is used), ``cluster``, ``node_groups`` by name.

    ``bounds`` are those of the default group where they are fields of the node group. ``labels`` are all labels that
    the cluster has to have, wherever they come from.
    """

    template: Json | None
    cluster: Json
    node_groups: dict[str, Json]
    labels: dict[str, str]
    autoscaling: bool
    hints: dict[str, str]
    """Labels to create the cluster with that are not compared afterwards: fields of the node group take their place."""
    problems: list[Json] = field(default_factory=list)


def desired(service: Mapping[str, Any], family: Family, certain: bool = True) -> Desired:
    """What Magnum has to have, in the form that ``family`` understands.

    Settings that the family cannot take are problems ({key, problem, hint}), not silently dropped. Where the family is
    not ``certain`` (nothing shows it before the first cluster), what only some drivers read is given in each form;
    the others ignore it.
    """
    problems: list[Json] = []
    groups: Sequence[Mapping[str, Any]] = service["cluster_node_groups"]
    default = next((g for g in groups if g["name"] == DEFAULT_WORKER), None)
    if default is None:
        raise ValueError(f"there is no node group {DEFAULT_WORKER}")
    place = {g["name"]: f"cluster_node_groups[{g['name']}]" for g in groups}
    autoscaling = any(g.get("max") for g in groups)
    own_template = service.get("cluster_template") is None

    platform = _platform_labels(service, family, own_template, problems)
    given = {str(k): label(v) for k, v in (service.get("cluster_labels") or {}).items()}
    sized = {"auto_scaling_enabled": label(autoscaling)}
    sized.update(_group_labels(default))
    sized.update({str(k): label(v) for k, v in (default.get("labels") or {}).items()})
    hints: dict[str, str] = {}
    if autoscaling:
        low, high = bounds(default)
        labels = {"min_node_count": str(low), "max_node_count": str(high)}
        if family.default_bounds == "labels":
            sized.update(labels)
        else:
            # Without, Magnum makes the group with the bounds 0 and 1, and it starts with no node.
            hints = labels
    for key in sorted(set(given) & (set(platform) | set(sized))):
        ours = {**platform, **sized}[key]
        if given[key] != ours:
            problems.append(
                {
                    "key": f"cluster_labels.{key}",
                    "problem": f"replaces '{ours}', which comes from other keys",
                    "hint": "leave it out unless this is meant",
                    "warning": True,
                }
            )

    if own_template:
        # Magnum compares flavors without a disk with the template's own label, and then with the cluster's.
        booting = {k: v for k, v in sized.items() if k.startswith("boot_volume_")}
        template_labels = {**platform, **booting, **given}
        cluster_labels = {k: v for k, v in sized.items() if k not in given}
    else:
        template_labels = {}
        cluster_labels = {**platform, **sized, **given}

    template = None
    if own_template:
        template = {
            "coe": "kubernetes",
            "image_id": service["cluster_image"],
            "flavor_id": default["flavor"],
            "master_flavor_id": service["cluster_control_plane"]["flavor"],
            "external_network_id": service["cluster_external_network"],
            "fixed_network": service.get("cluster_fixed_network"),
            "fixed_subnet": service.get("cluster_fixed_subnet"),
            "dns_nameserver": service.get("cluster_dns_nameserver") or _dns(family, certain),
            "network_driver": service["cluster_network_driver"],
            "volume_driver": "cinder",
            "docker_storage_driver": "overlay2",
            "server_type": "vm",
            "master_lb_enabled": True,
            # Heat would give every node an address; the other drivers only ask whether the API server gets one.
            "floating_ip_enabled": bool(service.get("cluster_api_floating_ip", True)) and family is not HEAT,
            "labels": template_labels,
        }
        template = {k: v for k, v in template.items() if v is not None}
        template["name"] = template_name(service["cluster_name"], service["cluster_kubernetes_version"], template)

    cluster: Json = {
        "name": service["cluster_name"],
        "keypair": service.get("cluster_keypair"),
        "master_count": int(service["cluster_control_plane"]["count"]),
        "node_count": size(default),
        "master_flavor_id": service["cluster_control_plane"]["flavor"],
        "flavor_id": default["flavor"],
        "fixed_network": service.get("cluster_fixed_network"),
        "fixed_subnet": service.get("cluster_fixed_subnet"),
        "labels": cluster_labels,
        # The API's own limit, in minutes: it must not end before we stop waiting.
        "create_timeout": max(1, -(-int(service.get("cluster_create_timeout") or 3600) // 60)),
    }
    cluster = {k: v for k, v in cluster.items() if v is not None}

    node_groups = {}
    for group in groups:
        where = place[group["name"]]
        _check_group(group, where, family, autoscaling, service, problems)
        node_groups[group["name"]] = _node_group(group, family, autoscaling)
    return Desired(
        template=template,
        cluster=cluster,
        node_groups=node_groups,
        labels={**template_labels, **cluster_labels},
        autoscaling=autoscaling,
        hints=hints,
        problems=problems,
    )


def _dns(family: Family, certain: bool) -> str | None:
    return DNS if family.needs_dns or not certain else None


def size(group: Mapping[str, Any]) -> int:
    """How many nodes a group is made with: its fixed count, else its minimum."""
    if group.get("max") is None:
        return int(1 if group.get("count") is None else group["count"])
    return bounds(group)[0]


def bounds(group: Mapping[str, Any]) -> tuple[int, int]:
    """Fewest and most nodes. A fixed group beside autoscaled ones is kept still by bounds that are equal."""
    if group.get("max") is None:
        return size(group), size(group)
    low = group.get("min")
    return int(1 if low is None else low), int(group["max"])


def template_name(cluster: str, version: str, body: Mapping[str, Any]) -> str:
    """Name of our template: a template in use cannot change, so its content is part of its name."""
    content = json.dumps({k: v for k, v in body.items() if k != "name"}, sort_keys=True)
    return f"{cluster}-{version}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def is_our_template(cluster: str, name: str) -> bool:
    """Whether ``template_name`` made this name for that cluster."""
    return bool(re.fullmatch(re.escape(cluster) + r"-v[0-9]+\.[0-9]+\.[0-9]+-[0-9a-f]{8}", name))


def _platform_labels(
    service: Mapping[str, Any], family: Family, own_template: bool, problems: list[Json]
) -> dict[str, str]:
    labels = {
        "auto_healing_enabled": label(bool(service.get("cluster_auto_healing", True))),
        "master_lb_floating_ip_enabled": label(bool(service.get("cluster_api_floating_ip", True))),
    }
    # A site's template brings its own version.
    if own_template and family.version_from == "label":
        labels["kube_tag"] = service["cluster_kubernetes_version"]
    if service.get("cluster_octavia_provider"):
        labels["octavia_provider"] = service["cluster_octavia_provider"]
    if service.get("cluster_availability_zone"):
        labels["availability_zone"] = service["cluster_availability_zone"]
    if service.get("cluster_registry_mirror"):
        if family is CAPI_HELM:
            problems.append(_cannot("cluster_registry_mirror", family, "the images come from the capi-helm charts"))
        else:
            mirror = str(service["cluster_registry_mirror"]).rstrip("/")
            labels["container_infra_prefix"] = f"{mirror}/" if family.mirror_slash else mirror
    if service.get("cluster_api_allowed_cidrs"):
        key = {HEAT.name: "master_lb_allowed_cidrs", CAPI_HELM.name: "api_master_lb_allowed_cidrs"}.get(family.name)
        if key:
            labels[key] = ",".join(service["cluster_api_allowed_cidrs"])
        else:
            problems.append(
                _cannot("cluster_api_allowed_cidrs", family, "restrict the API server's balancer in Octavia instead")
            )
    driver = service.get("cluster_network_driver")
    if own_template and driver and driver not in family.network_drivers:
        problems.append(
            {
                "key": "cluster_network_driver",
                "problem": f"{family.title} does not have {driver}",
                "hint": f"write {' or '.join(family.network_drivers)}",
            }
        )
    return labels


def _cannot(key: str, family: Family, hint: str) -> Json:
    return {"key": key, "problem": f"{family.title} has no such setting", "hint": hint}


def _group_labels(group: Mapping[str, Any]) -> dict[str, str]:
    labels: dict[str, str] = {}
    volume = group.get("boot_volume") or {}
    if volume.get("size"):
        labels["boot_volume_size"] = str(volume["size"])
    if volume.get("type"):
        labels["boot_volume_type"] = str(volume["type"])
    if group.get("availability_zone"):
        labels["availability_zone"] = str(group["availability_zone"])
    return labels


def _node_group(group: Mapping[str, Any], family: Family, autoscaling: bool) -> Json:
    low, high = bounds(group)
    body: Json = {"name": group["name"]}
    default = group["name"] == DEFAULT_WORKER
    if not default:
        body.update(
            flavor_id=group["flavor"],
            image_id=group.get("image"),
            role="worker",
            labels={**_group_labels(group), **{str(k): label(v) for k, v in (group.get("labels") or {}).items()}},
            merge_labels=True,
        )
        body["labels"][OURS] = OURS_VALUE
    body["node_count"] = size(group)
    bounded = group.get("max") is not None or (autoscaling and high > 0)
    if bounded and (not default or family.default_bounds == "fields"):
        body["min_node_count"], body["max_node_count"] = low, high
    return {k: v for k, v in body.items() if v is not None}


def _check_group(
    group: Mapping[str, Any],
    where: str,
    family: Family,
    autoscaling: bool,
    service: Mapping[str, Any],
    problems: list[Json],
) -> None:
    default = group["name"] == DEFAULT_WORKER
    low, _high = bounds(group)
    scaled = group.get("max") is not None
    if not family.takes_group(group["name"]):
        problems.append(
            {
                "key": f"{where}.name",
                "problem": f"{family.title} makes no node group named '{group['name']}'",
                "hint": f"give it another name: {family.group_names[1]}",
            }
        )
    if scaled and low == 0:
        allowed = family.zero_minimum_default_group if default else family.zero_minimum
        if not allowed:
            what = "an autoscaled default group" if default else "an autoscaled group"
            problems.append(
                {"key": f"{where}.min", "problem": f"{family.title} refuses {what} of no nodes", "hint": "write 1"}
            )
    if not default and not scaled and autoscaling and not size(group) and family.default_bounds == "fields":
        problems.append(
            {
                "key": f"{where}.count",
                "problem": f"{family.title} lets an autoscaler have a group of no nodes, up to the largest size of "
                f"{DEFAULT_WORKER}",
                "hint": "write enabled: false, or min: 0 and max",
            }
        )
    if default and group.get("image") and group["image"] != service.get("cluster_image"):
        problems.append(
            {
                "key": f"{where}.image",
                "problem": "the default group has the cluster's image",
                "hint": "leave it out, or write cluster_image",
            }
        )
    if family is CLUSTER_API or family is CAPI_HELM or not autoscaling:
        return
    if default and not scaled:
        problems.append(
            {
                "key": where,
                "problem": f"{family.title} keeps the bounds of {DEFAULT_WORKER} in labels that never change, so that "
                "this count stays as it is for the cluster's life",
                "hint": "give it min and max",
                "warning": True,
            }
        )
