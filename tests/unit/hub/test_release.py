"""A release's state, its cure, readiness and drift: rules without a cluster."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import datetime, timezone
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release import drift, history, readiness

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=timezone.utc)


def record(number: int, status: str, touched: int = 0) -> dict[str, Any]:
    labels = {
        "owner": "helm",
        "name": "jupyterhub",
        "version": str(number),
        "status": status,
        "createdAt": str(touched),
    }
    return {"metadata": {"name": f"sh.helm.release.v1.jupyterhub.v{number}", "labels": labels}}


def past(*statuses: str, touched: int = 0) -> list[history.Revision]:
    return history.revisions(record(number, status, touched) for number, status in enumerate(statuses, start=1))


def test_revisions_are_in_the_order_of_their_numbers() -> None:
    found = history.revisions([record(10, "deployed"), record(9, "superseded"), record(2, "superseded")])
    assert [revision.number for revision in found] == [2, 9, 10]


def test_the_last_write_counts() -> None:
    item = record(1, "pending-install", 5)
    item["metadata"]["labels"]["modifiedAt"] = "9"
    assert history.revisions([item])[0].touched == 9


@pytest.mark.parametrize(
    ("statuses", "action", "target"),
    [
        ((), "none", 0),
        (("deployed",), "none", 0),
        (("superseded", "deployed"), "none", 0),
        (("uninstalled",), "none", 0),
        (("deployed", "failed"), "rollback", 1),
        (("superseded", "deployed", "failed", "failed"), "rollback", 2),
        (("superseded", "failed"), "rollback", 1),
        (("superseded",), "rollback", 1),
        (("deployed", "pending-upgrade"), "rollback", 1),
        (("superseded", "deployed", "pending-rollback"), "rollback", 2),
        (("uninstalling",), "rollback", 1),
        (("failed",), "forget", 0),
        (("failed", "pending-install"), "forget", 0),
    ],
)
def test_a_release_is_cured_by_what_is_left_of_it(statuses: tuple[str, ...], action: str, target: int) -> None:
    found = history.cure(past(*statuses), now=1000, grace=60)
    assert (found.action, found.target) == (action, target)
    if action == "forget":
        assert len(found.records) == len(statuses)
    if action != "none":
        assert statuses[-1] in found.reason


def test_a_pending_release_is_left_alone_while_another_helm_may_be_at_work() -> None:
    found = history.cure(past("deployed", "pending-upgrade", touched=990), now=1000, grace=60)
    assert (found.action, found.seconds) == ("wait", 50)
    assert history.cure(past("deployed", "pending-upgrade", touched=930), now=1000, grace=60).action == "rollback"


@pytest.mark.parametrize(
    ("statuses", "proven", "before", "target"),
    [
        (("deployed",), 0, 0, 0),
        (("superseded", "deployed"), 1, 1, 1),
        (("superseded", "superseded", "deployed"), 1, 2, 1),
        (("superseded", "deployed"), 0, 1, 1),
        (("superseded", "deployed"), 7, 0, 0),
        (("failed", "deployed"), 1, 1, 0),
    ],
)
def test_the_way_back_leads_to_what_was_proven(
    statuses: tuple[str, ...], proven: int, before: int, target: int
) -> None:
    assert history.last_good(past(*statuses), proven, before) == target


def test_helm_s_record_is_read() -> None:
    content = {
        "manifest": "kind: X",
        "chart": {"metadata": {"name": "jupyterhub", "annotations": {"a": "b"}}},
        "config": {"hub": {"n": 1}},
    }
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(content).encode()))).decode()
    found = history.decode({"metadata": {"name": "x"}, "data": {"release": packed}})
    assert found == history.Release("kind: X", {"name": "jupyterhub", "annotations": {"a": "b"}}, {"hub": {"n": 1}})


def test_values_have_one_digest_as_written_and_as_helm_keeps_them() -> None:
    written = {"memory": 1610612736.0, "cpu": 0.05, "on": True, "none": None, "list": (1, 2.0), "b": "1"}
    kept = json.loads('{"b": "1", "cpu": 0.05, "list": [1, 2], "memory": 1610612736, "none": null, "on": true}')
    assert history.digest(written) == history.digest(kept)
    assert history.digest(written) != history.digest({**kept, "on": 1})
    assert history.digest(written) != history.digest({**kept, "b": 1})


@pytest.mark.parametrize("data", [{}, {"release": "####"}, {"release": base64.b64encode(b"e30=").decode()}])
def test_a_record_that_is_none_is_named(data: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="Secret broken does not hold a release"):
        history.decode({"metadata": {"name": "broken"}, "data": data})


def deployment(wanted: int = 1, **status: int) -> dict[str, Any]:
    return {"metadata": {"generation": 2}, "spec": {"replicas": wanted}, "status": status}


UPDATED = {"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}


@pytest.mark.parametrize(
    ("workload", "ready"),
    [
        (deployment(**UPDATED), True),
        (deployment(**UPDATED | {"observedGeneration": 1}), False),
        (deployment(**UPDATED | {"readyReplicas": 0}), False),
        (deployment(**UPDATED | {"updatedReplicas": 0}), False),
        (deployment(**UPDATED | {"replicas": 2}), False),  # the old pod still runs
        (deployment(2, **UPDATED), False),
        (deployment(0, observedGeneration=2), True),
        ({"metadata": {"generation": 1}, "spec": {}}, False),
    ],
)
def test_a_workload_is_ready_when_its_last_change_is(workload: dict[str, Any], ready: bool) -> None:
    assert readiness.workload_ready(workload) is ready


def pod(age: int = 10, **status: Any) -> dict[str, Any]:
    created = datetime.fromtimestamp(NOW.timestamp() - age, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"metadata": {"name": "hub-1", "creationTimestamp": created}, "status": status}


def waits(reason: str, restarts: int = 0, message: str = "") -> dict[str, Any]:
    return {"name": "hub", "restartCount": restarts, "state": {"waiting": {"reason": reason, "message": message}}}


RESTARTED = {
    "name": "hub",
    "restartCount": 2,
    "ready": False,
    "state": {"running": {}},
    "lastState": {"terminated": {"exitCode": 1}},
}
READY = [{"type": "Ready", "status": "True"}]
UNSCHEDULED = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}]


@pytest.mark.parametrize(
    ("described", "text", "hopeless"),
    [
        (pod(conditions=READY), "ready", False),
        (pod(conditions=UNSCHEDULED), "waits for a node: 0/1 nodes", False),
        (pod(phase="Running"), "runs, is not ready yet", False),
        (pod(phase="Pending"), "is starting", False),
        (pod(phase="Failed", reason="Evicted"), "has ended (Evicted)", False),
        (pod(containerStatuses=[waits("ContainerCreating")], phase="Pending"), "is starting", False),
        (
            pod(containerStatuses=[waits("ErrImagePull", message="no such\nimage")]),
            "hub: ErrImagePull (no such)",
            False,
        ),
        (pod(containerStatuses=[waits("CrashLoopBackOff", 2)]), "hub: CrashLoopBackOff", False),
        (pod(containerStatuses=[waits("CrashLoopBackOff", 5)]), "hub: CrashLoopBackOff", True),
        (pod(5, containerStatuses=[waits("CreateContainerConfigError")]), "hub: CreateContainerConfigError", False),
        (pod(90, containerStatuses=[waits("CreateContainerConfigError")]), "hub: CreateContainerConfigError", True),
        (pod(initContainerStatuses=[waits("InvalidImageName")], age=30), "hub: InvalidImageName", True),
        (pod(containerStatuses=[RESTARTED]), "hub: is not ready yet after 2 restarts, ended with 1 before", False),
    ],
)
def test_a_pod_is_described_in_words(described: dict[str, Any], text: str, hopeless: bool) -> None:
    found = readiness.pod_state(described, NOW)
    assert (found.text, found.hopeless, found.ready) == (text, hopeless, text == "ready")


def test_the_log_of_the_run_that_crashed_tells_most() -> None:
    crashed = {"name": "hub", "state": {"waiting": {}}, "lastState": {"terminated": {"exitCode": 1}}}
    running = {"name": "hub", "state": {"running": {}}, "ready": False}
    assert readiness.ended_container(pod(containerStatuses=[crashed])) == ("hub", True)
    assert readiness.ended_container(pod(containerStatuses=[running])) == ("hub", False)
    assert readiness.ended_container(pod(containerStatuses=[RESTARTED])) == ("hub", True)
    assert readiness.ended_container(pod(containerStatuses=[waits("ContainerCreating")])) == ("", False)


def test_only_the_newest_pods_of_a_workload_count() -> None:
    old, new = pod(100), pod(1)
    assert readiness.current_pods({"spec": {"replicas": 1}}, [old, new]) == [new]


@pytest.mark.parametrize(
    ("status", "address"),
    [
        ({}, ""),
        ({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}, "192.0.2.1"),
        ({"loadBalancer": {"ingress": [{"hostname": "lb.example.org"}]}}, "lb.example.org"),
    ],
)
def test_a_balancer_s_address_is_found(status: dict[str, Any], address: str) -> None:
    assert readiness.balancer_address({"status": status}) == address


def live(kind: str = "Deployment", **fields: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "metadata": {"name": "x", "resourceVersion": "1", "generation": 1, "managedFields": []},
        **fields,
    }


def test_what_the_server_keeps_for_itself_is_no_drift() -> None:
    answer = live(spec={"replicas": 1}, status={"a": 2})
    answer["metadata"] |= {"resourceVersion": "2", "generation": 2}
    assert drift.differences(live(spec={"replicas": 1}, status={"a": 1}), answer) == []


@pytest.mark.parametrize(
    ("there", "manifest", "answer"),
    [
        ({"a": 1, "b": {"c": ["x"]}}, {"b": {"c": ["x"]}}, True),
        ({"ports": [{"port": 80, "protocol": "TCP"}]}, {"ports": [{"port": 80}]}, True),  # a default of the server's
        ({"ports": [{"port": 80}, {"port": 443}]}, {"ports": [{"port": 80}]}, False),
        ({"replicas": 0}, {"replicas": 1}, False),
        ({}, {"replicas": 1}, False),
        ({"cpu": "500m"}, {"cpu": 0.5}, False),  # the same, but that is for the server to say
        ({"on": True}, {"on": 1}, False),
        ({}, {"labels": None}, True),
        ({"data": {"a": "Yg==", "c": "ZA=="}}, {"stringData": {"a": "b"}}, True),
        ({"data": {"a": "Yg=="}}, {"stringData": {"a": "c"}}, False),
        ({}, {"stringData": {"a": "c"}}, False),
        ("text", {"a": 1}, False),
        ({"limits": {"cpu": "2", "memory": "1Gi"}}, {"limits": {"cpu": 2, "memory": 1073741824}}, True),
        ({"requests": {"cpu": "50m"}}, {"requests": {"cpu": 0.05}}, True),
        ({"requests": {"cpu": "50m"}}, {"requests": {"cpu": 0.06}}, False),
        ({"requests": {"cpu": "50m"}}, {"requests": {"cpu": "50q"}}, False),
        ({"requests": {"cpu": "50m"}}, {"requests": {"cpu": 0.05, "memory": 1}}, False),
        ({"requests": {"cpu": "1"}}, {"requests": {"cpu": True}}, False),
        ({}, {"globalDefault": False, "initialDelaySeconds": 0}, True),
        ({}, {"initialDelaySeconds": 1}, False),
        ({}, {"enableServiceLinks": False}, False),  # what is left out means true
        ({}, {"rollingUpdate": None}, True),
        ({"rollingUpdate": {}}, {"rollingUpdate": None}, False),
    ],
)
def test_a_manifest_stands_where_all_of_it_is_there_as_written(there: Any, manifest: Any, answer: bool) -> None:
    assert drift.stands(there, manifest) is answer


def test_labels_in_common() -> None:
    one, other = live(), live()
    one["metadata"]["labels"], other["metadata"]["labels"] = {"a": "1", "b": "2"}, {"a": "1", "b": "3"}
    assert drift.in_common([one, other]) == {"a": "1"}
    assert drift.in_common([one, live()]) == {}
    assert drift.in_common([]) == {}


def test_drift_is_told_field_by_field() -> None:
    before = live(spec={"replicas": 0, "containers": [{"name": "hub", "image": "a"}], "extra": None})
    after = live(spec={"replicas": 1, "containers": [{"name": "hub", "image": "b"}], "extra": None, "more": 1})
    assert [(item.path, item.live, item.wanted) for item in drift.differences(before, after)] == [
        ("spec.containers[0].image", "a", "b"),
        ("spec.more", None, 1),
        ("spec.replicas", 0, 1),
    ]


def test_lists_of_different_lengths_differ_as_a_whole() -> None:
    [found] = drift.differences(live(spec={"args": ["a"]}), live(spec={"args": ["a", "b"]}))
    assert (found.path, found.live, found.wanted) == ("spec.args", ["a"], ["a", "b"])


def test_what_a_secret_holds_is_never_told() -> None:
    [found] = drift.differences(live("Secret", data={"key": "b2xk"}), live("Secret", data={"key": "bmV3"}))
    assert found.path == "data.key"
    assert not {"b2xk", "bmV3"} & {found.live, found.wanted}
    assert found.live != found.wanted


def test_objects_are_marked_as_helm_marks_them() -> None:
    manifest = "---\n# comment only\n---\nkind: Service\nmetadata: {name: a, labels: {b: c}}\n"
    [found] = drift.objects(manifest, "jupyterhub", "spaces")
    assert found["metadata"]["labels"] == {"b": "c", "app.kubernetes.io/managed-by": "Helm"}
    assert found["metadata"]["annotations"] == {
        "meta.helm.sh/release-name": "jupyterhub",
        "meta.helm.sh/release-namespace": "spaces",
    }


@pytest.mark.parametrize(
    ("pod_spec", "reads"),
    [
        ({"volumes": [{"configMap": {"name": "hub"}}]}, True),
        ({"volumes": [{"projected": {"sources": [{"configMap": {"name": "hub"}}]}}]}, True),
        ({"containers": [{"envFrom": [{"configMapRef": {"name": "hub"}}]}]}, True),
        ({"initContainers": [{"env": [{"valueFrom": {"configMapKeyRef": {"name": "hub"}}}]}]}, True),
        ({"volumes": [{"secret": {"secretName": "hub"}}]}, False),
        ({}, False),
    ],
)
def test_who_reads_a_config_map_is_known(pod_spec: dict[str, Any], reads: bool) -> None:
    workload = {"kind": "Deployment", "spec": {"template": {"spec": pod_spec}}}
    items = [workload, {"kind": "Service", "spec": {}}, {"kind": "ConfigMap"}]
    assert drift.readers(items, "ConfigMap", "hub") == ([workload] if reads else [])
