"""Services of type LoadBalancer: what Kubernetes' service controller does with cloud-provider-openstack behind it."""

from __future__ import annotations

import logging
import threading
from typing import Any

from openstack import exceptions

from rehearsal.cluster import events, forwards
from rehearsal.cluster.balancers import BalancerError, Balancers
from rehearsal.cluster.kube import CORE, MERGE, Collection, Kube, Object, key_of
from rehearsal.cluster.layout import ClusterDir
from rehearsal.cluster.nodes import EXCLUDE_FROM_BALANCERS
from rehearsal.cluster.reconcile import Reconciler
from rehearsal.cluster.refusals import refusal
from rehearsal.cluster.service_options import BALANCER_ADDRESS, BALANCER_ID, FINALIZER, ServiceOptions

LOG = logging.getLogger(__name__)

RETRY_SECONDS = 10.0
"""Until a refused Service is tried again (the service controller starts at 5 s and doubles)."""


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
                wanted = service["spec"].get("type") == "LoadBalancer" and not service["metadata"].get(
                    "deletionTimestamp"
                )
                if not wanted and not held:
                    continue
                try:
                    if wanted:
                        present.add(key)
                        self._ensure(key, service, nodes, held)
                    else:
                        self._release(key, service)
                except (BalancerError, ValueError, exceptions.SDKException) as error:
                    pause = RETRY_SECONDS
                    self._event(service, "SyncLoadBalancerFailed", f"Error syncing load balancer: {refusal(error)}")
            for key in self._addresses.keys() - present:
                del self._addresses[key]
            self._publish()
        return pause

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
        if self._ensured.get(key) is None and not shown:
            self._event(service, "EnsuringLoadBalancer", "Ensuring load balancer", "Normal")
        identifier, address = self.balancers.ensure(options, nodes)
        self._ensured[key] = wish
        self._addresses[key] = address
        if shown != [address]:
            annotations = {BALANCER_ID: identifier, BALANCER_ADDRESS: address}
            self.kube.patch(path, {"metadata": {"annotations": annotations}}, MERGE)
            self.kube.patch(f"{path}/status", {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}, MERGE)
            self._event(service, "EnsuredLoadBalancer", "Ensured load balancer", "Normal")
            LOG.info("service %s/%s: address %s", options.namespace, options.name, address)

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
        events.tell(self.kube, "Service", service, "service-controller", reason, message, kind)


def members(nodes: list[Object]) -> dict[str, str]:
    """Nodes that get traffic, name to address: Ready, schedulable or not, and no control plane."""
    result = {}
    for node in nodes:
        if EXCLUDE_FROM_BALANCERS in node["metadata"]["labels"] or not node["ready"]:
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
