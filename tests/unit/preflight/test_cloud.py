"""Each check against the cloud, one at a time: what the report says of it, and of nothing else."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum import versions
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.desired import desired
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.errors import NotOwnerError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.families import CLUSTER_API, FAMILIES
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.octavia import with_provider
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.preflight import Cloud, check, site_template
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.access import not_owner
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.cloud import check_project, notes
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.finding import Finding
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.project import Limit, Owner, Project
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.quotas import QUOTAS, cluster_volume
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.reading import assemble

Json = dict[str, Any]

CASES: list[Json] = yaml.safe_load((Path(__file__).parents[2] / "fixtures" / "preflight" / "cloud.yml").read_text())

GROUP: Json = {
    "name": "default-worker",
    "enabled": True,
    "flavor": "c3.medium",
    "min": 1,
    "max": 10,
    "count": None,
    "gpus": 0,
    "gpu_resource": "nvidia.com/gpu",
    "labels": {},
    "image": None,
    "availability_zone": None,
    "boot_volume": None,
}

PROFILE: Json = {
    "name": "default",
    "enabled": True,
    "cpu": 2,
    "cpu_guarantee": 0.05,
    "memory": 1610612736,
    "memory_guarantee": None,
    "gpus": 0,
    "node_group": "default-worker",
    "placeholders": 0,
}

SERVICE: Json = {
    "openstack_cloud": "prod",
    "cluster_name": "hub",
    "cluster_driver": "cluster-api",
    "cluster_template": None,
    "cluster_kubernetes_version": "v1.34.4",
    "cluster_image": "ubuntu-kube-v1.34.4",
    "cluster_keypair": None,
    "cluster_external_network": "External",
    "cluster_fixed_network": None,
    "cluster_network_driver": "calico",
    "cluster_control_plane": {"flavor": "c3.small", "count": 3},
    "cluster_node_groups": [GROUP],
    "cluster_labels": {},
    "cluster_create_timeout": 3600,
    "hub_domain": "hub.example.org",
    "hub_address": {"floating_ip": None, "internal": False},
    "hub_storage": {"type": "dynamic", "capacity": 1073741824, "class_name": None, "volume_type": None},
    "hub_profiles": [PROFILE],
}

PLENTY = [1000000, 0, 0]

CLOUD: Json = {
    "roles": ["member", "reader"],
    "services": ["compute", "image", "network", "block-storage", "load-balancer", "dns"],
    "magnum": "1.10",
    "delegates": True,
    "refused": [],
    "limits": dict.fromkeys((*QUOTAS, "server_group_members"), PLENTY),
    "zones": [{"name": "example.org.", "status": "ACTIVE"}],
    "deployed": None,
    "status": "CREATE_COMPLETE",
    "group_of_others": "",
    "made_by_another": False,
    "providers": None,
    "hub_ports": [],
    "site_template": None,
}

FLAVORS = [
    {"id": f"id-{name}", "name": name, "vcpus": vcpus, "ram": ram, "disk": disk}
    for name, vcpus, ram, disk in (
        ("c3.tiny", 1, 1024, 40),
        ("c3.small", 2, 4096, 40),
        ("c3.slim", 2, 4096, 10),
        ("v3.small", 2, 4096, 0),
        ("c3.medium", 8, 16384, 80),
        ("c3.large", 16, 32768, 120),
    )
]

IMAGES = [
    {"id": f"id-{name}", "name": name, "os_distro": distro, "min_disk": disk, "min_ram": 0}
    for name, distro, disk in (
        ("ubuntu-kube-v1.34.4", "ubuntu", 20),
        ("ubuntu-kube-v1.33.6", "ubuntu", 20),
        ("large-kube-v1.34.4", "ubuntu", 60),
        ("light-kube-v1.34.4", "ubuntu", 0),
        ("bare", None, 0),
    )
]

NETWORKS = [
    {"id": "n1", "name": "External", "is_router_external": True},
    {"id": "n2", "name": "inside", "is_router_external": False},
    {"id": "n3", "name": "campus", "is_router_external": False},
]

SUBNETS = [
    {"id": "s1", "name": "v4", "network_id": "n3", "ip_version": 4},
    {"id": "s2", "name": "v6", "network_id": "n2", "ip_version": 6},
]

FLOATING_IPS = [
    {"address": "203.0.113.7", "network_id": "n1", "port_id": "p1", "ours": False},
    {"address": "203.0.113.8", "network_id": "n1", "port_id": None, "ours": False},
    {"address": "198.51.100.3", "network_id": "n9", "port_id": None, "ours": False},
]


def merged(below: Any, above: Any) -> Any:
    """``above`` over ``below``: objects key by key."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{name: merged(below.get(name), value) for name, value in above.items()}}
    return copy.deepcopy(above)


def described(changes: Mapping[str, Any]) -> Json:
    """The base service with changes; what a group or a profile lacks is as in the base."""
    service = merged(SERVICE, dict(changes))
    service["cluster_node_groups"] = [{**GROUP, **group} for group in service["cluster_node_groups"]]
    service["hub_profiles"] = [{**PROFILE, **profile} for profile in service["hub_profiles"]]
    return service


