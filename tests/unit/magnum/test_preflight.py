"""The vars file against a cloud: what is wrong, and what is to be done."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.desired import (
    OURS,
    OURS_VALUE,
    desired,
    is_our_template,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.families import (
    CAPI_HELM,
    CLUSTER_API,
    FAMILIES,
    HEAT,
    recognise,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.preflight import (
    Cloud,
    Verdict,
    check,
    check_known,
    external_network,
)

Json = dict[str, Any]


def service(**changes: Any) -> Json:
    return {
        "cluster_name": "hub",
        "cluster_driver": "cluster-api",
        "cluster_template": None,
        "cluster_kubernetes_version": "v1.34.4",
        "cluster_image": "ubuntu-kube-v1.34.4",
        "cluster_keypair": None,
        "cluster_external_network": "External",
        "cluster_network_driver": "calico",
        "cluster_control_plane": {"flavor": "c3.small", "count": 3},
        "cluster_node_groups": [{"name": "default-worker", "flavor": "c3.medium", "min": 1, "max": 20}],
        "cluster_labels": {},
        "cluster_create_timeout": 3600,
        **changes,
    }


def require(*_features: str) -> None:
    return None


def cloud(**changes: Any) -> Cloud:
    named: Json = {
        "name": "prod",
        "flavors": [{"id": f"id-{n}", "name": n} for n in ("c3.small", "c3.medium", "g1")],
        "networks": [
            {"id": "n1", "name": "External", "is_router_external": True},
            {"id": "n2", "name": "inside", "is_router_external": False},
        ],
        "subnets": [],
        "images": [{"id": "i1", "name": "ubuntu-kube-v1.34.4", "os_distro": "ubuntu"}],
        "keypairs": [],
        "templates": [],
        "cluster": None,
        "cluster_template": None,
        "node_groups": [],
        "require": require,
    }
    return Cloud(**{**named, **changes})


def deployed(given: Json, **changes: Any) -> Cloud:
    """A cloud in which that file has been deployed."""
    wanted = desired(given, FAMILIES[given["cluster_driver"]])
    assert wanted.template is not None
    template = {**wanted.template, "uuid": "t1"}
    groups = [
        {"name": "default-master", "role": "master", "is_default": True, "node_count": 3, "labels": {}},
        *(
            {
                "role": "worker",
                "is_default": name == "default-worker",
                "flavor_id": given["cluster_node_groups"][0]["flavor"],
                **body,
                "labels": {**wanted.labels, **body.get("labels", {})},
            }
            for name, body in wanted.node_groups.items()
        ),
    ]
    live = {
        **wanted.cluster,
        "uuid": "u",
        "status": "CREATE_COMPLETE",
        "labels": wanted.labels,
        "cluster_template_id": "t1",
    }
    return cloud(
        **{"templates": [template], "cluster": live, "cluster_template": template, "node_groups": groups, **changes}
    )


def keys(verdict: Verdict) -> list[str]:
    return sorted(p["key"] for p in verdict.problems)


def test_a_new_cluster() -> None:
    verdict = check(service(), cloud())
    assert verdict.problems == []
    assert verdict.template is not None
    assert is_our_template("hub", verdict.template["name"])
    assert verdict.cluster["cluster_template"] == verdict.template["name"]
    assert verdict.cluster["labels"] == {
        "auto_scaling_enabled": "true",
        "min_node_count": "1",
        "max_node_count": "20",
    }
    assert "min_node_count" not in verdict.wanted.labels  # fields of the group take their place
    assert verdict.expects == [{"name": "default-worker", "least": 1, "flavor": "c3.medium"}]
    assert verdict.node_groups == [
        {"name": "default-worker", "node_count": 1, "min_node_count": 1, "max_node_count": 20}
    ]


def test_everything_that_is_not_there_is_in_one_report() -> None:
    given = service(
        cluster_image="ubuntu-kube-v1.34.5",
        cluster_external_network="Externl",
        cluster_keypair="ops",
        cluster_fixed_network="insid",
        cluster_control_plane={"flavor": "c3.smal", "count": 2},
        cluster_node_groups=[{"name": "default-worker", "flavor": "zz", "min": 1, "max": 2}],
    )
    verdict = check(given, cloud(keypairs=["ops2"]))
    assert keys(verdict) == [
        "cluster_control_plane.count",
        "cluster_control_plane.flavor",
        "cluster_external_network",
        "cluster_fixed_network",
        "cluster_image",
        "cluster_keypair",
        "cluster_node_groups[default-worker].flavor",
    ]
    hints = {problem["key"]: problem["hint"] for problem in verdict.problems}
    assert hints["cluster_control_plane.flavor"] == "write c3.small"
    assert hints["cluster_external_network"] == "write External"
    assert hints["cluster_node_groups[default-worker].flavor"] == "there are: c3.medium, c3.small, g1"


def test_of_a_file_with_errors_what_is_known_is_checked() -> None:
    known = {"cluster_image": "ubuntu-kube-v1.34.5", "cluster_node_groups": [{"name": "gpu", "flavor": "g2"}, {}]}
    assert [problem["key"] for problem in check_known(known, cloud())] == [
        "cluster_node_groups[gpu].flavor",
        "cluster_image",
    ]
    assert check_known({}, cloud()) == []
    assert check_known({}, cloud(delegates=False)) == []
    (problem,) = check_known({"cluster_name": "hub"}, cloud(delegates=False))
    assert "is restricted" in problem["problem"]


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ({"name": "ubuntu-kube-v1.34.4", "os_distro": None}, "no property os_distro"),
        ({"name": "ubuntu-kube-v1.34.4", "os_distro": "ubuntu", "kube_version": "1.33.6"}, "has Kubernetes 1.33.6"),
    ],
)
def test_an_image_that_cannot_serve(image: Json, said: str) -> None:
    assert said in check(service(), cloud(images=[{"id": "i1", **image}])).problems[0]["problem"]


def test_two_images_of_one_name_are_told_by_their_ids() -> None:
    images = [{"id": key, "name": "ubuntu-kube-v1.34.4", "os_distro": "ubuntu"} for key in ("i2", "i1")]
    (problem,) = check(service(), cloud(images=images)).problems
    assert problem["key"] == "cluster_image"
    assert "2 images named" in problem["problem"] and problem["hint"] == "write the id of one of them: i1, i2"


def test_an_inner_network_gives_no_floating_ips() -> None:
    verdict = check(service(cluster_external_network="inside"), cloud())
    assert "not an external one" in verdict.problems[0]["problem"]


def test_where_floating_ips_come_from() -> None:
    """By id, also where an inner network has the same name; a site's template says it itself."""
    same_name = [{"id": "n0", "name": "External", "is_router_external": False}, *cloud().networks]
    assert external_network(service(), cloud(networks=same_name)) == "n1"
    assert external_network(service(cluster_external_network="gone"), cloud()) == ""
    more = [*cloud().networks, {"id": "n3", "name": "Campus", "is_router_external": True}]
    templates = [{"uuid": "t", "name": "site", "external_network_id": "Campus"}]
    given = service(cluster_template="site")
    assert external_network(given, cloud(networks=more, templates=templates)) == "n3"
    live = {"external_network_id": "n3"}
    assert external_network(given, cloud(networks=more, cluster_template=live)) == "n3"


