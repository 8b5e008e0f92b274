"""Balancers, against an Octavia of which the answers are written down."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest
from openstack import exceptions

from rehearsal.cluster import balancers
from rehearsal.cluster.balancers import BalancerError, OctaviaBalancers
from rehearsal.cluster.desired import Desired
from rehearsal.cluster.service_options import DEFAULT_TIMEOUTS, Port, ServiceOptions

NODES = {"node-1": "10.6.0.4"}
SERVICE = ServiceOptions("uuid", "jupyterhub", "proxy-public", (Port(80, 30080),))


class Octavia:
    """One balancer with one listener and one pool, whose members are ``has``."""

    def __init__(self, status: str = "ACTIVE", allowed_cidrs: list[str] | None = None, there: bool = True) -> None:
        self.balancer = SimpleNamespace(id="b", name=SERVICE.balancer_name, vip_port_id="p", description="")
        self.listener = SimpleNamespace(
            name=SERVICE.listener_name(0),
            protocol_port=80,
            protocol="TCP",
            allowed_cidrs=allowed_cidrs,
            id="l",
            default_pool_id=None,
            **DEFAULT_TIMEOUTS,
        )
        self.status = status
        self.there = there
        self.changes: list[Any] = []
        self.refuses: Exception | None = None
        self.has: list[Any] = []
        self.members_made: list[Any] = []

    def load_balancers(self, **_query: Any) -> list[Any]:
        return [self.balancer] if self.there else []

    def create_load_balancer(self, **options: Any) -> Any:
        self._do("balancer", options)
        self.there = True
        return self.balancer

    def create_listener(self, **options: Any) -> Any:
        self._do("listener", options)
        return self.listener

    def _do(self, what: str, options: Any) -> None:
        self.changes.append((what, options))
        if self.refuses and what == "listener":
            raise self.refuses

    def get_load_balancer(self, _identifier: str) -> Any:
        return SimpleNamespace(provisioning_status=self.status)

    def listeners(self, **_query: Any) -> list[Any]:
        return [self.listener] if self.there and not self.refuses else []

    def pools(self, **_query: Any) -> list[Any]:
        return [SimpleNamespace(name=SERVICE.pool_name(0))]

    def members(self, _pool: Any) -> list[Any]:
        return self.has

    def create_member(self, _pool: Any, **options: Any) -> None:
        self.members_made.append(options)

    def delete_member(self, member: Any, _pool: Any) -> None:
        self.has.remove(member)

    def update_listener(self, _listener: Any, **options: Any) -> None:
        self.changes.append(options)

    def delete_load_balancer(self, balancer: Any, *, cascade: bool) -> None:
        self.changes.append(("deleted", balancer.id, cascade))
        self.status = "DELETED"


class Neutron:
    """Floating IPs: those that are attached, and those that are not. Two external networks, the first without IPv4."""

    def __init__(self, attached: str = "203.0.113.1", other: str = "", port: str | None = None) -> None:
        self.addresses = [
            SimpleNamespace(floating_ip_address=address, port_id=where, description="somebody's")
            for address, where in ((attached, "p"), (other, port))
            if address
        ]
        self.external = [("six", 6), ("four", 4), ("more", 4)]
        self.made: list[Any] = []

    def ips(self, **query: Any) -> list[Any]:
        return [one for one in self.addresses if all(getattr(one, key) == wanted for key, wanted in query.items())]

    def update_ip(self, ip: Any, port_id: str | None) -> None:
        ip.port_id = port_id

    def create_ip(self, **options: Any) -> Any:
        self.made.append(options)
        return SimpleNamespace(floating_ip_address="203.0.113.77")

    def networks(self) -> list[Any]:
        inside = SimpleNamespace(id="inside", is_router_external=False, subnet_ids=["s"])
        return [inside, *(SimpleNamespace(id=n, is_router_external=True, subnet_ids=["s"]) for n, _v in self.external)]

    def subnets(self, network_id: str) -> list[Any]:
        return [SimpleNamespace(ip_version=dict(self.external)[network_id])]


Warnings = list[tuple[str, str]]


def on(octavia: Octavia, neutron: Neutron | None = None, **desired: Any) -> OctaviaBalancers:
    cloud: Any = SimpleNamespace(load_balancer=octavia, network=neutron or Neutron())
    return OctaviaBalancers(cloud, Desired("uuid", "c", fixed_network="n", fixed_subnet="s", **desired))


def ensure(balancers: OctaviaBalancers, service: ServiceOptions = SERVICE) -> tuple[str, Warnings]:
    """The address, and the Warning events."""
    told: Warnings = []
    identifier, address = balancers.ensure(service, NODES, lambda reason, message: told.append((reason, message)))
    assert identifier == "b"
    return address, told


def changed(**options: Any) -> ServiceOptions:
    return dataclasses.replace(SERVICE, **options)


@pytest.mark.parametrize(
    ("has", "changes"),
    [(["192.0.2.0/24"], [{"allowed_cidrs": ["0.0.0.0/0"]}]), (["0.0.0.0/0"], [])],
    ids=str,
)
def test_ranges_that_a_service_had_are_taken_back(has: list[str] | None, changes: list[Any]) -> None:
    octavia = Octavia(allowed_cidrs=has)
    assert ensure(on(octavia)) == ("203.0.113.1", [])
    assert octavia.changes == changes


def test_ranges_are_sent_as_the_cloud_provider_sends_them() -> None:
    octavia = Octavia(allowed_cidrs=["0.0.0.0/0"])
    ensure(on(octavia), changed(source_ranges=("198.51.100.0/24", "192.0.2.7/24", "192.0.2.0/24")))
    assert octavia.changes == [{"allowed_cidrs": ["192.0.2.0/24", "198.51.100.0/24"]}]
    with pytest.raises(
        BalancerError, match="failed to get source ranges for loadbalancer service jupyterhub/proxy-public"
    ):
        ensure(on(octavia), changed(source_ranges=("everybody",)))


def test_ovn_is_asked_for_neither_ranges_nor_timeouts() -> None:
    octavia = Octavia()
    address, told = ensure(on(octavia, octavia_provider="ovn"), changed(source_ranges=("192.0.2.0/24",)))
    assert (address, octavia.changes) == ("203.0.113.1", [])
    assert told == [
        (
            "LoadBalancerSourceRangesIgnored",
            "LoadBalancerSourceRanges are ignored for Service jupyterhub/proxy-public because Octavia provider does "
            "not support it",
        )
    ]


def test_members_are_called_as_their_nodes() -> None:
    octavia = Octavia(allowed_cidrs=["0.0.0.0/0"])
    ensure(on(octavia))
    assert octavia.members_made == [{"name": "node-1", "address": "10.6.0.4", "protocol_port": 30080}]


def test_without_a_node_no_balancer_is_made() -> None:
    octavia = Octavia(there=False)
    words = r"^there are no available nodes for LoadBalancer service jupyterhub/proxy-public$"
    with pytest.raises(BalancerError, match=words):
        on(octavia).ensure(SERVICE, {}, lambda *_event: None)
    assert not octavia.changes


def test_an_update_is_of_members_alone() -> None:
    octavia = Octavia(allowed_cidrs=["192.0.2.0/24"])
    octavia.has = [SimpleNamespace(address="10.6.0.9", protocol_port=30080)]
    assert on(octavia).update(SERVICE, NODES)
    assert (octavia.changes, octavia.has, len(octavia.members_made)) == ([], [], 1)
    assert on(octavia).update(SERVICE, {})
    with pytest.raises(BalancerError, match="loadbalancer b does not contain required listener for port 81"):
        on(octavia).update(changed(ports=(Port(81, 30081),)), NODES)
    assert not on(Octavia(there=False)).update(SERVICE, NODES)


def refusal(status: int, text: str) -> exceptions.HttpException:
    request = SimpleNamespace(method="POST", url="http://octavia/v2/lbaas/listeners")
    return exceptions.HttpException(
        "no", response=SimpleNamespace(status_code=status, text=text, request=request, headers={})
    )


def test_of_a_balancer_that_is_refused_nothing_is_left() -> None:
    octavia = Octavia(there=False)
    octavia.refuses = refusal(400, "IP version incompatible with all VIPs")
    with pytest.raises(BalancerError) as caught:
        ensure(on(octavia, octavia_provider="amphora"), changed(source_ranges=("2001:db8::/32",)))
    assert str(caught.value).startswith(f"error creating loadbalancer {SERVICE.balancer_name}: ")
    assert str(caught.value).endswith("but got 400 instead: IP version incompatible with all VIPs")
    assert octavia.changes[0][1]["provider"] == "amphora"
    assert octavia.changes[-1] == ("deleted", "b", True)


def test_a_floating_ip_that_hangs_on_the_balancer_stays() -> None:
    neutron = Neutron(other="203.0.113.9")
    assert ensure(on(Octavia(), neutron), changed(address="203.0.113.9")) == ("203.0.113.1", [])


def test_a_floating_ip_that_is_asked_for() -> None:
    free, taken = Neutron("", "203.0.113.9"), Neutron("", "203.0.113.9", "elsewhere")
    assert ensure(on(Octavia(), free), changed(address="203.0.113.9"))[0] == "203.0.113.9"
    assert free.addresses[0].port_id == "p"
    with pytest.raises(BalancerError, match=r"^floating IP 203.0.113.9 is not available$"):
        ensure(on(Octavia(), taken), changed(address="203.0.113.9"))
    absent = Neutron("")
    ensure(on(Octavia(), absent), changed(address="203.0.113.9"))
    assert absent.made[0]["floating_ip_address"] == "203.0.113.9"  # which Neutron refuses


@pytest.mark.parametrize(
    ("service", "desired", "network"),
    [
        ({}, {}, "four"),
        ({}, {"floating_network": "more"}, "more"),
        ({"floating_network": "mine"}, {"floating_network": "more"}, "mine"),
    ],
)
def test_where_a_new_floating_ip_comes_from(service: Any, desired: Any, network: str) -> None:
    neutron = Neutron("")
    assert ensure(on(Octavia(), neutron, **desired), changed(**service)) == ("203.0.113.77", [])
    assert neutron.made[0]["floating_network_id"] == network


def test_without_an_external_network_a_balancer_is_internal() -> None:
    neutron, octavia = Neutron(""), Octavia()
    neutron.external, octavia.balancer.vip_address = [("six", 6)], "10.6.0.9"
    address, told = ensure(on(octavia, neutron))
    assert address == "10.6.0.9"
    assert [reason for reason, _message in told] == [
        "LoadBalancerExternalNetworkSearchFailed",
        "LoadBalancerForcedInternal",
    ]


def test_an_internal_balancer_has_no_floating_ip() -> None:
    neutron, octavia = Neutron(), Octavia()
    octavia.balancer.vip_address = "10.6.0.9"
    assert ensure(on(octavia, neutron), changed(internal=True, keep_floating_ip=True)) == ("10.6.0.9", [])
    assert neutron.addresses[0].port_id is None


def test_a_broken_balancer_is_deleted() -> None:
    octavia = Octavia(status="ERROR")
    on(octavia).delete(SERVICE)
    assert octavia.changes == [("deleted", "b", True)]


def test_a_broken_balancer_is_told_of() -> None:
    with pytest.raises(BalancerError, match="balancer b is in provisioning status ERROR; delete it"):
        ensure(on(Octavia(status="ERROR")))


def test_a_balancer_that_stays_busy_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balancers, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(balancers, "PAUSE_SECONDS", 0.01)
    with pytest.raises(BalancerError, match="still in provisioning status PENDING_UPDATE"):
        ensure(on(Octavia(status="PENDING_UPDATE")))
