"""One check of ``openstack.yml`` against the cloud, before anything is made: pure functions.

``Cloud`` is what was read; ``check`` says what is wrong with the file there, and what has to be done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..preflight.finding import missing
from . import octavia
from .desired import DNS, OURS, OURS_VALUE, Desired, desired, is_our_template, size, template_name
from .errors import CloudTooOldError, fault_text, lost_group
from .families import CAPI_HELM, CLUSTER_API, Family, guess, recognise
from .plan import Plan, Same, equal, label, plan_cluster, plan_nodegroup

Json = dict[str, Any]

SHAPING = {
    "network_driver": "cluster_network_driver",
    "external_network_id": "cluster_external_network",
    "dns_nameserver": "cluster_dns_nameserver",
}
"""Fields of a template that shape a cluster for its life, and the keys they come from."""

KEY_OF = {
    "keypair": "cluster_keypair",
    "flavor_id": "cluster_node_groups[default-worker].flavor",
    "master_flavor_id": "cluster_control_plane.flavor",
    "master_count": "cluster_control_plane.count",
    "fixed_network": "cluster_fixed_network",
    "fixed_subnet": "cluster_fixed_subnet",
}
"""The keys that a cluster's fields come from."""

KEY_OF_LABEL = {
    "auto_healing_enabled": "cluster_auto_healing",
    "auto_scaling_enabled": "cluster_node_groups",
    "master_lb_floating_ip_enabled": "cluster_api_floating_ip",
    "kube_tag": "cluster_kubernetes_version",
    "octavia_provider": "cluster_octavia_provider",
    "availability_zone": "cluster_availability_zone",
    "container_infra_prefix": "cluster_registry_mirror",
    "master_lb_allowed_cidrs": "cluster_api_allowed_cidrs",
    "api_master_lb_allowed_cidrs": "cluster_api_allowed_cidrs",
    "min_node_count": "cluster_node_groups[default-worker].min",
    "max_node_count": "cluster_node_groups[default-worker].max",
    "boot_volume_size": "cluster_node_groups[default-worker].boot_volume",
    "boot_volume_type": "cluster_node_groups[default-worker].boot_volume",
}
"""The keys that a cluster's labels come from, where it is not ``cluster_labels``."""


@dataclass
class Cloud:
    """What the cloud has, as its APIs show it.

    ``images`` and ``keypairs`` are only read where they matter: the one that is named, or all of them when it is
    not there. ``require`` raises CloudTooOldError for a feature that Magnum lacks. ``delegates``: whether the
    credentials may make others, as every driver of Magnum does for a new cluster. ``octavia_providers``: None where
    they were not read.
    """

    name: str
    flavors: Sequence[Json]
    networks: Sequence[Json]
    subnets: Sequence[Json]
    images: Sequence[Json]
    keypairs: Sequence[str]
    templates: Sequence[Json]
    cluster: Json | None
    cluster_template: Json | None
    node_groups: Sequence[Json]
    require: Callable[..., None]
    same: Same = equal
    delegates: bool = True
    neighbours: Sequence[Json] = ()
    """Other clusters of the project; read only where there is none of this name."""
    octavia_providers: Sequence[str] | None = None


@dataclass
class Verdict:
    """Problems and warnings ({key, problem, hint}); the plan in the form that the modules take."""

    family: Family
    certain: bool
    wanted: Desired
    assumed: str = ""
    """Which family was taken for the cloud's, and why, where that is not certain."""
    problems: list[Json] = field(default_factory=list)
    warnings: list[Json] = field(default_factory=list)
    actions: list[str] = field(default_factory=list)
    template: Json | None = None
    cluster: Json = field(default_factory=dict)
    cluster_changes: bool = False
    node_groups: list[Json] = field(default_factory=list)
    expects: list[Json] = field(default_factory=list)
    """{name, least, flavor} of the groups: how many nodes each has to have once the plan was carried out."""
    remove: list[str] = field(default_factory=list)
    unused_templates: list[str] = field(default_factory=list)


