"""What has to be done, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.plan import (
    autoscaled,
    plan_cluster,
    plan_nodegroup,
    plan_template,
)
from hypothesis import given
from hypothesis import strategies as st

Json = dict[str, Any]

SCALED = {"labels": {"auto_scaling_enabled": "true"}}


def cluster(**changes: Any) -> Json:
    return {
        "uuid": "u",
        "name": "hub",
        "cluster_template_id": "t1",
        "master_count": 3,
        "node_count": 4,
        "flavor_id": "c3.medium",
        "labels": {"kube_tag": "v1.33.6", "auto_healing_enabled": "true"},
        **changes,
    }


def group(**changes: Any) -> Json:
    return {
        "uuid": "g",
        "name": "gpu",
        "role": "worker",
        "flavor_id": "g1",
        "node_count": 2,
        "min_node_count": 1,
        "max_node_count": 4,
        "labels": {},
        **changes,
    }


WORKERS = [
    group(name="default-master", role="master", is_default=True, node_count=3),
    group(name="default-worker", is_default=True),
]


def test_what_is_as_wanted_needs_nothing() -> None:
    plan = plan_cluster(
        {"name": "hub", "master_count": 3, "node_count": 2, "labels": {"auto_healing_enabled": True}},
        cluster(),
        WORKERS,
        template="t1",
    )
    assert (plan.actions, plan.refusals, plan.before, plan.after) == ([], [], {}, {})


def test_a_new_cluster_is_created_from_its_template() -> None:
    plan = plan_cluster({"name": "hub", "node_count": 2, "keypair": None}, None, template="t1")
    assert [(a.kind, a.body) for a in plan.actions] == [
        ("create", {"name": "hub", "node_count": 2, "cluster_template_id": "t1"})
    ]


def test_the_default_group_is_resized_whatever_the_others_have() -> None:
    plan = plan_cluster({"name": "hub", "node_count": 3}, cluster(node_count=9), WORKERS)
    assert [a.body for a in plan.actions] == [{"node_count": 3, "nodegroup": "default-worker"}]
    assert (plan.before, plan.after) == ({"node_count": 2}, {"node_count": 3})


def test_a_cloud_without_node_groups_counts_the_cluster() -> None:
    plan = plan_cluster({"name": "hub", "node_count": 5}, cluster(node_count=4))
    assert [a.body for a in plan.actions] == [{"node_count": 5, "nodegroup": None}]


def test_an_autoscaled_count_is_never_set_back() -> None:
    assert not plan_cluster({"name": "hub", "node_count": 1}, cluster(**SCALED), WORKERS).changed
    assert not plan_nodegroup({"name": "gpu", "node_count": 1}, group(), cluster(**SCALED)).changed


def test_another_template_is_an_upgrade_that_carries_the_version() -> None:
    plan = plan_cluster(
        {"name": "hub", "labels": {"kube_tag": "v1.34.4"}}, cluster(), WORKERS, template="t2", template_name="new"
    )
    assert [(a.kind, a.body) for a in plan.actions] == [
        ("upgrade", {"cluster_template": "t2", "nodegroup": "default-worker"})
    ]
    assert plan.refusals == []


@pytest.mark.parametrize(
    "wanted",
    [
        {"flavor_id": "c3.large"},
        {"keypair": "other"},
        {"labels": {"kube_tag": "v1.34.4"}},
        {"labels": {"octavia_provider": "ovn"}},
        {"fixed_network": "mine"},
        {"master_lb_enabled": False},
    ],
)
def test_what_magnum_cannot_change_is_refused_before_anything_is_done(wanted: Json) -> None:
    plan = plan_cluster({"name": "hub", **wanted}, cluster(), WORKERS, template="t1")
    assert len(plan.refusals) == 1
    assert "that needs a new cluster instead of hub" in plan.refusals[0]
    assert plan.actions == []


def test_a_name_and_an_id_of_one_flavor_are_the_same() -> None:
    plan = plan_cluster(
        {"name": "hub", "flavor_id": "1234"},
        cluster(),
        WORKERS,
        same=lambda _key, one, other: {one, other} == {"c3.medium", "1234"},
    )
    assert plan.refusals == []


def steps(plan: Any) -> list[Any]:
    done: list[Any] = []
    for action in plan.actions:
        if action.kind == "patch":
            done.append({p["path"]: p.get("value") for p in action.body})
        else:
            done.append(action.body["node_count"])
    return done


@pytest.mark.parametrize(
    ("wanted", "done"),
    [
        ({"min_node_count": 0, "max_node_count": 9}, [{"/min_node_count": 0, "/max_node_count": 9}]),
        ({"min_node_count": 3}, [3, {"/min_node_count": 3}]),
        ({"max_node_count": 1}, [1, {"/max_node_count": 1}]),
        (
            {"min_node_count": 6, "max_node_count": 8},
            [{"/max_node_count": 8}, 6, {"/min_node_count": 6}],
        ),
        ({"min_node_count": 0, "max_node_count": 0}, [{"/min_node_count": 0, "/max_node_count": None}]),
    ],
)
def test_bounds_move_in_an_order_that_magnum_accepts(wanted: Json, done: list[Any]) -> None:
    assert steps(plan_nodegroup({"name": "gpu", **wanted}, group(), cluster(**SCALED))) == done


def test_new_bounds_keep_as_many_nodes_as_an_autoscaler_made() -> None:
    plan = plan_nodegroup({"name": "gpu", "min_node_count": 3}, group(), cluster(**SCALED), nodes=4)
    assert steps(plan) == [4, {"/min_node_count": 3}]


@given(
    low=st.integers(0, 9),
    more=st.integers(0, 9),
    count=st.integers(0, 9),
    new_low=st.integers(0, 12),
    new_more=st.integers(0, 9),
    nodes=st.none() | st.integers(0, 30),
    wanted_count=st.integers(0, 21),
    scaled=st.booleans(),
)
def test_every_step_is_within_the_bounds_of_its_moment(
    low: int, more: int, count: int, new_low: int, new_more: int, nodes: int | None, wanted_count: int, scaled: bool
) -> None:
    """Magnum's rule (api/controllers/v1/nodegroup.py): minimum <= count <= maximum, after each request."""
    high, new_high = max(1, low + more), max(1, new_low + new_more)
    live = group(min_node_count=low, max_node_count=high, node_count=min(high, low + count))
    wanted = {"name": "gpu", "min_node_count": new_low, "max_node_count": new_high, "node_count": wanted_count}
    plan = plan_nodegroup(wanted, live, cluster(**SCALED) if scaled else cluster(), nodes=nodes)
    now = {"min_node_count": low, "max_node_count": high, "node_count": live["node_count"]}
    for action in plan.actions:
        if action.kind == "patch":
            now.update({p["path"].lstrip("/"): p.get("value") for p in action.body})
        else:
            now["node_count"] = action.body["node_count"]
        assert now["min_node_count"] <= now["node_count"] <= now["max_node_count"]
    if not plan.refusals:
        assert (now["min_node_count"], now["max_node_count"]) == (new_low, new_high)
        again = plan_nodegroup(wanted, {**live, **now}, cluster(**SCALED) if scaled else cluster(), nodes=nodes)
        assert not again.changed


