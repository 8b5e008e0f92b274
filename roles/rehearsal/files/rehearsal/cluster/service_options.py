"""What a Service of type LoadBalancer asks for, in the words of cloud-provider-openstack.

Source: cloud-provider-openstack, ``pkg/openstack/loadbalancer.go`` and its "Exposing applications using services of
LoadBalancer type" (names, descriptions, annotations and their defaults).
"""

from __future__ import annotations

import dataclasses
from typing import Any

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
"""The service controller's: the Service stays until its balancer is gone."""

PREFIX = "loadbalancer.openstack.org/"
KEEP_FLOATING_IP = PREFIX + "keep-floatingip"
FLOATING_NETWORK = PREFIX + "floating-network-id"
PROXY_PROTOCOL = PREFIX + "proxy-protocol"
BALANCER_ID = PREFIX + "load-balancer-id"
BALANCER_ADDRESS = PREFIX + "load-balancer-address"
INTERNAL = "service.beta.kubernetes.io/openstack-internal-load-balancer"

TIMEOUTS = {
    "timeout_client_data": PREFIX + "timeout-client-data",
    "timeout_member_connect": PREFIX + "timeout-member-connect",
    "timeout_member_data": PREFIX + "timeout-member-data",
    "timeout_tcp_inspect": PREFIX + "timeout-tcp-inspect",
}
"""Octavia's listener attributes (milliseconds) and their annotations."""

FLOATING_IP_DESCRIPTION = "Floating IP for Kubernetes external service"
NAME_LENGTH = 255


@dataclasses.dataclass(frozen=True)
class Port:
    """One port of a Service."""

    port: int
    node_port: int
    protocol: str = "TCP"


@dataclasses.dataclass(frozen=True)
class ServiceOptions:
    """One Service's balancer. ``timeouts`` are pairs of Octavia's attribute and milliseconds."""

    cluster: str
    namespace: str
    name: str
    ports: tuple[Port, ...]
    internal: bool = False
    keep_floating_ip: bool = False
    floating_network: str | None = None
    address: str | None = None
    proxy_protocol: bool = False
    source_ranges: tuple[str, ...] = ()
    timeouts: tuple[tuple[str, int], ...] = ()

    @classmethod
    def read(cls, service: dict[str, Any], cluster: str) -> ServiceOptions:
        """From a Service. Raises ValueError, naming the annotation, for a timeout that is no number."""
        meta, spec = service["metadata"], service["spec"]
        annotations = meta.get("annotations") or {}
        timeouts = []
        for attribute, annotation in TIMEOUTS.items():
            if annotation not in annotations:
                continue
            if not annotations[annotation].isdigit():
                raise ValueError(f"{annotation}: {annotations[annotation]!r} is not a number of milliseconds")
            timeouts.append((attribute, int(annotations[annotation])))
        return cls(
            cluster=cluster,
            namespace=meta["namespace"],
            name=meta["name"],
            ports=tuple(
                Port(port["port"], port.get("nodePort", 0), port.get("protocol", "TCP"))
                for port in spec.get("ports") or []
            ),
            internal=_true(annotations.get(INTERNAL)),
            keep_floating_ip=_true(annotations.get(KEEP_FLOATING_IP)),
            floating_network=annotations.get(FLOATING_NETWORK),
            address=spec.get("loadBalancerIP") or None,
            proxy_protocol=_true(annotations.get(PROXY_PROTOCOL)),
            source_ranges=tuple(spec.get("loadBalancerSourceRanges") or ()),
            timeouts=tuple(timeouts),
        )

    @property
    def balancer_name(self) -> str:
        return f"kube_service_{self.cluster}_{self.namespace}_{self.name}"[:NAME_LENGTH]

    @property
    def description(self) -> str:
        return f"Kubernetes external service {self.namespace}/{self.name} from cluster {self.cluster}"

    @property
    def floating_ip_description(self) -> str:
        return f"{FLOATING_IP_DESCRIPTION} {self.namespace}/{self.name} from cluster {self.cluster}"

    def listener_name(self, index: int) -> str:
        return f"listener_{index}_{self.balancer_name}"[:NAME_LENGTH]

    def pool_name(self, index: int) -> str:
        return f"pool_{index}_{self.balancer_name}"[:NAME_LENGTH]

    def member_name(self, index: int, node: str) -> str:
        return f"member_{index}_{node}_{self.balancer_name}"[:NAME_LENGTH]


def _true(text: str | None) -> bool:
    return (text or "").lower() == "true"
