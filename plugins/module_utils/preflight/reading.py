# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Read a project through openstacksdk, everything at once.

The services answer independently, so the whole takes about as long as the slowest of them. A part that fails leaves a
reason and takes nothing else with it. Only reads.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .access import refused
from .finding import Finding
from .project import Limit, Owner, Project

Json = Mapping[str, Any]

THREADS = 8

NETWORK_QUOTAS = {
    "networks": "network",
    "subnets": "subnet",
    "routers": "router",
    "ports": "port",
    "floating_ips": "floatingip",
    "security_groups": "security_group",
    "security_group_rules": "security_group_rule",
}
"""Our names of quotas, and Neutron's."""

BALANCER_QUOTAS = {
    "load_balancers": "load_balancer",
    "listeners": "listener",
    "pools": "pool",
    "members": "member",
    "health_monitors": "health_monitor",
}
"""Our names of quotas, and Octavia's."""

TITLES = {
    "servers": ("Nova", "servers"),
    "compute": ("Nova", "quotas"),
    "server_groups": ("Nova", "server groups"),
    "storage": ("Cinder", "quotas"),
    "volumes": ("Cinder", "volumes"),
    "volume_types": ("Cinder", "volume types"),
    "network": ("Neutron", "quotas"),
    "floating_ips": ("Neutron", "floating IPs"),
    "subnets": ("Neutron", "subnets"),
    "routers": ("Neutron", "routers"),
    "ports": ("Neutron", "ports"),
    "security_groups": ("Neutron", "security groups"),
    "balancing": ("Octavia", "quotas"),
    "balancers": ("Octavia", "load balancers"),
    "pools": ("Octavia", "pools"),
    "listeners": ("Octavia", "listeners"),
    "octavia_providers": ("Octavia", "providers"),
    "zones": ("Designate", "zones"),
    "clusters": ("Magnum", "clusters"),
    "cluster_quota": ("Magnum", "quotas"),
}
"""Service and object of each part."""

BALANCER_ROLE = "load-balancer_member"
"""The role that Octavia's policies ask for where a cloud did not relax them."""


def together(parts: Mapping[str, Callable[[], Any]]) -> tuple[dict[str, Any], dict[str, Exception]]:
    """Results by name, and what failed by name; all at the same time."""
    results: dict[str, Any] = {}
    failures: dict[str, Exception] = {}
    with ThreadPoolExecutor(THREADS) as pool:
        running = {name: pool.submit(part) for name, part in parts.items()}
        for name, future in running.items():
            try:
                results[name] = future.result()
            except Exception as error:  # whatever the SDK raises is told by its part's name
                failures[name] = error
    return results, failures


def answer_of(proxy: Any, path: str) -> Any:
    """What a service answers to a GET that openstacksdk has no call for. Raises the SDK's exceptions."""
    from openstack import exceptions

    answer = proxy.get(path)
    exceptions.raise_from_response(answer)
    return answer.json()


class Reader:
    """What is to be read of one project. ``connection`` is openstacksdk's; ``project_id`` that of its token."""

    def __init__(self, connection: Any, services: frozenset[str]) -> None:
        self.connection = connection
        self.services = services

    @property
    def project_id(self) -> str:
        return str(self.connection.current_project_id)

    def parts(self, service: Json, exists: bool) -> dict[str, Callable[[], Any]]:
        """What to read, by name. What only tells ours from others' is left out where there is no cluster yet."""
        c = self.connection
        found: dict[str, Callable[[], Any]] = {}
        if "compute" in self.services:
            found["compute"] = lambda: answer_of(c.compute, "/limits")["limits"]["absolute"]
            if exists:
                found["servers"] = lambda: list(c.compute.servers())
                found["server_groups"] = lambda: list(c.compute.server_groups())
        if "block-storage" in self.services:
            path = f"/os-quota-sets/{self.project_id}?usage=True"
            found["storage"] = lambda: answer_of(c.block_storage, path)["quota_set"]
            found["volume_types"] = lambda: [one.name for one in c.block_storage.types()]
            if exists:
                found["volumes"] = lambda: list(c.block_storage.volumes())
        if "network" in self.services:
            found["network"] = lambda: answer_of(c.network, f"/quotas/{self.project_id}/details")["quota"]
            found["floating_ips"] = lambda: list(c.network.ips(project_id=self.project_id))
            if exists:
                for name in ("subnets", "routers", "ports", "security_groups"):
                    found[name] = functools.partial(self._of_network, name)
        if "load-balancer" in self.services:
            found["balancing"] = lambda: answer_of(c.load_balancer, f"/lbaas/quotas/{self.project_id}")["quota"]
            found["balancers"] = lambda: list(c.load_balancer.load_balancers(project_id=self.project_id))
            found["pools"] = lambda: list(c.load_balancer.pools(project_id=self.project_id))
            found["listeners"] = lambda: list(c.load_balancer.listeners(project_id=self.project_id))
            if not exists:
                found["octavia_providers"] = lambda: [one.name for one in c.load_balancer.providers()]
        if "dns" in self.services and service.get("hub_domain"):
            found["zones"] = lambda: list(c.dns.zones())
        if "container-infrastructure-management" in self.services:
            magnum = c.container_infrastructure_management
            found["clusters"] = lambda: answer_of(magnum, "/clusters")["clusters"]
            found["cluster_quota"] = lambda: answer_of(magnum, f"/quotas/{self.project_id}/Cluster")
        return found

    def _of_network(self, name: str) -> list[Any]:
        return list(getattr(self.connection.network, name)(project_id=self.project_id))


