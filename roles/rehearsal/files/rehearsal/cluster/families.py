"""What differs between Magnum's drivers, as far as the rehearsal imitates them: one table.

Sources: vexxhost/magnum-cluster-api 0.38, openstack/magnum-capi-helm 1.4, Magnum's Heat driver (Kubernetes on Fedora
CoreOS) up to 2026.1. The product has a table of its own, written independently: a shared one would test only itself.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

MASTER_ROLE_LABELS = {"master": "control-plane", "worker": "worker"}


class RefusedError(ValueError):
    """A driver's refusal, in the words that the operator gets."""


class Sizes(NamedTuple):
    """What Magnum has of a group's size: two labels, two fields, and the number of nodes."""

    label_minimum: int | None
    label_maximum: int | None
    minimum: int | None
    maximum: int | None
    nodes: int


Bounds = tuple[int, int] | None
ReadBounds = Callable[[Sizes, bool], Bounds]
"""The bounds of a group (the second argument: of the default group), or None when it is not autoscaled."""


def cluster_api_bounds(sizes: Sizes, _default: bool) -> Bounds:
    """magnum-cluster-api 0.38.2, ``resources.mutate_machine_deployment`` and ``utils.get_node_group_max_node_count``.

    Magnum fills the field of the minimum from the label, for the default group only
    (``conductor/utils._get_nodegroup_object``).
    """
    low = sizes.minimum or 0
    if sizes.maximum is not None:
        return low, sizes.maximum
    return low, low + 1 if sizes.label_maximum is None else sizes.label_maximum


def capi_helm_bounds(sizes: Sizes, default: bool) -> Bounds:
    """magnum-capi-helm 1.4.0, ``driver.Driver._get_node_counts`` and ``_validate_allowed_node_counts``."""
    low = sizes.nodes if sizes.minimum is None else sizes.minimum
    high = sizes.nodes if sizes.maximum is None else sizes.maximum
    if default:
        if sizes.minimum == 1:
            low = sizes.nodes
        low = low if sizes.label_minimum is None else sizes.label_minimum
        high = high if sizes.label_maximum is None else sizes.label_maximum
    if low < 1:
        raise RefusedError("Min node count must be greater than or equal to 1 for all node groups.")
    if low > sizes.nodes:
        raise RefusedError("Min node count must be less than or equal to current node count")
    if high < low:
        raise RefusedError("Max node count must be greater than or equal to min node count")
    return None if low == high else (low, high)


def heat_bounds(sizes: Sizes, default: bool) -> Bounds:
    """Magnum's Heat driver: labels of the cluster for the default group, fields for others."""
    low = sizes.label_minimum if default else sizes.minimum
    high = sizes.label_maximum if default else sizes.maximum
    if high is None:
        return None
    low = 1 if low is None else low
    if high < low:
        raise RefusedError(f"heat: max_node_count {high} is less than min_node_count {low}")
    return low, high


def cluster_api_name(name: str) -> None:
    """magnum-cluster-api 0.38.2, ``utils.validate_nodegroup_name``."""
    if not re.fullmatch("[a-z0-9]([-a-z0-9]*[a-z0-9])?(.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", name):
        raise RefusedError(f"Expected a lowercase RFC 1123 subdomain name, got {name}.")


def capi_helm_name(name: str) -> None:
    """magnum-capi-helm 1.4.0, ``driver_utils.sanitized_name``; capi-helm-charts, ``machine-deployment.yaml``."""
    name = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
    if not re.fullmatch(r"[a-z][a-z0-9-]+[a-z0-9]", name):
        raise RefusedError(
            "Node group name must be at least three characters long and must contain only lower-case alphanumeric "
            f"characters and dashes (found name: {name})"
        )