def check(service: Mapping[str, Any], cloud: Cloud) -> Verdict:
    """Compare the file with the cloud. Nothing is raised for what people can mend: it is in ``problems``."""
    image = _named(cloud.images, service["cluster_image"])
    site = site_template(service, cloud)
    template = site or cloud.cluster_template
    found = recognise(service["cluster_driver"], cluster=cloud.cluster, template=template, image=image)
    shown = guess(cloud.neighbours, cloud.templates) if found is None else None
    family = found or (shown[0] if shown else CLUSTER_API)
    balancing = (family, cloud.cluster, site, cloud.octavia_providers)
    named = _by_name(service, cloud) if family is CAPI_HELM or found is None else service
    wanted = desired(octavia.with_provider(named, *balancing), family, bool(found))
    verdict = Verdict(family, found is not None, wanted)
    if found is None:
        why = f"{shown[1]} shows it" if shown else "nothing shows it before the first cluster"
        verdict.assumed = f"the cloud's driver is taken for {family.title} ({why}); cluster_driver says which it is"
    for problem in wanted.problems:
        (verdict.warnings if problem.pop("warning", False) else verdict.problems).append(problem)
    verdict.problems += check_names(service, cloud)
    verdict.problems += octavia.problems(service, *balancing)
    _check_control_plane(service, cloud, verdict)
    _check_site_template(service, cloud, template, verdict)
    _check_distro(service, image, verdict)
    _plan(service, cloud, template, verdict)
    verdict.expects = _expects(service, cloud, family)
    _check_versions(cloud, verdict)
    return verdict


def _by_name(service: Mapping[str, Any], cloud: Cloud) -> Mapping[str, Any]:
    """The file with flavors by their names: the charts of magnum-capi-helm find none by its id."""

    def renamed(thing: Mapping[str, Any]) -> Mapping[str, Any]:
        found = _named(cloud.flavors, thing["flavor"])
        return {**thing, "flavor": found["name"]} if found else thing

    groups = [renamed(group) for group in service["cluster_node_groups"]]
    return {
        **service,
        "cluster_node_groups": groups,
        "cluster_control_plane": renamed(service["cluster_control_plane"]),
    }


def site_template(service: Mapping[str, Any], cloud: Cloud) -> Json | None:
    """The site's template that the file names; None where it names none, or one that is not there."""
    name = service.get("cluster_template")
    return _named(cloud.templates, name) if name else None


def _named(things: Iterable[Json], name: str) -> Json | None:
    return next((t for t in things if name in (t.get("name"), t.get("id"), t.get("uuid"))), None)


def external_network(service: Mapping[str, Any], cloud: Cloud) -> str:
    """The id of the network that the cluster's floating IPs come from: the site's template's, or the file's. Or ""."""
    template = (site_template(service, cloud) or cloud.cluster_template or {}) if service["cluster_template"] else {}
    name = template.get("external_network_id") or service["cluster_external_network"]
    found = [network for network in cloud.networks if name in (network.get("name"), network.get("id"))]
    return str(next((network["id"] for network in found if network.get("is_router_external")), ""))


def check_known(service: Mapping[str, Any], cloud: Cloud) -> list[Json]:
    """Problems with a file of which not every key is known: what needs no comparison of the whole with a cluster."""
    problems = check_names(service, cloud)
    if octavia.said(service):
        problems += octavia.problems(service, CLUSTER_API, cloud.cluster, None, cloud.octavia_providers)
    if service.get("cluster_name") and cloud.cluster is None:
        problems += _check_delegation(cloud)
    return problems


def _check_delegation(cloud: Cloud) -> list[Json]:
    """Every driver of Magnum makes a credential for a new cluster with the one of its user."""
    if cloud.delegates:
        return []
    return [
        {
            "key": "openstack_cloud",
            "problem": f"the application credential of {cloud.name} is restricted: Magnum cannot make the "
            "credential that a new cluster needs",
            "hint": "make one with: openstack application credential create --unrestricted NAME",
        }
    ]


