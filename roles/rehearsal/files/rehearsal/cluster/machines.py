"""Where a cluster's nodes run: on Nova servers, or nowhere (for tests of hundreds of nodes)."""

from __future__ import annotations

import abc
import dataclasses
import datetime
import ipaddress
import time
import uuid
from collections.abc import Callable

from openstack.connection import Connection

from rehearsal.cluster import names, network, servers
from rehearsal.cluster.desired import Desired, Group
from rehearsal.cluster.kube import Object
from rehearsal.cluster.layout import NODE_CIDR, ClusterDir, read_json, write_json

BUILDING = "BUILD"
"""Nova's status of a server that is being made."""

LEAVING = "DELETING"
"""Status of a machine that is being deleted."""

SETTLED_SECONDS = 2.0
"""How long a list of servers that are all ACTIVE is good for: each Node that changes asks for it."""

FIRST_HOST = 10
"""The first addresses of a network go to its gateway and its services."""


@dataclasses.dataclass(frozen=True)
class Machine:
    """One machine. ``status`` in Nova's words; ``created`` ISO 8601; ``image`` Glance's identifier."""

    name: str
    id: str
    group: str
    address: str
    created: str
    kube_tag: str
    image: str
    status: str
    fault: str = ""


class Machines(abc.ABC):
    """What the node reconciler needs of a cloud."""

    @abc.abstractmethod
    def machines(self, desired: Desired) -> list[Machine]:
        """All of this cluster's, also those that are coming up, in ERROR or being deleted (`LEAVING`)."""

    @abc.abstractmethod
    def create(self, desired: Desired, group: Group) -> None:
        """Ask for one more. Raises the cloud's exceptions for a refusal."""

    @abc.abstractmethod
    def delete(self, machine_id: str) -> None:
        """Ask for its end; nothing happens when it is gone."""

    def prepare(self, desired: Desired) -> None:  # noqa: B027  (nothing, on paper)
        """Have what the machines need (their network)."""

    def finish(self, desired: Desired) -> None:  # noqa: B027  (nothing, on paper)
        """Have what they need besides, once none is being made."""

    def clear(self, desired: Desired) -> bool:  # noqa: ARG002
        """Remove what `prepare` made; True when nothing is left."""
        return True


class NovaMachines(Machines):
    """Real servers in the operator's project."""

    def __init__(self, cloud: Connection, clock: Callable[[], float] = time.monotonic) -> None:
        self.cloud = cloud
        self._network: network.Network | None = None
        self._routed = False
        self._clock = clock
        self._listed: tuple[float, list[Machine]] = (-SETTLED_SECONDS, [])
        self._building: set[str] = set()

    def prepare(self, desired: Desired) -> None:
        self._ensure(desired)

    def finish(self, desired: Desired) -> None:
        if not self._routed:
            network.connect_outside(self.cloud, desired, self._ensure(desired))
            self._routed = True

    def _ensure(self, desired: Desired) -> network.Network:
        if self._network is None:
            self._network = network.ensure(self.cloud, desired)
        return self._network

    def machines(self, desired: Desired) -> list[Machine]:
        at, listed = self._listed
        if self._clock() - at < SETTLED_SECONDS:
            return listed
        if self._building and servers.still_building(self.cloud, self._building):
            return listed
        found = self._list(desired)
        self._building = {machine.id for machine in found if machine.status == BUILDING}
        settled = found and all(machine.status == "ACTIVE" for machine in found)
        self._listed = (self._clock() if settled else -SETTLED_SECONDS, found)
        return found

    def _forget(self) -> None:
        """Ask Nova again the next time: what was asked for is seen at once."""
        self._listed, self._building = (-SETTLED_SECONDS, []), set()

    def _list(self, desired: Desired) -> list[Machine]:
        found = []
        for server in servers.of_cluster(self.cloud, desired.uuid):
            if server.status == "DELETED":
                continue
            found.append(
                Machine(
                    name=server.name,
                    id=server.id,
                    group=server.metadata[servers.GROUP],
                    address=servers.address(server),
                    created=server.created_at,
                    kube_tag=server.metadata[servers.KUBE_TAG],
                    image=(server.image or {}).get("id") or "",
                    status=LEAVING if server.task_state == "deleting" else server.status,
                    fault=servers.fault(server) if server.status == "ERROR" else "",
                )
            )
        return found

    def create(self, desired: Desired, group: Group) -> None:
        own = self._ensure(desired)
        self._forget()
        servers.create(self.cloud, desired, group, own.network)

    def delete(self, machine_id: str) -> None:
        self._forget()
        self.cloud.compute.delete_server(machine_id, ignore_missing=True)

    def clear(self, desired: Desired) -> bool:
        self._network = None
        left = list(servers.of_cluster(self.cloud, desired.uuid))
        for server in left:
            if server.task_state != "deleting":
                self.delete(server.id)
        return not left and network.remove(self.cloud, desired)


class PaperMachines(Machines):
    """Machines that are only on paper (``machines.json`` in the cluster's folder)."""

    def __init__(self, cluster: ClusterDir) -> None:
        self.path = cluster.path / "machines.json"
        self._hosts = [str(host) for host in ipaddress.ip_network(cluster.facts().get("node_cidr", NODE_CIDR)).hosts()]

    def machines(self, desired: Desired) -> list[Machine]:  # noqa: ARG002
        return [Machine(**machine) for machine in self._all().values()]

    def create(self, desired: Desired, group: Group) -> None:
        present = self._all()
        taken = {machine["address"] for machine in present.values()}
        machine = Machine(
            name=names.server(desired, group),
            id=str(uuid.uuid4()),
            group=group.name,
            address=next(host for host in self._hosts[FIRST_HOST:] if host not in taken),
            created=datetime.datetime.now(datetime.timezone.utc).isoformat(),
            kube_tag=group.kube_tag,
            image=group.image,
            status="ACTIVE",
        )
        write_json(self.path, {**present, machine.id: dataclasses.asdict(machine)})

    def delete(self, machine_id: str) -> None:
        present = self._all()
        if present.pop(machine_id, None):
            write_json(self.path, present)

    def _all(self) -> dict[str, Object]:
        data: dict[str, Object] = read_json(self.path, {})
        return data


class NetworkOnly(PaperMachines):
    """Machines on paper and a real network: what load balancers need where servers are turned off."""

    def __init__(self, cluster: ClusterDir, cloud: Connection) -> None:
        super().__init__(cluster)
        self._nova = NovaMachines(cloud)

    def prepare(self, desired: Desired) -> None:
        self._nova.prepare(desired)

    def finish(self, desired: Desired) -> None:
        self._nova.finish(desired)

    def clear(self, desired: Desired) -> bool:
        return self._nova.clear(desired)
