"""A control plane with nodes and without a cloud: ``python -m rehearsal.cluster standalone --state DIR``.

For work on the pod runner and on this package. The certificates come from a CA of its own; nodes have no servers.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

from kubernetes import client, config

from rehearsal.cluster import families
from rehearsal.cluster.desired import Desired, Group
from rehearsal.cluster.flavors import Flavor
from rehearsal.cluster.layout import NODE_CIDR, ClusterDir
from rehearsal.cluster.pki import OwnCA, make_pki
from rehearsal.cluster.programs import PACKAGE_ROOT
from rehearsal.settings import CLUSTER_PORTS

KUBE_TAG = "v1.34.4"


def run_standalone(cluster: ClusterDir, nodes: int, flavor: str) -> None:
    """Run until a signal comes; then stop what was started. The state stays and is used again."""
    if not (cluster.path / "cluster.json").exists():
        _make(cluster)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    started = time.monotonic()
    before = Desired.load(cluster)
    wish_for(cluster, nodes, Flavor.parse(flavor), before.generation + 1 if before else 1).save(cluster)
    children = [_start(cluster, program) for program in ("enter", "relay", "controller")]
    try:
        wait_ready(cluster, children[0])
        print(f"API server ready after {time.monotonic() - started:.1f} s", flush=True)
        print(f"export KUBECONFIG={cluster.kubeconfig('controller')}", flush=True)
        print(f"inside: nsenter --target $(pgrep --parent {children[0].pid}) --user --net --mount --pid", flush=True)
        children[0].wait()
    finally:
        for child in reversed(children):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
        for child in children:
            child.wait()


def wait_ready(cluster: ClusterDir, namespaces: subprocess.Popen[bytes], seconds: float = 60) -> None:
    """Wait until the API server answers; OSError when the namespaces ended, or it took too long."""
    api = config.new_client_from_config(str(cluster.kubeconfig("controller")))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(Exception):
            client.VersionApi(api).get_code(_request_timeout=2)
            client.CoreV1Api(api).read_namespace("kube-node-lease", _request_timeout=2)
            return
        if namespaces.poll() is not None:
            raise OSError(f"the namespaces ended with {namespaces.returncode}; see {cluster.log}")
        time.sleep(0.1)
    raise OSError(f"the API server was not ready after {seconds:.0f} s; see {cluster.log}")


def wish_for(cluster: ClusterDir, nodes: int, flavor: Flavor, generation: int) -> Desired:
    """One node group of ``nodes`` nodes, on no cloud."""
    labels = families.get(cluster.settings.family).node_labels("default-worker", "worker")
    group = Group(
        name="default-worker",
        role="worker",
        count=nodes,
        flavor=flavor,
        flavor_id="",
        image="",
        kube_tag=KUBE_TAG,
        labels=labels,
    )
    return Desired(
        uuid=cluster.uuid,
        name=cluster.uuid,
        generation=generation,
        cloud=False,
        servers=False,
        boot_seconds=cluster.settings.boot_seconds,
        groups={group.name: group},
    )


def _start(cluster: ClusterDir, program: str) -> subprocess.Popen[bytes]:
    line = [sys.executable, "-m", "rehearsal.cluster", program]
    which = ["--state", str(cluster.settings.state), "--cluster", cluster.uuid]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE_ROOT)}
    with open(cluster.log / f"{program}.log", "ab") as log:
        return subprocess.Popen([*line, *which], env=environment, stdout=log, stderr=log, start_new_session=True)


def _make(cluster: ClusterDir) -> None:
    cluster.make()
    port = cluster.settings.base_port + CLUSTER_PORTS[0]
    cluster.write_facts(name=cluster.uuid, api_port=port, node_cidr=NODE_CIDR)
    authority = OwnCA(cluster.uuid)
    make_pki(cluster, authority.certificate, authority.key, authority.sign)
