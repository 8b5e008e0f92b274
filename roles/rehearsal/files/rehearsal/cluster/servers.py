"""The Nova servers behind a cluster's nodes, in the operator's project."""

from __future__ import annotations

import logging
import secrets
import string
from collections.abc import Iterator
from typing import Any

from openstack.connection import Connection

from rehearsal.cluster.desired import Desired, Group

LOG = logging.getLogger(__name__)

CLUSTER, GROUP, KUBE_TAG = "magnum_cluster", "magnum_nodegroup", "kube_tag"
"""Keys of a server's metadata, by which it is known again."""

RANDOM = string.ascii_lowercase + string.digits
RANDOM_CHARACTERS = 5


def new_name(desired: Desired, group: Group) -> str:
    """``<cluster>-<node group>-<random>``: a DNS label, at most 63 characters."""
    tail = "".join(secrets.choice(RANDOM) for _turn in range(RANDOM_CHARACTERS))
    head = f"{desired.name}-{group.name}"[: 63 - 1 - RANDOM_CHARACTERS].rstrip("-.")
    cleaned = "".join(letter if letter.isalnum() or letter == "-" else "-" for letter in head.lower())
    return f"{cleaned}-{tail}"


def of_cluster(cloud: Connection, uuid: str) -> Iterator[Any]:
    """The cluster's servers, openstacksdk's objects."""
    for server in cloud.compute.servers(details=True):
        if (server.metadata or {}).get(CLUSTER) == uuid:
            yield server


def still_building(cloud: Connection, ids: set[str]) -> bool:
    """Whether all of these are still being built. Unlike details, for which Nova asks Neutron, that costs little."""
    return ids <= {server.id for server in cloud.compute.servers(details=False, status="BUILD")}


def create(cloud: Connection, desired: Desired, group: Group, network: str) -> Any:
    """Ask for one server. Raises the SDK's exceptions, with Nova's words, for what Nova refuses (quota: 403)."""
    body: dict[str, Any] = {
        "name": new_name(desired, group),
        "flavor_id": group.flavor_id,
        "image_id": group.image,
        "networks": [{"uuid": network}],
        "metadata": {CLUSTER: desired.uuid, GROUP: group.name, KUBE_TAG: group.kube_tag},
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