class ForbiddenError(Exception):
    status_code = 403


def findings(service: Json, changes: Mapping[str, Any]) -> list[Finding]:
    """What the cloud layer says."""
    given = merged(CLOUD, dict(changes))
    live: Json = {"cluster": None, "cluster_template": None, "node_groups": [], "templates": []}
    if given["deployed"] is not None:
        live = deployed(described(given["deployed"]), given)
    if given["site_template"] is not None:
        site = {"name": "site", "uuid": "t9", "dns_nameserver": "8.8.8.8", "labels": given["site_template"]}
        live["templates"] = [*live["templates"], site]

    def require(*features: str) -> None:
        versions.negotiate(versions.parse(given["magnum"]), *features)

    cloud = Cloud(
        name="prod",
        flavors=FLAVORS,
        networks=NETWORKS,
        subnets=SUBNETS,
        images=IMAGES,
        keypairs=["operator"],
        require=require,
        delegates=given["delegates"],
        octavia_providers=given["providers"],
        **live,
    )
    failures = {part: ForbiddenError() for part in given["refused"]}
    shared = {"flavors": FLAVORS, "images": IMAGES, "networks": NETWORKS, "cluster": live["cluster"]}
    project, refusals = assemble(
        "prod", frozenset(given["services"]), given["roles"], {}, failures, Owner(None), shared
    )
    if given["made_by_another"]:
        refusals.append(not_owner(NotOwnerError({"name": "hub", "user_id": "5f0c"}, "/home/me/hub.yaml")))
    project.limits = {name: Limit(*limit) for name, limit in given["limits"].items()}
    project.floating_ips = [
        {**each, "ours": each["ours"] or each["port_id"] in given["hub_ports"]} for each in FLOATING_IPS
    ]
    project.subnets, project.hub_ports = SUBNETS, frozenset(given["hub_ports"])
    project.zones = given["zones"]
    project.volume_types = ["standard", "fast"]
    project.template_labels = (site_template(service, cloud) or {}).get("labels") or {}
    verdict = check(service, cloud)
    planned = [Finding(p["key"], p["problem"], p.get("hint") or "") for p in verdict.problems]
    planned += [Finding(p["key"], p["problem"], p.get("hint") or "", "warning") for p in verdict.warnings]
    return [*refusals, *planned, *check_project(service, project, verdict.family)]


def deployed(service: Json, given: Json) -> Json:
    """A cloud in which that service has been deployed."""
    wanted = desired(service, FAMILIES[service["cluster_driver"]])
    assert wanted.template is not None
    template = {**wanted.template, "uuid": "t1"}
    groups = [
        {"name": "default-master", "role": "master", "is_default": True, "node_count": 3, "labels": {}},
        *(
            {
                "role": "worker",
                "is_default": name == "default-worker",
                "flavor_id": service["cluster_node_groups"][0]["flavor"],
                **body,
                "labels": {**wanted.labels, **body.get("labels", {})},
            }
            for name, body in wanted.node_groups.items()
        ),
    ]
    if given["group_of_others"]:
        groups.append({"name": given["group_of_others"], "role": "worker", "is_default": False, "labels": {}})
    live = {
        **wanted.cluster,
        "uuid": "u",
        "status": given["status"],
        "status_reason": "no valid host",
        "labels": wanted.labels,
        "cluster_template_id": "t1",
    }
    return {"cluster": live, "cluster_template": template, "node_groups": groups, "templates": [template]}


def test_the_base_is_right() -> None:
    assert findings(described({}), {}) == []
    assert findings(described({}), {"deployed": {}}) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["check"])
def test_check(case: Json) -> None:
    found = findings(described(case.get("service", {})), case.get("cloud", {}))
    (finding,) = [one for one in found if one.severity == case["severity"]]
    assert (finding.key, finding.message) == (case["key"], case["message"])
    assert finding.hint == (case.get("hint") or "")


def test_a_provider_is_said_where_the_driver_would_say_another() -> None:
    """magnum-cluster-api says amphorav2 without the label; a cluster keeps what it was made with."""
    service = described({})
    for providers, said in (
        (["amphora", "octavia"], "amphora"),
        (["octavia"], "octavia"),
        (["amphora", "amphorav2"], None),
        (None, None),
    ):
        assert with_provider(service, CLUSTER_API, None, None, providers).get("cluster_octavia_provider") == said
    assert with_provider(service, FAMILIES["heat"], None, None, ["amphora"]) == service
    site = {"labels": {"octavia_provider": "ovn"}}
    assert with_provider(service, CLUSTER_API, None, site, ["amphora"]) == service
    live = {"labels": {"octavia_provider": "octavia"}}
    assert with_provider(service, CLUSTER_API, live, None, ["amphora"])["cluster_octavia_provider"] == "octavia"
    chosen = {**service, "cluster_labels": {"octavia_provider": "ovn"}}
    assert with_provider(chosen, CLUSTER_API, None, None, ["amphora", "ovn"]) == chosen
    made = findings(service, {"providers": ["amphora"]}), findings(service, {"providers": ["amphora"], "deployed": {}})
    assert made == ([], [])