def check_names(service: Mapping[str, Any], cloud: Cloud) -> list[Json]:
    """Problems with what the file names and the cloud should have. Keys that ``service`` lacks are not looked at."""
    problems: list[Json] = []
    plane = service.get("cluster_control_plane") or {}
    flavors = [("cluster_control_plane.flavor", plane.get("flavor"))]
    groups = [g for g in service.get("cluster_node_groups") or () if g.get("name")]
    flavors += [(f"cluster_node_groups[{g['name']}].flavor", g.get("flavor")) for g in groups]
    for key, name in flavors:
        if name and not _named(cloud.flavors, name):
            problems.append(_missing(key, "flavor", name, cloud, cloud.flavors))

    site = service.get("cluster_template")
    if site:
        _check_template(site, cloud, problems)
    else:
        if service.get("cluster_image"):
            _check_image("cluster_image", service["cluster_image"], service, cloud, problems)
        if service.get("cluster_external_network"):
            _check_external_network(service["cluster_external_network"], cloud, problems)
    for group in groups:
        if group.get("image"):
            _check_image(f"cluster_node_groups[{group['name']}].image", group["image"], service, cloud, problems)

    for key, kind, things in (
        ("cluster_fixed_network", "network", [n for n in cloud.networks if not n.get("is_router_external")]),
        ("cluster_fixed_subnet", "subnet", cloud.subnets),
    ):
        if service.get(key):
            _check_unique(key, kind, service[key], cloud, things, problems)
        if service.get(key) and not _named(things, service[key]):
            problems.append(_missing(key, kind, service[key], cloud, things))
    keypair = service.get("cluster_keypair")
    if keypair and cloud.cluster is None and keypair not in cloud.keypairs:
        known = [{"name": name} for name in cloud.keypairs]
        problems.append(_missing("cluster_keypair", "keypair of this user", keypair, cloud, known))
    return problems


def _missing(key: str, kind: str, name: str, cloud: Cloud, known: Iterable[Json]) -> Json:
    found = missing(key, kind, name, cloud.name, (each.get("name") for each in known))
    return {"key": key, "problem": found.message, "hint": found.hint}


def _check_template(name: str, cloud: Cloud, problems: list[Json]) -> None:
    named = [t for t in cloud.templates if t.get("name") == name]
    if not _named(cloud.templates, name):
        problems.append(_missing("cluster_template", "cluster template", name, cloud, cloud.templates))
    elif len(named) > 1:
        uuids = ", ".join(t["uuid"] for t in named)
        problems.append(
            {
                "key": "cluster_template",
                "problem": f"there are {len(named)} templates named '{name}'",
                "hint": f"write the UUID of one: {uuids}",
            }
        )


def _check_image(key: str, name: str, service: Mapping[str, Any], cloud: Cloud, problems: list[Json]) -> None:
    image = _named(cloud.images, name)
    if image is None:
        problems.append(_missing(key, "image", name, cloud, cloud.images))
        return
    ids = sorted({str(each["id"]) for each in cloud.images if each["name"] == name != each["id"]})
    if len(ids) > 1:
        what = f"cloud {cloud.name} has {len(ids)} images named '{name}'"
        problems.append({"key": key, "problem": what, "hint": f"write the id of one of them: {', '.join(ids)}"})
        return
    if not image.get("os_distro"):
        problems.append(
            {
                "key": key,
                "problem": f"image '{name}' has no property os_distro, which Magnum needs",
                "hint": f"openstack image set --property os_distro=ubuntu {name} (or whatever it is)",
            }
        )
    version = service.get("cluster_kubernetes_version")
    inside = image.get("kube_version") or next(iter(re.findall(r"v1\.\d+\.\d+", image.get("name") or "")), None)
    if inside and version and inside.lstrip("v") != version.lstrip("v"):
        problems.append(
            {
                "key": key,
                "problem": f"image '{name}' has Kubernetes {inside}, cluster_kubernetes_version says {version}",
                "hint": f"write cluster_kubernetes_version: v{inside.lstrip('v')}, or an image with {version}",
            }
        )


def _check_unique(key: str, kind: str, name: str, cloud: Cloud, things: Iterable[Json], problems: list[Json]) -> None:
    """Several of one name: Magnum refuses that. It never matters once the cluster is there."""
    ids = sorted({str(each["id"]) for each in things if each.get("name") == name != each.get("id")})
    if len(ids) > 1 and cloud.cluster is None:
        what = f"cloud {cloud.name} has {len(ids)} {kind}s named '{name}'"
        problems.append({"key": key, "problem": what, "hint": f"write the id of one of them: {', '.join(ids)}"})


def _check_external_network(name: str, cloud: Cloud, problems: list[Json]) -> None:
    external = [n for n in cloud.networks if n.get("is_router_external")]
    # A project's own network may have the same name: Magnum looks among the external ones only.
    network = _named(external, name) or _named(cloud.networks, name)
    _check_unique("cluster_external_network", "external network", name, cloud, external, problems)
    if network is None:
        problems.append(_missing("cluster_external_network", "network", name, cloud, external))
    elif not network.get("is_router_external"):
        names = ", ".join(n["name"] for n in external if n.get("name"))
        problems.append(
            {
                "key": "cluster_external_network",
                "problem": f"network '{name}' is not an external one: floating IPs cannot come from it",
                "hint": f"there are: {names}" if names else "",
            }
        )


