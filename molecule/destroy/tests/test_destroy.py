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


def test_destroying_again_changes_nothing() -> None:
    run = playbook("destroy", confirm="jupyterhub")
    assert run.ok, run.text
    assert run.changed == 0


def test_destroying_without_the_right_name_is_refused() -> None:
    run = playbook("destroy", confirm="another")
    assert not run.ok
    assert "confirm=jupyterhub" in run.text
