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
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.preflight import Cloud, Verdict, check, check_known

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
    assert verdict.cluster["labels"] == {"auto_scaling_enabled": "true"}
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