def _check_control_plane(service: Mapping[str, Any], cloud: Cloud, verdict: Verdict) -> None:
    count = int(service["cluster_control_plane"]["count"])
    if count % 2 == 0 and cloud.cluster is None:
        verdict.problems.append(
            {
                "key": "cluster_control_plane.count",
                "problem": f"{count} is even: etcd gains nothing from it, and Magnum refuses it",
                "hint": f"write {max(1, count - 1)} or {count + 1}",
            }
        )


def _check_distro(service: Mapping[str, Any], image: Json | None, verdict: Verdict) -> None:
    distro, family = str((image or {}).get("os_distro") or ""), verdict.family
    if not distro or service.get("cluster_template") or not verdict.certain or family is not CAPI_HELM:
        return
    if distro not in family.image_distros:
        verdict.problems.append(
            {
                "key": "cluster_image",
                "problem": f"image '{service['cluster_image']}' has os_distro {distro}, and {family.title} takes "
                f"{' and '.join(family.image_distros)} only",
                "hint": "write another image",
            }
        )


def _check_site_template(service: Mapping[str, Any], cloud: Cloud, template: Json | None, verdict: Verdict) -> None:
    """A site's template that is to be used for the first time, and of which the driver makes no cluster."""
    name = service.get("cluster_template")
    if not name or template is None or template.get("dns_nameserver"):
        return
    if cloud.cluster is not None and cloud.cluster.get("cluster_template_id") == template.get("uuid"):
        return
    if not verdict.family.needs_dns:
        return
    fails = "magnum-cluster-api fails on that (CREATE_FAILED: 'NoneType' object has no attribute 'split')"
    others = sorted(t["name"] for t in cloud.templates if t.get("dns_nameserver") and t.get("public"))
    hint = f"write another: {', '.join(others)}; or let" if others else "let"
    problem = {
        "key": "cluster_template",
        "problem": f"template '{name}' has no dns_nameserver, and {fails}",
        "hint": f"{hint} its owner run: openstack coe cluster template update {name} replace dns_nameserver={DNS}",
    }
    (verdict.problems if verdict.certain else verdict.warnings).append(problem)


def _plan(service: Mapping[str, Any], cloud: Cloud, template: Json | None, verdict: Verdict) -> None:
    live = cloud.cluster
    if live is None:
        _plan_new(service, cloud, verdict)
        return
    status = str(live.get("status"))
    if status in ("CREATE_FAILED", "DELETE_FAILED"):
        verdict.problems.append(
            {
                "key": "cluster_name",
                "problem": f"cluster {live['name']} is {status}: {fault_text(live, cloud.node_groups)}",
                "hint": f"remove it: ansible-playbook stfc.jupyterhub.destroy -e confirm={live['name']}",
            }
        )
        return
    if status == "DELETE_IN_PROGRESS":
        _plan_new(service, cloud, verdict)
        return
    if lost := lost_group(live, cloud.node_groups):
        hint = f"remove the cluster: ansible-playbook stfc.jupyterhub.destroy -e confirm={live['name']}"
        verdict.problems.append({"key": "cluster_node_groups", "problem": lost, "hint": hint})
    target = _template_for(service, cloud, template, verdict)
    _note_unused_templates(cloud, target, verdict)
    wanted = verdict.wanted
    if not cloud.node_groups:  # a Magnum without node groups
        verdict.cluster["node_count"] = wanted.cluster["node_count"]
    plan = plan_cluster(
        {**verdict.cluster, "create_timeout": None, "cluster_template": None, "labels": wanted.labels},
        live,
        cloud.node_groups,
        template=target,
        template_name=verdict.cluster["cluster_template"],
        resizes_control_plane=verdict.family.resizes_control_plane,
        same=cloud.same,
    )
    _refuse(plan, service, verdict)
    verdict.actions += [a.says for a in plan.actions]
    verdict.cluster_changes = plan.changed or status.endswith("_IN_PROGRESS")
    _plan_groups(cloud, verdict)