def test_what_is_deployed_needs_nothing() -> None:
    verdict = check(service(), deployed(service()))
    assert (verdict.problems, verdict.actions, verdict.node_groups, verdict.cluster_changes) == ([], [], [], False)
    assert verdict.template is None


def test_what_an_autoscaler_did_is_no_change() -> None:
    seen = deployed(service())
    for group in seen.node_groups:
        if group["name"] == "default-worker":
            group["node_count"] = 7
    assert check(service(), seen).actions == []


def test_bounds_groups_and_vanished_groups() -> None:
    old = service(
        cluster_node_groups=[
            {"name": "default-worker", "flavor": "c3.medium", "min": 1, "max": 20},
            {"name": "old", "flavor": "c3.medium", "min": 1, "max": 2},
        ]
    )
    new = service(
        cluster_node_groups=[
            {"name": "gpu", "flavor": "g1", "min": 1, "max": 2},
            {"name": "default-worker", "flavor": "c3.medium", "min": 1, "max": 12},
        ]
    )
    seen = deployed(old)
    seen.node_groups = [*seen.node_groups, {"name": "theirs", "role": "worker", "labels": {}}]
    verdict = check(new, seen)
    assert verdict.problems == []
    assert verdict.actions == [
        "create node group gpu",
        "set the bounds of node group default-worker to 1 to 12 nodes",
        "delete node group old",
    ]
    assert verdict.remove == ["old"]
    assert "'theirs'" in verdict.warnings[0]["problem"]
    assert verdict.node_groups[0]["labels"][OURS] == OURS_VALUE


