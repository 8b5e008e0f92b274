"""The closing summary: keys that others rely on, and text for a person."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.summary import RUNS, count, render, summarise

SELECTOR = {"node.cluster.x-k8s.io/nodegroup": "default-worker"}


def node(ready: bool, **labels: str) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {"metadata": {"labels": labels}, "status": {"conditions": conditions}}


def pod(runs: str | None) -> dict[str, Any]:
    return {"metadata": {"annotations": {RUNS: runs} if runs else None}}


@pytest.fixture
def cluster() -> dict[str, Any]:
    return {
        "name": "jupyterhub",
        "uuid": "6d0c",
        "status": "CREATE_COMPLETE",
        "kubernetes_version": "v1.34.4",
        "node_groups": {"default-worker": {"selector": SELECTOR, "flavor": {"name": "c3.medium"}}},
    }


@pytest.fixture
def hub() -> dict[str, Any]:
    return {
        "url": "http://jupyter.localhost:20010",
        "namespace": "jupyterhub",
        "release": "jupyterhub",
        "revision": 1,
        "values_sha256": "ab",
        "chart": {"ref": "/chart", "version": "4.4.0", "stand_in": False},
        "placeholders": [{"profile": "default", "replicas": 4}],
    }


PROFILES = [
    {"name": "default", "display_name": "Default Instance", "cpu": 2, "memory": 1610612736},
    {"name": "large", "cpu": 8, "memory": 8053063680},
]
USERS = [{"name": "alice", "password": "secret", "role": "allowed"}]


def test_counts_only_the_groups_own_nodes(cluster: dict[str, Any], hub: dict[str, Any]) -> None:
    nodes = [node(True, **SELECTOR), node(False, **SELECTOR), node(True, other="x")]
    summary = summarise(cluster, hub | count(nodes, [], cluster["node_groups"]), USERS)
    assert summary["node_groups"] == [{"name": "default-worker", "flavor": "c3.medium", "nodes": 2, "ready": 1}]


def test_has_the_keys_of_the_contract(cluster: dict[str, Any], hub: dict[str, Any]) -> None:
    summary = summarise(cluster, hub, USERS)
    assert summary["chart"] == {"ref": "/chart", "version": "4.4.0", "stand_in": False}
    assert summary["kubernetes_version"] == "v1.34.4"
    assert {"name", "uuid", "status"} <= set(summary["cluster"])
    assert {"url", "release", "revision", "values_sha256"} <= set(summary["hub"])
    assert summary["users"] == USERS


def test_real_and_played_pods_are_counted(cluster: dict[str, Any], hub: dict[str, Any]) -> None:
    pods = [pod("real"), pod("real"), pod("played"), pod(None)]
    assert count([], pods, {})["pods"] == {"real": 2, "played": 1}
    assert count([], [pod(None)], {})["pods"] is None
    assert summarise(cluster, hub | count([], pods, {}), [])["pods"] == {"real": 2, "played": 1}


def test_text_says_what_a_person_needs(cluster: dict[str, Any], hub: dict[str, Any]) -> None:
    seen = count([node(True, **SELECTOR)], [pod("real")], cluster["node_groups"])
    summary = summarise(cluster, hub | seen, USERS)
    text = render(summary, PROFILES)
    assert "http://jupyter.localhost:20010" in text
    assert "default-worker: 1 of 1 ready, c3.medium" in text
    assert "Default Instance: 2 CPU, 1.5 GiB, 4 placeholders" in text
    assert "large: 8 CPU, 7.5 GiB\n" in text
    assert "alice  secret  (allowed)" in text
    assert "stand-in" not in text


def test_a_stand_in_chart_is_named_as_one(cluster: dict[str, Any], hub: dict[str, Any]) -> None:
    hub["chart"]["stand_in"] = True
    assert "NOT the real JupyterHub chart" in render(summarise(cluster, hub, []), PROFILES)


def test_https_that_is_not_there_yet_is_said_with_the_record(cluster: dict[str, Any], hub: dict[str, Any]) -> None:
    record = "hub.example.org. IN A 192.0.2.7"
    summary = summarise(cluster, hub | {"certificate": "none", "dns_record": record}, [])
    assert f"HTTPS       not yet, there is no certificate: set the DNS record {record}, then run this" in render(
        summary, []
    )
    summary = summarise(cluster, hub | {"certificate": "valid", "dns_record": ""}, [])
    assert "HTTPS" not in render(summary, [])
