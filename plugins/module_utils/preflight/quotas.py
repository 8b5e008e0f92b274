# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Whether the project's quotas hold what the file asks for when every group is as large as it may become.

What a cluster is made of besides its nodes is each driver's own. Sources:
kubernetes-sigs/cluster-api-provider-openstack (CAPO: ``pkg/cloud/services/networking``, ``loadbalancer``),
vexxhost/magnum-cluster-api (``utils.ensure_*_server_group``), openstack/magnum 2025.2 (``drivers/heat``),
kubernetes/cloud-provider-openstack (``pkg/openstack/loadbalancer.go``).
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..magnum.desired import bounds, size
from ..magnum.families import CAPI_HELM, DEFAULT_WORKER, HEAT, Family
from .finding import Finding
from .project import Limit, Project

Json = Mapping[str, Any]


class Quota(NamedTuple):
    """How a quota is called, and the command by which a site's administrator raises it."""

    title: str
    command: str


_COE = "openstack coe quotas update --project-id PROJECT --resource Cluster"

QUOTAS = {
    "instances": Quota("servers", "openstack quota set --instances {} PROJECT"),
    "cores": Quota("VCPUs", "openstack quota set --cores {} PROJECT"),
    "ram": Quota("memory (MiB)", "openstack quota set --ram {} PROJECT"),
    "server_groups": Quota("server groups", "openstack quota set --server-groups {} PROJECT"),
    "volumes": Quota("volumes", "openstack quota set --volumes {} PROJECT"),
    "gigabytes": Quota("volumes' size (GiB)", "openstack quota set --gigabytes {} PROJECT"),
    "networks": Quota("networks", "openstack quota set --networks {} PROJECT"),
    "subnets": Quota("subnets", "openstack quota set --subnets {} PROJECT"),
    "routers": Quota("routers", "openstack quota set --routers {} PROJECT"),
    "ports": Quota("ports", "openstack quota set --ports {} PROJECT"),
    "floating_ips": Quota("floating IPs", "openstack quota set --floating-ips {} PROJECT"),
    "security_groups": Quota("security groups", "openstack quota set --secgroups {} PROJECT"),
    "security_group_rules": Quota("security group rules", "openstack quota set --secgroup-rules {} PROJECT"),
    "load_balancers": Quota("load balancers", "openstack loadbalancer quota set --loadbalancer {} PROJECT"),
    "listeners": Quota("listeners", "openstack loadbalancer quota set --listener {} PROJECT"),
    "pools": Quota("pools", "openstack loadbalancer quota set --pool {} PROJECT"),
    "members": Quota("pool members", "openstack loadbalancer quota set --member {} PROJECT"),
    "health_monitors": Quota("health monitors", "openstack loadbalancer quota set --healthmonitor {} PROJECT"),
    "clusters": Quota("clusters", f"{_COE} --hard-limit {{}}"),
}

SECURITY_GROUP_RULES = 30
"""Rules of a cluster's security groups, rounded up: CAPO's are 6 for the control plane and 8 for the workers, the
network plugin's 2 to 4 on each, and Neutron adds 2 to each group (``securitygroups_rules.go``)."""

BOOT_VOLUME = "boot_volume_size"
"""Magnum's label: GiB of the volume that each node of a cluster starts from."""

HUB_PORTS = 2
"""Ports of the hub's Service: 80 and 443 (the chart's ``proxy-public``)."""

HUB_DATABASE = 1024**3
"""Bytes of the volume with the hub's database where the file does not say (the chart's ``hub.db.pvc.storage``)."""


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of what is needed: ``most`` with every group at its largest, ``least`` with each at its smallest."""

    what: str
    most: int
    least: int
    key: str
    each: int = 0
    """What one node of a group takes; 0 where it is no group's."""
    nodes: int = 0
    surge: bool = False
    """Needed only while an upgrade runs."""


class Group(NamedTuple):
    """Nodes of one kind. ``disk`` in GiB: of the boot volume, 0 where there is none. ``gpus`` of each."""

    name: str
    key: str
    flavor: Json
    least: int
    most: int
    disk: int
    gpus: int = 0


