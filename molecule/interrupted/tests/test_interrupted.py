"""A deployment from nothing, killed at ten moments, each time begun again: nothing is lost, made twice or left behind.

Each run goes on from where the last one died, so that all of them together make one deployment. The tests build on one
another, in their order.
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes
import openstack
import pytest
import yaml

from tests.support.interruption import Started
from tests.support.playbooks import ROOT

NAMESPACE = "jupyterhub"
LOCK = "lock of jupyterhub (stfc.jupyterhub)"
LEASE = ("stfc.jupyterhub", "kube-system")
RELEASE = "sh.helm.release.v1.jupyterhub.v1"


@dataclasses.dataclass
class Seen:
    """What is there, looked at afresh each time."""

    state: Path
    cloud: openstack.connection.Connection

    def magnum(self, path: str) -> Any:
        answer = self.cloud.container_infrastructure_management.get(path, microversion="1.10")
        return answer.json() if answer.status_code == 200 else {}

    def clusters(self) -> list[dict[str, Any]]:
        return self.magnum("/clusters").get("clusters", [])

    def templates(self) -> list[str]:
        found = self.magnum("/clustertemplates").get("clustertemplates", [])
        return [template["name"] for template in found if not template["public"]]

    def node_groups(self) -> dict[str, str]:
        """Status by name."""
        found = [self.magnum(f"/clusters/{cluster['uuid']}/nodegroups") for cluster in self.clusters()]
        return {group["name"]: group["status"] for answer in found for group in answer.get("nodegroups", [])}

    def locks(self) -> list[Any]:
        return list(self.cloud.network.security_groups(name=LOCK))

    @property
    def kube(self) -> kubernetes.client.ApiClient:
        return kubernetes.config.new_client_from_config(str(self.state / "kubeconfig"))

    @property
    def core(self) -> kubernetes.client.CoreV1Api:
        return kubernetes.client.CoreV1Api(self.kube)

    def there(self, read: Callable[[], Any]) -> Any:
        """What is read; None when it, or the cluster itself, is not there."""
        if not (self.state / "kubeconfig").exists():
            return None
        try:
            return read()
        except kubernetes.client.ApiException as error:
            assert error.status == 404, error
            return None

    def namespace(self) -> Any:
        return self.there(lambda: self.core.read_namespace(NAMESPACE))

    def lease(self) -> Any:
        return self.there(lambda: kubernetes.client.CoordinationV1Api(self.kube).read_namespaced_lease(*LEASE))

    def release(self) -> str:
        """Status of the first revision, as Helm has it."""
        record = self.there(lambda: self.core.read_namespaced_secret(RELEASE, NAMESPACE))
        return record.metadata.labels["status"] if record else ""

    def placeholders(self) -> Any:
        name = "user-placeholder-default"
        return self.there(lambda: kubernetes.client.AppsV1Api(self.kube).read_namespaced_stateful_set(name, NAMESPACE))


@dataclasses.dataclass
class Moment:
    """``come``: whether it is there. ``die``: how the run ends."""

    words: str
    come: Callable[[Seen, Started], object]
    die: Callable[[Started], None]


MOMENTS = [
    Moment("the template is about to be made", lambda _, run: run.at("Cluster template"), Started.kill_group),
    Moment("the cluster has been asked for", lambda seen, _: seen.clusters(), Started.kill_all),
    Moment(
        "the cluster is being made",
        # On a busy machine it is made before the run comes to look, which then waits for its first group's bounds.
        lambda _, run: re.search("cluster jupyterhub: (CREATE|UPDATE)_IN_PROGRESS", run.text),
        Started.press_control_c,
    ),
    Moment("the kubeconfig is about to be written", lambda _, run: run.at("Kubeconfig"), Started.kill_group),
    Moment("a node group has been asked for", lambda seen, _: "gpu" in seen.node_groups(), Started.kill_group),
    Moment(
        "the namespace has been made",
        lambda seen, run: run.at("Keep other runs out") and seen.namespace(),
        Started.terminate,
    ),
    Moment("Helm installs", lambda seen, _: seen.release() == "pending-install", Started.kill_all),
    Moment("the hub is being waited for", lambda _, run: run.at("Wait until the hub is ready"), Started.kill_group),
    Moment("placeholders have been made", lambda seen, _: seen.placeholders(), Started.press_control_c),
    # All is made by now, so the hub has been asked already by the one look at everything.
    Moment("the hub has been asked", lambda _, run: run.at("Keep the plan"), Started.kill_group),
]


@pytest.fixture(scope="module")
def seen(state: Path, cloud: openstack.connection.Connection) -> Seen:
    return Seen(state, cloud)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the runs' temporary files are."""
    return tmp_path_factory.mktemp("temporary")


