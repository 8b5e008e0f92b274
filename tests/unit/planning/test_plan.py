"""The plan of a service: capacity that can be worked out by hand, what comes of a live cluster, advice."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils import reserves
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values import hub_values, placeholders
from ansible_collections.stfc.jupyterhub.plugins.module_utils.planning.deployment import deployment
from ansible_collections.stfc.jupyterhub.plugins.module_utils.planning.rooms import Live
from ansible_collections.stfc.jupyterhub.plugins.module_utils.planning.text import summary
from ansible_collections.stfc.jupyterhub.plugins.module_utils.simulation import day

from .conftest import FLAVORS, GIB, known_of, service_of

Make = Callable[..., dict[str, Any]]
LECTURE = {"shape": "lecture", "users": 30, "at": "09:00", "within": "5m"}
SELECTOR = {"node.cluster.x-k8s.io/nodegroup": "default-worker"}


def group(plan: dict[str, Any], name: str) -> Any:
    return next(each for each in plan["groups"] if each["name"] == name)


def profile(plan: dict[str, Any], name: str) -> Any:
    return next(each for group in plan["groups"] for each in group["profiles"] if each["name"] == name)


def test_users_of_a_node_are_what_is_left_of_the_flavor_divided_by_what_they_ask_for(plan: Make) -> None:
    made = plan()
    left = reserves.allocatable(FLAVORS["c3.medium"]).memory - reserves.usual_daemons("cluster-api", "calico").memory
    default = profile(made, "default")
    assert default["users_per_node"] == left // (1536 * 2**20) == 10
    assert default["limited_by"] == "memory"
    assert profile(made, "large")["users_per_node"] == 2
    assert (profile(made, "gpu")["users_per_node"], profile(made, "gpu")["limited_by"]) == (2, "gpu")


def test_the_hubs_own_pods_take_a_place_on_the_first_node_only(plan: Make) -> None:
    default = profile(plan(), "default")
    assert default["users_at_min"] == 9
    assert default["users_at_max"] == 9 + 19 * 10


@pytest.mark.parametrize(
    ("changes", "limit", "users"),
    [
        ({"cpu": 8, "cpu_guarantee": 1, "memory": "64M"}, "cpu", 7),
        ({"cpu": 1, "memory": "64M"}, "volumes", 25),
    ],
)
def test_what_limits_depends_on_the_profile(plan: Make, changes: dict[str, Any], limit: str, users: int) -> None:
    service = service_of(hub_profiles=[{"name": "default", **changes}])
    found = profile(plan(service), "default")
    assert (found["limited_by"], found["users_per_node"]) == (limit, users)


def test_without_volumes_pods_limit(plan: Make) -> None:
    tiny = [{"name": "default", "cpu": 1, "cpu_guarantee": 0.01, "memory": "64M"}]
    found = profile(plan(service_of(hub_profiles=tiny, hub_storage={"type": "none"})), "default")
    assert (found["limited_by"], found["users_per_node"]) == ("pods", 106)


def test_places_at_once_are_those_of_a_quiet_hour_with_its_placeholders(plan: Make) -> None:
    many = [{"name": "default", "cpu": 1, "memory": "1.5G", "placeholders": 12}]
    made = plan(service_of(hub_profiles=many))
    assert group(made, "default-worker")["nodes_standing"] == 2
    assert profile(made, "default")["users_at_once"] == 19


def test_placeholders_without_a_place_are_counted(plan: Make) -> None:
    service = service_of(
        cluster_node_groups=[{"name": "default-worker", "flavor": "c3.medium", "min": 1, "max": 2}],
        hub_profiles=[{"name": "default", "cpu": 1, "memory": "1.5G", "placeholders": 25}],
    )
    made = plan(service)
    assert profile(made, "default")["placeholders_without_place"] == 6
    assert "6 of 25 placeholders of default have no place" in summary(made)


def test_use_and_cost_count_the_control_plane(plan: Make) -> None:
    made = plan(service_of(cluster_flavor_prices={"c3.small": 0.1, "c3.medium": 0.25, "g1": 2}))
    assert made["use"]["min"]["instances"] == 3 + 1
    assert made["use"]["max"]["instances"] == 3 + 20 + 2
    assert made["use"]["max"]["cores"] == 3 * 2 + 20 * 8 + 2 * 16
    assert made["use"]["max"]["volumes"] == 1 + 199 + 4
    named = service_of(hub_values={"hub": {"allowNamedServers": True, "namedServerLimitPerUser": 2}})
    assert plan(named)["use"]["max"]["volumes"] == 1 + 3 * (199 + 4)
    assert made["cost"]["min"] == {"hour": 0.55, "month": 401.5}
    assert made["cost"]["max"]["hour"] == pytest.approx(0.3 + 5 + 4)
    assert made["cost"]["without_price"] == []
    assert plan()["cost"]["without_price"] == ["c3.small"]
    assert plan(service_of(cluster_flavor_prices={}))["cost"] is None


def test_a_flavor_that_nobody_knows_is_said_and_everything_else_is_planned(plan: Make) -> None:
    made = plan(known={"flavors": {"g1": FLAVORS["g1"]}})
    assert profile(made, "default")["users_per_node"] is None
    assert profile(made, "gpu")["users_per_node"] == 2
    assert made["waiting"] is None
    text = summary(made)
    assert "nobody says what flavor c3.medium has" in text
    assert "waiting, because it is not known how many users of default fit" in text
    assert made["use"]["min"]["cores"] is None


def test_a_profile_that_fits_nowhere_is_not_simulated(plan: Make) -> None:
    made = plan(service_of(hub_profiles=[{"name": "default", "cpu": 1, "memory": "60G"}]))
    assert profile(made, "default")["users_per_node"] == 0
    assert "fits on no node of its group" in summary(made)


def test_without_simpy_the_rest_is_planned(plan: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day, "simpy", None)
    made = plan()
    assert made["waiting"] is None
    assert profile(made, "default")["users_per_node"] == 10
    assert "simpy is not installed" in summary(made)


def test_waiting_and_node_hours_have_the_promised_keys(plan: Make) -> None:
    made = plan(arrivals=[LECTURE])
    assert {"share_at_once", "p50_seconds", "p95_seconds"} <= made["waiting"].keys()
    assert 0.3 <= made["waiting"]["share_at_once"] <= 0.4  # nine places, one of them a placeholder's three times over
    assert made["node_hours"] >= made["lower_bound_node_hours"] > 0
    assert made["simulation"]["groups"]["default-worker"]["cost"] > 0
    assert json.loads(json.dumps(made)) == made
    assert "no-secret-in-a-plan" not in json.dumps(made)


def test_the_recommendation_keeps_the_target_and_is_not_dearer_than_it_must_be(plan: Make) -> None:
    made = plan(arrivals=[LECTURE], recommend=True, replications=4)
    advice = made["recommendation"]
    (row,) = advice["groups"]
    assert advice["reachable"]
    assert row["share"] >= 0.95 > row["share_now"]
    places = 9 + (row["min"] - 1) * 10
    assert 28 <= places + max(0, row["placeholders"]["default"] - places) <= 40
    assert "keeps 95% of starts within 1m" in advice["text"]
    again = plan(
        service_of(
            cluster_node_groups=[{"name": "default-worker", "flavor": "c3.medium", "min": row["min"], "max": 20}],
            hub_profiles=[
                {"name": "default", "cpu": 2, "memory": "1.5G", "placeholders": row["placeholders"]["default"]}
            ],
        ),
        arrivals=[LECTURE],
        replications=4,
    )
    assert again["target"]["kept"]


def test_it_says_when_no_setting_helps_and_what_would(plan: Make) -> None:
    few = [{"name": "default-worker", "flavor": "c3.medium", "min": 1, "max": 2}]
    service = service_of(cluster_node_groups=few, hub_profiles=[{"name": "default", "cpu": 2, "memory": "1.5G"}])
    made = plan(service, arrivals=[LECTURE], recommend=True)
    (row,) = made["recommendation"]["groups"]
    assert not made["recommendation"]["reachable"]
    assert row["max_needed"] == 3
    assert "It would take cluster_node_groups[default-worker].max: 3." in row["text"]
    slow = plan(service, arrivals=[LECTURE], recommend=True, server_start="2m")
    assert "A start alone takes 2m" in slow["recommendation"]["text"]


def test_settings_that_are_good_enough_are_left(plan: Make) -> None:
    alone = [LECTURE | {"users": 5}]
    made = plan(arrivals=alone, recommend=True)
    assert "present settings keep" in made["recommendation"]["text"] or made["recommendation"]["groups"][0]["changes"]
    assert made["target"]["kept"]


# Requests of groups


def test_a_group_that_fits_is_told_where_and_what_it_costs(plan: Make) -> None:
    made = plan(new_group={"name": "Physics 2", "users": 40, "memory": "4G"}, arrivals=[LECTURE])["new_group"]
    assert made["fits"]
    assert (made["node_group"], made["users_per_node"], made["limited_by"]) == ("default-worker", 3, "memory")
    assert made["nodes"] == 14
    assert made["cost"] == {"hour": 3.5, "month_of_working_hours": 588.0}
    (change,) = made["change"]
    assert change["to"] == {"name": "physics-2", "cpu": 2, "memory": "4G", "node_group": "default-worker"}


def test_a_group_that_does_not_fit_is_told_what_to_change(plan: Make) -> None:
    made = plan(new_group={"name": "physics", "users": 90, "memory": "4G"}, arrivals=[LECTURE])["new_group"]
    assert not made["fits"]
    change = made["change"][0]
    assert change["key"] == "cluster_node_groups[default-worker].max"
    assert change["to"] == made["nodes"] + made["nodes_at_busiest_moment"] > 20
    assert f"Write cluster_node_groups[default-worker].max: {change['to']} (now 20)." in made["text"]


def test_a_profile_on_offer_serves_if_it_is_large_enough(plan: Make) -> None:
    made = plan(new_group={"name": "physics", "users": 4, "memory": "7G"})["new_group"]
    assert made["profile"] == "large"
    assert made["change"] == []


def test_a_group_that_fits_on_no_node_is_told_so(plan: Make) -> None:
    made = plan(new_group={"name": "physics", "users": 4, "memory": "100G"})["new_group"]
    assert made["fits"] is False
    assert "no node of any group holds a server with 100G of memory" in made["text"]
    unknown = plan(new_group={"name": "physics", "users": 4, "memory": "1G"}, known={"flavors": {}})["new_group"]
    assert unknown["fits"] is None


def test_gpus_are_asked_of_groups_that_have_them(plan: Make) -> None:
    made = plan(new_group={"name": "ml", "users": 3, "memory": "8G", "gpus": 1})["new_group"]
    assert (made["node_group"], made["nodes"], made["profile"]) == ("gpu", 2, "gpu")


# A live cluster


def live_node(memory: str) -> dict[str, Any]:
    allocatable = {"cpu": "7900m", "memory": memory, "pods": "60"}
    return {"metadata": {"name": "node-1", "labels": SELECTOR}, "status": {"allocatable": allocatable}, "spec": {}}


def pod(name: str, memory: str, labels: dict[str, str] | None = None, owner: str = "ReplicaSet") -> dict[str, Any]:
    container = {"resources": {"requests": {"cpu": "100m", "memory": memory}}}
    return {
        "metadata": {"name": name, "labels": labels or {}, "ownerReferences": [{"kind": owner}]},
        "spec": {"nodeName": "node-1", "containers": [container]},
        "status": {"phase": "Running"},
    }


def test_a_live_node_and_its_pods_say_what_is_there(plan: Make) -> None:
    daemon = {
        "spec": {
            "template": {"spec": {"containers": [{"resources": {"requests": {"cpu": "200m", "memory": "256Mi"}}}]}}
        }
    }
    csi = {
        "metadata": {"name": "node-1"},
        "spec": {"drivers": [{"name": "cinder.csi.openstack.org", "allocatable": {"count": 8}}]},
    }
    pods = [
        pod("hub", "1Gi", {"component": "hub"}),
        pod("dns", "70Mi"),
        pod("daemon", "256Mi", owner="DaemonSet"),
        pod("ada", "1536Mi", {"component": "singleuser-server"}),
        pod("place", "1536Mi", {"jupyterhub.stfc.ac.uk/profile": "default"}),
    ]
    live = Live([live_node("14Gi")], pods, [csi])
    made = plan(known={"live": live, "daemon_sets": [daemon]})
    found = group(made, "default-worker")
    assert found["node"] == {"cpu": 7.9, "memory_bytes": 14 * GIB, "gpu": 0, "pods": 60, "volumes": 8}
    assert found["daemons"]["memory_bytes"] == 256 * 2**20
    assert found["core"]["memory_bytes"] == (1024 + 70) * 2**20
    assert profile(made, "default")["limited_by"] == "volumes"
    assert "live node node-1" in found["sources"]["memory"]
    assert "DaemonSets" in found["sources"]["daemons"]
    assert made["cluster_from"] == "the live cluster"


# What a deployment would do

PLANNED: dict[str, Any] = {
    "actions": [
        "create node group gpu",
        "set the bounds of node group default-worker to 1 to 9 nodes",
        "delete node group old",
    ],
    "exists": True,
    "cluster": {"changes": False},
    "node_groups": [{"name": "gpu"}],
}


def hub_there(service: dict[str, Any], **changes: Any) -> dict[str, Any]:
    facts = known_of(service).facts
    values = hub_values(service, facts, {"hub-secrets": "0123456789abcdef"})
    values["singleuser"]["startTimeout"] = float(values["singleuser"]["startTimeout"])  # as Helm keeps numbers
    return {
        "namespace": True,
        "storage_classes": ["jupyterhub-retain"],
        "release": {"status": "deployed", "revision": 3, "chart": "jupyterhub-4.4.0", "values": values},
        "stateful_sets": placeholders(service, facts),
    } | changes


def doing(service: dict[str, Any], cloud: dict[str, Any], hub: dict[str, Any]) -> dict[str, Any]:
    return deployment(service, cloud, hub, known_of(service).facts)


@pytest.mark.parametrize("name", ["values", "release_values"])
def test_an_unchanged_service_is_left_as_it_is(name: str) -> None:
    service = service_of()
    hub = hub_there(service)
    hub["release"][name] = hub["release"].pop("values")
    found = doing(service, PLANNED | {"actions": [], "node_groups": []}, hub)
    assert not found["create"] + found["change"] + found["remove"]
    assert "release jupyterhub, revision 3" in found["leave"]
    assert "placeholders user-placeholder-default: 4" in found["leave"]
    assert found["known"] == {"cluster": True, "hub": True}


def test_what_the_cluster_needs_is_sorted_by_what_is_done() -> None:
    service = service_of()
    found = doing(service, PLANNED, hub_there(service))
    assert found["create"] == ["node group gpu"]
    assert found["change"] == ["set the bounds of node group default-worker to 1 to 9 nodes"]
    assert found["remove"] == ["node group old"]
    assert "cluster hub" in found["leave"]


def test_without_a_cluster_all_of_it_is_made() -> None:
    actions = ["create cluster template hub-1", "create cluster hub from template hub-1", "create node group gpu"]
    found = doing(service_of(), {"actions": actions, "exists": False}, {})
    assert "cluster hub from template hub-1" in found["create"]
    assert "release jupyterhub of chart jupyterhub 4.4.0" in found["create"]
    assert "namespace jupyterhub" in found["create"]
    assert found["leave"] == []


def test_a_changed_value_a_failed_release_and_other_placeholders_are_seen() -> None:
    before = service_of()
    hub = hub_there(before)
    hub["release"] |= {"status": "failed", "chart": "jupyterhub-4.3.0"}
    hub["stateful_sets"] = [*hub["stateful_sets"], {"metadata": {"name": "user-placeholder-old"}, "spec": {}}]
    after = service_of(hub_start_timeout="30m", hub_profiles=[{"name": "default", "cpu": 2, "memory": "1.5G"}])
    found = doing(after, PLANNED, hub)
    (release,) = [each for each in found["change"] if each.startswith("release")]
    assert "it is failed" in release
    assert "chart jupyterhub-4.3.0 becomes jupyterhub-4.4.0" in release
    assert "singleuser.startTimeout" in release
    assert found["remove"] == [
        "node group old",
        "placeholders user-placeholder-default",
        "placeholders user-placeholder-old",
    ]


def test_what_was_not_seen_is_not_guessed(plan: Make) -> None:
    assert doing(service_of(), {}, {})["known"] == {"cluster": False, "hub": False}
    found = doing(service_of(), PLANNED, {})
    assert found["known"] == {"cluster": True, "hub": False}
    assert "(not known for the hub: see below)" in summary(
        plan(known={"cloud": PLANNED, "missing": ["the cluster could not be looked at: no route"]})
    )
