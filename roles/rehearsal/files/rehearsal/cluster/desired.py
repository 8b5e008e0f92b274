"""What Magnum asks of a cluster (``desired.json``) and what is there (``status.json``).

The driver writes the first and reads the second, the controller the other way round. Each change raises
``generation``; a status that carries the same generation speaks of that very wish.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from rehearsal.cluster.flavors import Flavor
from rehearsal.cluster.layout import ClusterDir, read_json, write_json

BUSY, READY, FAILED, DELETED = "busy", "ready", "failed", "deleted"
"""Phases of a status."""


def known(cls: Any, data: dict[str, Any]) -> dict[str, Any]:
    """The fields of ``data`` that ``cls`` has: a file may have been written by a newer version of this package."""
    names = {field.name for field in dataclasses.fields(cls)}
    return {key: value for key, value in data.items() if key in names}


@dataclasses.dataclass
class Group:
    """One node group. ``remove`` names nodes (name, server or address) that go first when there are too many."""

    name: str
    role: str
    count: int
    flavor: Flavor
    flavor_id: str
    image: str
    kube_tag: str
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    """Node labels."""
    taints: list[dict[str, str]] = dataclasses.field(default_factory=list)
    remove: list[str] = dataclasses.field(default_factory=list)
    availability_zone: str | None = None
    image_name: str = ""


@dataclasses.dataclass
class Desired:
    """One cluster. Identifiers are Neutron's and Nova's; None for a network means one of the cluster's own."""

    uuid: str
    name: str
    family: str = ""
    """The driver that is imitated; empty without one."""
    stack: str = ""
    """What names of the cluster's servers and networks begin with (`names`)."""
    janitor: str = ""
    """The version of the management cluster's janitor; empty where there is none (`janitor`)."""
    generation: int = 1
    deleted: bool = False
    cloud: bool = True
    """False for a control plane that stands alone."""
    servers: bool = True
    boot_seconds: float = 1.0
    keypair: str | None = None
    fixed_network: str | None = None
    fixed_subnet: str | None = None
    external_network: str | None = None
    floating_network: str | None = None
    """The network of floating IPs that the driver names to the cloud provider; None: that one looks for it."""
    octavia_provider: str | None = None
    """The Octavia provider that the driver names to the cloud provider; None: the cloud's default."""
    dns_nameserver: str | None = None
    delay: float = 0.0
    """Seconds that an operation takes at least."""
    since: float = 0.0
    """When the last operation was accepted, seconds since the epoch."""
    keeps_trying: bool = False
    """Whether what Nova or Neutron refuse is asked for again and again."""
    certificates: int = 0
    """How often the control plane's certificates were made anew."""
    groups: dict[str, Group] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Desired:
        groups = {
            name: Group(**{**known(Group, group), "flavor": Flavor(**group["flavor"])})
            for name, group in data["groups"].items()
        }
        return cls(**{**known(cls, data), "groups": groups})

    def save(self, cluster: ClusterDir) -> None:
        write_json(cluster.desired, self.to_json())

    @classmethod
    def load(cls, cluster: ClusterDir) -> Desired | None:
        """What is asked, or None before the driver has asked anything."""
        data = read_json(cluster.desired)
        return cls.from_json(data) if data else None


@dataclasses.dataclass
class NodeStatus:
    """One node that is there, or is coming."""

    name: str
    server: str
    address: str
    ready: bool
    kube_tag: str
    current: bool = True
    """Whether it has the image and the version that its group asks for now."""


@dataclasses.dataclass
class Status:
    """What is there. ``errors`` by node group (empty name: the cluster's own, such as its network)."""

    generation: int = 0
    phase: str = BUSY
    api: bool = False
    groups: dict[str, list[NodeStatus]] = dataclasses.field(default_factory=dict)
    errors: dict[str, str] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Status:
        groups = {name: [NodeStatus(**node) for node in nodes] for name, nodes in data["groups"].items()}
        return cls(**{**known(cls, data), "groups": groups})

    def save(self, cluster: ClusterDir) -> None:
        write_json(cluster.status, self.to_json())

    @classmethod
    def load(cls, cluster: ClusterDir) -> Status:
        """What was last reported; generation 0 before the first report."""
        data = read_json(cluster.status)
        return cls.from_json(data) if data else cls()


@dataclasses.dataclass(frozen=True)
class Member:
    """A server of a group, with what decides over it. ``created`` sorts by age (ISO 8601)."""

    name: str
    server: str
    address: str
    created: str
    current: bool
    """Whether it has the image and the version that its group asks for now."""
    ready: bool
    broken: bool = False
    """Its server is in ERROR: it will never be a node."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What has to be done to one group in this round."""

    create: int = 0
    remove: tuple[Member, ...] = ()

    @property
    def done(self) -> bool:
        return not self.create and not self.remove


def plan(group: Group | None, members: list[Member]) -> Plan:
    """The next step towards ``group`` (None: it is to be no more).

    Named nodes go first, then the youngest. Outdated ones are replaced one after the other: one new node, and when all
    of the present ones are Ready the oldest outdated one goes (maxSurge 1, maxUnavailable 0, as Cluster API does).
    """
    if group is None:
        return Plan(remove=tuple(members))
    broken = tuple(member for member in members if member.broken)
    if broken:
        return Plan(remove=broken)
    outdated = [member for member in members if not member.current]
    if len(members) < group.count:
        return Plan(create=group.count - len(members))
    if not outdated:
        return Plan(remove=tuple(victims(members, group)))
    if len(members) == group.count and group.count:
        return Plan(create=1)
    if not all(member.ready for member in members if member.current):
        return Plan()
    oldest = sorted(outdated, key=lambda member: member.created)
    return Plan(remove=(oldest[0],))


def victims(members: list[Member], group: Group) -> list[Member]:
    """Which members go when there are more than the group's count."""
    surplus = len(members) - group.count
    if surplus <= 0:
        return []
    named = set(group.remove)
    order = sorted(members, key=lambda member: member.created, reverse=True)
    order.sort(key=lambda member: not named & {member.name, member.server, member.address})
    return order[:surplus]


def is_over(wanted: Group | None, nodes: list[NodeStatus], *, deleted: bool, counted: bool) -> bool:
    """Whether a driver on Cluster API says that what happens to a group is over.

    magnum-cluster-api's workers are done once their MachineDeployment is Running and no machine has another image
    (``driver.update_nodegroups_status``), and the first holds from the start; ``counted``: magnum-capi-helm's
    MachineDeployment is Running when its machines are nodes. Both wait for the whole control plane.
    """
    if deleted:
        return not nodes
    if wanted is None:
        return False
    current = all(node.current for node in nodes)
    if wanted.role != "master" and not counted:
        return current
    return current and len(nodes) == wanted.count and all(node.ready for node in nodes)
