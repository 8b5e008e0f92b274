# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What users come through: our load balancer, or what ``hub_values`` put in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

BALANCER, INGRESS, NONE = "balancer", "ingress", "none"


def way_in(service: Mapping[str, Any]) -> str:
    """``balancer``, ``ingress`` (the chart's own, with or without a balancer), or ``none`` that we know of."""
    if _given(service, "ingress", "enabled"):
        return INGRESS
    return BALANCER if _has_balancer(service) else NONE


def objections(service: Mapping[str, Any]) -> Iterator[str]:
    """What does not go together with the chart's ingress."""
    if way_in(service) != INGRESS:
        return
    if _has_balancer(service):
        yield (
            "hub_values: ingress.enabled makes a way in, and the hub's load balancer is a second one beside it, which"
            " takes a floating IP and goes past what the ingress does (TLS, limits); set proxy.service.type: ClusterIP"
        )
    kind = service["hub_https"]["type"]
    if kind not in ("offload", "none"):
        yield (
            f"hub_https.type is {kind}: the proxy then answers the ingress, which asks it in the clear, with a redirect"
            " to HTTPS for ever; write offload where the ingress ends TLS"
        )


def _has_balancer(service: Mapping[str, Any]) -> bool:
    return (_given(service, "proxy", "service", "type") or "LoadBalancer") == "LoadBalancer"


def _given(service: Mapping[str, Any], *path: str) -> Any:
    found: Any = service.get("hub_values") or {}
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found