def test_a_new_group_starts_at_its_minimum() -> None:
    plan = plan_nodegroup({"name": "gpu", "min_node_count": 2, "max_node_count": 4}, None, cluster())
    assert plan.actions[0].body["node_count"] == 2
    assert plan_nodegroup({"name": "gpu"}, None, cluster()).actions[0].body["node_count"] == 1
    assert plan_nodegroup({"name": "gpu", "node_count": 0}, None, cluster()).actions[0].body["node_count"] == 0


def test_the_flavor_of_a_group_needs_a_new_group() -> None:
    plan = plan_nodegroup({"name": "gpu", "flavor_id": "g2"}, group(), cluster())
    assert "deleted and made again, which drains its nodes" in plan.refusals[0]
    plan = plan_nodegroup({"name": "gpu", "flavor_id": "g2"}, group(is_default=True), cluster())
    assert "a new cluster" in plan.refusals[0]


@pytest.mark.parametrize(
    ("labels", "member", "answer"),
    [
        ({"auto_scaling_enabled": "True"}, {"name": "default-worker"}, True),
        ({"auto_scaling_enabled": "true"}, {"name": "gpu", "max_node_count": 3}, True),
        ({"auto_scaling_enabled": "true"}, {"name": "gpu", "max_node_count": None}, False),
        ({"auto_scaling_enabled": "false"}, {"name": "gpu", "max_node_count": 3}, False),
        (
            {"auto_scaling_enabled": "true"},
            {"name": "gpu", "max_node_count": 3, "labels": {"auto_scaling_enabled": "false"}},
            False,
        ),
        ({}, {"name": "default-worker"}, False),
    ],
)
def test_who_is_autoscaled(labels: Json, member: Json, answer: bool) -> None:
    assert autoscaled({"labels": labels}, member) is answer


