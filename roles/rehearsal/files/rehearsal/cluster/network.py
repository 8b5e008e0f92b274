"""The cluster's network: the one that its owner names, or one of its own with a router to the external network."""

from __future__ import annotations

import dataclasses
import logging
from typing import Any

from openstack import exceptions
from openstack.connection import Connection

from rehearsal.cluster import names
from rehearsal.cluster.desired import Desired
from rehearsal.cluster.layout import NODE_CIDR

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Network:
    """Neutron's identifiers."""

    network: str
    subnet: str


def ensure(cloud: Connection, desired: Desired) -> Network:
    """The cluster's network and subnet, made where the cluster names none. Raises the SDK's exceptions for refusals."""
    if desired.fixed_network:
        return Network(desired.fixed_network, desired.fixed_subnet or first_subnet(cloud, desired.fixed_network))
    name = names.network(desired)
    network = _one(cloud.network.networks(name=name)) or cloud.network.create_network(
        name=name, description=f"Cluster {desired.uuid}"
    )
    subnet = _one(cloud.network.subnets(name=name, network_id=network.id)) or cloud.network.create_subnet(
        name=name,
        network_id=network.id,
        ip_version=4,
        cidr=NODE_CIDR,
        dns_nameservers=[desired.dns_nameserver] if desired.dns_nameserver else [],
    )
    return Network(network.id, subnet.id)


def connect_outside(cloud: Connection, desired: Desired, own: Network) -> None:
    """Have a router between the cluster's own network and the external one. Servers do not wait for it."""
    if desired.fixed_network:
        return
    name = names.network(desired)
    router = _one(cloud.network.routers(name=name))
    if router is None:
        gateway = {"network_id": desired.external_network} if desired.external_network else None
        router = cloud.network.create_router(name=name, external_gateway_info=gateway)
    elif _one(cloud.network.ports(device_id=router.id, network_id=own.network)):
        return
    cloud.network.add_interface_to_router(router, subnet=own.subnet)


def remove(cloud: Connection, desired: Desired) -> bool:
    """Remove what `ensure` made; True when nothing of it is left, False while something still uses it."""
    if desired.fixed_network:
        return True
    name = names.network(desired)
    try:
        for network in cloud.network.networks(name=name):
            for router in cloud.network.routers(name=name):
                for subnet in cloud.network.subnets(network_id=network.id):
                    if _one(cloud.network.ports(device_id=router.id, network_id=network.id)):
                        cloud.network.remove_interface_from_router(router, subnet=subnet.id)
            cloud.network.delete_network(network)
        for router in cloud.network.routers(name=name):
            cloud.network.delete_router(router)
    except exceptions.ConflictException as error:
        LOG.info("network %s is still in use: %s", name, error)
        return False
    return True


def first_subnet(cloud: Connection, network: str) -> str:
    """The subnet that is taken when only a network is named. Raises SDKException when it has none."""
    subnet = _one(cloud.network.subnets(network_id=network))
    if subnet is None:
        raise exceptions.SDKException(f"the network {network} has no subnet")
    return str(subnet.id)


def _one(found: Any) -> Any:
    return next(iter(found), None)
