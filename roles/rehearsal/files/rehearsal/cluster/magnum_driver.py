# ruff: noqa: ARG002  (Magnum calls these methods with arguments of which some do not matter here)
"""The rehearsal's driver for Magnum (entry point ``magnum.drivers``), loaded in Magnum's process.

It is thin: it writes down what is asked (``desired.json``), has the cluster's three programs run, and tells Magnum what
their controller reports (``status.json``). What drivers in the field do differently is in `families`.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import magnum.conf
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID
from magnum.common import exception
from magnum.common.x509 import operations
from magnum.conductor.handlers.common import cert_manager
from magnum.drivers.common import driver
from magnum.objects.fields import ClusterStatus
from openstack import exceptions

from rehearsal.cloud import delegation
from rehearsal.cloud.layout import Cloud
from rehearsal.cluster import desired as wish
from rehearsal.cluster import families, ports, wishes
from rehearsal.cluster.desired import Desired, Status
from rehearsal.cluster.families import Family
from rehearsal.cluster.health import Monitor, health
from rehearsal.cluster.layout import HOST_PORTS, NODE_CIDR, ClusterDir
from rehearsal.cluster.pki import make_pki
from rehearsal.cluster.refusals import refusal
from rehearsal.processes import Supervisor
from rehearsal.program import Program
from rehearsal.removal import remove_tree
from rehearsal.settings import Settings

LOG = logging.getLogger(__name__)

DISTRIBUTIONS = ("ubuntu", "flatcar", "fedora-coreos", "rockylinux")
"""Values of the image property ``os_distro`` that are taken."""

PROGRAMS = {"controller": "controller", "cluster": "enter", "relay": "relay"}
"""A cluster's programs on the host: prefix of the name, and what `rehearsal.cluster` calls it. Servers take longest,
so their controller is first."""

STOP_SECONDS = 30
"""How long the namespaces may take to end: the pods in them end gracefully."""

_LOCK = threading.RLock()
"""Requests and Magnum's periodic look at a cluster take turns: both read and write its files."""

F = TypeVar("F", bound=Callable[..., Any])


def locked(method: F) -> F:
    """The method runs alone."""

    @functools.wraps(method)
    def run(*args: Any, **kwargs: Any) -> Any:
        with _LOCK:
            return method(*args, **kwargs)

    return cast(F, run)


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Turn refusals of the cloud and of the family into Magnum's, so that their words reach status_reason."""
    try:
        yield
    except (families.RefusedError, delegation.RefusedError) as error:
        raise exception.InvalidParameterValue(err=str(error)) from error
    except exceptions.SDKException as error:
        raise exception.InvalidParameterValue(err=refusal(error)) from error


