"""Nothing of ours is left in the cloud; what users made is."""

from __future__ import annotations

import json
from pathlib import Path

import openstack

from tests.support.playbooks import playbook

SEEDED_NETWORKS = {"External"}


def test_nothing_is_left_in_magnum(cloud: openstack.connection.Connection) -> None:
    magnum = cloud.container_infrastructure_management
    assert magnum.get("/clusters").json()["clusters"] == []
    assert [item for item in magnum.get("/clustertemplates").json()["clustertemplates"] if not item["public"]] == []


def test_nothing_is_left_in_nova(cloud: openstack.connection.Connection) -> None:
    assert list(cloud.compute.servers()) == []


def test_nothing_is_left_in_octavia_and_neutron(cloud: openstack.connection.Connection) -> None:
    assert list(cloud.load_balancer.load_balancers()) == []
    assert list(cloud.network.ips()) == []
    assert list(cloud.network.routers()) == []
    assert list(cloud.network.ports()) == []
    assert {network.name for network in cloud.network.networks()} == SEEDED_NETWORKS


def test_the_files_of_the_users_are_still_there(state: Path) -> None:
    kept = list((state / "volumes").glob("*/volume.json"))
    claims = [json.loads(path.read_text())["claim"] for path in kept]
    assert any("alice" in str(claim) for claim in claims)
    assert [path for path in (state / "volumes").rglob("kept.txt") if "default instance" in path.read_text()]


def test_the_volumes_can_be_found_and_attached_again(state: Path, cloud: openstack.connection.Connection) -> None:
    """Each is marked so that no cloud cleans it up, and tells its claim, cluster and what it was."""
    there = {volume.id: volume for volume in cloud.block_storage.volumes()}
    for path in (state / "volumes").glob("pvc-*/volume.json"):
        kept = json.loads(path.read_text())
        volume = there[kept["id"]]
        assert (volume.name, volume.size) == (path.parent.name, kept["size"] // 1024**3)
        assert {key: volume.metadata[key] for key in volume.metadata if "csi.storage" in key} == {
            "csi.storage.k8s.io/pvc/namespace": kept["namespace"],
            "csi.storage.k8s.io/pvc/name": kept["claim"],
            "csi.storage.k8s.io/pv/name": path.parent.name,
        }
        assert volume.metadata["janitor.capi.azimuth-cloud.com/keep"] == "true"
        assert volume.metadata["cinder.csi.openstack.org/cluster"] == "kept by stfc.jupyterhub"
        assert volume.metadata["jupyterhub.stfc.ac.uk/cluster"] == kept["cluster"]


def test_destroying_again_changes_nothing() -> None:
    run = playbook("destroy", confirm="jupyterhub")
    assert run.ok, run.text
    assert run.changed == 0
    assert "kept: jupyterhub/hub-db-dir, 1 GiB, volume " in run.text
    assert "kept: jupyterhub/claim-alice" in run.text


def test_destroying_without_the_right_name_is_refused() -> None:
    run = playbook("destroy", confirm="another")
    assert not run.ok
    assert "confirm=jupyterhub" in run.text
