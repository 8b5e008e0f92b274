"""Octavia balancers and floating IPs, made as cloud-provider-openstack makes them."""

from __future__ import annotations

import abc
import logging
import time
from collections.abc import Collection, Mapping
from typing import Any

from openstack import exceptions
from openstack.connection import Connection

from rehearsal.cluster import names, network
from rehearsal.cluster.desired import Desired
from rehearsal.cluster.service_options import FLOATING_IP_DESCRIPTION, Port, ServiceOptions

LOG = logging.getLogger(__name__)

WAIT_SECONDS = 60.0
PAUSE_SECONDS = 0.1

SETTLED = ("ACTIVE", "DELETED")
"""Provisioning statuses of a balancer that Octavia is not at work on."""


class BalancerError(Exception):
    """What cannot be done, in words for the Service's events."""


class Balancers(abc.ABC):
    """What the Service reconciler needs of a cloud."""

    @abc.abstractmethod
    def ensure(self, service: ServiceOptions, nodes: Mapping[str, str]) -> tuple[str, str]:
        """Have the balancer with ``nodes`` (name to address) as members; its identifier and its address.

        Raises the SDK's exceptions and `BalancerError`.
        """

    @abc.abstractmethod
    def delete(self, service: ServiceOptions) -> None:
        """Remove the balancer, and its floating IP unless it is to be kept."""

    @abc.abstractmethod
    def clear(self, keep: Collection[str]) -> bool:
        """Remove every balancer of the cluster; True when none is left.

        The floating IPs of the balancers named in ``keep`` stay.
        """


class NoBalancers(Balancers):
    """For a control plane without a cloud: addresses out of a range that is kept for documentation."""

    def __init__(self) -> None:
        self._addresses: dict[str, str] = {}

    def ensure(self, service: ServiceOptions, nodes: Mapping[str, str]) -> tuple[str, str]:  # noqa: ARG002
        address = self._addresses.setdefault(service.balancer_name, f"203.0.113.{len(self._addresses) + 1}")
        return "", service.address or address

    def delete(self, service: ServiceOptions) -> None:
        """Nothing is there."""

    def clear(self, keep: Collection[str]) -> bool:  # noqa: ARG002
        return True


