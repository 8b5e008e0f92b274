"""Programs that wait for the API server, or need something done right before they start."""

from __future__ import annotations

import os

from rehearsal.cluster.layout import ClusterDir
from rehearsal.cluster.waiting import ApiServer

NAMES = ("kwok", "kube-controller-manager", "kube-proxy")

NODE_LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


def launch(cluster: ClusterDir, name: str) -> None:
    """Become the program ``name`` (of `NAMES`) once the API server answers; does not return."""
    api = ApiServer(cluster.kubeconfig("launcher"))
    api.wait_ready()
    # kube-proxy takes the part of the one on a node, and reads that node's address.
    node = api.wait_for_node() if name == "kube-proxy" else ""
    if name == "kwok":
        # a new KWOK has a new identity: it would leave the nodes alone until the old one's leases have expired
        api.ask("DELETE", NODE_LEASES)
    from rehearsal.cluster import programs  # loaded when the wait is over

    if name == "kwok":
        line = programs.kwok(cluster)
    elif name == "kube-controller-manager":
        line = programs.controller_manager(cluster)  # it ends when it finds no API server
    else:
        line = programs.kube_proxy(cluster, node)
    os.execv(line[0], line)  # noqa: S606