def test_a_new_version_is_a_new_template_and_an_upgrade() -> None:
    seen = deployed(service(cluster_kubernetes_version="v1.33.6", cluster_image="ubuntu-kube-v1.33.6"))
    verdict = check(service(), seen)
    assert verdict.problems == []
    assert verdict.template is not None
    assert verdict.actions == [
        f"create cluster template {verdict.template['name']}",
        f"upgrade cluster hub to template {verdict.template['name']}",
    ]
    assert verdict.unused_templates == ["t1"]


def test_a_template_that_an_interrupted_run_left_goes() -> None:
    left = {**deployed(service()).templates[0], "uuid": "t0", "name": "hub-v1.33.6-01234567"}
    seen = deployed(service())
    seen.templates = [*seen.templates, left, {"uuid": "t9", "name": "hub-of-the-site"}]
    assert check(service(), seen).unused_templates == ["t0"]
    assert check(service(), cloud(templates=[left])).unused_templates == ["t0"]
    own = {**left, "name": str(desired(service(), CLUSTER_API).template["name"])}  # type: ignore[index]
    assert check(service(), cloud(templates=[own])).unused_templates == []


@pytest.mark.parametrize(
    ("old", "said"),
    [("v1.32.1", "one minor version at a time"), ("v1.35.0", "cannot go back"), ("v1.34.9", "cannot go")],
)
def test_versions_that_kubernetes_does_not_step_to(old: str, said: str) -> None:
    seen = deployed(service(cluster_kubernetes_version=old, cluster_image="other"))
    assert said in check(service(), seen).problems[0]["problem"]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"cluster_network_driver": "cilium"}, "cluster_network_driver"),
        ({"cluster_octavia_provider": "ovn"}, "cluster_octavia_provider"),
        ({"cluster_control_plane": {"flavor": "c3.medium", "count": 3}}, "cluster_control_plane.flavor"),
    ],
)
def test_what_never_changes_is_refused_by_its_key(change: Json, key: str) -> None:
    assert keys(check(service(**change), deployed(service()))) == [key]


def test_the_control_plane_grows_where_the_driver_can() -> None:
    grown = {"cluster_control_plane": {"flavor": "c3.small", "count": 5}}
    verdict = check(service(**grown), deployed(service()))
    assert (verdict.problems, verdict.cluster_changes) == ([], True)
    heat = {"cluster_driver": "heat", "cluster_image": "fedora-coreos"}
    given = service(**heat)
    assert "cluster_control_plane.count" in keys(check(service(**heat, **grown), deployed(given)))


def test_a_failed_cluster_is_told_before_anything_is_done() -> None:
    seen = deployed(service())
    assert seen.cluster is not None
    seen.cluster.update(status="CREATE_FAILED", status_reason="quota exceeded")
    problem = check(service(), seen).problems[0]
    assert "quota exceeded" in problem["problem"]
    assert "-e confirm=hub" in problem["hint"]


def test_a_sites_template_is_used_as_it_is() -> None:
    site = {"uuid": "s", "name": "k8s-1.34", "driver": "k8s_capi_helm_v1"}
    given = service(
        cluster_template="k8s-1.34", cluster_driver="auto", cluster_image="none", cluster_external_network="x"
    )
    verdict = check(given, cloud(templates=[site], images=[]))
    assert (verdict.problems, verdict.template, verdict.family) == ([], None, CAPI_HELM)
    assert verdict.cluster["cluster_template"] == "k8s-1.34"
    assert "kube_tag" not in verdict.cluster["labels"]
    assert verdict.cluster["labels"]["max_node_count"] == "20"


@pytest.mark.parametrize(
    ("driver", "given", "sent"),
    [
        ("cluster-api", None, "8.8.8.8"),
        ("auto", None, "8.8.8.8"),
        ("capi-helm", None, None),
        ("heat", None, None),
        ("cluster-api", "192.0.2.53", "192.0.2.53"),
        ("heat", "192.0.2.53", "192.0.2.53"),
    ],
)
def test_a_driver_that_needs_a_name_server_gets_one(driver: str, given: str | None, sent: str | None) -> None:
    verdict = check(service(cluster_driver=driver, cluster_dns_nameserver=given), cloud())
    assert verdict.template is not None
    assert verdict.template.get("dns_nameserver") == sent


