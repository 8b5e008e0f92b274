"""The janitor of the management cluster, which clouds with magnum-capi-helm usually have.

Source: azimuth-cloud/cluster-api-janitor-openstack, ``internal/openstack/resources.go`` and ``purge.go`` (0.10 and
later), ``capi_janitor/openstack/operator.py`` (up to 0.9.1), with its default ``defaultVolumesPolicy: delete``. When
the cluster's OpenStackCluster goes, so does what names the cluster: floating IPs and balancers of its Services, and
volumes and snapshots of its claims, whatever their reclaim policy.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from openstack import exceptions
from openstack.connection import Connection

from rehearsal.cluster.desired import Desired
from rehearsal.cluster.disks import CLUSTER
from rehearsal.cluster.refusals import refusal

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
    ips = [one for one in cloud.network.ips() if made_for(one.description or "", cluster)]
    for ip in ips:
        _delete(cloud.network.delete_ip, ip)
    prefix = f"kube_service_{cluster}_"
    balancers = [one for one in cloud.load_balancer.load_balancers() if one.name.startswith(prefix)]
    for balancer in balancers:
        _delete(cloud.load_balancer.delete_load_balancer, balancer, cascade=True)
    storage: Any = cloud.block_storage
    snapshots = [one for one in storage.snapshots() if (one.metadata or {}).get(CLUSTER) == cluster]
    for snapshot in snapshots:
        _delete(storage.delete_snapshot, snapshot)
    if snapshots:
        return False  # a volume goes after its snapshots
    volumes = [one for one in storage.volumes() if goes(one.metadata or {}, cluster, desired.janitor)]
    for volume in volumes:
        LOG.info("janitor: volume %s (%s) is deleted with cluster %s", volume.name, volume.id, cluster)
        _delete(storage.delete_volume, volume)
    return not (ips or balancers or volumes)


def _delete(delete: Callable[..., object], one: Any, **options: Any) -> None:
    """Ask for it, unless it is going already. A refusal is no failure: it is asked for again while it is there."""
    if getattr(one, "status", "") == "deleting":
        return
    try:
        delete(one, **options)
    except (exceptions.BadRequestException, exceptions.ConflictException) as error:
        LOG.info("janitor: %s is not deleted yet: %s", one.id, refusal(error))


def made_for(description: str, cluster: str) -> bool:
    """Whether the cloud provider of the cluster made the floating IP of this description."""
    return description.startswith("Floating IP for Kubernetes") and description.endswith(f"from cluster {cluster}")


def goes(metadata: Mapping[str, str], cluster: str, version: str) -> bool:
    """Whether a volume with this metadata goes with the cluster."""
    if metadata.get(CLUSTER) != cluster:
        return False
    major, minor = (int(part) for part in version.split(".")[:2])
    return (major, minor) < KNOWS_KEEP or metadata.get(KEEP) != "true"
