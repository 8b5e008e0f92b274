"""Names and annotations of load balancers, and the host ports that lead to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cluster import forwards
from rehearsal.cluster.layout import ClusterDir
from rehearsal.cluster.service_options import Port, ServiceOptions
from rehearsal.settings import FORWARD_PORTS, Settings

UUID = "32faa973-947d-4ebd-aea7-1d6d365498e4"
OTHER = "dd20633a-c28c-40b9-8172-11331ba7f25f"


def service(annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    ports = [{"port": 80, "nodePort": 31096}, {"port": 443, "nodePort": 30331, "protocol": "TCP"}]
    meta = {"name": "proxy-public", "namespace": "hub", "annotations": annotations or {}}
    return {"metadata": meta, "spec": {"type": "LoadBalancer", "ports": ports, **spec}}


def test_names_are_those_of_the_cloud_provider() -> None:
    options = ServiceOptions.read(service(), UUID)
    name = f"kube_service_{UUID}_hub_proxy-public"
    assert options.balancer_name == name
    assert options.listener_name(0) == f"listener_0_{name}"
    assert options.pool_name(1) == f"pool_1_{name}"
    assert options.description == f"Kubernetes external service hub/proxy-public from cluster {UUID}"
    assert options.floating_ip_description.startswith("Floating IP for Kubernetes external service hub/proxy-public")


def test_names_fit_octavia() -> None:
    long = service()
    long["metadata"]["name"] = "x" * 300
    options = ServiceOptions.read(long, UUID)
    assert {len(options.balancer_name), len(options.listener_name(0)), len(options.pool_name(0))} == {255}


def test_defaults() -> None:
    options = ServiceOptions.read(service(), UUID)
    assert options.ports == (Port(80, 31096), Port(443, 30331))
    assert not (options.internal or options.keep_floating_ip or options.proxy_protocol)
    assert options.address is None
    assert dict(options.timeouts)["timeout_client_data"] == 50_000
    assert options.allowed == ["0.0.0.0/0"]


def test_annotations_and_spec() -> None:
    prefix = "loadbalancer.openstack.org/"
    annotations = {
        f"{prefix}keep-floatingip": "true",
        f"{prefix}floating-network-id": "net",
        f"{prefix}timeout-client-data": "3600000",
        f"{prefix}timeout-member-data": "7200000",
        "service.beta.kubernetes.io/openstack-internal-load-balancer": "true",
    }
    options = ServiceOptions.read(
        service(annotations, loadBalancerIP="203.0.113.7", loadBalancerSourceRanges=["192.0.2.0/24"]), UUID
    )
    assert options.keep_floating_ip
    assert options.internal
    assert options.floating_network == "net"
    assert options.address == "203.0.113.7"
    assert options.source_ranges == ("192.0.2.0/24",)
    noted = {"service.beta.kubernetes.io/load-balancer-source-ranges": " 192.0.2.0/24, 198.51.100.0/24"}
    assert ServiceOptions.read(service(noted), UUID).allowed == ["192.0.2.0/24", "198.51.100.0/24"]
    assert options.timeouts == (
        ("timeout_client_data", 3600000),
        ("timeout_member_connect", 5000),
        ("timeout_member_data", 7200000),
        ("timeout_tcp_inspect", 0),
    )


@pytest.mark.parametrize("text", ["", "1h", "²", "5 ", "1_000", "٣", "9" * 19, "9" * 5000])
def test_a_timeout_that_is_no_number_is_the_usual_one(text: str) -> None:
    options = ServiceOptions.read(service({"loadbalancer.openstack.org/timeout-client-data": text}), UUID)
    assert dict(options.timeouts)["timeout_client_data"] == 50_000


@pytest.mark.parametrize(("text", "number"), [("-5", -5), ("+5", 5), ("007", 7)])
def test_a_timeout_that_makes_no_sense_is_asked_for(text: str, number: int) -> None:
    """Octavia refuses it, if anybody does."""
    options = ServiceOptions.read(service({"loadbalancer.openstack.org/timeout-client-data": text}), UUID)
    assert dict(options.timeouts)["timeout_client_data"] == number


@pytest.mark.parametrize(("text", "said"), [("true", True), ("True", False), ("yes", False), ("", False)])
def test_what_is_true_is_spelt_in_one_way(text: str, said: bool) -> None:
    internal = "service.beta.kubernetes.io/openstack-internal-load-balancer"
    options = ServiceOptions.read(service({internal: text, "loadbalancer.openstack.org/keep-floatingip": text}), UUID)
    assert (options.internal, options.keep_floating_ip) == (said, said)


@pytest.mark.parametrize(
    ("text", "protocol"), [("true", "PROXY"), ("v1", "PROXY"), ("v2", "PROXYV2"), ("True", ""), ("false", "")]
)
def test_pools_speak_the_proxy_protocol_that_is_named(text: str, protocol: str) -> None:
    options = ServiceOptions.read(service({"loadbalancer.openstack.org/proxy-protocol": text}), UUID)
    assert options.proxy_protocol == protocol


def test_an_annotation_that_changes_is_something_new() -> None:
    again = ServiceOptions.read(service({"example.org/note": "a"}), UUID)
    assert again != ServiceOptions.read(service(), UUID)
    own = {"loadbalancer.openstack.org/load-balancer-id": "b"}
    assert ServiceOptions.read(service(own), UUID) == ServiceOptions.read(service(), UUID)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(tmp_path)


def entry(name: str, *ports: int) -> dict[str, Any]:
    return {"namespace": "hub", "service": name, "targets": {str(port): f"10.96.0.9:{port}" for port in ports}}


def cluster(settings: Settings, uuid: str) -> ClusterDir:
    place = ClusterDir(settings, uuid)
    place.make()
    return place


def test_the_hub_gets_the_fixed_ports(settings: Settings) -> None:
    mine = forwards.publish(cluster(settings, UUID), {"203.0.113.1": entry("proxy-public", 80, 443)})
    assert mine["203.0.113.1"]["ports"] == {"80": settings.port("hub-http"), "443": settings.port("hub-https")}
    listed = json.loads((settings.state / "forwards.json").read_text())
    assert listed["203.0.113.1"]["cluster"] == UUID


def test_others_get_free_ports_and_keep_them(settings: Settings) -> None:
    place = cluster(settings, UUID)
    first = settings.base_port + FORWARD_PORTS[0]
    forwards.publish(place, {"203.0.113.2": entry("b", 80)})
    again = forwards.publish(place, {"203.0.113.1": entry("a", 80), "203.0.113.2": entry("b", 80, 81)})
    assert again["203.0.113.2"]["ports"]["80"] == first
    ports = [port for one in again.values() for port in one["ports"].values()]
    assert len(set(ports)) == 3


def test_clusters_do_not_take_each_others_ports(settings: Settings) -> None:
    one, two = cluster(settings, UUID), cluster(settings, OTHER)
    forwards.publish(one, {"203.0.113.1": entry("proxy-public", 80)})
    second = forwards.publish(two, {"203.0.113.2": entry("proxy-public", 80)})
    assert second["203.0.113.2"]["ports"]["80"] == settings.base_port + FORWARD_PORTS[0]
    forwards.withdraw(one)
    assert list(json.loads((settings.state / "forwards.json").read_text())) == ["203.0.113.2"]
    assert json.loads(one.forwards.read_text()) == {}


def test_when_all_ports_are_taken(settings: Settings) -> None:
    taken = {settings.base_port + offset for offset in FORWARD_PORTS}
    with pytest.raises(OSError, match="delete a Service first"):
        forwards.assign(settings, "a", ["80"], {}, taken)