class Driver(driver.Driver):
    """Clusters on this machine, imitating the driver family of the rehearsal's settings."""

    def __init__(self) -> None:
        super().__init__()
        # Magnum's state path is <state>/cloud
        self.settings = Settings.load(Path(magnum.conf.CONF.state_path).parent)
        self.cloud = Cloud(self.settings)
        self.family = families.get(self.settings.family)
        self.supervisor = Supervisor(self.settings)

    @property
    def provides(self) -> list[dict[str, str]]:
        return [{"server_type": "vm", "os": name, "coe": "kubernetes"} for name in DISTRIBUTIONS]

    # Clusters

    @locked
    def create_cluster(self, context: Any, cluster: Any, cluster_create_timeout: int) -> None:
        """Write the wish, make the certificates, start the programs."""
        place = self._place(cluster)
        with refusals():
            delegation.create(self.cloud, context, cluster)
            cloud = delegation.connect(self.cloud, cluster.uuid)
            desired = wishes.new(self.settings, cloud, cluster, cluster.cluster_template)
            place.make()
            cidr = NODE_CIDR
            if desired.fixed_subnet:
                cidr = cloud.network.get_subnet(desired.fixed_subnet).cidr
            place.write_facts(
                name=cluster.name, api_port=ports.api_port(self.settings, cluster.uuid), node_cidr=str(cidr)
            )
        self._certificates(context, cluster, place)
        desired.save(place)
        for prefix, program in PROGRAMS.items():
            self.supervisor.ensure(self._program(prefix, program, place))

    @locked
    def update_cluster(self, context: Any, cluster: Any, scale_manager: Any = None, rollback: bool = False) -> None:
        """Resize of the default group through PATCH of node_count."""
        self._resize(cluster, cluster.default_ng_worker, [])

    @locked
    def resize_cluster(
        self,
        context: Any,
        cluster: Any,
        resize_manager: Any,
        node_count: int,
        nodes_to_remove: list[str],
        nodegroup: Any = None,
    ) -> None:
        self._resize(cluster, nodegroup or cluster.default_ng_worker, nodes_to_remove or [])

    @locked
    def upgrade_cluster(
        self,
        context: Any,
        cluster: Any,
        cluster_template: Any,
        max_batch_size: int,
        nodegroup: Any,
        scale_manager: Any = None,
        rollback: bool = False,
    ) -> None:
        """Roll nodes to the template's image and kube_tag; the API server's program stays the pinned one."""
        family = self._family(cluster)
        if not family.upgrades:
            raise RuntimeError(f"upgrading is not supported by the {family.name} driver")
        with refusals():
            family.check_template(cluster_template.dns_nameserver)
        groups = list(cluster.nodegroups)
        if nodegroup.is_default:
            cluster.cluster_template_id = cluster_template.uuid
        else:
            groups = [group for group in groups if group.uuid == nodegroup.uuid]
        tag = (cluster_template.labels or {}).get("kube_tag")
        if tag:
            cluster.labels = {**(cluster.labels or {}), "kube_tag": tag}
        with self._change(cluster) as desired, refusals():
            cloud = delegation.connect(self.cloud, cluster.uuid)
            for group in groups:
                group.image_id = cluster_template.image_id
                if tag:
                    group.labels = {**(group.labels or {}), "kube_tag": tag}
                count = desired.groups[group.name].count
                desired.groups[group.name] = wishes.group(family, cloud, group)
                desired.groups[group.name].count = count
        for group in groups:
            group.status = ClusterStatus.UPDATE_IN_PROGRESS
            group.save()
            if group.uuid == nodegroup.uuid:  # the conductor saves its own copy afterwards
                nodegroup.image_id, nodegroup.labels = group.image_id, group.labels

    @locked
    def delete_cluster(self, context: Any, cluster: Any) -> None:
        for group in cluster.nodegroups:
            group.status = ClusterStatus.DELETE_IN_PROGRESS
            group.save()
        if Desired.load(self._place(cluster)) is None:
            return  # it failed before anything was made
        with self._change(cluster) as desired:
            desired.deleted = True
        # a controller that could not be started the first time, or was stopped, has to run for this
        self.supervisor.ensure(self._program("controller", PROGRAMS["controller"], self._place(cluster)))

    @locked
    def rotate_ca_certificate(self, context: Any, cluster: Any) -> None:
        """Magnum has made a new CA: have it sign all certificates, and the programs take them.

        Of the drivers in the field only Heat's does this; here every family does, so that it can be tried.
        """
        place = self._place(cluster)
        with self._change(cluster) as desired:
            self._certificates(context, cluster, place)
            desired.certificates += 1
        self.supervisor.restart(f"controller-{cluster.uuid}")

    def validate_master_size(self, node_count: int) -> None:
        try:
            self.family.check_control_plane(node_count)
        except families.RefusedError:
            raise exception.MasterNGSizeInvalid(requested_size=node_count) from None

    def validate_master_resize(self, node_count: int) -> None:
        if not self.family.control_plane_resizes:
            raise exception.MasterNGResizeNotSupported
        self.validate_master_size(node_count)

    # Node groups

    @locked
    def create_nodegroup(self, context: Any, cluster: Any, nodegroup: Any) -> None:
        family = self._family(cluster)
        with self._change(cluster) as desired, refusals():
            cloud = delegation.connect(self.cloud, cluster.uuid)
            desired.groups[nodegroup.name] = wishes.group(family, cloud, nodegroup)
            wishes.first_count(family, nodegroup, desired.groups[nodegroup.name])
        nodegroup.stack_id = cluster.stack_id
        nodegroup.save()

    @locked
    def update_nodegroup(self, context: Any, cluster: Any, nodegroup: Any) -> None:
        """Bounds changed; the rest cannot change."""
        family = self._family(cluster)
        with self._change(cluster) as desired, refusals():
            cloud = delegation.connect(self.cloud, cluster.uuid)
            before = desired.groups[nodegroup.name].count
            desired.groups[nodegroup.name] = wishes.group(family, cloud, nodegroup)
            desired.groups[nodegroup.name].count = wishes.rebounded(family, nodegroup, before)
        nodegroup.save()
        cluster.status = ClusterStatus.UPDATE_IN_PROGRESS  # the periodic look may have ended it in between
        cluster.save()

    @locked
    def delete_nodegroup(self, context: Any, cluster: Any, nodegroup: Any) -> None:
        with self._change(cluster) as desired:
            if nodegroup.name not in desired.groups and self._family(cluster).failed_group_stays:
                raise RuntimeError("ERROR: None")  # Heat's HTTPNotFound, which says to nobody that the group is gone
            desired.groups.pop(nodegroup.name, None)
        nodegroup.status = ClusterStatus.DELETE_IN_PROGRESS
        nodegroup.save()  # the conductor does not
        cluster.status = ClusterStatus.UPDATE_IN_PROGRESS
        cluster.save()

    # What is there

    def update_cluster_status(self, context: Any, cluster: Any, use_admin_ctx: bool = False) -> None:
        """Called by Magnum every moment for a cluster whose status is ``*_IN_PROGRESS``."""
        if not _LOCK.acquire(blocking=False):
            return  # it will be asked again; looks must not queue up behind a deletion
        try:
            cluster.refresh()
            if cluster.status.endswith("_IN_PROGRESS"):
                self._look(cluster)
        except exception.ClusterNotFound:
            LOG.debug("cluster %s is gone", cluster.uuid)
        finally:
            _LOCK.release()

    def _look(self, cluster: Any) -> None:
        """Move the cluster's status on when its controller has reported."""
        place = self._place(cluster)
        desired = Desired.load(place)
        verb = cluster.status.split("_", maxsplit=1)[0]
        if verb == "DELETE":
            self._delete_status(cluster, place, desired)
            return
        if desired is None:
            return  # the driver has not been called yet
        status = Status.load(place)
        if status.generation != desired.generation or time.time() < desired.since + desired.delay:
            return
        family = self._family(cluster)
        if family.keeps_trying:
            self._settle_capi(cluster, verb, family, desired, status)
            return
        if status.phase not in (wish.READY, wish.FAILED):
            return
        if all(group.name in desired.groups or _ends(group) for group in cluster.nodegroups):
            self._settle(cluster, verb, status)

    def get_monitor(self, context: Any, cluster: Any) -> Monitor:
        return Monitor(context, cluster, Status.load(self._place(cluster)))

    def rotate_credential(self, context: Any, cluster: Any) -> None:
        raise exception.NotSupported(operation="rotating the credential of a rehearsed cluster")

    def create_federation(self, context: Any, federation: Any) -> None:
        raise exception.NotSupported(operation="federation")

    def update_federation(self, context: Any, federation: Any) -> None:
        raise exception.NotSupported(operation="federation")

    def delete_federation(self, context: Any, federation: Any) -> None:
        raise exception.NotSupported(operation="federation")

    def _settle(self, cluster: Any, verb: str, status: Status) -> None:
        """Give cluster and node groups the status that their nodes have, all at once, as Heat does."""
        reasons = []
        for group in cluster.nodegroups:
            if not group.status.endswith("_IN_PROGRESS"):
                continue
            reason = status.errors.get(group.name) or status.errors.get("")
            nodes = status.groups.get(group.name, [])
            if not _ends(group):
                group.node_addresses = [node.address for node in nodes if node.address]
                group.version = nodes[0].kube_tag if nodes else (group.labels or {}).get("kube_tag")
            if reason := self._end(group, reason or ""):
                reasons.append(f"{group.name}: {reason}")
        self._end_cluster(cluster, verb, status, "; ".join(reasons) or status.errors.get("", ""))

    def _settle_capi(self, cluster: Any, verb: str, family: Family, desired: Desired, status: Status) -> None:
        """As the drivers on Cluster API: each group for itself, and what Nova refuses is not known to Magnum."""
        if family.failed_group_stays and any(_lost(group, desired) for group in cluster.nodegroups):
            return  # driver.update_nodegroups_status raises MachineDeploymentNotFound
        masters = status.groups.get("default-master", [])
        up = status.api and any(node.ready for node in masters)
        if up and not cluster.api_address:
            cluster.api_address = ports.address(self._place(cluster))
            cluster.save()
        busy, failing = not up, []
        for group in cluster.nodegroups:
            if not group.status.endswith("_IN_PROGRESS"):
                continue
            wanted, nodes = desired.groups.get(group.name), status.groups.get(group.name, [])
            if not wish.is_over(wanted, nodes, deleted=_ends(group), counted=family.workers_count):
                busy = True
            elif injected(group.labels, group.status.split("_", maxsplit=1)[0]):
                failing.append(group)
            else:
                self._end(group, "")
        if not busy:
            reasons = [f"{group.name}: {self._end(group, '')}" for group in failing]
            self._end_cluster(cluster, verb, status, "; ".join(reasons))

    def _end(self, group: Any, reason: str) -> str:
        """End what happens to a group; answers why it failed, which a label may ask for."""
        operation = group.status.split("_", maxsplit=1)[0]
        reason = reason or injected(group.labels, operation)
        if operation == "DELETE" and not reason:
            group.destroy()
            return ""
        group.status = f"{operation}_{'FAILED' if reason else 'COMPLETE'}"
        group.status_reason = reason or None
        group.save()
        return reason

    def _end_cluster(self, cluster: Any, verb: str, status: Status, reason: str) -> None:
        cluster.status = f"{verb}_{'FAILED' if reason else 'COMPLETE'}"
        cluster.status_reason = reason or None
        if status.api:
            cluster.api_address = ports.address(self._place(cluster))
        masters = [node for node in status.groups.get("default-master", []) if node.ready]
        if masters:
            cluster.coe_version = min(node.kube_tag for node in masters)
        cluster.health_status, cluster.health_status_reason = health(status)
        cluster.save()

    def _delete_status(self, cluster: Any, place: ClusterDir, desired: Desired | None) -> None:
        if desired is not None:
            status = Status.load(place)
            if status.generation != desired.generation or time.time() < desired.since + desired.delay:
                return
            marker = place.path / "delete-failed"
            reason = injected(cluster.labels, "DELETE") if not marker.exists() else ""
            if reason:
                marker.touch()  # once: the next attempt goes through
            if reason or status.phase == wish.FAILED:
                reason = reason or "; ".join(status.errors.values())
                cluster.status = ClusterStatus.DELETE_FAILED
                cluster.status_reason = reason
                cluster.save()
                return
            if status.phase != wish.DELETED:
                return
        for prefix in PROGRAMS:
            self.supervisor.remove(f"{prefix}-{cluster.uuid}")
        delegation.revoke(self.cloud, cluster)
        try:
            remove_tree(place.path)
        except OSError as error:
            LOG.warning("cluster %s is deleted, but not all of its folder %s: %s", cluster.uuid, place.path, error)
        ways_out = [place.host_socket(name) for name in HOST_PORTS]
        for socket in (place.inner_socket, *ways_out, place.supervisor_socket):
            socket.unlink(missing_ok=True)
        # Magnum's periodic task deletes the rows when it sees this; it must not be saved
        cluster.status = ClusterStatus.DELETE_COMPLETE

    # Its family, files and programs

    def _family(self, cluster: Any) -> Family:
        return wishes.family_of(self.settings, cluster)

    def _place(self, cluster: Any) -> ClusterDir:
        return ClusterDir(self.settings, cluster.uuid)

    def _resize(self, cluster: Any, nodegroup: Any, remove: list[str]) -> None:
        with self._change(cluster) as desired, refusals():
            group = desired.groups[nodegroup.name]
            group.count = wishes.resized(self._family(cluster), nodegroup, group.count)
            group.remove = [str(node) for node in remove]
        nodegroup.status = ClusterStatus.UPDATE_IN_PROGRESS
        nodegroup.save()

    @contextlib.contextmanager
    def _change(self, cluster: Any) -> Iterator[Desired]:
        """Change what is asked; nothing is written when the block raises."""
        place = self._place(cluster)
        desired = Desired.load(place)
        if desired is None:
            raise exception.InvalidParameterValue(err=f"cluster {cluster.uuid} was never made; delete it")
        yield desired
        desired.generation += 1
        desired.since = time.time()
        desired.save(place)

    def _certificates(self, context: Any, cluster: Any, place: ClusterDir) -> None:
        """The control plane's certificates, each signed by Magnum's own CA of this cluster."""
        authority = cert_manager.get_cluster_ca_certificate(cluster, context)
        certificate, key = _bytes(authority.get_certificate()), _bytes(authority.get_decrypted_private_key())
        issuer = x509.load_pem_x509_certificate(certificate).subject
        name = issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        # Magnum's sign_node_certificate decrypts its key, slowly by design, for each certificate.
        signer = serialization.load_pem_private_key(key, None)
        make_pki(place, certificate, key, lambda request: _bytes(operations.sign(request.decode(), name, signer)))

    def _program(self, prefix: str, program: str, place: ClusterDir) -> Program:
        command = [sys.executable, "-m", "rehearsal.cluster", program]
        return Program(
            name=f"{prefix}-{place.uuid}",
            command=[*command, "--state", str(self.settings.state), "--cluster", place.uuid],
            environment={"PYTHONPATH": str(Path(__file__).resolve().parents[2])},
            stop_seconds=STOP_SECONDS if prefix == "cluster" else 5,
            retries=1000,
        )


def injected(labels: dict[str, str] | None, operation: str) -> str:
    """A failure that a label asks for; empty when none does. A resize is Magnum's operation UPDATE."""
    asked = (labels or {}).get(wishes.FAIL)
    word = {"CREATE": "create", "UPDATE": "resize", "DELETE": "delete"}[operation]
    return f"the label {wishes.FAIL}={asked} asked for this failure" if asked == word else ""


def _lost(nodegroup: Any, desired: Desired) -> bool:
    return nodegroup.name not in desired.groups and not _ends(nodegroup)


def _ends(nodegroup: Any) -> bool:
    return bool(nodegroup.status == ClusterStatus.DELETE_IN_PROGRESS)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
