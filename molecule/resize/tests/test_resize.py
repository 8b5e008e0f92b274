"""After an edit of the two files exactly what was edited has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes
import openstack
import pytest

from tests.support.hub_client import HubClient

GROUP = "node.cluster.x-k8s.io/nodegroup"


@pytest.fixture(scope="module")
def before(state: Path) -> set[str]:
    """UIDs of the objects that were there before the edit, by name."""
    return {item["uid"] for item in json.loads((state / "before-resize.json").read_text())}


def test_the_new_group_has_its_gpu_node(core: kubernetes.client.CoreV1Api) -> None:
    nodes = core.list_node(label_selector=f"{GROUP}=gpu").items
    assert len(nodes) == 1
    assert nodes[0].status.allocatable["nvidia.com/gpu"] == "1"


def test_bounds_changed_and_nodes_did_not(
    cloud: openstack.connection.Connection,
    core: kubernetes.client.CoreV1Api,
    summary: dict[str, Any],
    before: set[str],
) -> None:
    path = f"/clusters/{summary['cluster']['uuid']}/nodegroups/default-worker"
    group = cloud.container_infrastructure_management.get(path, microversion="1.10").json()
    assert (group["min_node_count"], group["max_node_count"]) == (1, 12)
    nodes = core.list_node(label_selector=f"{GROUP}=default-worker").items
    assert nodes
    assert {node.metadata.uid for node in nodes} <= before


def test_the_proxy_was_not_restarted(
    core: kubernetes.client.CoreV1Api, summary: dict[str, Any], before: set[str]
) -> None:
    proxies = core.list_namespaced_pod(summary["hub"]["namespace"], label_selector="component=proxy").items
    assert {pod.metadata.uid for pod in proxies} <= before


def test_placeholders_shrank(kube: kubernetes.client.ApiClient, summary: dict[str, Any]) -> None:
    apps = kubernetes.client.AppsV1Api(kube)
    item = apps.read_namespaced_stateful_set("user-placeholder-default", summary["hub"]["namespace"])
    assert item.spec.replicas == 2


def test_the_new_instance_runs_on_the_new_node(
    hub: HubClient,
    core: kubernetes.client.CoreV1Api,
    summary: dict[str, Any],
    user_of: Callable[[str], str],
    passwords: dict[str, str],
) -> None:
    name = user_of("allowed")
    hub.login_oidc(name, passwords[name])
    assert set(hub.profiles()) == {"default", "gpu"}
    hub.spawn("gpu")
    hub.wait_ready()
    try:
        assert hub.run("print(open('kept.txt').read())").strip() == "from the default instance"
        servers = core.list_namespaced_pod(
            summary["hub"]["namespace"], label_selector="component=singleuser-server"
        ).items
        assert [core.read_node(pod.spec.node_name).metadata.labels[GROUP] for pod in servers] == ["gpu"]
        assert servers[0].spec.containers[0].resources.limits["nvidia.com/gpu"] == "1"
    finally:
        hub.stop()
