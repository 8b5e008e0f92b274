"""Node objects, as a kubelet on the server would register them."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from rehearsal.cluster.flavors import Flavor, allocatable, capacity
from rehearsal.cluster.layout import KUBELET_PORT
from rehearsal.cluster.stages import BOOT_DELAY, MANAGED_NODE

REGION = "RegionOne"
ZONE = "nova"

CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane"
CONTROL_PLANE_TAINT = {"key": CONTROL_PLANE_LABEL, "effect": "NoSchedule"}
EXCLUDE_FROM_BALANCERS = "node.kubernetes.io/exclude-from-external-load-balancers"


@dataclasses.dataclass(frozen=True)
class NodeSpec:
    """One node. ``server`` is the UUID of its server; ``role`` is Magnum's: ``master`` or ``worker``."""

    name: str
    server: str
    address: str
    role: str
    flavor: Flavor
    kube_tag: str
    labels: dict[str, str]
    taints: list[dict[str, str]]
    boot_seconds: float
    image: str = ""

    def body(self) -> dict[str, Any]:
        """The Node object, without the conditions: the ones it has when it is Ready come from KWOK."""
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": self.name,
                "annotations": {
                    MANAGED_NODE: "fake",
                    BOOT_DELAY: f"{self.boot_seconds:g}s",
                },
                "labels": {**standard_labels(self), **self.labels},
            },
            "spec": {
                "providerID": provider_id(self.server),
                "taints": self.taints + ([CONTROL_PLANE_TAINT] if self.role == "master" else []),
            },
        }

    def status(self) -> dict[str, Any]:
        """What the kubelet reports of itself."""
        return {
            "capacity": capacity(self.flavor),
            "allocatable": allocatable(self.flavor),
            "addresses": [
                {"type": "InternalIP", "address": self.address},
                {"type": "Hostname", "address": self.name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": str(uuid.uuid5(uuid.NAMESPACE_OID, self.server)),
                "containerRuntimeVersion": "rehearsal://",
                "kernelVersion": "rehearsal",
                "kubeProxyVersion": "",
                "kubeletVersion": self.kube_tag,
                "machineID": self.server.replace("-", ""),
                "operatingSystem": "linux",
                "osImage": self.image,
                "systemUUID": self.server,
            },
        }


def provider_id(server: str) -> str:
    """As cloud-provider-openstack sets it (``openstack:///<uuid>``)."""
    return f"openstack:///{server}"


def server_of(node_provider_id: str | None) -> str | None:
    """The server's UUID in a provider ID."""
    prefix = provider_id("")
    return node_provider_id[len(prefix) :] if node_provider_id and node_provider_id.startswith(prefix) else None


def standard_labels(spec: NodeSpec) -> dict[str, str]:
    """Labels that kubelet and cloud-provider-openstack put on every node."""
    labels = {
        "kubernetes.io/hostname": spec.name,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": spec.flavor.name,
        "beta.kubernetes.io/instance-type": spec.flavor.name,
        "topology.kubernetes.io/region": REGION,
        "topology.kubernetes.io/zone": ZONE,
        "topology.cinder.csi.openstack.org/zone": ZONE,
    }
    if spec.role == "master":
        labels[CONTROL_PLANE_LABEL] = ""
        labels[EXCLUDE_FROM_BALANCERS] = ""
    return labels