def groups(service: Json, project: Project) -> list[Group]:
    """The control plane and the node groups whose flavor and size are known."""
    found = []
    given = [g for g in service.get("cluster_node_groups") or () if g.get("name")]
    of_cluster = cluster_volume(service, project)
    plane = service.get("cluster_control_plane") or {}
    flavor = project.flavor(plane.get("flavor"))
    if flavor and plane.get("count"):
        # The label of the boot volume is the cluster's: the control plane gets what the default group gets.
        count = int(plane["count"])
        found.append(Group("control plane", "cluster_control_plane.count", flavor, count, count, of_cluster))
    for group in given:
        flavor = project.flavor(group.get("flavor"))
        if flavor and (group.get("max") is not None or group.get("count") is not None):
            low, high = (size(group), bounds(group)[1])
            key = f"cluster_node_groups[{group['name']}].{'count' if group.get('max') is None else 'max'}"
            disk = boot_volume(group) or of_cluster  # a group inherits the cluster's labels
            found.append(Group(group["name"], key, flavor, low, high, disk, int(group.get("gpus") or 0)))
    return found


def boot_volume(group: Json) -> int:
    """GiB of the volume that a node of the group starts from; 0: it starts from the flavor's disk."""
    return int((group.get("boot_volume") or {}).get("size") or 0)


def cluster_volume(service: Json, project: Project) -> int:
    """GiB of the boot volume that the cluster's labels say: those of a live one, else the file's or its template's."""
    groups_ = service.get("cluster_node_groups") or ()
    default: Json = next((g for g in groups_ if g.get("name") == DEFAULT_WORKER), {})
    if project.cluster is not None:
        said: Any = (project.cluster.get("labels") or {}).get(BOOT_VOLUME)
    else:  # Magnum merges the template's labels below the cluster's
        own = (service.get("cluster_labels") or {}).get(BOOT_VOLUME) or boot_volume(default)
        said = own or project.template_labels.get(BOOT_VOLUME)
    given = str(said or 0)
    return int(given) if given.isdigit() else 0


