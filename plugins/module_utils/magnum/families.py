"""Magnum's driver families: the one place that knows how they differ.

Sources: the code of Magnum's Heat driver (until 2026.1), of magnum-capi-helm 1.4 and of magnum-cluster-api 0.38.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
    all the same, and then signs with a CA that the cluster does not know. ``needs_dns`` says whether it fails on a
    template without ``dns_nameserver``; ``follows_minimum`` whether a group gets nodes as soon as its minimum rises.
    ``keeps_trying``: what Nova refuses is asked again for ever, Magnum does not learn of it, and node groups stand by
    themselves; otherwise an operation ends, with Nova's words. ``cleans_up``: clouds with it may delete the volumes of
    a cluster with the cluster (`volumes`).
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
    needs_dns: bool
    follows_minimum: bool
    keeps_trying: bool
    cleans_up: bool
    network_drivers: tuple[str, ...]
    lost_group_is_final: bool
    """Whether a node group that the driver refused to make can never be deleted, and nothing of the cluster is noticed
    any more while it is there."""
    group_names: tuple[str, str]
    """Expression for the names of node groups that it takes, and what it wants in words."""
    mirror_slash: bool
    """Whether ``container_infra_prefix`` ends in a slash: it stands before names of images as it is."""
    image_distros: tuple[str, ...]
    ignored_labels: tuple[str, ...]
    """Labels of other drivers that this one drops without a word."""
    drivers: tuple[str, ...]
    """Beginnings of the driver's entry point names, as a template's ``driver`` field shows them."""

    def takes_group(self, name: str) -> bool:
        """Whether it makes a node group of this name."""
        return re.fullmatch(self.group_names[0], name, re.ASCII) is not None

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
    needs_dns=False,
    follows_minimum=True,
    keeps_trying=False,
    cleans_up=False,
    network_drivers=("calico", "flannel"),
    lost_group_is_final=False,
    group_names=(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*", "letters, digits, '_', '.' and '-'"),
    mirror_slash=True,
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
    needs_dns=False,
    follows_minimum=False,
    keeps_trying=True,
    cleans_up=True,
    network_drivers=("calico", "cilium"),
    lost_group_is_final=False,
    # capi-helm-charts, openstack-cluster/templates/node-group/machine-deployment.yaml
    group_names=(r"[a-z][a-z0-9-]+[a-z0-9]", "three lower-case letters, digits or dashes at least, a letter first"),
    mirror_slash=False,
    image_distros=("ubuntu", "flatcar"),
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
    needs_dns=True,
    follows_minimum=True,
    keeps_trying=True,
    cleans_up=False,
    network_drivers=("calico", "cilium"),
    lost_group_is_final=True,
    # utils.validate_nodegroup_name: an RFC 1123 name
    group_names=(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", "lower-case letters, digits and dashes"),
    mirror_slash=False,
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


CHART_LABEL = "capi_helm_chart_version"
"""A label of templates that only magnum-capi-helm reads."""


def guess(clusters: Iterable[Mapping[str, Any]], templates: Iterable[Mapping[str, Any]]) -> tuple[Family, str] | None:
    """The family that other clusters of the project have, else that of the cloud's templates, and what shows it.

    None where nothing shows one, or several are shown: a cloud may have more drivers than one.
    """
    shown = [(by_stack(c.get("cluster_id") or c.get("stack_id")), f"cluster {c.get('name')}") for c in clusters]
    for signs in (shown, [(by_template(t), f"template {t.get('name')}") for t in templates if t.get("public")]):
        found = [(family, what) for family, what in signs if family is not None]
        if len({family.name for family, _what in found}) == 1:
            return found[0]
        if found:
            return None
    return None


def by_template(template: Mapping[str, Any]) -> Family | None:
    """The family by a template's ``driver``, by a label of one driver's, or by a system that only Heat's has."""
    if found := by_driver(template.get("driver")):
        return found
    if CHART_LABEL in (template.get("labels") or {}):
        return CAPI_HELM
    return HEAT if str(template.get("cluster_distro") or "").lower() in HEAT.image_distros else None


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