def _plan_new(service: Mapping[str, Any], cloud: Cloud, verdict: Verdict) -> None:
    wanted = verdict.wanted
    verdict.problems += _check_delegation(cloud)
    verdict.template = wanted.template
    name = wanted.template["name"] if wanted.template else service["cluster_template"]
    labels = {**wanted.hints, **wanted.cluster["labels"]}
    verdict.cluster = {**wanted.cluster, "labels": labels, "cluster_template": name}
    verdict.cluster_changes = True
    _note_unused_templates(cloud, name, verdict)
    verdict.node_groups = [g for g in wanted.node_groups.values() if "flavor_id" in g or "max_node_count" in g]
    if wanted.template:
        verdict.actions.append(f"create cluster template {name}")
    verdict.actions.append(f"create cluster {wanted.cluster['name']} from template {name}")
    if verdict.assumed:
        verdict.actions[-1] += f"; {verdict.assumed}"
    verdict.actions += [f"create node group {g}" for g in wanted.node_groups if g != "default-worker"]


def _template_for(service: Mapping[str, Any], cloud: Cloud, template: Json | None, verdict: Verdict) -> str | None:
    """The template that the cluster has to have: what is new about it is made only for an upgrade.

    The answer is the uuid; for a template that is yet to be made, its name (``plan_cluster`` only compares it).
    """
    if cloud.cluster is None:
        raise AssertionError("there is no cluster to compare with")
    wanted, live = verdict.wanted, cloud.cluster_template or {}
    verdict.cluster = {**wanted.cluster, "labels": wanted.labels}
    verdict.cluster.pop("node_count", None)
    if wanted.template is None:
        verdict.cluster["cluster_template"] = service["cluster_template"]
        uuid = template["uuid"] if template else None
        if uuid and uuid != cloud.cluster.get("cluster_template_id"):
            _check_upgrade(verdict, "cluster_template", _tag(live), _tag(template or {}))
        return uuid
    for field_name, key in SHAPING.items():
        want = service.get(key)
        if want is not None and live.get(field_name) and not cloud.same(field_name, live[field_name], want):
            verdict.problems.append(
                {
                    "key": key,
                    "problem": f"the cluster was made with '{live[field_name]}', and that never changes",
                    "hint": f"write {live[field_name]}, or make a new cluster under another cluster_name",
                }
            )
    if live.get("dns_nameserver") and not service.get("cluster_dns_nameserver"):
        # Nobody asked for others than the cluster has.
        wanted.template["dns_nameserver"] = live["dns_nameserver"]
        body = wanted.template
        body["name"] = template_name(service["cluster_name"], service["cluster_kubernetes_version"], body)
    version, image = service["cluster_kubernetes_version"], wanted.template["image_id"]
    old = _tag(live)
    newer = verdict.family.version_from == "label" and old is not None and old != version
    if newer or (live.get("image_id") and not cloud.same("image_id", live["image_id"], image)):
        _check_upgrade(verdict, "cluster_kubernetes_version" if newer else "cluster_image", old, version)
        verdict.template = wanted.template
        verdict.cluster["cluster_template"] = wanted.template["name"]
        verdict.actions.append(f"create cluster template {wanted.template['name']}")
        return str(wanted.template["name"])
    verdict.cluster["cluster_template"] = cloud.cluster["cluster_template_id"]
    return str(cloud.cluster["cluster_template_id"])


def _expects(service: Mapping[str, Any], cloud: Cloud, family: Family) -> list[Json]:
    """How many nodes each group has to have at least, and their flavor.

    A higher minimum starts no node on magnum-capi-helm: the number of an autoscaled group is the autoscaler's, which
    looks at pods only.
    """
    live = {group["name"] for group in cloud.node_groups}
    found = []
    for group in service["cluster_node_groups"]:
        least = size(group)
        if group.get("max") is not None and group["name"] in live and not family.follows_minimum:
            least = min(least, 1)
        found.append({"name": group["name"], "least": least, "flavor": group["flavor"]})
    return found


def _note_unused_templates(cloud: Cloud, target: str | None, verdict: Verdict) -> None:
    """Those that we made for this cluster, but for the one that it has, or gets (its uuid or name)."""
    name = verdict.wanted.cluster["name"]
    ours = [t for t in cloud.templates if is_our_template(name, t["name"])]
    verdict.unused_templates = [t["uuid"] for t in ours if target not in (t["uuid"], t["name"])]