@pytest.mark.parametrize("size", ["50", 50])
def test_a_site_s_template_may_give_boot_volumes(size: str | int) -> None:
    """Of it come the nodes of every group whose own size is not given, so that flavors need no disk."""
    plane = {"flavor": "v3.small", "count": 1}
    groups = [GROUP, {**GROUP, "name": "more", "flavor": "v3.small"}]
    service = described({"cluster_template": "site", "cluster_control_plane": plane, "cluster_node_groups": groups})
    assert findings(service, {"site_template": {"boot_volume_size": size}}) == []
    assert len(findings(service, {"site_template": {}})) == 2
    own = described({**service, "cluster_labels": {"boot_volume_size": "10"}})
    said = {one.message for one in findings(own, {"site_template": {"boot_volume_size": size}})}
    assert "a boot volume of 10 GiB, and image 'ubuntu-kube-v1.34.4' asks for 20" in said


def test_a_live_cluster_has_no_boot_volumes_but_those_of_its_labels() -> None:
    live = Project("prod", cluster={"labels": {}}, template_labels={"boot_volume_size": "50"})
    assert cluster_volume(described({}), live) == 0
    live.cluster = {"labels": {"boot_volume_size": "60"}}
    assert cluster_volume(described({}), live) == 60


def test_what_this_cluster_has_already_is_not_counted_twice() -> None:
    """Fourteen servers at the most, all of them there, beside five of others: nothing more is needed."""
    assert findings(described({}), {"limits": {"instances": [19, 19, 14]}, "deployed": {}}) == []
    assert findings(described({}), {"limits": {"instances": [18, 18, 13]}, "deployed": {}}) != []


def test_a_service_without_hub_asks_nothing_for_one() -> None:
    service = {key: value for key, value in described({}).items() if not key.startswith("hub_")}
    none = {"floating_ips": [1, 0, 0], "load_balancers": [1, 0, 0], "volumes": [0, 0, 0], "listeners": [1, 0, 0]}
    assert findings(service, {"limits": none}) == []


@pytest.mark.parametrize("key", sorted(SERVICE))
def test_any_key_may_be_unknown(key: str) -> None:
    """The file has errors: what is left is checked, and nothing breaks."""
    project = Project("prod", flavors=FLAVORS, limits={"instances": Limit(1)}, services=frozenset(CLOUD["services"]))
    service = {name: value for name, value in SERVICE.items() if name != key}
    assert [one for one in check_project(service, project, CLUSTER_API) if "None" in one.message] == []
    for name in ("cluster_node_groups", "hub_profiles"):
        for member in SERVICE[name][0]:
            partial = {**SERVICE, name: [{k: v for k, v in SERVICE[name][0].items() if k != member}]}
            check_project(partial, project, CLUSTER_API)


def test_what_cannot_be_asked_is_noted() -> None:
    failures = {"zones": RuntimeError("Designate answered\n 503")}
    project, refusals = assemble("prod", frozenset({"compute"}), [], {}, failures, Owner(None), {})
    assert refusals == []
    assert notes(project) == [
        "the DNS zone, because this cloud has no Designate in its catalog",
        "volumes, because this cloud has no Cinder in its catalog",
        "load balancers, because this cloud has no Octavia in its catalog",
        "zones: Designate did not tell its zones: Designate answered 503",
    ]


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("kube-ab12c-default-worker-xyz", True),
        ("kube_service_1234_jupyterhub_proxy-public", True),
        ({"cinder.csi.openstack.org/cluster": "1234"}, True),
        ("k8s-clusterapi-cluster-magnum-kube-ab12c", True),
        ("hub-abcdefghij23-master-0", True),
        ("hub-abcdefghij23", True),
        ("hub-default-w-abcdefghij23-node-1", True),
        ("hub-dev-abcdefghij23-node-1", False),
        ("hub-abcdefghij-master-0", False),
        ({"jupyterhub.stfc.ac.uk/cluster": "1234", "cinder.csi.openstack.org/cluster": "kept"}, True),
        ("other", False),
        (None, False),
    ],
)
def test_what_belongs_to_a_cluster(text: Any, ours: bool) -> None:
    for key in ("stack_id", "cluster_id"):  # before Magnum's API 1.13, and since
        owner = Owner({"name": "hub", "uuid": "1234", key: "kube-ab12c"}, ["default-worker"])
        assert owner.owns(text) is ours
    assert not Owner(None).owns(text)


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        ("jupyter-hub-of-the-institute-f-abcdefghij23-node-0", True),
        ("jupyter-hub-of-the-i-large-mem-abcdefghij23-node-0", True),
        ("Jupyter_Hub.of-the-Institute-for-Everything-abcdefghij23-node-0", False),
    ],
)
def test_heat_shortens_names_and_makes_them_hosts_names(text: str, ours: bool) -> None:
    cluster = {"name": "Jupyter_Hub.of-the-Institute-for-Everything", "uuid": "1234", "stack_id": "5678"}
    assert Owner(cluster, ["default-worker", "large_memory"]).owns(text) is ours