def services_of(connection: Any) -> frozenset[str]:
    """Types in the catalog in this region and interface, by their official names (``volumev3``: ``block-storage``)."""
    from os_service_types import ServiceTypes

    config, official = connection.config, ServiceTypes()
    catalog = connection.session.auth.get_access(connection.session).service_catalog
    listed = catalog.get_endpoints(interface=config.config.get("interface"), region_name=config.region_name)
    kinds = {kind for kind, endpoints in listed.items() if endpoints}
    kinds |= {official.get_service_type(kind) or kind for kind in kinds}
    if kinds & {"container-infra"}:
        kinds.add("container-infrastructure-management")
    return frozenset(kinds)


def assemble(
    name: str,
    services: frozenset[str],
    roles: Sequence[str],
    answers: Mapping[str, Any],
    failures: Mapping[str, Exception],
    owner: Owner,
    shared: Mapping[str, Any],
) -> tuple[Project, list[Finding]]:
    """The project, and what its credentials may not read. ``shared``: further fields of Project."""
    unread, findings = {}, []
    for part, error in failures.items():
        service, what = TITLES[part]
        if getattr(error, "status_code", None) == 403 or getattr(error, "http_status", None) == 403:
            findings.append(refused(service, what, BALANCER_ROLE if service == "Octavia" else ""))
            unread[part] = f"{service} does not let these credentials read its {what}"
        else:
            unread[part] = f"{service} did not tell its {what}: {' '.join(str(error).split())}"
    limits = {
        **_compute(answers, owner),
        **_storage(answers, owner),
        **_network(answers, owner),
        **_balancing(answers, owner),
        **_clusters(answers, shared.get("cluster")),
    }
    balancers = [one for one in answers.get("balancers") or () if owner.owns(one.name, one.description)]
    ports = {one.vip_port_id for one in balancers}
    project = Project(
        cloud=name,
        services=services,
        roles=roles,
        limits=limits,
        floating_ips=[
            {
                "address": one.floating_ip_address,
                "network_id": one.floating_network_id,
                "port_id": one.port_id,
                "ours": one.port_id in ports or owner.owns(one.description),
            }
            for one in answers.get("floating_ips") or ()
        ],
        zones=[{"name": one.name, "status": one.status} for one in answers.get("zones") or ()],
        volume_types=answers.get("volume_types") or (),
        unread=unread,
        **shared,
    )
    return project, findings


def _compute(answers: Json, owner: Owner) -> dict[str, Limit]:
    given = answers.get("compute")
    if given is None:
        return {}
    servers = [one for one in answers.get("servers") or () if owner.owns(one.name, one.metadata)]
    flavors = [one.flavor or {} for one in servers]
    groups = [one for one in answers.get("server_groups") or () if owner.owns(one.name)]
    return {
        "instances": Limit(given["maxTotalInstances"], given["totalInstancesUsed"], len(servers)),
        "cores": Limit(given["maxTotalCores"], given["totalCoresUsed"], sum(f.get("vcpus") or 0 for f in flavors)),
        "ram": Limit(given["maxTotalRAMSize"], given["totalRAMUsed"], sum(f.get("ram") or 0 for f in flavors)),
        "server_groups": Limit(given["maxServerGroups"], given.get("totalServerGroupsUsed", 0), len(groups)),
        "server_group_members": Limit(given["maxServerGroupMembers"]),
    }


