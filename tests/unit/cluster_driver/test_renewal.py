"""New certificates for a control plane that runs, with a real supervisord."""

from __future__ import annotations

import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from supervisor.xmlrpc import SupervisorTransport

from rehearsal.cluster import renewal
from rehearsal.cluster.desired import Desired
from rehearsal.cluster.layout import ClusterDir
from rehearsal.cluster.pki import OwnCA, make_pki
from rehearsal.settings import Settings

UUID = "5dcaa89c-d048-498a-9e73-ee9ee4cfe5f4"


@pytest.fixture
def cluster(tmp_path: Path) -> ClusterDir:
    place = ClusterDir(Settings.load(tmp_path / "state"), UUID)
    place.make()
    place.write_facts(name="n", api_port=21220)
    place.supervisor_socket.parent.mkdir(parents=True, exist_ok=True)
    return place


@pytest.fixture
def supervisord(cluster: ClusterDir) -> Iterator[Any]:
    """A supervisord with some of a cluster's programs, all of them asleep."""
    names = ("kube-apiserver", "kube-scheduler", "runner")
    configuration = cluster.path / "supervisord.conf"
    configuration.write_text(
        f"[supervisord]\nnodaemon=true\nlogfile={cluster.log}/supervisord.log\npidfile={cluster.path}/pid\n"
        f"[unix_http_server]\nfile={cluster.supervisor_socket}\n"
        "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
        + "".join(f"[program:{name}]\ncommand=sleep 600\nstartsecs=0\n" for name in names)
    )
    transport = SupervisorTransport(None, None, f"unix://{cluster.supervisor_socket}")
    server = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor
    process = subprocess.Popen([sys.executable, "-m", "supervisor.supervisord", "-c", str(configuration)])
    try:
        deadline = time.monotonic() + 20
        while not cluster.supervisor_socket.exists() or set(states(server)) != {"RUNNING"}:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield server
    finally:
        transport.close()
        process.terminate()
        process.wait()


def states(server: Any) -> list[str]:
    return [one["statename"] for one in server.getAllProcessInfo()]


def pids(server: Any) -> dict[str, int]:
    return {one["name"]: one["pid"] for one in server.getAllProcessInfo()}


def test_programs_take_the_certificates_once_and_pods_go_on(cluster: ClusterDir, supervisord: Any) -> None:
    desired = Desired(UUID, "n", certificates=1)
    assert renewal.pending(cluster, desired)
    before = pids(supervisord)
    renewal.renew(cluster, desired)
    after = pids(supervisord)
    assert before["runner"] == after["runner"]
    assert before["kube-apiserver"] != after["kube-apiserver"]
    assert before["kube-scheduler"] != after["kube-scheduler"]

    assert not renewal.pending(cluster, desired)
    renewal.renew(cluster, desired)
    assert pids(supervisord) == after


def test_without_namespaces_there_is_nothing_to_start_anew(cluster: ClusterDir) -> None:
    desired = Desired(UUID, "n", certificates=2)
    renewal.renew(cluster, desired)
    assert not renewal.pending(cluster, desired)


def test_a_new_cluster_has_nothing_to_renew(cluster: ClusterDir) -> None:
    assert not renewal.pending(cluster, Desired(UUID, "n"))


def test_new_certificates_leave_the_service_accounts_their_key(cluster: ClusterDir) -> None:
    made = {}
    for turn in ("old", "new"):
        authority = OwnCA("n")
        make_pki(cluster, authority.certificate, authority.key, authority.sign)
        made[turn] = {path.name: path.read_bytes() for path in (*cluster.pki.iterdir(), cluster.kubeconfig("runner"))}
    same = {name for name in made["old"] if made["old"][name] == made["new"][name]}
    assert same == {"sa.key", "sa.pub"}
