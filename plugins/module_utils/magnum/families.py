"""Magnum's driver families: the one place that knows how they differ.

Sources: the code of Magnum's Heat driver (until 2026.1), of magnum-capi-helm 1.4 and of magnum-cluster-api 0.38.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_WORKER = "default-worker"
"""The name that Magnum gives to the first group of workers."""


@dataclass(frozen=True)
class Family:
    """What one driver does in its own way.

    ``node_group_label`` is the label of a node that names its node group. ``version_from`` says where the
    Kubernetes version comes from: the label ``kube_tag`` or a property of the image. ``default_bounds`` says where
    the default group's autoscaling bounds live: ``labels`` of the cluster (which never change) or ``fields`` of the
    node group. ``rotates_ca`` says whether it gives a cluster the new CA that Magnum makes; Magnum keeps the new one
    all the same, and then signs with a CA that the cluster does not know.
    """

    name: str
    title: str
    node_group_label: str
    version_from: str
    default_bounds: str
    zero_minimum: bool
    zero_minimum_default_group: bool
    upgrades: bool
    resizes_control_plane: bool
    rotates_ca: bool
    network_drivers: tuple[str, ...]
    image_distros: tuple[str, ...]
    ignored_labels: tuple[str, ...]
    """Labels of other drivers that this one drops without a word."""
    drivers: tuple[str, ...]
    """Beginnings of the driver's entry point names, as a template's ``driver`` field shows them."""

    def selector(self, group: str) -> dict[str, str]:
        """Node selector of a node group."""
        return {self.node_group_label: group}


HEAT = Family(
    name="heat",
    title="Magnum's Heat driver",
    node_group_label="magnum.openstack.org/nodegroup",
    version_from="label",
    default_bounds="labels",
    zero_minimum=True,
    zero_minimum_default_group=False,
    upgrades=False,
    resizes_control_plane=False,
    rotates_ca=True,
    network_drivers=("calico", "flannel"),
    image_distros=("fedora-coreos", "coreos", "fedora-atomic"),
    ignored_labels=(),
    drivers=("k8s_fedora_", "k8s_coreos_"),
)

CAPI_HELM = Family(
    name="capi-helm",
    title="magnum-capi-helm",
    node_group_label="capi.stackhpc.com/node-group",
    version_from="image",
    default_bounds="labels",
    zero_minimum=False,
    zero_minimum_default_group=False,
    upgrades=True,
    resizes_control_plane=True,
    rotates_ca=False,
    network_drivers=("calico", "cilium"),
    image_distros=("ubuntu", "rocky", "flatcar"),
    ignored_labels=("kubelet_options", "kubeproxy_options", "container_infra_prefix"),
    drivers=("k8s_capi_helm",),
)

CLUSTER_API = Family(
    name="cluster-api",
    title="magnum-cluster-api",
    node_group_label="node.cluster.x-k8s.io/nodegroup",
    version_from="label",
    default_bounds="fields",
    zero_minimum=True,
    zero_minimum_default_group=True,
    upgrades=True,
    resizes_control_plane=True,
    rotates_ca=False,
    network_drivers=("calico", "cilium"),
    image_distros=("ubuntu", "ubuntu-focal", "flatcar", "rockylinux", "debian"),
    ignored_labels=("kubelet_options", "kubeproxy_options"),
    drivers=("k8s_cluster_api",),
)

FAMILIES: dict[str, Family] = {f.name: f for f in (HEAT, CAPI_HELM, CLUSTER_API)}

_CLUSTER_API_STACK = re.compile(r"^kube-[a-z0-9]{5}$")
_CAPI_HELM_STACK = re.compile(r"^[a-z0-9][a-z0-9-]*-[a-z2-7]{12}$")
_HEAT_STACK = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_ENDS_IN_UUID = re.compile(r"-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
"""No driver's: of one such name in thirty, the last twelve letters would pass for those of magnum-capi-helm."""


def by_driver(driver: str | None) -> Family | None:
    """The family of a template's ``driver`` field (an entry point's name)."""
    for family in FAMILIES.values():
        if driver and driver.startswith(family.drivers):
            return family
    return None


def by_stack(stack: str | None) -> Family | None:
    """The family by the form of a cluster's ``stack_id``: a stack's UUID, a release's name, ``kube-`` and five."""
    if not stack or _ENDS_IN_UUID.search(stack):
        return None
    if _CLUSTER_API_STACK.match(stack):
        return CLUSTER_API
    if _HEAT_STACK.match(stack):
        return HEAT
    return CAPI_HELM if _CAPI_HELM_STACK.match(stack) else None


def by_image(image: Mapping[str, Any] | None) -> Family | None:
    """The family by an image's properties: ``magnum_driver`` names the driver, Fedora CoreOS is only Heat's.

    ``kube_version`` is no sign: magnum-capi-helm needs it, but images for other drivers have it too.
    """
    if not image:
        return None
    found = by_driver(image.get("magnum_driver"))
    distro = str(image.get("os_distro") or "").lower()
    return found or (HEAT if distro in HEAT.image_distros else None)


def by_node_labels(labels: Mapping[str, str]) -> Family | None:
    """The family by the labels of a live node: the surest sign."""
    for family in FAMILIES.values():
        if family.node_group_label in labels:
            return family
    return None


def recognise(
    wanted: str = "auto",
    *,
    node_labels: Mapping[str, str] | None = None,
    cluster: Mapping[str, Any] | None = None,
    template: Mapping[str, Any] | None = None,
    image: Mapping[str, Any] | None = None,
) -> Family | None:
    """The driver family, from the surest sign to the weakest; None when nothing tells.

    ``wanted`` other than ``auto`` is taken as it is. Raises KeyError on a name that is no family.
    """
    if wanted != "auto":
        return FAMILIES[wanted]
    cluster = cluster or {}
    return (
        by_node_labels(node_labels or {})
        or by_driver((template or {}).get("driver"))
        or by_stack(cluster.get("cluster_id") or cluster.get("stack_id"))
        or by_image(image)
    )