def _tag(template: Mapping[str, Any]) -> str | None:
    tag = (template.get("labels") or {}).get("kube_tag")
    return str(tag) if tag else None


def _check_upgrade(verdict: Verdict, key: str, old: str | None, new: str | None) -> None:
    if not verdict.family.upgrades:
        verdict.problems.append(
            {
                "key": key,
                "problem": f"{verdict.family.title} cannot upgrade a cluster",
                "hint": "make a new cluster under another cluster_name; users' volumes are kept",
            }
        )
        return
    before, after = _minor(old), _minor(new)
    if before is None or after is None:
        return
    if after < before or (after == before and _patch(new) < _patch(old)):
        verdict.problems.append(
            {"key": key, "problem": f"Kubernetes cannot go back from {old} to {new}", "hint": f"write {old} or later"}
        )
    elif after > before + 1:
        verdict.problems.append(
            {
                "key": key,
                "problem": f"Kubernetes goes up one minor version at a time, and this is from {old} to {new}",
                "hint": f"upgrade to a v1.{before + 1} first",
            }
        )


def _minor(version: str | None) -> int | None:
    match = re.match(r"v?1\.(\d+)", version or "")
    return int(match[1]) if match else None


def _patch(version: str | None) -> int:
    match = re.match(r"v?1\.\d+\.(\d+)", version or "")
    return int(match[1]) if match else 0


def _refuse(plan: Plan, service: Mapping[str, Any], verdict: Verdict) -> None:
    verdict.warnings += [{"key": "cluster_name", "problem": w, "hint": ""} for w in plan.warnings]
    for refusal in plan.refusals:
        what = refusal.split(" is ", 1)[0].removeprefix("Its ")
        if what.startswith("label "):
            name = what.removeprefix("label ")
            given = name in (service.get("cluster_labels") or {})
            key = f"cluster_labels.{name}" if given else KEY_OF_LABEL.get(name, f"cluster_labels.{name}")
        else:
            key = KEY_OF.get(what, "cluster_name")
        verdict.problems.append({"key": key, "problem": refusal, "hint": ""})


def _plan_groups(cloud: Cloud, verdict: Verdict) -> None:
    """New, changed and vanished groups. One of ours that is not in the file any more goes; others' stay."""
    if cloud.cluster is None:
        raise AssertionError("there is no cluster to compare with")
    live = {g["name"]: g for g in cloud.node_groups}
    if not live:
        return
    for name, body in verdict.wanted.node_groups.items():
        if name not in live and not verdict.family.takes_group(name):
            continue  # told by desired()
        plan = plan_nodegroup(body, live.get(name), cloud.cluster, same=cloud.same)
        for refusal in plan.refusals:
            key = f"cluster_node_groups[{name}]"
            verdict.problems.append({"key": key, "problem": refusal, "hint": ""})
        busy = str((live.get(name) or {}).get("status")).endswith(("_IN_PROGRESS", "_FAILED"))
        if plan.changed or busy:
            verdict.node_groups.append(body)
            verdict.actions += [a.says for a in plan.actions]
    for name, group in live.items():
        if name in verdict.wanted.node_groups or group.get("is_default") or group.get("role") == "master":
            continue
        if label((group.get("labels") or {}).get(OURS, "")) == OURS_VALUE:
            verdict.remove.append(name)
            verdict.actions.append(f"delete node group {name}")
        else:
            verdict.warnings.append(
                {
                    "key": "cluster_node_groups",
                    "problem": f"the cluster has a node group '{name}' that is not in the file and was not made by us",
                    "hint": "it is left as it is",
                }
            )


def _check_versions(cloud: Cloud, verdict: Verdict) -> None:
    needs: dict[str, str] = {}
    if len(verdict.wanted.node_groups) > 1 or any("max_node_count" in g for g in verdict.wanted.node_groups.values()):
        needs["nodegroups"] = "cluster_node_groups"
    if any(g.get("node_count") == 0 for g in verdict.wanted.node_groups.values()):
        needs["zero_nodes"] = "cluster_node_groups"
    if any(a.startswith("upgrade ") for a in verdict.actions):
        needs["upgrade"] = "cluster_kubernetes_version"
    for feature, key in needs.items():
        try:
            cloud.require(feature)
        except CloudTooOldError as error:
            verdict.problems.append({"key": key, "problem": str(error), "hint": ""})
