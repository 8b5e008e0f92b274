"""Octavia balancers and floating IPs, made as cloud-provider-openstack makes them.

Source of the order, the words and the events: cloud-provider-openstack 1.34, ``pkg/openstack/loadbalancer.go``,
``events.go`` and ``pkg/util/openstack/{loadbalancer,network}.go``. What a service refuses is told as gophercloud does.
"""

from __future__ import annotations

import abc
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
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


SOURCE_RANGES_IGNORED = "LoadBalancerSourceRangesIgnored"
FORCED_INTERNAL = "LoadBalancerForcedInternal"
NO_EXTERNAL_NETWORK = "LoadBalancerExternalNetworkSearchFailed"
"""Reasons of Warning events."""

OVN = "ovn"
"""The provider for which ranges and time-outs are not sent."""

Warn = Callable[[str, str], None]
"""Records a Warning event of the Service: its reason, and the words."""


class BalancerError(Exception):
    """What cannot be done, in words for the Service's events."""


@contextmanager
def _told(doing: str) -> Iterator[None]:
    """A service's refusal as BalancerError, with what was being done."""
    try:
        yield
    except exceptions.HttpException as error:
        raise BalancerError(f"{doing}: {words(error)}") from error


def words(error: exceptions.HttpException) -> str:
    """A refusal as gophercloud tells it."""
    answer, status = getattr(error, "response", None), error.status_code
    if answer is None:
        return str(error)
    request = answer.request
    good = {"GET": "200", "POST": "201 202", "PUT": "200 202", "DELETE": "202 204"}.get(request.method, "200")
    where = f"[{request.method} {request.url}]"
    return f"Expected HTTP response code [{good}] when accessing {where}, but got {status} instead: {answer.text}"


