"""What preflight says of a file full of mistakes, of an unreachable cloud and of a service that is right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openstack
import pytest
import yaml

from tests.support.modules import run as module
from tests.support.playbooks import Run, playbook

FULL_OF_MISTAKES: dict[str, Any] = {
    "openstack_cloud": "rehearsal-restricted",
    "cluster_name": "fresh",
    "cluster_image": "ubuntu-jammy-kube-v1.34.5",
    "cluster_keypair": "operater",
    "cluster_control_plane": {"flavor": "c3.tiny"},
    "cluster_node_groups": [
        {"name": "default-worker", "flavor": "c3.medium", "min": 1, "max": 60},
        {"name": "lost", "flavor": "c3.mediun", "min": 1, "max": 2},
    ],
    "cluster_imagee": "x",
    "hub_domain": "hub.example.com",
    "hub_storage": {"volume_type": "fest"},
}

EXPECTED = {
    ("files", "error", "cluster_imagee"): "is not a key",
    ("cloud", "error", "openstack_cloud"): "the application credential of rehearsal-restricted is restricted",
    ("cloud", "error", "cluster_image"): "has no image 'ubuntu-jammy-kube-v1.34.5'",
    ("cloud", "error", "cluster_keypair"): "has no keypair of this user 'operater'",
    ("cloud", "error", "cluster_node_groups[lost].flavor"): "has no flavor 'c3.mediun'",
    ("cloud", "error", "cluster_control_plane.flavor"): "c3.tiny has 1 VCPU (at least 2) and 1024 MiB of memory",
    ("cloud", "error", "hub_storage.volume_type"): "has no volume type 'fest'",
    ("cloud", "error", "hub_address.floating_ip"): "is taken: it leads to port",
    (
        "cloud",
        "warning",
        "hub_domain",
    ): "no DNS zone of this project holds hub.example.com (its zones are jupyter.localhost)",
}

QUOTAS = ("servers", "VCPUs", "memory (MiB)", "server group")
"""Words of the messages on what sixty nodes are too many for."""


def preflight(state: Path, folder: Path, keys: dict[str, Any], **variables: Any) -> tuple[Run, dict[str, Any]]:
    """Run the playbook with a file over the others: what was printed, and the report."""
    file, report = folder / "edited.yml", folder / "report.json"
    file.write_text(yaml.safe_dump(keys, sort_keys=False))
    overlays = [str(state / "overlay.yml"), str(file)]
    run = playbook("preflight", service_overlays=overlays, preflight_report=str(report), **variables)
    return run, json.loads(report.read_text())


def test_a_file_full_of_mistakes_is_one_report(
    state: Path, tmp_path: Path, summary: dict[str, Any], cloud: openstack.connection.Connection
) -> None:
    taken = next(one.floating_ip_address for one in cloud.network.ips() if one.port_id)
    keys = {**FULL_OF_MISTAKES, "hub_address": {"floating_ip": taken}}
    run, report = preflight(state, tmp_path, keys)
    assert run.status == 2
    assert run.changed == 0
    assert "Traceback" not in run.text
    found = {(each["layer"], each["severity"], each["key"]): each for each in report["problems"]}
    for key, words in EXPECTED.items():
        assert words in found[key]["message"], key
        assert found[key]["hint"]
        assert found[key]["file"] == str(tmp_path / "edited.yml")
        assert found[key]["line"] > 0
    size = [each for each in report["problems"] if each["key"] == "cluster_node_groups[default-worker].max"]
    for word in QUOTAS:
        assert any(word in each["message"] for each in size), word
    assert report["errors"] == sum(each["severity"] == "error" for each in report["problems"])
    assert report["layers"]["cluster"]["skipped"] == "there is no cluster fresh yet"
    for each in report["problems"]:
        assert each["message"] in run.text


def test_what_is_deployed_has_no_problem(state: Path, tmp_path: Path, summary: dict[str, Any]) -> None:
    run, report = preflight(state, tmp_path, {})
    assert run.ok, run.text
    assert (run.changed, report["errors"]) == (0, 0), report
    assert [each for each in report["problems"] if each["layer"] != "files"] == []
    assert [name for name, layer in report["layers"].items() if layer["checked"]] == ["files", "cloud", "cluster"]


def elsewhere(state: Path, folder: Path) -> dict[str, str]:
    """What leads to a cloud at an address where nobody is."""
    config = yaml.safe_load((state / "clouds.yaml").read_text())
    config["clouds"]["rehearsal"]["auth"]["auth_url"] = "http://192.0.2.9:5000/v3"
    clouds = folder / "clouds.yaml"
    clouds.write_text(yaml.safe_dump(config))
    return {"OS_CLIENT_CONFIG_FILE": str(clouds), "OS_CLOUD": "rehearsal"}


UNREACHED = "Cloud rehearsal cannot be reached"

AWAY = dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
"""A proxy that leads nowhere."""


def test_a_deployment_does_not_go_on_without_its_cloud(state: Path, tmp_path: Path) -> None:
    """The proxy, which is asked for it and is not there, is named."""
    report = tmp_path / "report.json"
    there = {"service_environment": elsewhere(state, tmp_path), "preflight_report": str(report)}
    run = playbook("deploy", environment={**AWAY, "no_proxy": "127.0.0.1"}, **there)
    assert (run.status, run.changed) == (2, 0)
    assert "Preflight: not complete, cloud not checked; " in run.text
    assert f"The cloud was not checked: {UNREACHED}" in run.text
    assert "Traceback" not in run.text
    layers = json.loads(report.read_text())["layers"]
    assert layers["cloud"]["skipped"].startswith(UNREACHED)
    assert "through the proxy http://127.0.0.1:9 (http_proxy); where 192.0.2.9 is" in layers["cloud"]["skipped"]
    assert layers["cluster"]["checked"]


def test_files_can_be_checked_away_from_the_cloud(state: Path, tmp_path: Path) -> None:
    there = {"service_environment": elsewhere(state, tmp_path), "preflight_without_cloud": True}
    run, report = preflight(state, tmp_path, {}, environment={**AWAY, "no_proxy": "127.0.0.1"}, **there)
    assert run.ok, run.text
    assert not report["layers"]["cloud"]["checked"]


def test_what_is_on_this_machine_is_asked_of_no_proxy(state: Path, tmp_path: Path) -> None:
    run, report = preflight(state, tmp_path, {}, environment=AWAY)
    assert run.ok, run.text
    assert [name for name, layer in report["layers"].items() if layer["checked"]] == ["files", "cloud", "cluster"]


FORMS: dict[str, tuple[dict[str, Any], str]] = {
    "as it is": ({}, ""),
    "regions": ({"region_name": None, "regions": ["RegionOne", "Two"]}, ""),
    "no verification": ({"verify": False}, ""),
    "a number for a password": ({"auth": {"password": 73157315}}, "has a wrong auth.password: it is a number"),
    "a wrong password": ({"auth": {"password": "nonsense-73157315"}}, "Keystone refuses the credentials of cloud"),
    "the user's own project": ({"auth": {"project_name": None}}, ""),
    "a project that is not": ({"auth": {"project_name": "nowhere"}}, "Keystone refuses the credentials of cloud"),
    "a token": ({"auth_type": "token", "auth": {"username": None, "password": None, "user_domain_name": None}}, ""),
    "a token that is none": (
        {
            "auth_type": "token",
            "auth": {"username": None, "password": None, "user_domain_name": None, "token": "73157315"},
        },
        "Check its entry in clouds.yaml: credentials, auth_url",
    ),
}
"""What of a working entry is another, and what is said of it."""


@pytest.mark.parametrize("form", FORMS)
def test_an_entry_of_clouds_yaml_is_used_or_told(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    changes, words = FORMS[form]
    config = openstack.config.OpenStackConfig(config_files=[str(state / "clouds.yaml")])
    entry = config.cloud_config["clouds"]["rehearsal-member"]
    if changes.get("auth_type") == "token":
        entry["auth"]["token"] = config.get_one("rehearsal-member").get_session().get_token()
    auth = {**entry["auth"], **changes.get("auth", {})}
    entry = {**entry, **changes, "auth": {key: value for key, value in auth.items() if value is not None}}
    file = tmp_path / "clouds.yaml"
    file.write_text(
        yaml.safe_dump({"clouds": {"c": {key: value for key, value in entry.items() if value is not None}}})
    )
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))
    answer = module("coe_preflight", cloud="c", collect=True, complete=False, service={"cluster_name": "fresh"})
    found = [each["message"] for each in answer["problems"]]
    assert answer["skipped_because"] == ("the cloud does not let us in" if words else "")
    assert len(found) == bool(words), found
    assert all(words in message and "73157315" not in message and "\n" not in message for message in found)


def test_a_colleague_needs_a_kubeconfig_of_the_clusters_owner(
    state: Path, tmp_path: Path, summary: dict[str, Any], cloud: openstack.connection.Connection
) -> None:
    """Magnum lets nobody but the cluster's user read its CA or sign a certificate."""
    missing = tmp_path / "kubeconfig"
    keys = {"openstack_cloud": "rehearsal-colleague", "cluster_kubeconfig": str(missing)}
    run, report = preflight(state, tmp_path, keys)
    assert (run.status, run.changed) == (2, 0)
    (problem,) = [each for each in report["problems"] if each["severity"] == "error"]
    assert (problem["layer"], problem["key"]) == ("cloud", "cluster_kubeconfig")
    assert f"was made by the user {cloud.current_user_id}" in problem["message"]
    assert str(missing) in problem["hint"]
    missing.write_text((state / "kubeconfig").read_text())
    missing.chmod(0o600)
    run, report = preflight(state, tmp_path, keys)
    assert run.ok and report["errors"] == 0, run.text
    assert any("which only the user" in note for note in report["layers"]["cloud"]["not_checked"])


@pytest.mark.parametrize("service", ["block_storage", "dns"])
def test_the_project_uses_volumes_and_zones_as_its_member(cloud: openstack.connection.Connection, service: str) -> None:
    if service == "dns":
        (zone,) = [one for one in cloud.dns.zones() if one.name == "jupyter.localhost."]
        record = cloud.dns.create_recordset(zone, name=f"a.{zone.name}", type="A", records=["203.0.113.9"])
        cloud.dns.delete_recordset(record, zone)
        assert zone.status == "ACTIVE"
        return
    volume = cloud.block_storage.create_volume(name="preflight", size=1, volume_type="fast")
    try:
        cloud.block_storage.wait_for_status(volume, "available", ["error"], interval=0.2, wait=30)
        with pytest.raises(openstack.exceptions.HttpException, match="quota"):
            cloud.block_storage.create_volume(name="preflight", size=100_000)
    finally:
        cloud.block_storage.delete_volume(volume)
        cloud.block_storage.wait_for_delete(volume, interval=0.2, wait=30)
