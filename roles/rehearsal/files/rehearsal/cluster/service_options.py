"""What a Service of type LoadBalancer asks for, in the words of cloud-provider-openstack.

Source: cloud-provider-openstack, ``pkg/openstack/loadbalancer.go`` and its "Exposing applications using services of
LoadBalancer type" (names, descriptions, annotations and their defaults).
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from typing import Any

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
"""The service controller's: the Service stays until its balancer is gone."""

PREFIX = "loadbalancer.openstack.org/"
KEEP_FLOATING_IP = PREFIX + "keep-floatingip"
FLOATING_NETWORK = PREFIX + "floating-network-id"
PROXY_PROTOCOL = PREFIX + "proxy-protocol"
BALANCER_ID = PREFIX + "load-balancer-id"
BALANCER_ADDRESS = PREFIX + "load-balancer-address"
RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
"""What counts where the spec names none, with commas (``GetLoadBalancerSourceRanges`` of k8s.io/cloud-provider)."""
INTERNAL = "service.beta.kubernetes.io/openstack-internal-load-balancer"

OURS = (BALANCER_ID, BALANCER_ADDRESS)
"""Annotations that the cloud provider itself sets."""

TIMEOUTS = {
    "timeout_client_data": PREFIX + "timeout-client-data",
    "timeout_member_connect": PREFIX + "timeout-member-connect",
    "timeout_member_data": PREFIX + "timeout-member-data",
    "timeout_tcp_inspect": PREFIX + "timeout-tcp-inspect",
}
"""Octavia's listener attributes (milliseconds) and their annotations."""

DEFAULT_TIMEOUTS = {
    "timeout_client_data": 50_000,
    "timeout_member_connect": 5_000,
    "timeout_member_data": 50_000,
    "timeout_tcp_inspect": 0,
}
"""Milliseconds that a listener is given where the Service does not say, or says something that is no number."""

PROXY_PROTOCOLS = {"true": "PROXY", "v1": "PROXY", "v2": "PROXYV2"}
"""The pools' protocol by what the annotation says."""

ANYBODY = "0.0.0.0/0"
"""The range that a listener is given where the Service names none."""

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
    """One Service's balancer.

    ``timeouts`` are pairs of Octavia's attribute and milliseconds, all four of them. ``source_ranges`` as the Service
    has them, ``allowed`` as listeners get them. ``annotations``: the operator's; one that changes has the whole
    balancer looked at again, whatever it says. ``proxy_protocol``: that of the pools, "" for the port's own.
    """

    cluster: str
    namespace: str
    name: str
    ports: tuple[Port, ...]
    internal: bool = False
    keep_floating_ip: bool = False
    floating_network: str | None = None
    address: str | None = None
    proxy_protocol: str = ""
    source_ranges: tuple[str, ...] = ()
    timeouts: tuple[tuple[str, int], ...] = tuple(DEFAULT_TIMEOUTS.items())
    annotations: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, service: dict[str, Any], cluster: str) -> ServiceOptions:
        """From a Service."""
        meta, spec = service["metadata"], service["spec"]
        annotations = meta.get("annotations") or {}
        named = (annotations.get(RANGES) or "").strip()
        timeouts = tuple(
            (attribute, _number(annotations.get(TIMEOUTS[attribute]), default))
            for attribute, default in DEFAULT_TIMEOUTS.items()
        )
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
            proxy_protocol=PROXY_PROTOCOLS.get(annotations.get(PROXY_PROTOCOL, ""), ""),
            source_ranges=tuple(spec.get("loadBalancerSourceRanges") or (named.split(",") if named else ())),
            timeouts=timeouts,
            annotations=tuple(sorted((key, text) for key, text in annotations.items() if key not in OURS)),
        )

    @property
    def allowed(self) -> list[str]:
        """Without bits beyond the mask, each once. Raises ValueError for what is no range."""
        ranges = {str(ipaddress.ip_network(text.strip(), strict=False)) for text in self.source_ranges}
        return sorted(ranges) or [ANYBODY]

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


def _true(text: str | None) -> bool:
    """CPO's ``getBoolFromServiceAnnotation``: anything else is the default, which is false."""
    return text == "true"


def _number(text: str | None, default: int) -> int:
    """CPO's ``getIntFromServiceAnnotation``: what Go's ``Atoi`` takes, whether or not it makes sense."""
    if text is None or not re.fullmatch("[+-]?[0-9]{1,19}", text):
        return default
    number = int(text)
    return number if -(2**63) <= number < 2**63 else default