def test_an_upgrade_keeps_the_name_servers_that_the_cluster_has() -> None:
    before = service(cluster_dns_nameserver="192.0.2.53", cluster_kubernetes_version="v1.33.6")
    verdict = check(service(), deployed(before))
    assert (verdict.problems, verdict.template and verdict.template["dns_nameserver"]) == ([], "192.0.2.53")
    assert verdict.template is not None
    assert is_our_template("hub", verdict.template["name"])
    assert verdict.cluster["cluster_template"] == verdict.template["name"]


def test_a_sites_template_without_a_name_server_is_told_where_the_driver_fails_on_it() -> None:
    site = {"uuid": "s", "name": "k8s-1.34", "driver": "k8s_cluster_api_ubuntu"}
    other = {"uuid": "o", "name": "k8s-1.34-dns", "dns_nameserver": "192.0.2.53", "public": True}
    given = service(cluster_template="k8s-1.34", cluster_driver="auto")
    (problem,) = check(given, cloud(templates=[site, other])).problems
    assert problem["key"] == "cluster_template"
    assert "no attribute 'split'" in problem["problem"]
    assert problem["hint"].startswith("write another: k8s-1.34-dns; or let")
    unknown = check(given, cloud(templates=[{**site, "driver": None}]))
    assert (keys(unknown), [w["key"] for w in unknown.warnings]) == ([], ["cluster_template"])
    helm = {**site, "driver": "k8s_capi_helm_v1"}
    assert keys(check(given, cloud(templates=[helm]))) == []


def test_a_fixed_group_of_no_nodes_beside_autoscaled_ones_is_told() -> None:
    groups = [*service()["cluster_node_groups"], {"name": "gpu", "flavor": "g1", "count": 0}]
    assert keys(check(service(cluster_node_groups=groups), cloud())) == ["cluster_node_groups[gpu].count"]
    still = [{**group, "min": None, "max": None, "count": 1} for group in groups[:1]]
    assert keys(check(service(cluster_node_groups=[*still, groups[1]]), cloud())) == []


def test_a_higher_minimum_starts_no_node_on_capi_helm() -> None:
    before = service(cluster_driver="capi-helm")
    gpu = {"name": "gpu", "flavor": "g1", "min": 1, "max": 4}
    groups = [*before["cluster_node_groups"], gpu]
    live = deployed({**before, "cluster_node_groups": groups})
    raised = service(cluster_driver="capi-helm", cluster_node_groups=[groups[0], {**gpu, "min": 3}])
    assert [group["least"] for group in check(raised, live).expects] == [1, 1]
    assert [group["least"] for group in check(raised, cloud()).expects] == [1, 3]


def test_an_unknown_family_is_given_every_form_once() -> None:
    verdict = check(service(cluster_driver="auto"), cloud())
    assert (verdict.certain, verdict.family) == (False, CLUSTER_API)
    assert verdict.cluster["labels"]["max_node_count"] == "20"
    assert verdict.node_groups[0]["max_node_count"] == 20
    assert "max_node_count" not in verdict.wanted.labels


@pytest.mark.parametrize(
    ("signs", "family"),
    [
        ({"node_labels": {"capi.stackhpc.com/node-group": "x"}}, CAPI_HELM),
        ({"template": {"driver": "k8s_cluster_api_ubuntu"}}, CLUSTER_API),
        ({"cluster": {"stack_id": "kube-ab1c2"}}, CLUSTER_API),
        ({"cluster": {"cluster_id": "hub-abcdefgh2345"}}, CAPI_HELM),
        ({"cluster": {"stack_id": "49dc23f5-ffc9-40c3-9d34-7be7f9e34d63"}}, HEAT),
        ({"cluster": {"stack_id": "rehearsal-56ec3088-86d3-47b5-8f9a-7ee7367447a7"}}, None),
        ({"image": {"os_distro": "fedora-coreos"}}, HEAT),
        ({"image": {"os_distro": "ubuntu", "kube_version": "v1.34.4"}}, None),
        ({}, None),
    ],
)
def test_signs_of_a_family(signs: Json, family: Any) -> None:
    assert recognise(**signs) is family


def test_what_a_family_cannot_do_is_a_problem_and_not_dropped() -> None:
    scaled_to_none = [{"name": "default-worker", "flavor": "c3.medium", "min": 0, "max": 2}]
    given = service(
        cluster_driver="capi-helm",
        cluster_registry_mirror="registry.example.org",
        cluster_network_driver="flannel",
        cluster_node_groups=scaled_to_none,
    )
    assert sorted(p["key"] for p in desired(given, CAPI_HELM).problems) == [
        "cluster_network_driver",
        "cluster_node_groups[default-worker].min",
        "cluster_registry_mirror",
    ]