def _storage(answers: Json, owner: Owner) -> dict[str, Limit]:
    """Quotas of the whole project, and those of single volume types (``volumes_fast``)."""
    given = answers.get("storage")
    if given is None:
        return {}
    ids = {one.id for one in answers.get("servers") or () if owner.owns(one.name, one.metadata)}
    volumes = [
        one
        for one in answers.get("volumes") or ()
        if owner.owns(one.name, one.description, one.metadata)
        or any(each.get("server_id") in ids for each in one.attachments or ())
    ]
    found = {}
    for name, quota in given.items():
        kind, _other, of = name.partition("_")
        if kind in ("volumes", "gigabytes") and isinstance(quota, Mapping):
            mine = [one for one in volumes if not of or one.volume_type == of]
            ours = len(mine) if kind == "volumes" else sum(one.size for one in mine)
            found[name] = Limit(quota["limit"], quota["in_use"] + quota["reserved"], ours)
    return found


def _network(answers: Json, owner: Owner) -> dict[str, Limit]:
    given = answers.get("network")
    if given is None:
        return {}
    servers = {one.id for one in answers.get("servers") or () if owner.owns(one.name, one.metadata)}
    balancers = [one for one in answers.get("balancers") or () if owner.owns(one.name, one.description)]
    vips = {one.vip_port_id for one in balancers}
    subnets = [one for one in answers.get("subnets") or () if owner.owns(one.name)]
    networks = {one.network_id for one in subnets}
    groups = [one for one in answers.get("security_groups") or () if owner.owns(one.name)]
    ours = {
        "networks": len(networks),
        "subnets": len(subnets),
        "routers": _count(owner.owns(one.name) for one in answers.get("routers") or ()),
        "ports": _count(
            one.device_id in servers or one.id in vips or one.network_id in networks
            for one in answers.get("ports") or ()
        ),
        "floating_ips": _count(
            one.port_id in vips or owner.owns(one.description) for one in answers.get("floating_ips") or ()
        ),
        "security_groups": len(groups),
        "security_group_rules": sum(len(one.security_group_rules or ()) for one in groups),
    }
    return {
        name: Limit(given[theirs]["limit"], given[theirs]["used"] + given[theirs]["reserved"], ours[name])
        for name, theirs in NETWORK_QUOTAS.items()
        if theirs in given
    }


def _balancing(answers: Json, owner: Owner) -> dict[str, Limit]:
    """Octavia tells limits only, so use is counted."""
    given = answers.get("balancing")
    if given is None or not {"balancers", "pools", "listeners"} <= answers.keys():
        return {}
    mine = {one.id for one in answers["balancers"] if owner.owns(one.name, one.description)}

    def ours(balancers: Any) -> bool:
        return any(one["id"] in mine for one in balancers or ())

    pools, listeners = answers["pools"], answers["listeners"]
    our_pools = [one for one in pools if ours(one.loadbalancers)]
    counted = {
        "load_balancers": (len(answers["balancers"]), len(mine)),
        "listeners": (len(listeners), _count(ours(one.load_balancers) for one in listeners)),
        "pools": (len(pools), len(our_pools)),
        "members": (sum(len(one.members or ()) for one in pools), sum(len(one.members or ()) for one in our_pools)),
        "health_monitors": (
            _count(bool(one.health_monitor_id) for one in pools),
            _count(bool(one.health_monitor_id) for one in our_pools),
        ),
    }
    return {
        name: Limit(-1 if given.get(theirs) is None else int(given[theirs]), *counted[name])
        for name, theirs in BALANCER_QUOTAS.items()
    }


def _clusters(answers: Json, live: Json | None) -> dict[str, Limit]:
    if not {"clusters", "cluster_quota"} <= answers.keys():
        return {}
    return {"clusters": Limit(int(answers["cluster_quota"]["hard_limit"]), len(answers["clusters"]), 1 if live else 0)}


def _count(truths: Iterable[bool]) -> int:
    return sum(map(bool, truths))
