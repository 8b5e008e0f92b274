"""Services of type LoadBalancer: what Kubernetes' service controller does with cloud-provider-openstack behind it.

Source of the events and of the pauses: k8s.io/cloud-provider, ``controllers/service/controller.go``, and client-go's
``tools/record`` (an event that comes again is counted, not made anew).
"""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from typing import Any

from openstack import exceptions

from rehearsal.cluster import events, forwards
from rehearsal.cluster.balancers import BalancerError, Balancers, words
from rehearsal.cluster.kube import CORE, MERGE, Collection, Kube, Object, key_of
from rehearsal.cluster.layout import ClusterDir
from rehearsal.cluster.nodes import EXCLUDE_FROM_BALANCERS
from rehearsal.cluster.reconcile import Reconciler
from rehearsal.cluster.refusals import refusal
from rehearsal.cluster.service_options import (
    BALANCER_ADDRESS,
    BALANCER_ID,
    FINALIZER,
    OURS,
    ServiceOptions,
)

LOG = logging.getLogger(__name__)

FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 5.0, 300.0
"""A refused Service is tried again after the first, then after twice as long, up to the last."""

FIRST_NODELESS_SECONDS, LAST_NODELESS_SECONDS = 1.0, 2.0
"""The same where there is no node yet: shorter, as nodes come within seconds here."""

NAMED_NODES = 20
"""How many nodes an event names (``loggableNodeNames``)."""

UNAVAILABLE = ("UnAvailableLoadBalancer", "There are no available nodes for LoadBalancer")
REFUSED = (BalancerError, ValueError, exceptions.SDKException)


@dataclasses.dataclass
class Failure:
    """What could not be done, and when it is tried again (monotonic seconds)."""

    wish: Any
    pause: float
    again: float


