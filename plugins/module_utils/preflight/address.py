# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Whether the hub can have the address and the name that the file gives it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .finding import Finding
from .project import Project, named

Json = Mapping[str, Any]


def check_address(service: Json, project: Project) -> Iterator[Finding]:
    """The floating IP that is asked for, ranges of the balancers' kind, and the zone of the domain."""
    yield from _floating_ip(service, project)
    yield from _ranges(service, project)
    yield from _zone(service, project)


def _floating_ip(service: Json, project: Project) -> Iterator[Finding]:
    wanted = (service.get("hub_address") or {}).get("floating_ip")
    if not wanted or "floating_ips" in project.unread:
        return
    key = "hub_address.floating_ip"
    network = service.get("cluster_external_network")
    external = named([each for each in project.networks if each.get("is_router_external")], network)
    free = sorted(
        each["address"]
        for each in project.floating_ips
        if not each.get("port_id") and (external is None or each.get("network_id") == external["id"])
    )
    other = f"write {free[0]}, which is free" if free else f"openstack floating ip create {network or 'NETWORK'}"
    found = next((each for each in project.floating_ips if each["address"] == wanted), None)
    if found is None:
        yield Finding(key, f"this project has no floating IP {wanted}", f"{other}; or leave it out")
        return
    if found.get("port_id") and not found.get("ours"):
        message = f"{wanted} is taken: it leads to port {found['port_id']}, which is not this service's"
        yield Finding(key, message, f"{other}; or leave it out")
    if external and found.get("network_id") and found["network_id"] != external["id"]:
        message = f"{wanted} is not of the network {network} (cluster_external_network)"
        yield Finding(key, message, f"{other}; or leave it out")
    has = next((each["address"] for each in project.floating_ips if each.get("port_id") in project.hub_ports), wanted)
    if has != wanted:
        # cloud-provider-openstack, ensureFloatingIP: what hangs on the balancer's port is used, whatever is asked for.
        message = f"the hub answers at {has}, and an address in use is never exchanged by the cluster"
        hint = f"write {has}; or take it away, and users are shut out until the next run: "
        yield Finding(key, message, f"{hint}openstack floating ip unset --port {has}")


def _ranges(service: Json, project: Project) -> Iterator[Finding]:
    """Ranges of the kind of the subnet that the file names, in which drivers put the balancers' addresses."""
    subnets: Iterable[Json] = project.subnets
    if wanted := service.get("cluster_fixed_subnet"):
        subnets = [one for one in subnets if wanted in (one["name"], one["id"])]
    else:
        network = named(project.networks, service.get("cluster_fixed_network"))
        subnets = [one for one in subnets if network and one["network_id"] == network["id"]]
    kinds = {one["ip_version"] for one in subnets}
    if len(kinds) != 1:
        return
    kind = kinds.pop()
    for key, given in (
        ("hub_address.allowed_cidrs", (service.get("hub_address") or {}).get("allowed_cidrs")),
        ("cluster_api_allowed_cidrs", service.get("cluster_api_allowed_cidrs")),
    ):
        for index, text in enumerate(given or ()):
            if ipaddress.ip_network(text, strict=False).version != kind:
                message = f"{text} is no IPv{kind} range, and the cluster's load balancers have IPv{kind} addresses"
                hint = "remove it: Octavia would refuse all of them, and let everybody in"
                yield Finding(f"{key}[#{index + 1}]", message, hint)
    if kind == 6 and (service.get("hub_address") or {}).get("floating_ip"):
        message = "the cluster's subnet has IPv6, and floating IPs are for IPv4 only"
        yield Finding("hub_address.floating_ip", message, "leave it out, or write a subnet with IPv4")


def _zone(service: Json, project: Project) -> Iterator[Finding]:
    """A zone of the project that holds the domain. Many teams' names are kept elsewhere, so that is no error."""
    domain = str(service.get("hub_domain") or "").rstrip(".")
    if not domain or "dns" not in project.services or "zones" in project.unread:
        return
    holding = [zone for zone in project.zones if f".{domain}.".endswith(f".{zone['name'].rstrip('.')}.")]
    if not holding:
        names = ", ".join(sorted(zone["name"].rstrip(".") for zone in project.zones)[:5])
        ours = f"its zones are {names}" if names else "it has none"
        message = f"no DNS zone of this project holds {domain} ({ours})"
        yield Finding("hub_domain", message, "have its record set where the name is kept, before users come", "warning")
        return
    zone = max(holding, key=lambda each: len(each["name"]))
    if zone.get("status") not in ("ACTIVE", "PENDING"):
        message = f"the DNS zone {zone['name'].rstrip('.')} is {zone.get('status')}: its records reach nobody"
        hint = f"look at it: openstack zone show {zone['name']}"
        yield Finding("hub_domain", message, hint, "warning")
