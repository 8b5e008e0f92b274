"""The janitor of the management cluster, which clouds with magnum-capi-helm usually have.

Source: azimuth-cloud/cluster-api-janitor-openstack, ``internal/openstack/resources.go`` and ``purge.go`` (0.10 and
later), ``capi_janitor/openstack/operator.py`` (up to 0.9.1), with its default ``defaultVolumesPolicy: delete``. When
the cluster's OpenStackCluster goes, so does what names the cluster: floating IPs and balancers of its Services, and
volumes and snapshots of its claims, whatever their reclaim policy.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from openstack.connection import Connection

from rehearsal.cluster.desired import Desired
from rehearsal.cluster.disks import CLUSTER

LOG = logging.getLogger(__name__)

KEEP = "janitor.capi.azimuth-cloud.com/keep"
"""Metadata of a volume that is to stay; of snapshots it is not read."""

KNOWS_KEEP = (0, 9)
"""The first version that reads it."""

VERSION = "0.14.0"
"""What clouds have today."""


def clear(cloud: Connection, desired: Desired) -> bool:
    """Remove what names the cluster; True when nothing of that is left, or no janitor watches this cluster."""
    if not desired.janitor or not desired.stack:
        return True
    cluster = desired.stack
    for ip in cloud.network.ips():
        text = ip.description or ""
        if text.startswith("Floating IP for Kubernetes") and text.endswith(f"from cluster {cluster}"):
            cloud.network.delete_ip(ip)
    for balancer in cloud.load_balancer.load_balancers():
        if balancer.name.startswith(f"kube_service_{cluster}_"):
            cloud.load_balancer.delete_load_balancer(balancer, cascade=True)
    storage: Any = cloud.block_storage
    snapshots = [one for one in storage.snapshots() if (one.metadata or {}).get(CLUSTER) == cluster]
    for snapshot in snapshots:
        storage.delete_snapshot(snapshot)
    if snapshots:
        return False  # a volume goes after its snapshots
    volumes = [one for one in storage.volumes() if goes(one.metadata or {}, cluster, desired.janitor)]
    for volume in volumes:
        LOG.info("janitor: volume %s (%s) is deleted with cluster %s", volume.name, volume.id, cluster)
        storage.delete_volume(volume)
    return not volumes


def goes(metadata: Mapping[str, str], cluster: str, version: str) -> bool:
    """Whether a volume with this metadata goes with the cluster."""
    if metadata.get(CLUSTER) != cluster:
        return False
    major, minor = (int(part) for part in version.split(".")[:2])
    return (major, minor) < KNOWS_KEEP or metadata.get(KEEP) != "true"
