"""The hub's load balancer does what the file asks for, or the run says that it does not."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes
import openstack
import pytest
import yaml

from tests.support.faults import administrator, fault
from tests.support.playbooks import deploy, playbook
from tests.support.slow import only_long

FLOATING_NETWORK = "loadbalancer.openstack.org/floating-network-id"
EVERYBODY, RANGES = ["0.0.0.0/0"], ["192.0.2.0/24", "198.51.100.0/24"]


def overlays(state: Path, folder: Path, **address: Any) -> dict[str, Any]:
    """Variables of a run with a ``hub_address`` of its own; its port is the overlay's."""
    file = folder / "address.yml"
    file.write_text(yaml.safe_dump({"hub_address": address}))
    return {"service_overlays": [str(state / "overlay.yml"), str(file)]}


def let_in(cloud: openstack.connection.Connection, core: Any, summary: dict[str, Any]) -> list[str]:
    """Who may come in, by Octavia's listeners of the hub, which all let in the same."""
    service = core.read_namespaced_service("proxy-public", summary["hub"]["namespace"])
    balancer = service.metadata.annotations["loadbalancer.openstack.org/load-balancer-id"]
    listeners = list(cloud.load_balancer.listeners(load_balancer_id=balancer))
    (found,) = {tuple(sorted(one.allowed_cidrs or ())) for one in listeners}
    return list(found)


@only_long
def test_ranges_that_octavia_refuses_are_an_error_until_they_are_in_force(
    state: Path,
    tmp_path: Path,
    cloud: openstack.connection.Connection,
    core: kubernetes.client.CoreV1Api,
    summary: dict[str, Any],
) -> None:
    wanted = overlays(state, tmp_path, allowed_cidrs=RANGES)
    with fault(state, "octavia", "PUT", "/listeners/", times=0, status=400, message="no range of ours") as rule:
        for _run in ("that asks for them", "that finds nothing else to do"):
            run = deploy(**wanted)
            assert not run.ok, run.text
            assert "does not do what is asked of it (ranges 192.0.2.0/24, 198.51.100.0/24;" in run.text
            assert "SyncLoadBalancerFailed: Error syncing load balancer: failed to ensure load balancer" in run.text
            assert "no range of ours" in run.text
            assert rule.hits() > 0
        assert let_in(cloud, core, summary) == EVERYBODY
    mended = deploy(**wanted)
    assert mended.ok, mended.text
    assert let_in(cloud, core, summary) == RANGES
    back = deploy()
    assert back.ok, back.text
    assert let_in(cloud, core, summary) == EVERYBODY


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ({"allowed_cidrs": ["192.0.2.0/24", "2001:db8::/32"]}, "is an IPv6 range"),
        ({"floating_ip": "FREE"}, "an address in use is never exchanged by the cluster"),
    ],
    ids=["a range of IPv6", "another address"],
)
def test_what_cannot_be_had_is_refused_before_anything_is_touched(
    state: Path, tmp_path: Path, cloud: openstack.connection.Connection, address: dict[str, Any], words: str
) -> None:
    with free_address(cloud) as free:
        given = {key: free if value == "FREE" else value for key, value in address.items()}
        run = playbook("preflight", **overlays(state, tmp_path, **given))
    assert not run.ok, run.text
    assert run.changed == 0
    assert words in " ".join(run.text.split())


@contextlib.contextmanager
def free_address(cloud: openstack.connection.Connection) -> Iterator[str]:
    network = cloud.network.find_network("External")
    made = cloud.network.create_ip(floating_network_id=network.id)
    try:
        yield made.floating_ip_address
    finally:
        cloud.network.delete_ip(made)


def test_the_address_comes_from_the_network_of_the_file(
    state: Path,
    cloud: openstack.connection.Connection,
    core: kubernetes.client.CoreV1Api,
    summary: dict[str, Any],
) -> None:
    """magnum-cluster-api tells the cloud provider no network: it takes the first of several."""
    external = cloud.network.find_network("External").id
    hub = core.read_namespaced_service("proxy-public", summary["hub"]["namespace"])
    assert hub.metadata.annotations[FLOATING_NETWORK] == external
    with another_network(state, external) as first:
        # No router leads there, so that Neutron refuses it.
        assert first in network_of(cloud, core, "unsaid", {})
        assert network_of(cloud, core, "said", {FLOATING_NETWORK: external}) == external


@contextlib.contextmanager
def another_network(state: Path, external: str) -> Iterator[str]:
    """An external network that Neutron lists before ours."""
    admin, made = administrator(state), []
    try:
        for number in range(30):
            made.append(admin.network.create_network(name=f"elsewhere-{number}", is_router_external=True))
            first, *_others = (one.id for one in admin.network.networks() if one.is_router_external)
            if first != external:
                break
        admin.network.create_subnet(network_id=first, ip_version=4, cidr="192.0.2.0/24", is_dhcp_enabled=False)
        yield first
    finally:
        for network in made:
            admin.network.delete_network(network)


def network_of(
    cloud: openstack.connection.Connection, core: kubernetes.client.CoreV1Api, name: str, annotations: dict[str, str]
) -> str:
    """Where the floating IP of a new Service comes from, or the events on why there is none."""
    spec = {"type": "LoadBalancer", "ports": [{"port": 80}]}
    body = {"metadata": {"name": name, "annotations": annotations}, "spec": spec}
    uid = core.create_namespaced_service("default", body).metadata.uid
    try:
        deadline, found, told = time.monotonic() + 120, None, ""
        while not (found or told) and time.monotonic() < deadline:
            time.sleep(0.2)
            found = core.read_namespaced_service(name, "default").status.load_balancer.ingress
            events = core.list_namespaced_event("default", field_selector=f"involvedObject.uid={uid}").items
            told = " ".join(event.message for event in events if event.type == "Warning")
        if not found:
            return told
        (ip,) = cloud.network.ips(floating_ip_address=found[0].ip)
        return str(ip.floating_network_id)
    finally:
        core.delete_namespaced_service(name, "default")
        while [one for one in core.list_namespaced_service("default").items if one.metadata.name == name]:
            time.sleep(0.2)