def hub_database(service: Json) -> int:
    """GiB of the volume with the hub's database, rounded up as Cinder has it."""
    return -(-int((service.get("hub_database") or {}).get("capacity") or HUB_DATABASE) // 1024**3)


def needs(service: Json, project: Project, family: Family) -> dict[str, list[Part]]:
    """What is needed of each quota, in parts."""
    found: dict[str, list[Part]] = defaultdict(list)
    kinds = groups(service, project)
    for kind in kinds:
        takes = {
            "instances": 1,
            "cores": int(kind.flavor["vcpus"]),
            "ram": int(kind.flavor["ram"]),
            "volumes": 1 if kind.disk else 0,
            "gigabytes": kind.disk,
            "ports": 1,
        }
        for quota, each in takes.items():
            if each:
                found[quota].append(
                    Part(kind.name, each * kind.most, each * kind.least, kind.key, each=each, nodes=kind.most)
                )
    if kinds and family.upgrades:
        # Cluster API replaces machines one by one, a new one first (rollingUpdate.maxSurge is 1 by default).
        for quota, each in (
            ("instances", 1),
            ("cores", max(int(kind.flavor["vcpus"]) for kind in kinds)),
            ("ram", max(int(kind.flavor["ram"]) for kind in kinds)),
        ):
            found[quota].append(Part("one more while nodes are replaced", each, 0, "cluster_node_groups", surge=True))
    workers = [kind for kind in kinds if kind.name != "control plane"]
    _balancing(service, workers, kinds, found)
    _network(service, family, found)
    _server_groups(workers, family, found)
    if "hub_storage" in service:
        found["volumes"].append(Part("the hub's database", 1, 1, "hub_storage"))
        database = hub_database(service)
        found["gigabytes"].append(Part("the hub's database", database, database, "hub_storage"))
    if service.get("cluster_name"):
        found["clusters"].append(Part("this cluster", 1, 1, "cluster_name"))
    return found


def _balancing(service: Json, workers: Sequence[Group], kinds: Sequence[Group], found: dict[str, list[Part]]) -> None:
    """The balancer of the API (every driver makes one, as our template asks) and that of the hub."""
    plane = sum(kind.most for kind in kinds if kind.name == "control plane")
    api = {"load_balancers": 1, "listeners": 1, "pools": 1, "health_monitors": 1, "members": plane, "ports": 1}
    for quota, amount in api.items():
        found[quota].append(Part("the API", amount, amount, "cluster_control_plane"))
    if service.get("cluster_api_floating_ip", True):
        found["floating_ips"].append(Part("the API", 1, 1, "cluster_api_floating_ip"))
    if "hub_address" not in service:
        return
    hub = {"load_balancers": 1, "listeners": HUB_PORTS, "pools": HUB_PORTS, "health_monitors": HUB_PORTS, "ports": 1}
    for quota, amount in hub.items():
        found[quota].append(Part("the hub", amount, amount, "hub_address"))
    for kind in workers:  # cloud-provider-openstack makes every node a member of every pool
        found["members"].append(
            Part(kind.name, HUB_PORTS * kind.most, HUB_PORTS * kind.least, kind.key, each=HUB_PORTS, nodes=kind.most)
        )
    address = service["hub_address"]
    if not address.get("internal") and not address.get("floating_ip"):
        found["floating_ips"].append(Part("the hub", 1, 1, "hub_address"))


def _network(service: Json, family: Family, found: dict[str, list[Part]]) -> None:
    if not service.get("cluster_fixed_network"):
        for quota in ("networks", "subnets", "routers"):
            found[quota].append(Part("the nodes' network", 1, 1, "cluster_fixed_network"))
        # Of the router, and of two DHCP agents (or one for metadata).
        found["ports"].append(Part("the nodes' network", 3, 3, "cluster_fixed_network"))
    # Control plane and workers; Heat's are kube_master and kube_minion. The hub's balancer has one, too.
    groups_ = 2 if family is HEAT else 3
    found["security_groups"].append(Part("the cluster", groups_, groups_, "cluster_name"))
    found["security_group_rules"].append(
        Part("the cluster", SECURITY_GROUP_RULES, SECURITY_GROUP_RULES, "cluster_name")
    )


def _server_groups(workers: Sequence[Group], family: Family, found: dict[str, list[Part]]) -> None:
    """One for the control plane and one for each node group; magnum-capi-helm makes none."""
    if family is not CAPI_HELM and workers:
        amount = 1 + len(workers)
        found["server_groups"].append(Part("control plane and node groups", amount, amount, "cluster_node_groups"))


def check_quotas(service: Json, project: Project, family: Family) -> Iterator[Finding]:
    """Every quota that does not hold what is needed beside what others in the project use."""
    for quota, parts in needs(service, project, family).items():
        limit = project.limits.get(quota)
        if limit is not None and limit.limit >= 0:
            found = _check(quota, parts, limit)
            if found:
                yield found
    yield from _server_group_members(service, project, family)


def _check(quota: str, parts: Sequence[Part], limit: Limit) -> Finding | None:
    title, command = QUOTAS[quota]
    most = sum(part.most for part in parts)
    steady = sum(part.most for part in parts if not part.surge)
    least = sum(part.least for part in parts)
    if most + limit.others <= limit.limit:
        return None
    largest = max((part for part in parts if part.each), key=lambda part: part.most, default=None)
    upgrading = steady + limit.others <= limit.limit
    when = ""
    if largest is not None:
        when = " with every group at its largest"
        if least + limit.others > limit.limit:
            when = " and even the smallest groups are too many"
        elif upgrading:
            when = " while an upgrade replaces nodes"
    listed = ", ".join(f"{part.what} {part.most}" for part in parts if part.most)
    others = f", beside {limit.others} that others in the project use" if limit.others else ""
    needed = f"{most} {'is' if most == 1 else 'are'} needed{when}"
    message = f"the quota of {title} is {limit.limit}; {needed} ({listed}){others}"
    hint = f"ask for more ({command.format(most + limit.others)})"
    if largest is None:
        return Finding(parts[0].key, message, hint)
    fewer = largest.nodes + (limit.limit - limit.others - most) // largest.each
    if fewer > 0 and fewer >= largest.least // largest.each:
        hint += f", or write {fewer}"
    return Finding(largest.key, message, hint, "warning" if upgrading else "error")


def _server_group_members(service: Json, project: Project, family: Family) -> Iterator[Finding]:
    limit = project.limits.get("server_group_members")
    if limit is None or limit.limit < 0 or family is CAPI_HELM:
        return
    for kind in groups(service, project):
        if kind.most > limit.limit:
            message = f"{kind.most} nodes are in one server group, and the quota is {limit.limit} members"
            hint = f"ask for more (openstack quota set --server-group-members {kind.most} PROJECT)"
            yield Finding(kind.key, message, f"{hint}, or write {limit.limit}")
