"""What differs between Magnum's drivers, as far as the rehearsal imitates them: one table.

Sources: vexxhost/magnum-cluster-api 0.38, openstack/magnum-capi-helm 1.4, Magnum's Heat driver (Kubernetes on Fedora
CoreOS) up to 2026.1. The product has a table of its own, written independently: a shared one would test only itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

MASTER_ROLE_LABELS = {"master": "control-plane", "worker": "worker"}


class RefusedError(ValueError):
    """A driver's refusal, in the words that the operator gets."""


@dataclasses.dataclass(frozen=True)
class Family:
    """One driver.

    ``nodegroup_label``: the node label that names the group. ``network_drivers``: those it takes. ``default_bounds``
    and ``group_bounds``: where the autoscaler's bounds of the default group and of other groups are read, in order
    (``field``: the node group's own; ``label``: its labels, which the default group has from its cluster).
    ``zero_minimum``: whether an autoscaled group may go to zero. ``upgrades``: whether the cluster can be upgraded.
    ``control_plane_resizes``: whether the number of its control plane nodes can be changed.
    ``starts_at``: how many nodes an autoscaled default group has after its creation (``node_count`` or ``minimum``).
    ``version_from``: where the Kubernetes version is read (``label`` kube_tag, or ``image`` property kube_version).
    """

    name: str
    nodegroup_label: str
    role_label: str | None
    network_drivers: tuple[str, ...]
    odd_control_plane: bool = True
    default_bounds: tuple[str, ...] = ("field", "label")
    group_bounds: tuple[str, ...] = ("field", "label")
    zero_minimum: bool = True
    upgrades: bool = True
    control_plane_resizes: bool = True
    starts_at: str = "node_count"
    version_from: str = "label"

    def node_labels(self, group: str, role: str) -> dict[str, str]:
        """Labels of a node in ``group``; ``role`` is Magnum's (``master``, ``worker`` or the operator's own)."""
        labels = {self.nodegroup_label: group}
        if self.role_label == "node-role.kubernetes.io/":
            labels[self.role_label + MASTER_ROLE_LABELS.get(role, role)] = ""
        elif self.role_label:
            labels[self.role_label] = role
        return labels

    def bounds(
        self, labels: Mapping[str, str], minimum: int | None, maximum: int | None, *, default: bool
    ) -> tuple[int, int] | None:
        """The autoscaler's bounds of a group, or None when it does not scale this group.

        ``labels`` are the group's labels, ``minimum`` and ``maximum`` the fields of the node group.
        Raises RefusedError for bounds that this driver does not take.
        """
        if labels.get("auto_scaling_enabled", "false").lower() != "true":
            return None
        found: dict[str, int | None] = {}
        for key, field in (("min_node_count", minimum), ("max_node_count", maximum)):
            values = {"field": field, "label": int(labels[key]) if labels.get(key) else None}
            places = self.default_bounds if default else self.group_bounds
            found[key] = next((values[place] for place in places if values[place] is not None), None)
        low, high = found["min_node_count"], found["max_node_count"]
        low = 1 if low is None else low
        if high is None:
            return None
        if low == 0 and not self.zero_minimum:
            raise RefusedError(f"{self.name}: min_node_count must be greater than 0 when autoscaling is enabled")
        if high < low:
            raise RefusedError(f"{self.name}: max_node_count {high} is less than min_node_count {low}")
        return low, high

    def check_cluster(self, control_plane: int, network_driver: str) -> None:
        """Raise RefusedError for a cluster that this driver does not make."""
        self.check_control_plane(control_plane)
        if network_driver not in self.network_drivers:
            takes = ", ".join(self.network_drivers)
            raise RefusedError(f"the network driver {network_driver} is not supported; choose one of: {takes}")

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
        ),
        Family(
            name="capi-helm",
            nodegroup_label="capi.stackhpc.com/node-group",
            role_label=None,
            network_drivers=("calico", "cilium"),
            default_bounds=("label",),
            group_bounds=("field",),
            zero_minimum=False,
            starts_at="minimum",
            version_from="image",
        ),
        Family(
            name="heat",
            nodegroup_label="magnum.openstack.org/nodegroup",
            role_label="magnum.openstack.org/role",
            network_drivers=("calico", "flannel"),
            default_bounds=("label",),
            group_bounds=("field",),
            upgrades=False,
            control_plane_resizes=False,
        ),
    )
}


def get(name: str) -> Family:
    """The family ``name``; RefusedError lists the known ones."""
    try:
        return FAMILIES[name]
    except KeyError:
        raise RefusedError(f"unknown driver family {name!r}; choose one of: {', '.join(sorted(FAMILIES))}") from None