class Balancers(abc.ABC):
    """What the Service reconciler needs of a cloud."""

    @abc.abstractmethod
    def ensure(self, service: ServiceOptions, nodes: Mapping[str, str], warn: Warn) -> tuple[str, str]:
        """Have the balancer with ``nodes`` (name to address) as members; its identifier and its address.

        Raises the SDK's exceptions, `BalancerError` and ValueError.
        """

    @abc.abstractmethod
    def update(self, service: ServiceOptions, nodes: Mapping[str, str]) -> bool:
        """Have ``nodes`` as the balancer's members; nothing else is looked at. False when there is no balancer.

        Raises as ``ensure`` does.
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

    def ensure(self, service: ServiceOptions, nodes: Mapping[str, str], warn: Warn) -> tuple[str, str]:  # noqa: ARG002
        address = self._addresses.setdefault(service.balancer_name, f"203.0.113.{len(self._addresses) + 1}")
        return "", service.address or address

    def update(self, service: ServiceOptions, nodes: Mapping[str, str]) -> bool:  # noqa: ARG002
        return True

    def delete(self, service: ServiceOptions) -> None:
        """Nothing is there."""

    def clear(self, keep: Collection[str]) -> bool:  # noqa: ARG002
        return True


class OctaviaBalancers(Balancers):
    """Real balancers in the operator's project."""

    def __init__(self, cloud: Connection, desired: Desired) -> None:
        self.cloud = cloud
        self.desired = desired

    def ensure(self, service: ServiceOptions, nodes: Mapping[str, str], warn: Warn) -> tuple[str, str]:
        name = f"{service.namespace}/{service.name}"
        if not nodes:
            raise BalancerError(f"there are no available nodes for LoadBalancer service {name}")
        floating = None if service.internal else self._floating_network(service, name, warn)
        options = self._listener_options(service, name, warn)
        balancer, made = self._balancer(service)
        try:
            self._listeners(service, balancer.id, options, nodes)
        except BalancerError as error:
            if not made:
                raise
            # The real one asks for a balancer with all that is in it at once: refused, nothing of it is there.
            self._drop(balancer, keep=True)
            raise BalancerError(f"error creating loadbalancer {service.balancer_name}: {error}") from error
        return balancer.id, self._address(service, balancer, floating, warn)

    def update(self, service: ServiceOptions, nodes: Mapping[str, str]) -> bool:
        balancer = self._find(service)
        if balancer is None:
            return False
        self._wait(balancer.id)
        listeners = {
            (item.protocol, item.protocol_port): item
            for item in self.cloud.load_balancer.listeners(load_balancer_id=balancer.id)
        }
        for index, port in enumerate(service.ports):
            listener = listeners.get((port.protocol, port.port))
            if listener is None:
                raise BalancerError(
                    f"loadbalancer {balancer.id} does not contain required listener for port {port.port} "
                    f"and protocol {port.protocol}"
                )
            pool = self._pool(service, balancer.id, index, port, listener)
            self._members(balancer.id, port, pool, nodes)
        return True

    def _listener_options(self, service: ServiceOptions, name: str, warn: Warn) -> dict[str, Any]:
        """What every listener has beside its port."""
        try:
            allowed = service.allowed
        except ValueError as error:
            raise BalancerError(f"failed to get source ranges for loadbalancer service {name}: {error}") from error
        if self.desired.octavia_provider == OVN:
            # whether or not the Service names any
            what = (
                f"LoadBalancerSourceRanges are ignored for Service {name} because Octavia provider does not support it"
            )
            warn(SOURCE_RANGES_IGNORED, what)
            return {}
        return {**dict(service.timeouts), "allowed_cidrs": allowed}

    def _listeners(
        self, service: ServiceOptions, balancer: str, options: Mapping[str, Any], nodes: Mapping[str, str]
    ) -> None:
        listeners = {item.name: item for item in self.cloud.load_balancer.listeners(load_balancer_id=balancer)}
        wanted = {service.listener_name(index) for index in range(len(service.ports))}
        for name in listeners.keys() - wanted:
            self._drop_listener(balancer, listeners[name])
        for index, port in enumerate(service.ports):
            listener = listeners.get(service.listener_name(index))
            if listener is not None and (listener.protocol_port, listener.protocol) != (port.port, port.protocol):
                self._drop_listener(balancer, listener)
                listener = None
            listener = self._listener(service, balancer, index, port, listener, options)
            pool = self._pool(service, balancer, index, port, listener)
            self._members(balancer, port, pool, nodes)

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

    def _find(self, service: ServiceOptions) -> Any:
        """The Service's balancer, or None."""
        return next(iter(self.cloud.load_balancer.load_balancers(name=service.balancer_name)), None)

    def _balancer(self, service: ServiceOptions) -> tuple[Any, bool]:
        """The balancer, and whether it was made just now."""
        found = self._find(service)
        made = found is None
        if found is None:
            subnet = network.ensure(self.cloud, self.desired).subnet
            options: dict[str, Any] = {
                "name": service.balancer_name,
                "description": service.description,
                "vip_subnet_id": subnet,
                "tags": [service.balancer_name],
            }
            if self.desired.octavia_provider:
                options["provider"] = self.desired.octavia_provider
            with _told(f"error creating loadbalancer {service.balancer_name}: error creating loadbalancer {options}"):
                found = self.cloud.load_balancer.create_load_balancer(**options)
            LOG.info("service %s/%s: made balancer %s", service.namespace, service.name, found.id)
        self._wait(found.id)
        return found, made

    def _listener(
        self,
        service: ServiceOptions,
        balancer: str,
        index: int,
        port: Port,
        listener: Any,
        options: Mapping[str, Any],
    ) -> Any:
        if listener is None:
            with _told(f"failed to create listener for loadbalancer {balancer}"):
                listener = self.cloud.load_balancer.create_listener(
                    name=service.listener_name(index),
                    load_balancer_id=balancer,
                    protocol=port.protocol,
                    protocol_port=port.port,
                    tags=[service.balancer_name],
                    **options,
                )
            self._wait(balancer)
            return listener
        changed = {key: value for key, value in options.items() if _as_listed(getattr(listener, key)) != value}
        if changed:
            with _told(f"failed to update listener {listener.id} of loadbalancer {balancer}"):
                self.cloud.load_balancer.update_listener(listener, **changed)
            self._wait(balancer)
        return listener

    def _pool(self, service: ServiceOptions, balancer: str, index: int, port: Port, listener: Any) -> Any:
        name = service.pool_name(index)
        for pool in self.cloud.load_balancer.pools(loadbalancer_id=balancer):
            if pool.name == name:
                return pool
        with _told("error creating pool for listener"):
            pool = self.cloud.load_balancer.create_pool(
                name=name,
                listener_id=listener.id,
                protocol=service.proxy_protocol or port.protocol,
                lb_algorithm="SOURCE_IP_PORT" if self.desired.octavia_provider == OVN else "ROUND_ROBIN",
                tags=[service.balancer_name],
            )
        self._wait(balancer)
        return pool

    def _members(self, balancer: str, port: Port, pool: Any, nodes: Mapping[str, str]) -> None:
        wanted = {(address, port.node_port): node for node, address in nodes.items()}
        present = {(item.address, item.protocol_port): item for item in self.cloud.load_balancer.members(pool)}
        for key in present.keys() - wanted.keys():
            self.cloud.load_balancer.delete_member(present[key], pool)
            self._wait(balancer)
        for key in wanted.keys() - present.keys():
            self.cloud.load_balancer.create_member(pool, name=wanted[key], address=key[0], protocol_port=key[1])
            self._wait(balancer)

    def _floating_network(self, service: ServiceOptions, name: str, warn: Warn) -> str | None:
        """The Service's own, else the one that the driver names, else the first external one with IPv4."""
        if given := service.floating_network or self.desired.floating_network:
            return given
        for found in self.cloud.network.networks():
            subnets = self.cloud.network.subnets(network_id=found.id) if found.is_router_external else ()
            # A network whose subnets are not to be seen counts as well.
            listed = [subnet.ip_version for subnet in subnets]
            if found.is_router_external and found.subnet_ids and (not listed or 4 in listed):
                return str(found.id)
        warn(NO_EXTERNAL_NETWORK, f"Failed to find floating-network-id for Service {name}: failed to find object")
        return None

    def _address(self, service: ServiceOptions, balancer: Any, floating: str | None, warn: Warn) -> str:
        """The floating IP's address, or the balancer's own where the Service is internal."""
        port = balancer.vip_port_id
        attached = next(iter(self.cloud.network.ips(port_id=port)), None)
        if service.internal:
            if attached is not None:
                self._let_go(attached, keep=service.keep_floating_ip)
            return str(balancer.vip_address)
        if attached is not None:  # it stays, whatever the Service asks for now
            return str(attached.floating_ip_address)
        if service.address:
            chosen = next(iter(self.cloud.network.ips(floating_ip_address=service.address)), None)
            if chosen is not None and chosen.port_id:
                raise BalancerError(f"floating IP {service.address} is not available")
            if chosen is not None:
                with _told("error updating LB floatingip"):
                    self.cloud.network.update_ip(chosen, port_id=port)
                return service.address
        if not floating:
            what = (
                f"Floating network configuration not provided for Service {service.namespace}/{service.name}, forcing "
                "to ensure an internal load balancer service"
            )
            warn(FORCED_INTERNAL, what)
            return str(balancer.vip_address)
        options = {"floating_network_id": floating, "port_id": port, "description": service.floating_ip_description}
        if service.address:  # Neutron lets administrators only choose one
            options["floating_ip_address"] = service.address
        with _told("error creating LB floatingip"):
            made = self.cloud.network.create_ip(**options)
        return str(made.floating_ip_address)

    def _drop(self, balancer: Any, *, keep: bool) -> None:
        for ip in self.cloud.network.ips(port_id=balancer.vip_port_id):
            self._let_go(ip, keep=keep)
        self._wait(balancer.id, (*SETTLED, "ERROR"))  # Octavia deletes a broken one, too
        self.cloud.load_balancer.delete_load_balancer(balancer, cascade=True)
        self._wait(balancer.id)
        LOG.info("balancer %s (%s) deleted", balancer.id, balancer.name)

    def _let_go(self, ip: Any, *, keep: bool) -> None:
        """Take a floating IP away; one that somebody else made stays."""
        if keep or not (ip.description or "").startswith(FLOATING_IP_DESCRIPTION):
            self.cloud.network.update_ip(ip, port_id=None)
        else:
            self.cloud.network.delete_ip(ip)

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


def _as_listed(value: Any) -> Any:
    """A listener's ranges in the order that we ask for them."""
    return sorted(value) if isinstance(value, list) else value