LIVE_TEMPLATE: Json = {
    "name": "t",
    "uuid": "t1",
    "image_id": "a",
    "public": False,
    "hidden": False,
    "keypair_id": "ops",
    "tags": "old,slow",
    "dns_nameserver": "192.0.2.1,192.0.2.2",
    "labels": {"kube_tag": "v1"},
}


def test_a_template_is_changed_in_one_request_and_published_in_another() -> None:
    plan = plan_template({"name": "t", "image_id": "b", "public": True}, LIVE_TEMPLATE, in_use=False)
    assert [a.body for a in plan.actions] == [
        [{"op": "replace", "path": "/image_id", "value": "b"}],
        [{"op": "replace", "path": "/public", "value": True}],
    ]


@pytest.mark.parametrize("wanted", [{"public": True}, {"hidden": True}, {"tags": ["new"]}, {"name": "other"}])
def test_what_can_change_of_a_template_in_use_is_asked_one_by_one(wanted: Json) -> None:
    plan = plan_template({"name": "t", **wanted}, LIVE_TEMPLATE, in_use=True)
    assert plan.refusals == []
    ((change,),) = [a.body for a in plan.actions]
    assert change["path"] == f"/{next(iter(wanted))}"


@pytest.mark.parametrize("wanted", [{"image_id": "b"}, {"labels": {}}, {"tags": []}])
def test_the_rest_of_a_template_in_use_is_refused(wanted: Json) -> None:
    plan = plan_template({"name": "t", **wanted}, LIVE_TEMPLATE, in_use=True)
    assert len(plan.refusals) == 1
    assert "template of another name" in plan.refusals[0]


@pytest.mark.parametrize(
    ("wanted", "patch"),
    [
        ({"keypair_id": ""}, {"op": "remove", "path": "/keypair_id"}),
        ({"docker_volume_size": 20}, {"op": "add", "path": "/docker_volume_size", "value": 20}),
        ({"labels": {}}, {"op": "replace", "path": "/labels", "value": {}}),
        ({"dns_nameserver": ["192.0.2.2"]}, {"op": "replace", "path": "/dns_nameserver", "value": "192.0.2.2"}),
    ],
)
def test_how_fields_of_a_template_are_changed(wanted: Json, patch: Json) -> None:
    plan = plan_template(wanted, LIVE_TEMPLATE, in_use=False)
    assert [a.body for a in plan.actions] == [[patch]]


@pytest.mark.parametrize(
    "wanted",
    [
        {"tags": ["slow", " old"]},
        {"dns_nameserver": "192.0.2.1, 192.0.2.2"},
        {"docker_volume_size": 0},
        {"http_proxy": ""},
        {"labels": {"kube_tag": "v1"}},
    ],
)
def test_what_is_the_same_in_another_form(wanted: Json) -> None:
    assert not plan_template(wanted, LIVE_TEMPLATE, in_use=False).changed


def test_what_a_template_needs_cannot_be_taken_away() -> None:
    live = {**LIVE_TEMPLATE, "network_driver": "calico"}
    assert plan_template({"network_driver": ""}, live, in_use=False).refusals == [
        "Its network_driver can be changed, but not be taken away."
    ]


def test_a_new_template_has_no_empty_fields() -> None:
    plan = plan_template({"name": "t", "keypair_id": "", "tags": ["b", "a"], "public": False}, None, in_use=False)
    assert plan.actions[0].body == {"name": "t", "tags": "b,a", "public": False}


def test_the_control_plane_is_resized_where_the_driver_can() -> None:
    plan = plan_cluster({"name": "hub", "master_count": 5}, cluster(), WORKERS)
    assert [(a.kind, a.body) for a in plan.actions] == [("resize", {"node_count": 5, "nodegroup": "default-master"})]
    assert (plan.before, plan.after) == ({"master_count": 3}, {"master_count": 5})


@pytest.mark.parametrize(("groups", "possible"), [(WORKERS, False), ([], True)])
def test_the_control_plane_stays_where_the_driver_or_the_cloud_cannot(groups: list[Json], possible: bool) -> None:
    plan = plan_cluster({"name": "hub", "master_count": 5}, cluster(), groups, resizes_control_plane=possible)
    assert plan.actions == []
    assert "that needs a new cluster instead of hub" in plan.refusals[0]


@pytest.mark.parametrize("name", ["1hub", "my hub", "hub/2", "h" * 243, ""])
def test_a_name_that_magnum_does_not_take_is_told_before_it_is_asked(name: str) -> None:
    assert "is no name for a cluster" in plan_cluster({"name": name}, None, template="t1").refusals[0]
    assert plan_cluster({"name": name}, cluster(name=name)).refusals == []


