"""Node groups: servers, and the Nodes that they register as."""

from __future__ import annotations

import concurrent.futures
import logging
import time
from collections.abc import Callable

from kubernetes.client.exceptions import ApiException
from openstack import exceptions

from rehearsal.cluster import desired as wish
from rehearsal.cluster.desired import Desired, Group, Member, NodeStatus, Status
from rehearsal.cluster.kube import CORE, TOO_MANY, UNREACHABLE, Collection, Kube, Object
from rehearsal.cluster.layout import ClusterDir
from rehearsal.cluster.machines import BUILDING, LEAVING, Machine, Machines
from rehearsal.cluster.nodes import NodeSpec, server_of
from rehearsal.cluster.reconcile import Reconciler
from rehearsal.cluster.refusals import passes, refusal

LOG = logging.getLogger(__name__)

BUSY_SECONDS = 0.5
"""Between two looks while servers come or go."""

IDLE_SECONDS = 10.0
"""Between two looks otherwise: how long a deleted server's node may outlive it (cloud-node-lifecycle: 5 s)."""

DRAIN_SECONDS = 30.0
"""How long evictions may hold a node back; then its pods go with it (Cluster API's nodeDrainTimeout)."""

RETRY_SECONDS = 5.0
"""Between two requests for what was refused, where the family keeps trying (Cluster API: its back-off, longer)."""

PARALLEL_CREATES = 4


