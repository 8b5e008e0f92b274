"""Node groups that never come to be, with the drivers on Cluster API: they hold up nothing else, and it is said why."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest

from tests.support.faults import quota
from tests.support.modules import ModuleFailedError, run

TEMPLATE: dict[str, Any] = {
    "name": "stuck-template",
    "coe": "kubernetes",
    "image": "ubuntu-jammy-kube-v1.34.4",
    "flavor": "c3.small",
    "master_flavor": "c3.small",
    "external_network": "External",
    "network_driver": "calico",
    "dns_nameserver": ["192.0.2.53"],
    "labels": {"kube_tag": "v1.34.4"},
}
CLUSTER: dict[str, Any] = {"cluster_template": "stuck-template", "master_count": 1, "node_count": 1, "timeout": 600}
HELM: dict[str, Any] = {**CLUSTER, "name": "stuck-helm", "labels": {"rehearsal_family": "capi-helm"}}
CAPI: dict[str, Any] = {**CLUSTER, "name": "stuck-capi", "labels": {"rehearsal_servers": "false"}}
GROUP: dict[str, Any] = {"cluster": "stuck-helm", "flavor": "c3.small", "timeout": 600}


@pytest.fixture(scope="module", autouse=True)
def connected(state: Path) -> Iterator[None]:
    """The modules find the cloud; what they made goes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(state / "clouds.yaml"))
        patch.setenv("OS_CLOUD", "rehearsal")
        run("coe_cluster_template", **TEMPLATE)
        yield
        for name in ("stuck-helm", "stuck-capi"):
            run("coe_cluster", name=name, state="absent")
        run("coe_cluster_template", name="stuck-template", state="absent")


def test_a_group_without_servers_holds_up_nothing_else(state: Path) -> None:
    """magnum-capi-helm leaves it ``CREATE_IN_PROGRESS`` for ever, and the cluster ``UPDATE_IN_PROGRESS``."""
    run("coe_cluster", **HELM)
    with quota(state, instances=3):
        made = run("coe_nodegroup", name="extra", node_count=2, **GROUP)
        said = str(made["warnings"])
        assert made["nodegroup"]["status"] == "CREATE_IN_PROGRESS"
        counted = "2 nodes are asked for and 1 servers are there, so it stays CREATE_IN_PROGRESS"
        assert f"Node group extra: {counted}" in said
        assert "the quota of instances is 3, 3 are used, and one more c3.small takes 1" in said
        began = time.monotonic()
        other = run("coe_nodegroup", name="other", node_count=0, **GROUP)
        assert other["nodegroup"]["status"] == "CREATE_COMPLETE"
        assert run("coe_nodegroup", name="extra", state="absent", **GROUP)["changed"]
        assert time.monotonic() - began < 60
    assert not run("coe_cluster", **HELM)["changed"]


def test_what_a_driver_refuses_is_its_own_word(cloud: openstack.connection.Connection) -> None:
    with pytest.raises(ModuleFailedError, match="magnum-capi-helm takes three lower-case letters"):
        run("coe_nodegroup", name="g2", **GROUP)
    with pytest.raises(ModuleFailedError, match=r"c3\.tiny does not have enough"):
        run("coe_nodegroup", name="small", **{**GROUP, "flavor": "c3.tiny"})
    assert run("coe_nodegroup", name="small", state="absent", **GROUP)["changed"]


def test_a_group_that_was_refused_ends_the_cluster(cloud: openstack.connection.Connection) -> None:
    """magnum-cluster-api neither makes nor deletes it, and looks at nothing else any more."""
    uuid = run("coe_cluster", **CAPI)["cluster"]["uuid"]
    api = cloud.container_infrastructure_management
    path = f"/clusters/{uuid}/nodegroups"
    body = {"name": "GPU", "flavor_id": "c3.small", "node_count": 1}
    assert api.post(path, json=body, microversion="1.10").status_code == 202
    group = {"cluster": "stuck-capi", "name": "GPU", "timeout": 120}
    _until(lambda: _status(api, path, "GPU") == "CREATE_FAILED")
    with pytest.raises(
        ModuleFailedError, match="is DELETE_FAILED, and that is final: magnum-cluster-api cannot delete"
    ):
        run("coe_nodegroup", state="absent", **group)
    with pytest.raises(ModuleFailedError, match="Only a new cluster helps"):
        run("coe_nodegroup", flavor="c3.small", node_count=1, **{**group, "name": "other"})
    assert run("coe_cluster", name="stuck-capi", state="absent")["changed"]


def _status(api: Any, path: str, name: str) -> str:
    groups = api.get(path, microversion="1.10").json()["nodegroups"]
    return str(next((group["status"] for group in groups if group["name"] == name), ""))


def _until(condition: Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)
