"""The plan of the deployed service: what it reads of cloud and cluster, and what it finds there to do."""

from __future__ import annotations

import json
from typing import Any

import kubernetes
import pytest

from tests.support.playbooks import playbook

UNITS = {"Ki": 2**10, "Mi": 2**20}


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("plan")
    given = {"plan_json": str(folder / "plan.json"), "plan_report": str(folder / "plan.html")}
    request = {"name": "physics", "users": 12, "memory": "2G"}
    run = playbook("plan", plan_new_group=request, **given)
    assert run.ok, run.text
    assert run.changed == 0
    page = (folder / "plan.html").read_text()
    assert "<svg" in page and "http://" not in page.replace("http://www.w3.org", "")
    return json.loads((folder / "plan.json").read_text())


def test_there_is_nothing_to_do_for_what_is_deployed(plan: dict[str, Any]) -> None:
    deployment = plan["deployment"]
    assert deployment["known"] == {"cluster": True, "hub": True}, plan["not_worked_out"]
    assert [deployment[verb] for verb in ("create", "change", "remove")] == [[], [], []]
    assert {"cluster jupyterhub", "node group default-worker", "namespace jupyterhub"} <= set(deployment["leave"])


def test_room_is_measured_on_the_live_node(
    plan: dict[str, Any], core: kubernetes.client.CoreV1Api, summary: dict[str, Any]
) -> None:
    (group,) = [each for each in plan["groups"] if each["name"] == "default-worker"]
    selector = "node.cluster.x-k8s.io/nodegroup=default-worker"
    names = {node.metadata.name: node for node in core.list_node(label_selector=selector).items}
    assert plan["cluster_from"] == "the live cluster"
    assert group["sources"]["cpu"].removeprefix("allocatable of the live node ") in names
    assert group["sources"]["daemons"] == "requests of the live cluster's DaemonSets"
    assert group["sources"]["core"].startswith("requests of the live cluster's pods")
    allocatable = next(iter(names.values())).status.allocatable
    assert group["node"]["pods"] == int(allocatable["pods"])
    assert group["node"]["memory_bytes"] == int(allocatable["memory"][:-2]) * UNITS[allocatable["memory"][-2:]]


def test_the_request_is_answered(plan: dict[str, Any]) -> None:
    assert plan["new_group"]["fits"] is True
    assert 0 < plan["waiting"]["share_at_once"] <= 1
    assert plan["node_hours"] >= plan["lower_bound_node_hours"] > 0
