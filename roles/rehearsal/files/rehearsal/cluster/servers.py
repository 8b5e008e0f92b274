"""The Nova servers behind a cluster's nodes, in the operator's project."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from openstack.connection import Connection

from rehearsal.cluster import names
from rehearsal.cluster.desired import Desired, Group

LOG = logging.getLogger(__name__)

CLUSTER, GROUP, KUBE_TAG = "magnum_cluster", "magnum_nodegroup", "kube_tag"
"""Keys of a server's metadata, by which it is known again. No driver gives a server its cluster's UUID."""


def of_cluster(cloud: Connection, uuid: str) -> Iterator[Any]:
    """The cluster's servers, openstacksdk's objects."""
    for server in cloud.compute.servers(details=True):
        # a rehearsal that an older version began has the UUID itself
        if (server.metadata or {}).get(CLUSTER) in (names.mark(uuid), uuid):
            yield server


def still_building(cloud: Connection, ids: set[str]) -> bool:
    """Whether all of these are still being built. Unlike details, for which Nova asks Neutron, that costs little."""
    return ids <= {server.id for server in cloud.compute.servers(details=False, status="BUILD")}


def create(cloud: Connection, desired: Desired, group: Group, network: str) -> Any:
    """Ask for one server. Raises the SDK's exceptions, with Nova's words, for what Nova refuses (quota: 403)."""
    body: dict[str, Any] = {
        "name": names.server(desired, group),
        "flavor_id": group.flavor_id,
        "image_id": group.image,
        "networks": [{"uuid": network}],
        "metadata": {CLUSTER: names.mark(desired.uuid), GROUP: group.name, KUBE_TAG: group.kube_tag},
    }
    if desired.keypair:
        body["key_name"] = desired.keypair
    if group.availability_zone:
        body["availability_zone"] = group.availability_zone
    return cloud.compute.create_server(**body)


def address(server: Any) -> str:
    """The server's fixed address; empty until Nova has one."""
    for addresses in (server.addresses or {}).values():
        for one in addresses:
            if one.get("OS-EXT-IPS:type", "fixed") == "fixed" and one.get("version") == 4:
                return str(one["addr"])
    return ""


def fault(server: Any) -> str:
    """Nova's words for why the server is in ERROR."""
    return str((server.fault or {}).get("message") or f"server {server.name} is in status {server.status}")