def test_a_label_of_theirs_wins_over_ours_and_is_told() -> None:
    given = service(cluster_labels={"kube_tag": "v1.34.5", "extra": True})
    verdict = check(given, cloud())
    assert verdict.wanted.labels["kube_tag"] == "v1.34.5"
    assert verdict.wanted.labels["extra"] == "true"
    assert [w["key"] for w in verdict.warnings] == ["cluster_labels.kube_tag"]


def test_a_fixed_group_beside_autoscaled_ones_is_kept_still() -> None:
    groups = [
        {"name": "default-worker", "flavor": "c3.medium", "count": 3},
        {"name": "gpu", "flavor": "g1", "min": 0, "max": 2},
    ]
    wanted = desired(service(cluster_node_groups=groups), CLUSTER_API)
    body = wanted.node_groups["default-worker"]
    assert (body["node_count"], body["min_node_count"], body["max_node_count"]) == (3, 3, 3)
    assert wanted.cluster["node_count"] == 3


def test_a_restricted_application_credential_is_told_before_anything_is_made() -> None:
    assert keys(check(service(), cloud(delegates=False))) == ["openstack_cloud"]
    assert check(service(), deployed(service(), delegates=False)).problems == []


VOLUME = {"size": 50, "type": "fast"}


def test_the_boot_volume_is_in_the_template_too() -> None:
    """Magnum compares flavors without a disk with the template's own label (``cluster_template.py``, post)."""
    groups = [{"name": "default-worker", "flavor": "c3.medium", "count": 1, "boot_volume": VOLUME}]
    verdict = check(service(cluster_node_groups=groups), cloud())
    sizes = {"boot_volume_size": "50", "boot_volume_type": "fast"}
    assert verdict.template is not None
    assert sizes.items() <= verdict.template["labels"].items()
    assert sizes.items() <= verdict.cluster["labels"].items()
    assert check(service(cluster_node_groups=groups), deployed(service(cluster_node_groups=groups))).actions == []


STACKS = {
    "heat": "49dc23f5-ffc9-40c3-9d34-7be7f9e34d63",
    "capi-helm": "hub-abcdefgh2345",
    "cluster-api": "kube-ab12c",
}


@pytest.mark.parametrize(
    ("driver", "name", "told"),
    [
        ("capi-helm", "g2", True),
        ("capi-helm", "2gpu", True),
        ("capi-helm", "gpu", False),
        ("cluster-api", "GPU", True),
        ("cluster-api", "g2", False),
        ("heat", "GPU", False),
    ],
)
def test_names_of_groups_are_those_that_the_driver_takes(driver: str, name: str, told: bool) -> None:
    groups = [*service()["cluster_node_groups"], {"name": name, "flavor": "g1", "min": 1, "max": 2}]
    wanted = service(cluster_driver=driver, cluster_node_groups=groups)
    live = deployed(service(cluster_driver=driver))
    assert live.cluster is not None
    live.cluster["stack_id"] = STACKS[driver]
    for there in (cloud(), live):  # of a live cluster Magnum's answer is known, too; it is told once
        assert keys(check(wanted, there)) == ([f"cluster_node_groups[{name}].name"] if told else [])


def test_systems_that_capi_helm_does_not_take_are_told() -> None:
    images = [{"id": "i1", "name": "ubuntu-kube-v1.34.4", "os_distro": "rocky"}]
    assert keys(check(service(cluster_driver="capi-helm"), cloud(images=images))) == ["cluster_image"]
    assert keys(check(service(), cloud(images=images))) == []


@pytest.mark.parametrize(("driver", "sent"), [("heat", "r.example.org/k8s/"), ("cluster-api", "r.example.org/k8s")])
@pytest.mark.parametrize("given", ["r.example.org/k8s", "r.example.org/k8s/"])
def test_a_registry_ends_as_the_driver_wants_it(driver: str, sent: str, given: str) -> None:
    asked = service(cluster_driver=driver, cluster_registry_mirror=given)
    verdict = check(asked, cloud())
    assert verdict.wanted.labels["container_infra_prefix"] == sent
    live = deployed(asked)
    assert live.cluster is not None
    live.cluster["labels"]["container_infra_prefix"] = given  # as it was sent before
    assert check(asked, live).problems == []