class OctaviaBalancers(Balancers):
    """Real balancers in the operator's project."""

    def __init__(self, cloud: Connection, desired: Desired) -> None:
        self.cloud = cloud
        self.desired = desired

    def ensure(self, service: ServiceOptions, nodes: Mapping[str, str]) -> tuple[str, str]:
        balancer = self._balancer(service)
        listeners = {item.name: item for item in self.cloud.load_balancer.listeners(load_balancer_id=balancer.id)}
        wanted = {service.listener_name(index) for index in range(len(service.ports))}
        for name in listeners.keys() - wanted:
            self._drop_listener(balancer.id, listeners[name])
        for index, port in enumerate(service.ports):
            listener = listeners.get(service.listener_name(index))
            if listener is not None and (listener.protocol_port, listener.protocol) != (port.port, port.protocol):
                self._drop_listener(balancer.id, listener)
                listener = None
            self._listener(service, balancer.id, index, port, listener, nodes)
        return balancer.id, self._address(service, balancer)

    def delete(self, service: ServiceOptions) -> None:
        for balancer in self.cloud.load_balancer.load_balancers(name=service.balancer_name):
            self._drop(balancer, keep=service.keep_floating_ip)

    def clear(self, keep: Collection[str]) -> bool:
        marker = f"from cluster {names.provider(self.desired)}"
        balancers = self.cloud.load_balancer.load_balancers()
        left = [item for item in balancers if (item.description or "").endswith(marker)]
        for balancer in left:
            self._drop(balancer, keep=balancer.name in keep)
        return True

    def _balancer(self, service: ServiceOptions) -> Any:
        found = next(iter(self.cloud.load_balancer.load_balancers(name=service.balancer_name)), None)
        if found is None:
            subnet = network.ensure(self.cloud, self.desired).subnet
            found = self.cloud.load_balancer.create_load_balancer(
                name=service.balancer_name,
                description=service.description,
                vip_subnet_id=subnet,
                tags=[service.balancer_name],
            )
            LOG.info("service %s/%s: made balancer %s", service.namespace, service.name, found.id)
        self._wait(found.id)
        return found

    def _listener(
        self,
        service: ServiceOptions,
        balancer: str,
        index: int,
        port: Port,
        listener: Any,
        nodes: Mapping[str, str],
    ) -> None:
        options: dict[str, Any] = dict(service.timeouts)
        if service.source_ranges or (listener is not None and listener.allowed_cidrs):
            options["allowed_cidrs"] = list(service.source_ranges)  # none: ranges that the Service had are taken back
        if listener is None:
            listener = self.cloud.load_balancer.create_listener(
                name=service.listener_name(index),
                load_balancer_id=balancer,
                protocol=port.protocol,
                protocol_port=port.port,
                tags=[service.balancer_name],
                **options,
            )
            self._wait(balancer)
        else:
            changed = {key: value for key, value in options.items() if getattr(listener, key) != value}
            if changed:
                self.cloud.load_balancer.update_listener(listener, **changed)
                self._wait(balancer)
        pool = self._pool(service, balancer, index, port, listener)
        self._members(service, balancer, index, port, pool, nodes)

    def _pool(self, service: ServiceOptions, balancer: str, index: int, port: Port, listener: Any) -> Any:
        name = service.pool_name(index)
        for pool in self.cloud.load_balancer.pools(loadbalancer_id=balancer):
            if pool.name == name:
                return pool
        pool = self.cloud.load_balancer.create_pool(
            name=name,
            listener_id=listener.id,
            protocol="PROXY" if service.proxy_protocol else port.protocol,
            lb_algorithm="ROUND_ROBIN",
            tags=[service.balancer_name],
        )
        self._wait(balancer)
        return pool

    def _members(
        self, service: ServiceOptions, balancer: str, index: int, port: Port, pool: Any, nodes: Mapping[str, str]
    ) -> None:
        wanted = {(address, port.node_port): node for node, address in nodes.items()}
        present = {(item.address, item.protocol_port): item for item in self.cloud.load_balancer.members(pool)}
        for key in present.keys() - wanted.keys():
            self.cloud.load_balancer.delete_member(present[key], pool)
            self._wait(balancer)
        for key in wanted.keys() - present.keys():
            self.cloud.load_balancer.create_member(
                pool,
                name=service.member_name(index, wanted[key]),
                address=key[0],
                protocol_port=key[1],
            )
            self._wait(balancer)

    def _address(self, service: ServiceOptions, balancer: Any) -> str:
        """The floating IP's address, or the balancer's own where the Service is internal."""
        if service.internal:
            return str(balancer.vip_address)
        port = balancer.vip_port_id
        attached = next(iter(self.cloud.network.ips(port_id=port)), None)
        if attached is not None and service.address in (None, attached.floating_ip_address):
            return str(attached.floating_ip_address)
        if service.address:
            chosen = next(iter(self.cloud.network.ips(floating_ip_address=service.address)), None)
            if chosen is None:
                raise BalancerError(f"floating IP {service.address} (spec.loadBalancerIP) is not in this project")
            if chosen.port_id and chosen.port_id != port:
                raise BalancerError(
                    f"floating IP {service.address} (spec.loadBalancerIP) is attached to port {chosen.port_id}"
                )
            if attached is not None:
                self.cloud.network.update_ip(attached, port_id=None)
            self.cloud.network.update_ip(chosen, port_id=port)
            return service.address
        external = service.floating_network or self.desired.external_network
        if not external:
            raise BalancerError("there is no external network to take a floating IP from")
        made = self.cloud.network.create_ip(
            floating_network_id=external, port_id=port, description=service.floating_ip_description
        )
        return str(made.floating_ip_address)

    def _drop(self, balancer: Any, *, keep: bool) -> None:
        for ip in self.cloud.network.ips(port_id=balancer.vip_port_id):
            # one that somebody else made is let go and stays
            if keep or not (ip.description or "").startswith(FLOATING_IP_DESCRIPTION):
                self.cloud.network.update_ip(ip, port_id=None)
            else:
                self.cloud.network.delete_ip(ip)
        self._wait(balancer.id, (*SETTLED, "ERROR"))  # Octavia deletes a broken one, too
        self.cloud.load_balancer.delete_load_balancer(balancer, cascade=True)
        self._wait(balancer.id)
        LOG.info("balancer %s (%s) deleted", balancer.id, balancer.name)

    def _drop_listener(self, balancer: str, listener: Any) -> None:
        pool = listener.default_pool_id
        self.cloud.load_balancer.delete_listener(listener)
        self._wait(balancer)
        if pool:
            self.cloud.load_balancer.delete_pool(pool)
            self._wait(balancer)

    def _wait(self, balancer: str, settled: Collection[str] = SETTLED) -> None:
        """Wait while Octavia works on it and refuses changes. Raises BalancerError when that goes wrong."""
        deadline = time.monotonic() + WAIT_SECONDS
        status = ""
        while time.monotonic() < deadline:
            try:
                status = self.cloud.load_balancer.get_load_balancer(balancer).provisioning_status
            except exceptions.NotFoundException:
                return
            if status in settled:
                return
            if status == "ERROR":
                raise BalancerError(f"balancer {balancer} is in provisioning status ERROR; delete it, or the Service")
            time.sleep(PAUSE_SECONDS)
        raise BalancerError(f"balancer {balancer} is still in provisioning status {status} after {WAIT_SECONDS:.0f} s")
