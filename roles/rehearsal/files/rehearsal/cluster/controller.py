"""What a cloud provider does for one cluster: program ``controller-<uuid>`` of the host's supervisord."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

from rehearsal.claim_files import ClaimFiles
from rehearsal.cloud import delegation
from rehearsal.cloud.layout import Cloud
from rehearsal.cluster import janitor, names, renewal
from rehearsal.cluster.desired import Desired
from rehearsal.cluster.kube import Kube
from rehearsal.cluster.layout import ClusterDir
from rehearsal.cluster.machines import Machines, NetworkOnly, NovaMachines, PaperMachines
from rehearsal.cluster.node_reconciler import NodeReconciler
from rehearsal.cluster.reconcile import Reconciler

LOG = logging.getLogger("controller")

LOOK_SECONDS = 0.3
"""How often it is looked whether Magnum asks for something else."""


def run(cluster: ClusterDir) -> None:
    """Start the reconcilers and wake them when ``desired.json`` changes; does not return."""
    desired = Desired.load(cluster)
    if desired is None:
        raise ValueError(f"{cluster.desired} is not there: Magnum's driver writes it before it starts this program")
    # Our own kubeconfig has the newest certificates, so the API server must have them first.
    renewal.renew(cluster, desired)
    reconcilers = build(cluster, desired)
    for reconciler in reconcilers:
        reconciler.start()
    seen = 0
    while True:
        stamp = os.stat(cluster.desired).st_mtime_ns if cluster.desired.exists() else 0
        if stamp != seen:
            seen = stamp
            for reconciler in reconcilers:
                reconciler.wake()
        time.sleep(LOOK_SECONDS)


def build(cluster: ClusterDir, desired: Desired) -> list[Reconciler]:
    """The reconcilers of one cluster. Without a cloud there are no servers and no balancers."""
    from rehearsal.cluster.balancer_reconciler import BalancerReconciler
    from rehearsal.cluster.balancers import Balancers, NoBalancers, OctaviaBalancers
    from rehearsal.cluster.disks import CinderDisks, Disks, NoDisks
    from rehearsal.cluster.volumes import VolumeReconciler

    machines: Machines = PaperMachines(cluster)
    balancers: Balancers = NoBalancers()
    disks: Disks = NoDisks(ClaimFiles(cluster.settings.state))
    clears: list[Callable[[], bool]] = []
    cloud = Cloud(cluster.settings)
    if desired.cloud:
        connection = delegation.connect(cloud, cluster.uuid)
        machines = NovaMachines(connection) if desired.servers else NetworkOnly(cluster, connection)
        balancers = OctaviaBalancers(delegation.connect(cloud, cluster.uuid), desired)
        storage = delegation.connect(cloud, cluster.uuid)
        disks = CinderDisks(storage, names.csi(desired))
        clears = [lambda: janitor.clear(storage, desired)]
    kube = Kube(cluster.kubeconfig("controller"))
    nodes = NodeReconciler(cluster, kube, machines)
    services = BalancerReconciler(cluster, kube, balancers, nodes.nodes, names.provider(desired))
    nodes.before_clear = lambda: all(clear() for clear in [services.clear, *clears])
    return [nodes, services, VolumeReconciler(cluster, kube, disks)]