@pytest.mark.parametrize(
    ("driver", "sent"), [("capi-helm", "c3.medium"), ("auto", "c3.medium"), ("heat", "id-c3.medium")]
)
def test_capi_helm_gets_flavors_by_name(driver: str, sent: str) -> None:
    groups = [
        {"name": "default-worker", "flavor": "id-c3.medium", "min": 1, "max": 2},
        {"name": "gpu", "flavor": "id-g1", "min": 1, "max": 2},
    ]
    plane = {"flavor": "id-c3.small", "count": 3}
    given = service(cluster_driver=driver, cluster_node_groups=groups, cluster_control_plane=plane)
    verdict = check(given, cloud())
    assert verdict.problems == []
    assert verdict.template is not None
    assert verdict.cluster["flavor_id"] == verdict.template["flavor_id"] == sent
    names = sent == "c3.medium"
    assert verdict.cluster["master_flavor_id"] == ("c3.small" if names else "id-c3.small")
    assert verdict.wanted.node_groups["gpu"]["flavor_id"] == ("g1" if names else "id-g1")


HELM = {"name": "teaching", "stack_id": "teaching-abcdefgh2345"}
CAPI = {"name": "other", "stack_id": "kube-ab1c2"}


@pytest.mark.parametrize(
    ("seen", "family", "words"),
    [
        ({}, CLUSTER_API, "nothing shows it before the first cluster"),
        ({"neighbours": [HELM]}, CAPI_HELM, "cluster teaching shows it"),
        ({"neighbours": [HELM, CAPI]}, CLUSTER_API, "nothing shows it"),
        (
            {"templates": [{"name": "k8s", "public": True, "labels": {"capi_helm_chart_version": "0.16.0"}}]},
            CAPI_HELM,
            "template k8s shows it",
        ),
        ({"templates": [{"name": "mine", "labels": {"capi_helm_chart_version": "1"}}]}, CLUSTER_API, "nothing"),
        ({"templates": [{"name": "old", "public": True, "cluster_distro": "fedora-coreos"}]}, HEAT, "template old"),
    ],
)
def test_before_the_first_cluster_it_is_said_what_is_assumed_and_why(seen: Json, family: Any, words: str) -> None:
    templates = [{"uuid": "t", **template} for template in seen.get("templates", [])]
    verdict = check(service(cluster_driver="auto"), cloud(**{**seen, "templates": templates}))
    assert (verdict.family, verdict.certain) == (family, False)
    (said,) = [action for action in verdict.actions if action.startswith("create cluster hub")]
    assert f"taken for {family.title} ({words}" in said
    assert "cluster_driver says which it is" in said
    assert "taken for" not in str(check(service(), cloud()).actions)


def test_a_network_of_the_projects_own_may_be_called_as_the_external_one() -> None:
    own = {"id": "n0", "name": "External", "is_router_external": False}
    networks = [own, *cloud().networks]
    assert check(service(), cloud(networks=networks)).problems == []
    assert check(service(), deployed(service(), networks=networks)).problems == []


def test_of_several_objects_of_one_name_the_id_is_asked_for() -> None:
    networks = [
        *cloud().networks,
        {"id": "n3", "name": "External", "is_router_external": True},
        {"id": "n4", "name": "inside", "is_router_external": False},
    ]
    subnets = [{"id": "s1", "name": "workers"}, {"id": "s2", "name": "workers"}]
    given = service(cluster_fixed_network="inside", cluster_fixed_subnet="workers")
    verdict = check(given, cloud(networks=networks, subnets=subnets))
    assert {problem["key"]: problem["hint"] for problem in verdict.problems} == {
        "cluster_external_network": "write the id of one of them: n1, n3",
        "cluster_fixed_network": "write the id of one of them: n2, n4",
        "cluster_fixed_subnet": "write the id of one of them: s1, s2",
    }
    by_id = service(cluster_external_network="n3", cluster_fixed_network="n2", cluster_fixed_subnet="s1")
    assert check(by_id, cloud(networks=networks, subnets=subnets)).problems == []
    assert check(given, deployed(given, networks=networks, subnets=subnets)).problems == []


def test_a_lost_group_is_told_before_anything_is_done() -> None:
    seen = deployed(service())
    assert seen.cluster is not None
    seen.cluster["stack_id"] = "kube-ab1c2"
    lost = {"name": "GPU", "role": "worker", "labels": {}, "status": "DELETE_FAILED", "status_reason": "ERROR: None"}
    seen.node_groups = [*seen.node_groups, lost]
    (problem,) = check(service(), seen).problems
    assert "that is final" in problem["problem"]
    assert "destroy -e confirm=hub" in problem["hint"]
