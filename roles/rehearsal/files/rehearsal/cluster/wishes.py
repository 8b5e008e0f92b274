"""From Magnum's objects to ``desired.json``: names become identifiers, labels become settings."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from typing import Any

from openstack.connection import Connection

from rehearsal.cluster import families, janitor, names, network
from rehearsal.cluster.desired import Desired, Group
from rehearsal.cluster.families import Family, RefusedError
from rehearsal.cluster.flavors import Flavor
from rehearsal.settings import Settings

FAIL, DELAY, SERVERS = "rehearsal_fail", "rehearsal_delay", "rehearsal_servers"
"""Labels of a cluster or node group that tell the rehearsal to fail (``create``, ``resize``, ``delete``), to take at
least so many seconds, and (``false``) to do without servers."""

FAMILY, JANITOR = "rehearsal_family", "rehearsal_janitor"
"""Labels of a cluster that has another driver's family than the rehearsal, and of what version the janitor of its
management cluster is (empty: there is none)."""

DEFAULT_KUBE_TAG = "v1.34.4"

FALSE = ("false", "no", "0", "off")


def is_false(labels: Mapping[str, str], key: str) -> bool:
    """Whether the label is there and says no."""
    return str(labels.get(key, "")).lower() in FALSE


def family_of(settings: Settings, cluster: Any) -> Family:
    """The family of one cluster. RefusedError lists the known ones."""
    return families.get((cluster.labels or {}).get(FAMILY) or settings.family)


def new(settings: Settings, cloud: Connection, cluster: Any, template: Any) -> Desired:
    """The wish for a new cluster, which gets its ``stack_id``. RefusedError for what its family does not make."""
    family = family_of(settings, cluster)
    family.check_cluster(cluster.master_count, template.network_driver)
    family.check_template(template.dns_nameserver)
    family.check_distro(template.cluster_distro)
    labels = cluster.labels or {}
    cluster.stack_id, stack = names.stack(family.name, cluster.name)
    external = _network(cloud, template.external_network_id, external=True)
    desired = Desired(
        uuid=cluster.uuid,
        name=cluster.name,
        family=family.name,
        stack=stack,
        janitor=labels.get(JANITOR, janitor.VERSION if family.name == "capi-helm" else ""),
        servers=settings.servers and not is_false(labels, SERVERS),
        boot_seconds=settings.boot_seconds,
        keypair=cluster.keypair,
        fixed_network=_network(cloud, cluster.fixed_network, external=False),
        fixed_subnet=_id(cloud.network.find_subnet, cluster.fixed_subnet),
        external_network=external,
        floating_network=external if family.names_floating_network else None,
        octavia_provider=str(labels.get("octavia_provider") or family.octavia_provider),
        dns_nameserver=template.dns_nameserver,
        delay=float(labels.get(DELAY, 0)),
        since=time.time(),
        keeps_trying=family.keeps_trying,
    )
    if desired.fixed_network and not desired.fixed_subnet:
        desired.fixed_subnet = network.first_subnet(cloud, desired.fixed_network)
    for nodegroup in cluster.nodegroups:
        desired.groups[nodegroup.name] = group(family, cloud, nodegroup)
        first_count(family, nodegroup, desired.groups[nodegroup.name])
    return desired


def group(family: Family, cloud: Connection, nodegroup: Any) -> Group:
    """The wish for one node group. Raises RefusedError for bounds, the SDK's exceptions for what is not there."""
    labels = nodegroup.labels or {}
    family.name_rule(nodegroup.name)
    bounds(family, nodegroup)
    flavor = cloud.compute.find_flavor(nodegroup.flavor_id, ignore_missing=False, get_extra_specs=True)
    image = cloud.image.find_image(nodegroup.image_id, ignore_missing=False)
    assert flavor is not None and image is not None
    family.check_flavor(nodegroup.flavor_id, flavor.vcpus, flavor.ram)
    # Cluster API's provider looks for a flavor's name (``compute/client.go``, GetFlavorID), and finds none.
    found = flavor.name == nodegroup.flavor_id or not family.flavors_by_name
    return Group(
        name=nodegroup.name,
        role=nodegroup.role,
        count=nodegroup.node_count,
        flavor=Flavor.from_nova(flavor),
        flavor_id=flavor.id if found else f"no flavor named {nodegroup.flavor_id}",
        image=image.id,
        image_name=image.name,
        kube_tag=kube_tag(family, labels, image),
        labels=family.node_labels(nodegroup.name, nodegroup.role),
        availability_zone=labels.get("availability_zone") or None,
    )


def kube_tag(family: Family, labels: Mapping[str, str], image: Any) -> str:
    """The Kubernetes version of nodes of this image, read where the family reads it."""
    if family.version_from == "image":
        found = (image.properties or {}).get("kube_version")
        if not found:
            raise RefusedError(
                f"image {image.name} has no property kube_version, from which the driver reads the version"
            )
        return f"v{str(found).removeprefix('v')}"
    return str(labels.get("kube_tag") or DEFAULT_KUBE_TAG)


def bounds(family: Family, nodegroup: Any) -> tuple[int, int] | None:
    """The autoscaler's bounds of a group; None when it does not scale it. Raises RefusedError."""
    if nodegroup.role == "master":
        return None
    return family.bounds(
        nodegroup.labels or {},
        nodegroup.min_node_count,
        nodegroup.max_node_count,
        default=nodegroup.is_default,
        count=nodegroup.node_count,
    )


def first_count(family: Family, nodegroup: Any, wanted: Group) -> None:
    """Cluster API starts an autoscaled group at its minimum, whatever node_count says."""
    found = bounds(family, nodegroup) if family.owns_count else None
    if found:
        wanted.count = found[0]


def resized(family: Family, nodegroup: Any, before: int) -> int:
    """How many nodes a group of ``before`` nodes has after a resize: of an autoscaled one they are the autoscaler's.

    Raises RefusedError for bounds, and for a control plane that keeps its size (Magnum's API asks the rehearsal's
    family only, and the cluster may have another).
    """
    if nodegroup.role == "master" and not family.control_plane_resizes:
        raise RefusedError("Resizing the master nodegroup is not supported by this driver.")
    return before if family.owns_count and bounds(family, nodegroup) else int(nodegroup.node_count)


def rebounded(family: Family, nodegroup: Any, before: int) -> int:
    """How many nodes a group of ``before`` nodes has once its bounds are others."""
    found = bounds(family, nodegroup)
    if found and family.owns_count and family.follows_bounds:
        return min(max(before, found[0]), found[1])
    return before


def _id(find: Any, name: str | None) -> str | None:
    return str(find(name, ignore_missing=False).id) if name else None


def _network(cloud: Connection, name: str | None, *, external: bool) -> str | None:
    """Drivers look among networks of the one kind only (``magnum.common.neutron.get_network``)."""
    return _id(functools.partial(cloud.network.find_network, is_router_external=external), name)