class BalancerReconciler(Reconciler):
    """Brings balancers, floating IPs and forwards to what the Services ask for."""

    name = "load balancers"

    def __init__(
        self, cluster: ClusterDir, kube: Kube, balancers: Balancers, nodes: Collection, provider: str = ""
    ) -> None:
        """``provider``: what the cloud provider calls the cluster (its UUID unless told otherwise)."""
        super().__init__()
        self.cluster = cluster
        self.provider = provider or cluster.uuid
        self.kube = kube
        self.balancers = balancers
        self.nodes = nodes
        nodes.listeners.append(self.wake)
        self.services = Collection(kube, f"{CORE}/services", self.wake, trim_service)
        self._ensured: dict[tuple[str, str], Any] = {}
        self._addresses: dict[tuple[str, str], str] = {}
        self._failures: dict[tuple[str, str], Failure] = {}
        self._told: dict[tuple[str, ...], tuple[str, int]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def reconcile(self) -> float | None:
        if not (self.services.synced.is_set() and self.nodes.synced.is_set()):
            return 1.0
        pause: float | None = None
        nodes = members(self.nodes.items())
        with self._lock:
            if self._closed:
                return None
            present = set()
            for service in self.services.items():
                key = key_of(service)
                held = FINALIZER in (service["metadata"].get("finalizers") or [])
                wanted = _wanted(service)
                if not wanted and not held:
                    continue
                if wanted:
                    present.add(key)
                # Nodes that come do not shorten the pause where there is no balancer that could get them.
                wish = _wish(service, nodes if wanted and service["ingress"] else {}, wanted)
                failure = self._failures.get(key)
                if failure is None or failure.wish != wish or time.monotonic() >= failure.again:
                    failure = self._attempt(key, service, nodes, held, wish, failure)
                if failure is not None:
                    left = max(0.0, failure.again - time.monotonic())
                    pause = left if pause is None else min(pause, left)
            for key in self._addresses.keys() - present:
                del self._addresses[key]
            services = self.services.items()
            for key in self._failures.keys() - {key_of(service) for service in services}:
                del self._failures[key]
            uids = {service["metadata"]["uid"] for service in services}
            self._told = {identity: told for identity, told in self._told.items() if identity[0] in uids}
            self._publish()
        return pause

    def _attempt(
        self,
        key: tuple[str, str],
        service: Object,
        nodes: dict[str, str],
        held: bool,
        wish: Any,
        before: Failure | None,
    ) -> Failure | None:
        """Do what the Service asks for; what comes of it is None, or the failure."""
        wanted = _wanted(service)
        try:
            if wanted:
                self._ensure(key, service, nodes, held)
            else:
                self._release(key, service)
        except REFUSED as error:
            doing = "ensure" if wanted else "delete"
            message = f"Error syncing load balancer: failed to {doing} load balancer: {_words(error)}"
            self._event(service, "SyncLoadBalancerFailed", message)
            first, last = FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS
            if wanted and not nodes:
                first, last = FIRST_NODELESS_SECONDS, LAST_NODELESS_SECONDS
            pause = min(before.pause * 2, last) if before else first
            self._failures[key] = Failure(wish, pause, time.monotonic() + pause)
            if wanted and service["ingress"]:  # what there was goes on
                self._addresses.setdefault(key, service["ingress"][0].get("ip", ""))
            return self._failures[key]
        self._failures.pop(key, None)
        return None

    def clear(self) -> bool:
        """Remove all balancers, as the cluster is being deleted; nothing is made from then on."""
        with self._lock:
            self._closed = True
            options = [ServiceOptions.read(service, self.provider) for service in self.services.items()]
            gone = self.balancers.clear({one.balancer_name for one in options if one.keep_floating_ip})
            forwards.withdraw(self.cluster)
        return gone

    def _ensure(self, key: tuple[str, str], service: Object, nodes: dict[str, str], held: bool) -> None:
        options = ServiceOptions.read(service, self.provider)
        path = f"{CORE}/namespaces/{options.namespace}/services/{options.name}"
        if not held:
            finalizers = [*(service["metadata"].get("finalizers") or []), FINALIZER]
            self.kube.patch(path, {"metadata": {"finalizers": finalizers}}, MERGE)
        wish = (options, tuple(sorted(nodes.items())))
        shown = [item.get("ip") for item in service["ingress"]]
        if self._ensured.get(key) == wish and shown == [self._addresses.get(key)]:
            return
        before = self._ensured.pop(key, None)  # what is refused has to be ensured, whatever is asked for next
        only_nodes = before is not None and before[0] == options and before[1] != wish[1]
        if only_nodes and self._update(service, options, nodes):
            self._ensured[key] = wish
            return
        self._event(service, "EnsuringLoadBalancer", "Ensuring load balancer", "Normal")
        if not nodes:
            self._event(service, *UNAVAILABLE)
        identifier, address = self.balancers.ensure(
            options, nodes, lambda reason, message: self._event(service, reason, message)
        )
        self._addresses[key] = address
        if shown != [address]:
            annotations = {BALANCER_ID: identifier, BALANCER_ADDRESS: address}
            self.kube.patch(path, {"metadata": {"annotations": annotations}}, MERGE)
            self.kube.patch(f"{path}/status", {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}, MERGE)
            LOG.info("service %s/%s: address %s", options.namespace, options.name, address)
        self._event(service, "EnsuredLoadBalancer", "Ensured load balancer", "Normal")
        self._ensured[key] = wish

    def _update(self, service: Object, options: ServiceOptions, nodes: dict[str, str]) -> bool:
        """Other nodes alone, by the controller's queue of nodes. False when that is refused: all is to be ensured."""
        try:
            there = self.balancers.update(options, nodes)
        except REFUSED as error:
            message = (
                f"Error updating load balancer with new hosts [{' '.join(list(nodes)[:NAMED_NODES])}] "
                f"[node names limited, total number of nodes: {len(nodes)}], error: {_words(error)}"
            )
            self._event(service, "UpdateLoadBalancerFailed", message)
            return False
        if there and nodes:
            self._event(service, "UpdatedLoadBalancer", "Updated load balancer with new hosts", "Normal")
        elif there:
            self._event(service, *UNAVAILABLE)
        return True

    def _release(self, key: tuple[str, str], service: Object) -> None:
        """The Service is going, or is of another type now: its balancer first, then the finalizer."""
        self.balancers.delete(ServiceOptions.read(service, self.provider))
        self._ensured.pop(key, None)
        path = f"{CORE}/namespaces/{key[0]}/services/{key[1]}"
        if service["ingress"]:
            self.kube.patch(f"{path}/status", {"status": {"loadBalancer": {"ingress": None}}}, MERGE)
        finalizers = [item for item in service["metadata"]["finalizers"] if item != FINALIZER]
        self.kube.patch(path, {"metadata": {"finalizers": finalizers}}, MERGE)

    def _publish(self) -> None:
        entries: dict[str, Any] = {}
        for key, address in self._addresses.items():
            service = self.services.item(key[1], key[0])
            if service is None:
                continue
            host = service["spec"].get("clusterIP")
            ports = [port["port"] for port in service["spec"].get("ports") or [] if port.get("protocol") != "UDP"]
            if host and host != "None" and ports:
                targets = {str(port): f"{host}:{port}" for port in ports}
                entries[address] = {"targets": targets, "namespace": key[0], "service": key[1]}
        forwards.publish(self.cluster, entries)

    def _event(self, service: Object, reason: str, message: str, kind: str = "Warning") -> None:
        identity = (service["metadata"]["uid"], reason, message, kind)
        known, count = self._told.get(identity, ("", 0))
        if known and events.again(self.kube, key_of(service)[0], known, count + 1):
            self._told[identity] = (known, count + 1)
            return
        made = events.tell(self.kube, "Service", service, "service-controller", reason, message, kind)
        self._told[identity] = (made, 1)


def _words(error: Exception) -> str:
    return words(error) if isinstance(error, exceptions.HttpException) else refusal(error)


def _wanted(service: Object) -> bool:
    """Whether the Service is to have a balancer."""
    return service["spec"].get("type") == "LoadBalancer" and not service["metadata"].get("deletionTimestamp")


def _wish(service: Object, nodes: dict[str, str], wanted: bool) -> Any:
    """What an attempt would be about."""
    annotations = {key: text for key, text in (service["metadata"].get("annotations") or {}).items() if key not in OURS}
    return wanted, service["spec"], annotations, nodes


def members(nodes: list[Object]) -> dict[str, str]:
    """Nodes that get traffic, name to address: Ready or not, schedulable or not, and no control plane."""
    result = {}
    for node in nodes:
        if EXCLUDE_FROM_BALANCERS in node["metadata"]["labels"]:
            continue
        address = next((item["address"] for item in node["addresses"] if item["type"] == "InternalIP"), "")
        if address:
            result[node["metadata"]["name"]] = address
    return result


def trim_service(service: Object) -> Object:
    """What is read of a Service."""
    meta = service["metadata"]
    spec = service["spec"]
    return {
        "metadata": {
            key: meta[key]
            for key in ("name", "namespace", "uid", "annotations", "finalizers", "deletionTimestamp")
            if key in meta
        },
        "spec": {
            key: spec[key]
            for key in ("type", "ports", "clusterIP", "loadBalancerIP", "loadBalancerSourceRanges")
            if key in spec
        },
        "ingress": ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or [],
    }
