"""KWOK's configuration: which pods it plays."""

from __future__ import annotations

from typing import Any

import yaml

from rehearsal.cluster import stages

RUNS = '.metadata.annotations["rehearsal.stfc.ac.uk/runs"]'


def pod_stages(*, unmarked: bool = False) -> list[dict[str, Any]]:
    return [stage for stage in stages.stages(unmarked=unmarked) if stage["spec"]["resourceRef"]["kind"] == "Pod"]


def condition(stage: dict[str, Any], key: str) -> dict[str, Any]:
    expressions = stage["spec"]["selector"]["matchExpressions"]
    return next(expression for expression in expressions if expression["key"] == key)


def test_every_pod_stage_takes_only_played_pods() -> None:
    for stage in pod_stages():
        assert condition(stage, RUNS) == {"key": RUNS, "operator": "In", "values": ["played"]}


def test_without_a_pod_runner_all_but_real_pods_are_played() -> None:
    for stage in pod_stages(unmarked=True):
        assert condition(stage, RUNS) == {"key": RUNS, "operator": "NotIn", "values": ["real"]}


def test_a_pod_goes_only_without_finalizers() -> None:
    gone = next(stage for stage in pod_stages() if stage["spec"]["next"].get("delete"))
    assert condition(gone, ".metadata.finalizers.[]")["operator"] == "DoesNotExist"
    assert condition(gone, ".metadata.deletionTimestamp")["operator"] == "Exists"


def test_nodes_boot_with_a_delay_and_keep_their_leases() -> None:
    configuration, *documents = yaml.safe_load_all(stages.configuration())
    options = configuration["options"]
    assert options["manageNodesWithAnnotationSelector"] == "kwok.x-k8s.io/node=fake"
    assert options["nodeLeaseParallelism"] > 0
    boot = next(document for document in documents if document["metadata"]["name"] == "node-ready")
    assert stages.BOOT_DELAY in boot["spec"]["delay"]["durationFrom"]["expressionFrom"]


def test_a_heartbeat_keeps_the_time_of_the_last_change() -> None:
    by_name = {stage["metadata"]["name"]: stage["spec"]["next"].get("statusTemplate", "") for stage in stages.stages()}
    assert "lastTransitionTime" in by_name["node-ready"]
    assert "lastTransitionTime" not in by_name["node-heartbeat"]


def test_a_running_pod_that_somebody_made_unready_is_ready_again_but_a_job_ends() -> None:
    again = next(stage for stage in pod_stages() if stage["metadata"]["name"] == "pod-ready-again")
    assert condition(again, '.status.conditions.[] | select( .type == "Ready" ) | .status')["operator"] == "NotIn"
    assert condition(again, ".metadata.ownerReferences.[].kind") == {
        "key": ".metadata.ownerReferences.[].kind",
        "operator": "NotIn",
        "values": ["Job"],
    }