@dataclasses.dataclass(frozen=True)
class Family:
    """One driver.

    ``nodegroup_label``: the node label that names the group. ``network_drivers``: those it takes. ``read_bounds``:
    where the autoscaler's bounds of a group are read.
    ``upgrades``: whether the cluster can be upgraded.
    ``control_plane_resizes``: whether the number of its control plane nodes can be changed.
    ``keeps_trying``: Cluster API tries again and again what Nova refuses, and the group stays ``*_IN_PROGRESS``; Heat
    gives up, and Nova's words are Magnum's. ``workers_count``: whether a group of workers is done only when its nodes
    are there. ``owns_count``: an autoscaled group is created with its minimum, and a resize does not touch it, as the
    number of its machines is the autoscaler's; ``follows_bounds``: it is brought within new bounds at once.
    ``needs_dns``: whether it fails on a template without ``dns_nameserver``.
    ``version_from``: where the Kubernetes version is read (``label`` kube_tag, or ``image`` property kube_version).
    ``octavia_provider``: what the cloud provider is told where the label of that name is missing.
    ``names_floating_network``: whether the cloud provider is told the network of floating IPs (its configuration's
    ``floating-network-id``).
    """

    name: str
    nodegroup_label: str
    role_label: str | None
    network_drivers: tuple[str, ...]
    odd_control_plane: bool = True
    read_bounds: ReadBounds = cluster_api_bounds
    upgrades: bool = True
    control_plane_resizes: bool = True
    keeps_trying: bool = True
    workers_count: bool = True
    owns_count: bool = True
    follows_bounds: bool = True
    version_from: str = "label"
    needs_dns: bool = False
    name_rule: Callable[[str], None] = lambda _name: None
    """Raises RefusedError for a node group's name that the driver does not take."""
    failed_group_stays: bool = False
    """A group that was refused cannot be deleted, and while it is there no status of the cluster is read any more."""
    least_flavor: tuple[int, int] = (0, 0)
    """VCPUs and MiB that a flavor has at least."""
    flavors_by_name: bool = False
    """A flavor that is given by its id is never found, and the group stays without servers."""
    distros: tuple[str, ...] = ()
    """Values of the image's ``os_distro`` for which there is such a driver; empty: any."""
    octavia_provider: str = "amphora"
    names_floating_network: bool = True

    def node_labels(self, group: str, role: str) -> dict[str, str]:
        """Labels of a node in ``group``; ``role`` is Magnum's (``master``, ``worker`` or the operator's own)."""
        labels = {self.nodegroup_label: group}
        if self.role_label == "node-role.kubernetes.io/":
            labels[self.role_label + MASTER_ROLE_LABELS.get(role, role)] = ""
        elif self.role_label:
            labels[self.role_label] = role
        return labels

    def bounds(
        self, labels: Mapping[str, str], minimum: int | None, maximum: int | None, *, default: bool, count: int = 1
    ) -> tuple[int, int] | None:
        """The autoscaler's bounds of a group of ``count`` nodes, or None when it does not scale this group.

        ``labels`` are the group's labels, ``minimum`` and ``maximum`` the fields of the node group.
        Raises RefusedError for bounds that this driver does not take.
        """
        if labels.get("auto_scaling_enabled", "false").lower() != "true":
            return None
        low, high = (int(labels[key]) if labels.get(key) else None for key in ("min_node_count", "max_node_count"))
        return self.read_bounds(Sizes(low, high, minimum, maximum, count), default)

    def check_cluster(self, control_plane: int, network_driver: str) -> None:
        """Raise RefusedError for a cluster that this driver does not make."""
        self.check_control_plane(control_plane)
        if network_driver not in self.network_drivers:
            takes = ", ".join(self.network_drivers)
            raise RefusedError(f"the network driver {network_driver} is not supported; choose one of: {takes}")

    def check_distro(self, distro: str | None) -> None:
        """Raise RefusedError for a system for which Magnum has no such driver (``driver.Driver.get_driver``)."""
        if self.distros and distro not in self.distros:
            raise RefusedError(f"Cluster type (vm, {distro}, kubernetes) not supported.")

    def check_flavor(self, name: str, vcpus: int, ram: int) -> None:
        """magnum-capi-helm 1.4.0, ``driver.Driver._validate_allowed_flavor``. Raises RefusedError."""
        least_vcpus, least_ram = self.least_flavor
        if ram < least_ram:
            raise RefusedError(
                f"Flavor {name} does not have enough RAM to run Kubernetes. Minimum {least_ram} MB required."
            )
        if vcpus < least_vcpus:
            raise RefusedError(
                f"Flavor {name} does not have enough CPU to run Kubernetes. Minimum {least_vcpus} vcpus required."
            )

    def check_template(self, dns_nameserver: str | None) -> None:
        """Raise RefusedError for a template of which this driver makes no cluster, and to which it upgrades none.

        magnum-cluster-api 0.38.2, ``resources.py``: ``self.cluster.cluster_template.dns_nameserver.split(",")``.
        """
        if self.needs_dns and dns_nameserver is None:
            raise RefusedError("'NoneType' object has no attribute 'split'")

    def check_control_plane(self, count: int) -> None:
        """Raise RefusedError for a number of control plane nodes that this driver does not take."""
        if count < 1 or (self.odd_control_plane and count % 2 == 0):
            raise RefusedError(f"master nodegroup size of {count} is invalid, size must be an odd number above 0")


FAMILIES = {
    family.name: family
    for family in (
        Family(
            name="cluster-api",
            nodegroup_label="node.cluster.x-k8s.io/nodegroup",
            role_label="node-role.kubernetes.io/",
            network_drivers=("calico", "cilium"),
            needs_dns=True,
            workers_count=False,
            name_rule=cluster_api_name,
            failed_group_stays=True,
            octavia_provider="amphorav2",
            names_floating_network=False,
        ),
        Family(
            name="capi-helm",
            nodegroup_label="capi.stackhpc.com/node-group",
            role_label=None,
            network_drivers=("calico", "cilium"),
            read_bounds=capi_helm_bounds,
            name_rule=capi_helm_name,
            least_flavor=(2, 2048),
            flavors_by_name=True,
            distros=("ubuntu", "flatcar"),
            follows_bounds=False,
            version_from="image",
        ),
        Family(
            name="heat",
            nodegroup_label="magnum.openstack.org/nodegroup",
            role_label="magnum.openstack.org/role",
            network_drivers=("calico", "flannel"),
            read_bounds=heat_bounds,
            upgrades=False,
            control_plane_resizes=False,
            keeps_trying=False,
            owns_count=False,
        ),
    )
}


def get(name: str) -> Family:
    """The family ``name``; RefusedError lists the known ones."""
    try:
        return FAMILIES[name]
    except KeyError:
        raise RefusedError(f"unknown driver family {name!r}; choose one of: {', '.join(sorted(FAMILIES))}") from None
