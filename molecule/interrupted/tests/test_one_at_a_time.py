"""Two at once: the second waits, or says who is at it."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes
import openstack
import pytest

from tests.support.faults import fault
from tests.support.interruption import Started
from tests.support.playbooks import ROOT, environment_of

LOCK = "lock of jupyterhub (stfc.jupyterhub)"
OURS = {"name": "stfc.jupyterhub", "namespace": "kube-system"}


def lock(state: Path, module: str, *more: str, **options: Any) -> dict[str, Any]:
    """What a lock's module answers when it is run by itself; ``said`` is everything that was printed."""
    inventory = ["-i", "inventories/rehearsal", "--module-name", f"stfc.jupyterhub.{module}"]
    command = ["ansible", "localhost", *inventory, "--args", json.dumps(options), *more]
    environment = environment_of() | {"OS_CLIENT_CONFIG_FILE": str(state / "clouds.yaml"), "OS_CLOUD": "rehearsal"}
    environment |= {"ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_LOAD_CALLBACK_PLUGINS": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    answer = json.loads(done.stdout[done.stdout.index("=> {") + 3 : done.stdout.rindex("}") + 1])
    return answer | {"said": " ".join((done.stdout + done.stderr).split())}


def project_lock(state: Path, *more: str, **options: Any) -> dict[str, Any]:
    return lock(state, "coe_lock", *more, cloud="rehearsal", cluster="jupyterhub", **options)


def cluster_lock(state: Path, *more: str, **options: Any) -> dict[str, Any]:
    return lock(state, "hub_lock", *more, kubeconfig=str(state / "kubeconfig"), **options)


@pytest.fixture
def overlays(state: Path) -> list[str]:
    return [str(state / "overlay.yml"), str(ROOT / "molecule/interrupted/vars/service.yml")]


@pytest.fixture
def leases(state: Path) -> kubernetes.client.CoordinationV1Api:
    """As it is now: this scenario has made the cluster anew."""
    return kubernetes.client.CoordinationV1Api(kubernetes.config.new_client_from_config(str(state / "kubeconfig")))


def gone(cloud: openstack.connection.Connection) -> bool:
    end = time.monotonic() + 60
    while list(cloud.network.security_groups(name=LOCK)):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def test_the_second_deployment_waits_or_says_who_runs_the_first(
    state: Path, overlays: list[str], tmp_path: Path, cloud: openstack.connection.Connection
) -> None:
    (state / "kubeconfig").unlink()  # something to do, since who has nothing to do takes no lock
    with fault(state, "magnum", "POST", "certificates", delay=20.0):
        first = Started("deploy", tmp_path, service_overlays=overlays)
        first.until(lambda: list(cloud.network.security_groups(name=LOCK)), "it has the lock")
        patient = Started("deploy", tmp_path, service_overlays=overlays)
        hasty = Started("deploy", tmp_path, service_overlays=overlays, cluster_lock_timeout=0)
        who = f"eploy of jupyterhub on cloud rehearsal is being run by {getpass.getuser()} on host "
        refused = hasty.end()
    said = " ".join(refused.text.split())
    assert not refused.ok and refused.changed == 0
    assert f"D{who}" in said and f"(process {first.pid}). It was waited for 0 s, and nothing was changed." in said, said
    assert "-e cluster_lock_timeout=600" in said

    assert first.end().ok, first.text
    ended = patient.end()
    said = " ".join(ended.text.split())
    assert ended.ok and ended.changed == 0, ended.text
    assert f"d{who}" in said and f"(process {first.pid}); waiting up to 60 s" in said, said
    assert gone(cloud)


@pytest.fixture
def held(cloud: openstack.connection.Connection) -> Iterator[str]:
    """The lock of somebody who lives, on another machine."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    text = (
        f"doing=destroy; user=alice; host=elsewhere; process=123/4567/aa; place=bb; machine=cc; since={now}; "
        f"renewed={now}; lasts=45"
    )
    group = cloud.network.create_security_group(name=LOCK, description=text)
    yield text
    cloud.network.delete_security_group(group)


def test_check_mode_takes_none_and_says_who_has_it(state: Path, held: str) -> None:
    answer = project_lock(state, "--check")
    assert not answer["changed"] and not answer["held"]
    assert "Destroy of jupyterhub on cloud rehearsal is being run by alice on host elsewhere since" in answer["said"]


def test_a_lock_of_another_machine_is_respected(state: Path, held: str, cloud: openstack.connection.Connection) -> None:
    answer = project_lock(state, timeout=1)
    assert "Destroy of jupyterhub on cloud rehearsal is being run by alice" in answer["msg"]
    assert answer["holder"]["process"] == 123
    assert [group.description for group in cloud.network.security_groups(name=LOCK)] == [held]


def test_where_the_cloud_makes_no_lock_the_run_goes_on(state: Path) -> None:
    with fault(state, "neutron", "POST", "security-groups", status=403, message="not allowed") as rule:
        answer = project_lock(state)
        assert rule.hits() == 1
    assert not answer["held"] and not answer.get("failed")
    assert "is changed without a lock: taking it" in answer["said"] and "not allowed" in answer["said"]


def test_a_lock_made_behind_an_error_is_one(state: Path, cloud: openstack.connection.Connection) -> None:
    with fault(state, "neutron", "POST", "security-groups", status=500, late=True) as rule:
        assert project_lock(state)["held"]
        assert rule.hits() == 1
    assert gone(cloud)


def test_an_answer_that_does_not_come_once_comes_the_next_time(
    state: Path, cloud: openstack.connection.Connection
) -> None:
    with fault(state, "neutron", "POST", "security-groups", status=503) as rule:
        assert project_lock(state)["held"]
        assert rule.hits() == 1
    assert gone(cloud)


def test_the_lease_is_held_and_given_back(state: Path, leases: kubernetes.client.CoordinationV1Api) -> None:
    answer = cluster_lock(state)
    assert answer["held"] and not answer["changed"]
    end = time.monotonic() + 60
    while any(each.metadata.name == OURS["name"] for each in leases.list_namespaced_lease("kube-system").items):
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_lease_of_somebody_else_is_respected(state: Path, leases: kubernetes.client.CoordinationV1Api) -> None:
    body = {"metadata": OURS, "spec": {"holderIdentity": "carol", "leaseDurationSeconds": 45}}
    leases.create_namespaced_lease("kube-system", body)
    try:
        answer = cluster_lock(state, timeout=0)
        assert "is held by somebody (holder carol" in answer["msg"]
        checked = cluster_lock(state, "--check")
        assert not checked["held"] and "holder carol" in checked["said"]
    finally:
        leases.delete_namespaced_lease(**OURS)


def test_nothing_is_left(state: Path, cloud: openstack.connection.Connection) -> None:
    assert gone(cloud)
    assert not [each for each in os.listdir("/proc") if each.isdecimal() and _is_our_keeper(each, state)]


def _is_our_keeper(process: str, state: Path) -> bool:
    try:
        named = Path(f"/proc/{process}/comm").read_text().strip() == "jupyterhub-lock"
        return named and str(state) in Path(f"/proc/{process}/environ").read_text(errors="replace")
    except OSError:
        return False
