# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What must hold between the keys on who reaches the load balancers, and how."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from ..written import Finding, Path, Values
from .looking import get

RANGES: tuple[tuple[str, ...], ...] = (("hub_address", "allowed_cidrs"), ("cluster_api_allowed_cidrs",))
"""Keys with ranges that may reach a load balancer: the hub's, and the API server's."""

OVN = "ovn"
"""Octavia's provider that knows no ranges (cloud-provider-openstack, ``IsOctaviaFeatureSupported``)."""


def ranges(values: Values) -> Iterator[Finding]:
    """Ranges of the balancer's own kind, each once. Octavia refuses one of another kind, and all the rest with it."""
    own_subnet = values.get("cluster_fixed_network", "") is None and values.get("cluster_fixed_subnet", "") is None
    for path in RANGES:
        found = [
            (index, text, ipaddress.ip_network(text)) for index, text in _written(get(values, *path)) if _is_range(text)
        ]
        first: dict[Any, int] = {}
        kinds = {network.version for _index, _text, network in found}
        for index, text, network in found:
            place: Path = (*path, index)
            if network in first:
                yield Finding(place, f"{text} is number {first[network] + 1} already", "remove one of the two")
            first.setdefault(network, index)
            if network.version == 6 and own_subnet:
                message = f"{text} is an IPv6 range, and the cluster's load balancers have IPv4 addresses only"
                yield Finding(place, message, "remove it: Octavia would refuse all of them, and let everybody in")
            elif network.version == 6 and len(kinds) > 1:
                message = f"{text} is an IPv6 range among IPv4 ones, and a load balancer has one kind of address"
                yield Finding(place, message, "keep the ranges of the cluster's own subnet's kind")
            if network.prefixlen == 0 and len(found) > 1:
                yield Finding(place, f"{text} lets everybody in, whatever the others say", "remove it", "warning")


def ranges_that_ovn_ignores(values: Values) -> Iterator[Finding]:
    """Ranges for a provider that does not look at them."""
    if OVN not in (values.get("cluster_octavia_provider"), get(values, "cluster_labels", "octavia_provider")):
        return
    for path in RANGES:
        if _written(get(values, *path)):
            message = "Octavia's provider ovn ignores ranges: everybody would get in"
            yield Finding(path, message, "write cluster_octavia_provider: amphora, or leave the ranges out")


def plain_and_public(values: Values) -> Iterator[Finding]:
    """A public address at which the hub itself speaks HTTP, though it looks like HTTPS from in front."""
    domain = values.get("hub_domain")
    if get(values, "hub_https", "type") != "offload" or not isinstance(domain, str) or domain.endswith("localhost"):
        return
    if get(values, "hub_address", "internal") is False and get(values, "hub_address", "allowed_cidrs") == []:
        message = "the hub's own address is public and has no HTTPS: who knows it goes round what is in front"
        hint = "write hub_address.internal: true, or the addresses of what is in front in hub_address.allowed_cidrs"
        yield Finding(("hub_https", "type"), message, hint, "warning")


def _written(value: Any) -> list[tuple[int, str]]:
    return (
        [(index, text) for index, text in enumerate(value) if isinstance(text, str)] if isinstance(value, list) else []
    )


def _is_range(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
