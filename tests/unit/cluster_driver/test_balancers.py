"""Balancers, against an Octavia of which the answers are written down."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from rehearsal.cluster import balancers
from rehearsal.cluster.balancers import BalancerError, OctaviaBalancers
from rehearsal.cluster.desired import Desired
from rehearsal.cluster.service_options import Port, ServiceOptions

SERVICE = ServiceOptions("uuid", "jupyterhub", "proxy-public", (Port(80, 30080),))


class Octavia:
    """One balancer with one listener and one pool without members."""

    def __init__(self, status: str = "ACTIVE", allowed_cidrs: list[str] | None = None) -> None:
        self.balancer = SimpleNamespace(id="b", name=SERVICE.balancer_name, vip_port_id="p", description="")
        self.listener = SimpleNamespace(
            name=SERVICE.listener_name(0), protocol_port=80, protocol="TCP", allowed_cidrs=allowed_cidrs, id="l"
        )
        self.status = status
        self.changes: list[Any] = []

    def load_balancers(self, **_query: Any) -> list[Any]:
        return [self.balancer]

    def get_load_balancer(self, _identifier: str) -> Any:
        return SimpleNamespace(provisioning_status=self.status)

    def listeners(self, **_query: Any) -> list[Any]:
        return [self.listener]

    def pools(self, **_query: Any) -> list[Any]:
        return [SimpleNamespace(name=SERVICE.pool_name(0))]

    def members(self, _pool: Any) -> list[Any]:
        return []

    def update_listener(self, _listener: Any, **options: Any) -> None:
        self.changes.append(options)

    def delete_load_balancer(self, balancer: Any, *, cascade: bool) -> None:
        self.changes.append(("deleted", balancer.id, cascade))
        self.status = "DELETED"


def on(octavia: Octavia) -> OctaviaBalancers:
    attached = SimpleNamespace(floating_ip_address="203.0.113.1", description="somebody's")
    network = SimpleNamespace(ips=lambda **_query: [attached], update_ip=lambda *_given, **_options: None)
    cloud: Any = SimpleNamespace(load_balancer=octavia, network=network)
    return OctaviaBalancers(cloud, Desired("uuid", "c"))


@pytest.mark.parametrize(
    ("has", "changes"), [(["192.0.2.0/24"], [{"allowed_cidrs": []}]), (None, []), ([], [])], ids=str
)
def test_ranges_that_a_service_had_are_taken_back(has: list[str] | None, changes: list[Any]) -> None:
    octavia = Octavia(allowed_cidrs=has)
    assert on(octavia).ensure(SERVICE, {}) == ("b", "203.0.113.1")
    assert octavia.changes == changes


def test_a_broken_balancer_is_deleted() -> None:
    octavia = Octavia(status="ERROR")
    on(octavia).delete(SERVICE)
    assert octavia.changes == [("deleted", "b", True)]


def test_a_broken_balancer_is_told_of() -> None:
    with pytest.raises(BalancerError, match="balancer b is in provisioning status ERROR; delete it"):
        on(Octavia(status="ERROR")).ensure(SERVICE, {})


def test_a_balancer_that_stays_busy_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balancers, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(balancers, "PAUSE_SECONDS", 0.01)
    with pytest.raises(BalancerError, match="still in provisioning status PENDING_UPDATE"):
        on(Octavia(status="PENDING_UPDATE")).ensure(SERVICE, {})