@pytest.mark.parametrize(("count", "refused"), [(1, False), (2, False), (3, True)])
def test_servers_are_named_only_where_nodes_go(count: int, refused: bool) -> None:
    """Unchanged counts are no matter: the named ones went in an earlier run."""
    for plan in (
        plan_cluster({"name": "hub", "node_count": count}, cluster(), WORKERS, remove=["server"]),
        plan_nodegroup({"name": "gpu", "node_count": count}, group(), cluster(), remove=["server"]),
    ):
        assert bool(plan.refusals) is refused


def test_the_named_servers_go_with_the_resize() -> None:
    plan = plan_cluster({"name": "hub", "node_count": 1}, cluster(), WORKERS, remove=["server"])
    assert plan.actions[0].body == {"node_count": 1, "nodegroup": "default-worker", "nodes_to_remove": ["server"]}


OWN_TEMPLATE = {"uuid": "t1", "name": "k8s", "image_id": "new", "labels": {"kube_tag": "v1.34.4"}}


@pytest.mark.parametrize("wanted", [{"image_id": "new"}, {"labels": {"kube_tag": "v1.34.4"}}])
def test_a_later_group_is_upgraded_to_the_clusters_template(wanted: Json) -> None:
    live = group(image_id="old", labels={"kube_tag": "v1.33.6"})
    plan = plan_nodegroup({"name": "gpu", **wanted}, live, cluster(), template=OWN_TEMPLATE)
    assert plan.refusals == []
    assert [(a.kind, a.body) for a in plan.actions] == [("upgrade", {"cluster_template": "t1"})]


@pytest.mark.parametrize(
    ("wanted", "changes"),
    [
        ({"image_id": "third"}, {}),
        ({"labels": {"kube_tag": "v1.35.0"}}, {}),
        ({"image_id": "new"}, {"is_default": True}),
        ({"image_id": "new", "flavor_id": "other"}, {}),
    ],
)
def test_a_group_is_upgraded_to_nothing_else(wanted: Json, changes: Json) -> None:
    live = group(**{"image_id": "old", "labels": {"kube_tag": "v1.33.6"}, **changes})
    assert plan_nodegroup({"name": "gpu", **wanted}, live, cluster(), template=OWN_TEMPLATE).refusals


def test_a_new_group_of_the_control_plane_is_refused() -> None:
    assert plan_nodegroup({"name": "more", "role": "master"}, None, cluster()).refusals


def test_no_maximum_is_not_sent_for_a_new_group() -> None:
    assert "max_node_count" not in plan_nodegroup({"name": "g", "max_node_count": 0}, None, cluster()).actions[0].body


def test_what_failed_is_asked_for_again() -> None:
    failed = group(status="UPDATE_FAILED")
    plan = plan_nodegroup({"name": "gpu", "node_count": 2}, failed, cluster())
    assert [(a.kind, a.body) for a in plan.actions] == [("resize", {"node_count": 2, "nodegroup": "gpu"})]
    assert plan.actions[0].says == "resize node group gpu to 2 nodes again, as that failed"
    plan = plan_nodegroup({"name": "gpu", "min_node_count": 1, "max_node_count": 4}, failed, cluster(**SCALED))
    assert [a.kind for a in plan.actions] == ["patch"]
    assert plan.actions[0].body == [{"op": "replace", "path": "/min_node_count", "value": 1}]
    plan = plan_nodegroup({"name": "gpu", "node_count": 3}, failed, cluster())
    assert [a.body["node_count"] for a in plan.actions] == [3]

    workers = [group(name="default-worker", is_default=True, status="UPDATE_FAILED")]
    plan = plan_cluster({"name": "hub", "node_count": 2}, cluster(), workers)
    assert [a.body for a in plan.actions] == [{"node_count": 2, "nodegroup": "default-worker"}]
    assert not plan_cluster({"name": "hub", "node_count": 2}, cluster(**SCALED), workers).actions


def test_names_that_the_driver_or_the_certificate_does_not_take() -> None:
    live = {**cluster(), "stack_id": "kube-ab1c2"}
    (refusal,) = plan_nodegroup({"name": "GPU"}, None, live).refusals
    assert "magnum-cluster-api takes lower-case letters" in refusal
    assert plan_nodegroup({"name": "GPU"}, None, {**live, "stack_id": None}).refusals == []
    assert plan_cluster({"name": "a" * 64}, None, template="t").refusals == []
    (refusal,) = plan_cluster({"name": "a" * 65}, None, template="t").refusals
    assert "64 characters at most" in refusal
