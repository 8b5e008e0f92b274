"""What others decide is left alone, and what leaves the file goes. Runs last: it changes the cluster."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import kubernetes
import openstack

from tests.support.autoscaler import scale
from tests.support.playbooks import ROOT, deploy

GROUP = "node.cluster.x-k8s.io/nodegroup"


def group(cloud: openstack.connection.Connection, uuid: str, name: str) -> Any:
    path = f"/clusters/{uuid}/nodegroups/{name}"
    return cloud.container_infrastructure_management.get(path, microversion="1.10").json()


def test_a_count_that_an_autoscaler_chose_is_left_alone(
    core: kubernetes.client.CoreV1Api, state: Path, summary: dict[str, Any]
) -> None:
    def nodes() -> int:
        return len(core.list_node(label_selector=f"{GROUP}=default-worker").items)

    scale(state, summary["cluster"]["uuid"], "default-worker", 2)
    end = time.monotonic() + 120
    while nodes() != 2:
        assert time.monotonic() < end, "the second node did not come"
        time.sleep(0.5)
    run = deploy(service_overlays=[str(state / "overlay.yml"), str(ROOT / "molecule/resize/vars/edited.yml")])
    assert run.ok, run.text
    assert run.changed == 0, run.text
    assert nodes() == 2


def test_a_group_that_left_the_file_goes(cloud: openstack.connection.Connection, summary: dict[str, Any]) -> None:
    uuid = summary["cluster"]["uuid"]
    run = deploy()
    assert run.ok, run.text
    answer = cloud.container_infrastructure_management.get(f"/clusters/{uuid}/nodegroups", microversion="1.10")
    workers = {item["name"] for item in answer.json()["nodegroups"] if item["role"] != "master"}
    assert workers == {"default-worker"}
    default = group(cloud, uuid, "default-worker")
    assert (default["min_node_count"], default["max_node_count"]) == (1, 20)
    servers = [server.name for server in cloud.compute.servers() if "-gpu-" in server.name]
    assert servers == []