class NodeReconciler(Reconciler):
    """Brings servers and Nodes to what ``desired.json`` says, and reports in ``status.json``."""

    name = "nodes"
    interval = IDLE_SECONDS

    def __init__(self, cluster: ClusterDir, kube: Kube, machines: Machines) -> None:
        super().__init__()
        self.cluster = cluster
        self.kube = kube
        self.machines = machines
        self.nodes = Collection(kube, f"{CORE}/nodes", self.wake, trim_node)
        self.before_clear: Callable[[], bool] = lambda: True
        """Removes, once the cluster is to be deleted, what else belongs to it in the cloud; True when all is gone."""
        self._status = Status.load(cluster)
        self._errors: dict[str, str] = dict(self._status.errors)
        self._seen_generation = self._status.generation
        self._tried = time.monotonic()
        self._draining: dict[str, float] = {}

    def reconcile(self) -> float | None:
        desired = Desired.load(self.cluster)
        if desired is None:
            return BUSY_SECONDS
        if desired.generation != self._seen_generation:
            self._errors = {}  # the operator asked anew: what failed is tried again
            self._seen_generation = desired.generation
        elif desired.keeps_trying and self._errors and time.monotonic() > self._tried + RETRY_SECONDS:
            self._errors = {}
        if not self._errors:
            self._tried = time.monotonic()
        if desired.deleted:
            return self._delete(desired)
        self._network(self.machines.prepare, desired)
        machines = self.machines.machines(desired)
        present = [machine for machine in machines if machine.status != LEAVING]
        up = self.nodes.synced.is_set()
        if up:
            self._register(desired, present)
            self._forget(present)
        quiet = self._act(desired, present)  # servers do not wait for the API server
        done = quiet and up and len(present) == len(machines)
        if quiet and not any(machine.status == BUILDING for machine in present):
            self._network(self.machines.finish, desired)  # it would take from Neutron the time that servers need
        settled = self._report(desired, present, done)
        return None if settled else BUSY_SECONDS

    def _network(self, step: Callable[[Desired], None], desired: Desired) -> None:
        try:
            step(desired)
        except exceptions.SDKException as error:
            if passes(error):
                raise
            self._errors[""] = refusal(error)

    def _act(self, desired: Desired, present: list[Machine]) -> bool:
        """One step of each group; True when there was nothing to do."""
        done = True
        wanted: list[Group] = []
        names = dict.fromkeys([*desired.groups, *(machine.group for machine in present)])
        for name in names:
            group = desired.groups.get(name)
            members = [self._member(machine, group) for machine in present if machine.group == name]
            for machine in present:
                if machine.group == name and machine.fault:
                    self._errors.setdefault(name, machine.fault)
            step = wish.plan(group, members)
            if step.remove:
                done = False
                self._remove(step.remove, group)
            if step.create and group is not None:
                if name in self._errors or "" in self._errors:
                    continue  # refused before; tried again when the operator asks for something
                done = False
                wanted += [group] * step.create
            if any(member.address == "" for member in members):
                done = False
        self._create(desired, wanted)
        return done

    def _create(self, desired: Desired, wanted: list[Group]) -> None:
        """Ask for a server of each group in the list; a refusal stops its group, as it would be repeated."""

        def ask(group: Group) -> None:
            if group.name in self._errors:
                return
            try:
                self.machines.create(desired, group)
            except exceptions.SDKException as error:
                if passes(error):
                    raise
                self._errors.setdefault(group.name, refusal(error))

        with concurrent.futures.ThreadPoolExecutor(PARALLEL_CREATES if desired.servers else 1) as pool:
            list(pool.map(ask, wanted))
        for name in dict.fromkeys(group.name for group in wanted):
            LOG.info("node group %s: servers asked for: %d", name, sum(group.name == name for group in wanted))

    def _remove(self, members: tuple[Member, ...], group: Group | None) -> None:
        """Drain and delete; members of an existing group one step at a time, so that evictions can go on."""
        for member in members:
            node = self.nodes.item(member.name)
            if node and group is not None and not member.broken and not self._drained(member.name):
                continue
            self.kube.delete(f"{CORE}/nodes/{member.name}")
            self.machines.delete(member.server)
            self._draining.pop(member.name, None)
            LOG.info("node %s: removed with its server %s", member.name, member.server)

    def _drained(self, name: str) -> bool:
        """Cordon the node and evict its pods; True when none are left, or it took too long."""
        since = self._draining.setdefault(name, time.monotonic())
        self.kube.patch(f"{CORE}/nodes/{name}", {"spec": {"unschedulable": True}})
        pods = self.kube.get(f"{CORE}/pods?fieldSelector=spec.nodeName%3D{name}")["items"]
        left = [pod for pod in pods if evictable(pod)]
        if time.monotonic() - since > DRAIN_SECONDS:
            return True
        for pod in left:
            if "deletionTimestamp" in pod["metadata"]:
                continue
            meta = {key: pod["metadata"][key] for key in ("name", "namespace")}
            try:
                self.kube.post(
                    f"{CORE}/namespaces/{meta['namespace']}/pods/{meta['name']}/eviction",
                    {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta},
                )
            except ApiException as error:
                if error.status not in (404, 409, TOO_MANY):  # 429: a disruption budget; asked again
                    raise
        return not left

    def _register(self, desired: Desired, present: list[Machine]) -> None:
        """Have a Node for each server that is up."""
        for machine in present:
            group = desired.groups.get(machine.group)
            if group is None or machine.status != "ACTIVE" or not machine.address:
                continue
            node = self.nodes.item(machine.name)
            if node is not None and node["addresses"]:
                continue
            spec = NodeSpec(
                name=machine.name,
                server=machine.id,
                address=machine.address,
                role=group.role,
                flavor=group.flavor,
                kube_tag=machine.kube_tag,
                labels=group.labels,
                taints=group.taints,
                boot_seconds=desired.boot_seconds,
                image=group.image_name,
            )
            if self.kube.create(f"{CORE}/nodes", spec.body()):
                LOG.info("node %s: registered for server %s", machine.name, machine.id)
            self.kube.patch(f"{CORE}/nodes/{machine.name}/status", {"status": spec.status()})

    def _forget(self, present: list[Machine]) -> None:
        """Delete the Nodes whose server is gone, as cloud-provider-openstack's node lifecycle controller does."""
        known = {machine.id for machine in present}
        for node in self.nodes.items():
            server = server_of(node["providerID"])
            if server and server not in known and node["metadata"]["name"] not in {m.name for m in present}:
                self.kube.delete(f"{CORE}/nodes/{node['metadata']['name']}")
                LOG.info("node %s: deleted, its server %s is gone", node["metadata"]["name"], server)

    def _member(self, machine: Machine, group: Group | None) -> Member:
        node = self.nodes.item(machine.name)
        current = group is not None and machine.kube_tag == group.kube_tag and machine.image in (group.image, "")
        return Member(
            name=machine.name,
            server=machine.id,
            address=machine.address,
            created=machine.created,
            current=current,
            ready=bool(node and node["ready"]),
            broken=machine.status == "ERROR",
        )

    def _report(self, desired: Desired, present: list[Machine], done: bool) -> bool:
        """Write ``status.json`` when it changed; True when there is nothing to wait for."""
        groups: dict[str, list[NodeStatus]] = {name: [] for name in desired.groups}
        for machine in present:
            member = self._member(machine, desired.groups.get(machine.group))
            groups.setdefault(machine.group, []).append(
                NodeStatus(
                    machine.name, machine.id, machine.address, member.ready, machine.kube_tag, current=member.current
                )
            )
        nodes = [node for members in groups.values() for node in members]
        all_ready = done and all(node.ready for node in nodes)
        phase = wish.READY if all_ready else wish.BUSY
        if done and self._errors:
            phase = wish.BUSY if desired.keeps_trying else wish.FAILED
        self._write(Status(desired.generation, phase, self._api_answers(), groups, dict(self._errors)))
        return phase != wish.BUSY

    def _api_answers(self) -> bool:
        try:
            self.kube.get(f"{CORE}/namespaces/kube-node-lease")
        except (ApiException, *UNREACHABLE):
            return False
        return True

    def _write(self, status: Status) -> None:
        if status != self._status:
            status.save(self.cluster)
            self._status = status

    def _delete(self, desired: Desired) -> float | None:
        """Remove all that is in the cloud. The Kubernetes API is not asked: it may be what is broken."""
        try:
            gone = self.before_clear() and self.machines.clear(desired)
        except exceptions.SDKException as error:
            if not passes(error):
                self._write(Status(desired.generation, wish.FAILED, errors={"": refusal(error)}))
            raise
        self._write(Status(desired.generation, wish.DELETED if gone else wish.BUSY))
        return None if gone else BUSY_SECONDS


def trim_node(node: Object) -> Object:
    """What is read of a Node."""
    status = node.get("status") or {}
    ready = any(item["type"] == "Ready" and item["status"] == "True" for item in status.get("conditions") or [])
    return {
        "metadata": {"name": node["metadata"]["name"], "labels": node["metadata"].get("labels") or {}},
        "providerID": node["spec"].get("providerID"),
        "unschedulable": bool(node["spec"].get("unschedulable")),
        "addresses": status.get("addresses") or [],
        "ready": ready,
    }


def evictable(pod: Object) -> bool:
    """Whether a drain waits for this pod: not for finished ones and not for those of DaemonSets."""
    owners = {owner["kind"] for owner in pod["metadata"].get("ownerReferences") or []}
    return "DaemonSet" not in owners and pod["status"].get("phase") not in ("Succeeded", "Failed")
