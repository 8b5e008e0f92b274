# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What the cloud says of the project: plain data, and which of it belongs to this service's cluster."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..magnum.families import DEFAULT_WORKER

Json = Mapping[str, Any]

MIB = 1024**2


class Limit(NamedTuple):
    """A quota. ``limit`` -1: none. ``used`` by the whole project, of it ``ours`` by this service's cluster."""

    limit: int
    used: int = 0
    ours: int = 0

    @property
    def others(self) -> int:
        return max(0, self.used - self.ours)


@dataclasses.dataclass
class Project:
    """What was read. A part that could not be is empty, and ``unread`` says why by its name.

    ``services`` are the types in the catalog (as openstacksdk calls them); ``roles`` those of the token.
    ``flavors``: {id, name, vcpus, ram in MiB, disk in GiB}; ``images``: {id, name, min_disk in GiB, min_ram in MiB}.
    ``limits`` by the names of ``quotas.QUOTAS``. ``floating_ips``: {address, network_id, port_id, ours}, ``ours`` where
    it leads to this service's cluster. ``subnets`` are read where the file names a network: {id, name, network_id,
    ip_version}. ``template_labels``: those of the site's template, where the file names one. ``hub_ports``: ports of
    the hub's load balancer. ``zones``: {name, status}.
    """

    cloud: str
    services: frozenset[str] = frozenset()
    roles: Sequence[str] = ()
    flavors: Sequence[Json] = ()
    images: Sequence[Json] = ()
    networks: Sequence[Json] = ()
    subnets: Sequence[Json] = ()
    hub_ports: frozenset[str] = frozenset()
    limits: Mapping[str, Limit] = dataclasses.field(default_factory=dict)
    floating_ips: Sequence[Json] = ()
    zones: Sequence[Json] = ()
    volume_types: Sequence[str] = ()
    cluster: Json | None = None
    template_labels: Json = dataclasses.field(default_factory=dict)
    unread: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def flavor(self, name: Any) -> Json | None:
        return named(self.flavors, name)

    def sizes(self) -> dict[str, dict[str, int]]:
        """Flavors by name and id: {vcpus, memory in bytes}."""
        return {
            str(flavor[key]): {"vcpus": int(flavor["vcpus"]), "memory": int(flavor["ram"]) * MIB}
            for flavor in self.flavors
            for key in ("name", "id")
        }


def named(things: Sequence[Json], name: Any) -> Json | None:
    """The first one of that name or id."""
    return next((thing for thing in things if name and name in (thing.get("name"), thing.get("id"))), None)


HEAT_NAME, HEAT_NAME_OF_GROUP, HEAT_GROUP = 30, 20, 9
"""How many characters of a cluster's name, and of a group's, Magnum's Heat driver has in the names of its stacks."""


MACHINE_NAME = 57
"""How many characters of a machine's name Cluster API never cuts: of 63, the last ones are random."""


def _host_name(stack: str) -> str:
    """What becomes of a stack's name there."""
    return re.sub("[^a-z0-9-]", "", stack.lower().replace("_", "-").replace(".", "-"))


class Owner:
    """Whether a resource of the project belongs to this service's cluster, by the names that drivers give.

    - magnum-cluster-api and magnum-capi-helm: the cluster's ``stack_id`` (``cluster_id`` from API 1.13 on;
      ``kube-abcde``, ``hub-abcdefghijkl``) is in the names of servers, networks, routers, security groups and of the
      API's balancer (Cluster API's provider).
    - Heat: ``<cluster>-<12 characters>-...``, and for a further group ``<cluster>-<group>-<12 characters>-...``, each
      shortened and made a host's name (Magnum, ``drivers/heat/driver.py``); its ``stack_id`` is a UUID.
    - cloud-provider-openstack: ``kube_service_<cluster name>_...``, whose cluster name is the UUID or the stack; its
      volumes say so in ``cinder.csi.openstack.org/cluster``, or in the marks of ``magnum/volumes.py``.
    """

    def __init__(self, cluster: Json | None, groups: Sequence[str] = ()) -> None:
        self._marks: list[str] = []
        self._pattern: re.Pattern[str] | None = None
        self._machines, self._stacks = "", dict.fromkeys(groups, "")
        if cluster is None:
            return
        self._marks = [str(cluster[key]) for key in ("uuid", "cluster_id", "stack_id") if cluster.get(key)]
        name = str(cluster.get("name"))
        stack = cluster.get("cluster_id") or cluster.get("stack_id")
        self._machines = f"{stack}-" if stack else ""
        self._stacks = {group: _host_name(f"{name[:HEAT_NAME_OF_GROUP]}-{group[:HEAT_GROUP]}") for group in groups}
        either = "|".join(map(re.escape, (_host_name(name[:HEAT_NAME]), *self._stacks.values())))
        self._pattern = re.compile(f"({either})-[a-z2-7]{{12}}(-|$)")

    def owns(self, *texts: Any) -> bool:
        """Whether any of a resource's names, descriptions or metadata says so."""
        for text in texts:
            words = " ".join(map(str, text.values())) if isinstance(text, Mapping) else str(text or "")
            if any(mark in words for mark in self._marks):
                return True
            if self._pattern is not None and self._pattern.match(words):
                return True
        return False

    def groups_of(self, server: str) -> list[str]:
        """The node groups whose the server of this name may be; empty for the control plane's.

        Several where Heat cuts their names to the same characters.
        """
        if self._machines and server.startswith(self._machines):
            fitting = [g for g in self._stacks if server.startswith(f"{self._machines}{g}-"[:MACHINE_NAME])]
            return sorted(fitting, key=len)[-1:]
        match = self._pattern.match(server) if self._pattern else None
        if match is None or server[match.end() :].startswith("master-"):
            return []
        return [group for group, stack in self._stacks.items() if stack == match[1]] or [DEFAULT_WORKER]
