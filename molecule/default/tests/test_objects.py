"""Magnum, Nova, Kubernetes and Helm tell the same story."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import kubernetes
import openstack
import pytest
import yaml

GROUP = "node.cluster.x-k8s.io/nodegroup"


def magnum(cloud: openstack.connection.Connection, path: str) -> Any:
    answer = cloud.container_infrastructure_management.get(path, microversion="1.10")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_every_node_of_a_group_is_a_server_of_that_flavor(
    cloud: openstack.connection.Connection, core: kubernetes.client.CoreV1Api, summary: dict[str, Any]
) -> None:
    uuid = summary["cluster"]["uuid"]
    assert magnum(cloud, f"/clusters/{uuid}")["status"].endswith("_COMPLETE")
    servers = {server.id: server for server in cloud.compute.servers()}
    nodes = core.list_node().items
    groups = [item for item in magnum(cloud, f"/clusters/{uuid}/nodegroups")["nodegroups"] if item["role"] != "master"]
    assert groups
    for group in groups:
        members = [node for node in nodes if node.metadata.labels.get(GROUP) == group["name"]]
        assert len(members) == group["node_count"]
        for node in members:
            server = servers[node.spec.provider_id.removeprefix("openstack:///")]
            assert server.status == "ACTIVE"
            assert server.flavor["original_name"] == group["flavor_id"]
            assert node.status.capacity["cpu"] == str(server.flavor["vcpus"])
            addresses = {item["addr"] for network in server.addresses.values() for item in network}
            assert addresses & {item.address for item in node.status.addresses}


def test_the_release_is_the_one_that_the_summary_names(state: Path, summary: dict[str, Any]) -> None:
    command = ["helm", "list", "--all-namespaces", "--output", "json", "--kubeconfig", str(state / "kubeconfig")]
    releases = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert [(item["name"], item["status"], item["revision"]) for item in releases] == [
        (summary["hub"]["release"], "deployed", str(summary["hub"]["revision"]))
    ]


def test_the_service_has_the_balancers_floating_ip(
    cloud: openstack.connection.Connection, core: kubernetes.client.CoreV1Api, summary: dict[str, Any]
) -> None:
    service = core.read_namespaced_service("proxy-public", summary["hub"]["namespace"])
    address = service.status.load_balancer.ingress[0].ip
    balancers = {item.vip_port_id: item for item in cloud.load_balancer.load_balancers()}
    floating = next(item for item in cloud.network.ips() if item.floating_ip_address == address)
    balancer = balancers[floating.port_id]
    assert balancer.provisioning_status == "ACTIVE"
    assert balancer.provider == "amphora"  # which was said: this Octavia has not what the driver asks for by itself
    uuid, namespace = summary["cluster"]["uuid"], service.metadata.namespace
    assert balancer.name == f"kube_service_{uuid}_{namespace}_proxy-public"
    assert summary["hub"]["address"] == address


def test_placeholders_ask_for_what_their_profile_asks_for(
    kube: kubernetes.client.ApiClient, summary: dict[str, Any]
) -> None:
    service = yaml.safe_load((Path(__file__).resolve().parents[3] / "vars/jupyterhub.yml").read_text())
    wanted = {item["name"]: item["placeholders"] for item in service["hub_profiles"] if item.get("placeholders")}
    sets = kubernetes.client.AppsV1Api(kube).list_namespaced_stateful_set(summary["hub"]["namespace"]).items
    found = {item.metadata.name: item for item in sets if item.metadata.name.startswith("user-placeholder-")}
    assert {name.removeprefix("user-placeholder-"): item.spec.replicas for name, item in found.items()} == wanted
    for item in found.values():
        assert item.status.ready_replicas == item.spec.replicas


def test_pods_made_unready_by_the_node_controller_are_ready_again(
    core: kubernetes.client.CoreV1Api, summary: dict[str, Any]
) -> None:
    """What a node leaves behind that was silent for a while, as when the machine was suspended."""
    namespace = summary["hub"]["namespace"]
    real, played = "component=hub", "app.kubernetes.io/component=user-placeholder"
    unready = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    for selector in (real, played):
        pod = core.list_namespaced_pod(namespace, label_selector=selector).items[0]
        assert not _ready(core.patch_namespaced_pod_status(pod.metadata.name, namespace, unready))
    end = time.monotonic() + 30
    while time.monotonic() < end:
        pods = [pod for one in (real, played) for pod in core.list_namespaced_pod(namespace, label_selector=one).items]
        if all(_ready(pod) for pod in pods):
            return
        time.sleep(0.2)
    pytest.fail(f"not ready again within 30 s: {[pod.metadata.name for pod in pods if not _ready(pod)]}")


def _ready(pod: Any) -> bool:
    return any(item.type == "Ready" and item.status == "True" for item in pod.status.conditions)


def test_users_volumes_are_retained(kube: kubernetes.client.ApiClient, core: kubernetes.client.CoreV1Api) -> None:
    claims = core.list_persistent_volume_claim_for_all_namespaces().items
    assert claims
    volumes = {volume.metadata.name: volume for volume in core.list_persistent_volume().items}
    for claim in claims:
        assert volumes[claim.spec.volume_name].spec.persistent_volume_reclaim_policy == "Retain"
        storage = kubernetes.client.StorageV1Api(kube).read_storage_class(claim.spec.storage_class_name)
        assert storage.volume_binding_mode == "WaitForFirstConsumer"
        assert storage.allow_volume_expansion


def test_secrets_are_readable_by_their_owner_alone(state: Path) -> None:
    for name in ("clouds.yaml", "kubeconfig", "overlay.yml", "users.json", "summary.json", "settings.json"):
        assert (state / name).stat().st_mode & 0o077 == 0, name
