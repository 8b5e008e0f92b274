"""Programs that wait for the API server, or need something done right before they start."""

from __future__ import annotations

import os
import ssl
import subprocess
import time
import urllib.request

from rehearsal.cluster import programs
from rehearsal.cluster.binaries import find
from rehearsal.cluster.layout import API_ADDRESS, API_PORT, ClusterDir

PAUSE_SECONDS = 0.2
NODE_PAUSE_SECONDS = 0.5

NAMES = ("kwok", "kube-controller-manager", "kube-proxy")


def launch(cluster: ClusterDir, name: str) -> None:
    """Become the program ``name`` (of `NAMES`) once the API server answers; does not return."""
    wait_ready(cluster)
    if name == "kwok":
        # a new KWOK has a new identity: it would leave the nodes alone until the old one's leases have expired
        _kubectl(cluster, "--namespace=kube-node-lease", "delete", "leases", "--all", "--wait=false")
        line = programs.kwok(cluster)
    elif name == "kube-controller-manager":
        line = programs.controller_manager(cluster)  # it ends when it finds no API server
    else:
        line = programs.kube_proxy(cluster, _first_node(cluster))
    os.execv(line[0], line)  # noqa: S606


def wait_ready(cluster: ClusterDir) -> None:
    """Wait until the API server is ready.

    It is asked anonymously: that is allowed from the moment its roles are there. A kubectl for each question would take
    from it the processor that it needs to start.
    """
    context = ssl.create_default_context(cafile=str(cluster.pki / "ca.crt"))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    while True:
        try:
            with opener.open(f"https://{API_ADDRESS}:{API_PORT}/readyz", timeout=5):
                return
        except OSError:  # refused, 403 or 500: not yet
            time.sleep(PAUSE_SECONDS)


def _first_node(cluster: ClusterDir) -> str:
    """The oldest node that has an address: kube-proxy waits for the one whose part it takes."""
    address = '{.status.addresses[?(@.type=="InternalIP")].address}'
    query = '{range .items[*]}{.metadata.name}{" "}' + address + '{"\\n"}{end}'
    while True:
        answer = _kubectl(cluster, "get", "nodes", "--sort-by=.metadata.creationTimestamp", f"-o=jsonpath={query}")
        for line in answer.splitlines():
            name, _sep, ip = line.partition(" ")
            if ip:
                return name
        time.sleep(NODE_PAUSE_SECONDS)


def _kubectl(cluster: ClusterDir, *words: str) -> str:
    """What kubectl prints; nothing when it fails."""
    line = [find("kubectl"), f"--kubeconfig={cluster.kubeconfig('launcher')}", "--request-timeout=5s", *words]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""
