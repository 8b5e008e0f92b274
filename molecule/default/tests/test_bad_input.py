"""What an operator gets wrong is told in words before anything is made or changed, and no secret is among the words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openstack
import pytest
import yaml

from tests.support.playbooks import ROOT, Run, deploy

FRESH = "fresh"
"""Name of a cluster that there is not."""


def overlaid(state: Path, folder: Path, **keys: Any) -> Run:
    """Deploy with a file over the others, as an operator would edit them."""
    file = folder / "edited.yml"
    file.write_text(yaml.safe_dump(keys))
    return deploy(service_overlays=[str(state / "overlay.yml"), str(file)])


def line(text: str, start: str) -> int:
    """Number of the first line that has ``start``."""
    return next(number for number, each in enumerate(text.splitlines(), 1) if start in each)


def listed(cloud: openstack.connection.Connection) -> dict[str, Any]:
    """Everything that a deployment makes or changes, as the APIs show it."""
    magnum = cloud.container_infrastructure_management
    clusters = magnum.get("/clusters/detail").json()["clusters"]
    groups = [
        magnum.get(f"/clusters/{cluster['uuid']}/nodegroups/{group['uuid']}", microversion="1.10").json()
        for cluster in clusters
        for group in magnum.get(f"/clusters/{cluster['uuid']}/nodegroups", microversion="1.10").json()["nodegroups"]
    ]
    return {
        "clusters": clusters,
        "groups": groups,
        "templates": magnum.get("/clustertemplates/detail").json()["clustertemplates"],
        "servers": sorted(server.id for server in cloud.compute.servers()),
        "balancers": sorted(balancer.id for balancer in cloud.load_balancer.load_balancers()),
    }


@pytest.fixture
def secrets(state: Path, passwords: dict[str, str]) -> set[str]:
    """Everything that must not be printed."""
    clouds = yaml.safe_load((state / "clouds.yaml").read_text())["clouds"].values()
    of_clouds = {cloud["auth"].get(name) for cloud in clouds for name in ("password", "application_credential_secret")}
    client = yaml.safe_load((state / "overlay.yml").read_text())["hub_auth"]["client_secret"]
    return {client, *of_clouds, *passwords.values()} - {None}


@pytest.fixture(autouse=True)
def _untouched(cloud: openstack.connection.Connection) -> Iterator[None]:
    before = listed(cloud)
    yield
    assert listed(cloud) == before


def refused(run: Run, secrets: set[str], *words: str) -> None:
    """The run failed with these words, changed nothing, and showed neither a traceback nor a secret."""
    said = " ".join(run.text.split())
    assert not run.ok, run.text
    assert run.changed == 0, run.text
    for each in words:
        assert each in said, f"{each!r} is not in:\n{run.text}"
    assert "Traceback" not in run.text
    assert not [secret for secret in secrets if secret in run.text]


def test_an_unknown_cloud_is_told_with_the_nearest_name(secrets: set[str]) -> None:
    refused(deploy(openstack_cloud="rehearsel"), secrets, "Cloud rehearsel is not in", "Did you mean rehearsal?")


def test_wrong_credentials_are_told(state: Path, tmp_path: Path, secrets: set[str]) -> None:
    config = yaml.safe_load((state / "clouds.yaml").read_text())
    config["clouds"]["rehearsal"]["auth"]["application_credential_secret"] = "not-the-right-secret"
    file = tmp_path / "clouds.yaml"
    file.write_text(yaml.safe_dump(config))
    run = deploy(service_environment={"OS_CLIENT_CONFIG_FILE": str(file), "OS_CLOUD": "rehearsal"})
    words = ("Keystone refuses the credentials of cloud rehearsal", "Check its entry in clouds.yaml")
    refused(run, secrets | {"not-the-right-secret"}, *words)


def test_a_restricted_credential_is_told_before_a_cluster_is_made(secrets: set[str]) -> None:
    run = deploy(openstack_cloud="rehearsal-restricted", cluster_name=FRESH)
    refused(run, secrets, "application credential of rehearsal-restricted is restricted", "create --unrestricted")


def test_all_that_the_cloud_does_not_have_is_in_one_report(state: Path, tmp_path: Path, secrets: set[str]) -> None:
    run = overlaid(
        state,
        tmp_path,
        cluster_name=FRESH,
        cluster_image="ubuntu-jammy-kube-v1.34.5",
        cluster_external_network="Externel",
        cluster_keypair="operater",
        cluster_control_plane={"flavor": "c3.smal", "count": 3},
        cluster_node_groups=[{"name": "default-worker", "flavor": "c3.mediun", "min": 1, "max": 2}],
    )
    file = f"{tmp_path}/edited.yml"
    refused(
        run,
        secrets,
        "Preflight: 5 errors",
        f"{file}:3 cluster_control_plane.flavor the cloud rehearsal has no flavor 'c3.smal' -> write c3.small",
        "cluster_node_groups[default-worker].flavor the cloud rehearsal has no flavor 'c3.mediun' -> write c3.medium",
        "has no image 'ubuntu-jammy-kube-v1.34.5' -> write ubuntu-jammy-kube-v1.34.4",
        "cluster_external_network the cloud rehearsal has no network 'Externel' -> write External",
        "cluster_keypair the cloud rehearsal has no keypair of this user 'operater' -> write operator",
    )


def test_a_template_of_the_site_that_is_not_there_is_told_with_the_nearest_name(
    cloud: openstack.connection.Connection, secrets: set[str]
) -> None:
    templates = cloud.container_infrastructure_management.get("/clustertemplates").json()["clustertemplates"]
    name = templates[0]["name"]
    run = deploy(cluster_name=FRESH, cluster_template=f"{name}x")
    refused(run, secrets, "extra variables (-e) cluster_template", f"has no cluster template '{name}x' -> write {name}")


def test_mistakes_of_both_files_are_in_one_report(tmp_path: Path, secrets: set[str]) -> None:
    openstack_file = (ROOT / "vars/openstack.yml").read_text()
    hub_file = (ROOT / "vars/jupyterhub.yml").read_text()
    wrong = {"openstack_vars": tmp_path / "openstack.yml", "jupyterhub_vars": tmp_path / "jupyterhub.yml"}
    text = openstack_file.replace("cluster_image:", "cluster_imagee:").replace("    min: 1 ", "    min: one ", 1)
    wrong["openstack_vars"].write_text(text)
    text = hub_file.replace("capacity: 1G ", "capacity: 1Gigabyte ").replace(
        "group: default-worker", "group: defalt", 1
    )
    wrong["jupyterhub_vars"].write_text(text)
    refused(
        deploy(**{name: str(path) for name, path in wrong.items()}),
        secrets,
        "files 4 errors",
        f"openstack.yml:{line(openstack_file, 'cluster_image:')} cluster_imagee",
        "-> write cluster_image",
        f"openstack.yml:{line(openstack_file, '    min: 1 ')} cluster_node_groups[default-worker].min 'one' is not",
        f"jupyterhub.yml:{line(hub_file, 'node_group:')} hub_profiles[default].node_group there is no node group",
        f"jupyterhub.yml:{line(hub_file, '  capacity:')} hub_storage.capacity '1Gigabyte' has no unit that we know",
    )


def test_what_magnum_cannot_change_is_refused_with_what_it_would_need(
    state: Path, tmp_path: Path, secrets: set[str]
) -> None:
    run = overlaid(
        state,
        tmp_path,
        cluster_network_driver="cilium",
        cluster_labels={"cloud_provider_tag": "v1.34.0"},
        cluster_auto_healing=False,
        cluster_node_groups=[{"name": "default-worker", "flavor": "c3.small", "min": 1, "max": 20}],
    )
    refused(
        run,
        secrets,
        "Preflight: 5 errors",
        "cluster_network_driver the cluster was made with 'calico', and that never changes -> write calico",
        "make a new cluster under another cluster_name",
        "cluster_labels.cloud_provider_tag Its label cloud_provider_tag is not set and cannot become 'v1.34.0'",
        "cluster_auto_healing Its label auto_healing_enabled is 'true' and cannot become 'false'",
        "cluster_node_groups[default-worker].flavor Its flavor_id is 'c3.medium' and cannot become 'c3.small'",
        "that needs a new cluster instead of jupyterhub",
    )


def test_secrets_are_known_to_these_tests(secrets: set[str]) -> None:
    assert len(secrets) > 5
    assert all(len(secret) >= 12 for secret in secrets)