def started(state: Path, folder: Path) -> Started:
    overlays = [str(state / "overlay.yml"), str(ROOT / "molecule/interrupted/vars/service.yml")]
    return Started("deploy", folder, service_overlays=overlays)


def soon(what: Callable[[], object], words: str, timeout: float = 60) -> None:
    end = time.monotonic() + timeout
    while not what():
        assert time.monotonic() < end, words
        time.sleep(0.1)


DEAD: list[Started] = []
"""Runs that died with their keepers, so that their locks are still there."""


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.words.replace(" ", "-"))
def test_killed_when(moment: Moment, state: Path, seen: Seen, folder: Path) -> None:
    run = started(state, folder)
    run.until(lambda: moment.come(seen, run), moment.words)
    moment.die(run)
    if DEAD:
        dead = DEAD.pop()
        assert f"was taken over: process {dead.pid} of this machine" in " ".join(run.text.split()), run.text
    if moment.die is Started.kill_all:
        assert seen.locks() or seen.lease()
        DEAD.append(run)
    else:
        soon(lambda: not run.processes(), f"still there: {run.processes()}")
        assert seen.locks() == []
    if seen.release() == "pending-install":
        an_hour_passes(seen)


def an_hour_passes(seen: Seen) -> None:
    """Somebody else's Helm might be at work on a release that is pending, so that it is left alone for a minute."""
    label = {"modifiedAt": str(int(time.time()) - 3600)}
    seen.core.patch_namespaced_secret(RELEASE, NAMESPACE, {"metadata": {"labels": label}})


def test_the_next_run_goes_through(state: Path, folder: Path) -> None:
    run = started(state, folder).end()
    assert run.ok, run.text


def test_one_more_changes_nothing(state: Path, folder: Path) -> None:
    run = started(state, folder).end()
    assert run.ok, run.text
    assert run.changed == 0, run.text


def test_nothing_is_in_the_cloud_twice(seen: Seen, cloud: openstack.connection.Connection) -> None:
    (cluster,) = seen.clusters()
    assert len(seen.templates()) == 1
    groups = seen.magnum(f"/clusters/{cluster['uuid']}/nodegroups")["nodegroups"]
    assert Counter(group["name"] for group in groups) == Counter(["default-master", "default-worker", "gpu"])
    assert len(list(cloud.compute.servers())) == sum(group["node_count"] for group in groups)
    assert len(list(cloud.network.networks(name=cluster["name"]))) <= 1
    balancers = [balancer.name for balancer in cloud.load_balancer.load_balancers()]
    assert max(Counter(balancers).values()) == 1, balancers
    addresses = list(cloud.network.ips())
    assert all(address.port_id for address in addresses), "one is without use"
    assert len(addresses) == len(balancers)
    credentials = [each.name for each in cloud.identity.application_credentials(cloud.current_user_id)]
    assert [name for name in credentials if name.startswith("magnum-")] == [f"magnum-{cluster['uuid']}"]
    soon(lambda: not seen.locks(), "the lock was not given back")


def test_nothing_is_in_the_cluster_twice(seen: Seen, state: Path) -> None:
    soon(lambda: not seen.lease(), "the Lease was not given back")
    command = [
        "helm",
        "list",
        "--all-namespaces",
        "--all",
        "--output",
        "json",
        "--kubeconfig",
        str(state / "kubeconfig"),
    ]
    releases = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    assert [(release["name"], release["status"]) for release in releases] == [("jupyterhub", "deployed")]
    secrets = [secret.metadata.name for secret in seen.core.list_namespaced_secret(NAMESPACE).items]
    assert sorted(name for name in secrets if not name.startswith("sh.helm.")) == ["hub", "hub-secrets", "singleuser"]
    services = seen.core.list_service_for_all_namespaces().items
    assert [each.metadata.name for each in services if each.spec.type == "LoadBalancer"] == ["proxy-public"]
    pods = seen.core.list_namespaced_pod(NAMESPACE, label_selector="component=hub").items
    assert len(pods) == 1


def test_no_secret_and_no_half_of_a_file_is_left(state: Path, folder: Path, passwords: dict[str, str]) -> None:
    assert [path.name for path in state.glob(".*.new")] == []
    overlay = yaml.safe_load((state / "overlay.yml").read_text())
    secrets = {overlay["hub_auth"]["client_secret"], *passwords.values()}
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert [path for path in left if any(secret in path.read_text(errors="replace") for secret in secrets)] == []
