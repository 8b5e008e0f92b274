# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Whether machines can be what the file makes of them: floors of the control plane, disks, volumes, users."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..capacity.amount import Amount
from ..capacity.fit import fit
from ..magnum.families import CAPI_HELM, DEFAULT_WORKER, Family
from ..reserves import MAX_PODS, Resources, allocatable, usual_daemons
from ..written import show_path
from .finding import Finding, missing
from .project import Project, named
from .quotas import QUOTAS, Group, boot_volume, cluster_volume, groups, hub_database

Json = Mapping[str, Any]

CONTROL_PLANE_CPUS, CONTROL_PLANE_MEMORY = 2, 1700
"""What kubeadm asks of a control plane at least: CPUs and MiB (``cmd/kubeadm/app/constants/constants.go``,
ControlPlaneNumCPU and ControlPlaneMem)."""

CAPI_HELM_CPUS, CAPI_HELM_MEMORY = 2, 2048
"""What magnum-capi-helm asks of every node: CPUs and MiB (``conf.py``, minimum_flavor_vcpus and minimum_flavor_ram)."""

DISK = 20
"""GiB: the disk of the images that kubernetes-sigs/image-builder makes (``packer/qemu``, disk_size 20480)."""

VOLUMES_PER_SERVER = 26
"""Disks of one server over virtio-blk: libvirt names them vda to vdz. Its own disk and one for the system count."""

OWN_DISKS = 2

SYSTEM_PODS = 10
"""Pods of a node that are nobody's server: network plugin, CSI, DNS, the hub's own."""


def check_machines(service: Json, project: Project, family: Family) -> Iterator[Finding]:
    """All of them, for the groups whose flavor and size are known."""
    kinds = groups(service, project)
    yield from _floors(service, project, family)
    yield from _floors_of_groups(service, project, family)
    yield from _disks(service, project)
    yield from _volume_types(service, project)
    yield from _users(service, project, family)
    yield from _volumes_per_node(service, family, kinds)
    yield from _users_volumes(service, project, family, kinds)


def _floors(service: Json, project: Project, family: Family) -> Iterator[Finding]:
    flavor = project.flavor((service.get("cluster_control_plane") or {}).get("flavor"))
    if flavor is None or family is CAPI_HELM:  # whose own floor is higher
        return
    short = []
    if int(flavor["vcpus"]) < CONTROL_PLANE_CPUS:
        short.append(f"{flavor['vcpus']} VCPU (at least {CONTROL_PLANE_CPUS})")
    if int(flavor["ram"]) < CONTROL_PLANE_MEMORY:
        short.append(f"{flavor['ram']} MiB of memory (at least {CONTROL_PLANE_MEMORY})")
    if not short:
        return
    message = f"{flavor['name']} has {' and '.join(short)}: too little for a control plane"
    good = sorted(
        (f for f in project.flavors if f["vcpus"] >= CONTROL_PLANE_CPUS and f["ram"] >= CONTROL_PLANE_MEMORY),
        key=lambda f: (f["ram"], f["vcpus"]),
    )
    yield Finding("cluster_control_plane.flavor", message, f"write {good[0]['name']} or a larger one" if good else "")


def _floors_of_groups(service: Json, project: Project, family: Family) -> Iterator[Finding]:
    """magnum-capi-helm makes no cluster that has a node below its floor."""
    if family is not CAPI_HELM:
        return
    cpus, memory = CAPI_HELM_CPUS, CAPI_HELM_MEMORY
    good = sorted(
        (f for f in project.flavors if f["vcpus"] >= cpus and f["ram"] >= memory), key=lambda f: (f["ram"], f["vcpus"])
    )
    hint = f"write {good[0]['name']} or a larger one" if good else ""
    plane = service.get("cluster_control_plane") or {}
    given = [g for g in service.get("cluster_node_groups") or () if g.get("name")]
    wanted = [("cluster_control_plane.flavor", plane.get("flavor"))]
    wanted += [(f"cluster_node_groups[{g['name']}].flavor", g.get("flavor")) for g in given]
    for key, name in wanted:
        flavor = project.flavor(name)
        if flavor is None or (int(flavor["vcpus"]) >= cpus and int(flavor["ram"]) >= memory):
            continue
        has = f"{flavor['vcpus']} VCPU and {flavor['ram']} MiB of memory"
        message = f"{flavor['name']} has {has}: {family.title} refuses less than {cpus} and {memory}"
        yield Finding(key, message, hint)


def _disks(service: Json, project: Project) -> Iterator[Finding]:
    """Nova refuses an image on a disk that is smaller than it says it needs, and a flavor without one."""
    given = [g for g in service.get("cluster_node_groups") or () if g.get("name")]
    plane = service.get("cluster_control_plane") or {}
    of_cluster = cluster_volume(service, project)
    wanted = [("cluster_control_plane.flavor", plane.get("flavor"), of_cluster, None)]
    wanted += [
        (f"cluster_node_groups[{g['name']}].flavor", g.get("flavor"), boot_volume(g) or of_cluster, g.get("image"))
        for g in given
    ]
    for key, name, volume, own_image in wanted:
        flavor = project.flavor(name)
        if flavor is None:
            continue
        disk = volume or int(flavor["disk"])
        if volume and not of_cluster and not flavor["disk"]:
            yield Finding(
                key,
                f"{flavor['name']} has no disk, and for a further group Magnum looks at the boot volume of the "
                "cluster, which has none",
                "write another flavor"
                if project.cluster
                else f"give {DEFAULT_WORKER} a boot_volume too, or write another flavor",
            )
            continue
        image = named(project.images, own_image or service.get("cluster_image")) or {}
        what = f"a boot volume of {volume}" if volume else f"{flavor['name']} has a disk of {disk}"
        asked = "write a larger boot_volume.size" if volume else "give the group a boot_volume, or another flavor"
        if not disk:
            yield Finding(key, f"{flavor['name']} has no disk, so that servers need a boot volume", asked)
        elif disk < int(image.get("min_disk") or 0):
            yield Finding(key, f"{what} GiB, and image '{image['name']}' asks for {image['min_disk']}", asked)
        elif disk < DISK:
            message = f"{what} GiB: images and logs of a node soon fill less than {DISK}"
            yield Finding(key, message, asked, "warning")
        if int(flavor["ram"]) < int(image.get("min_ram") or 0):
            message = (
                f"{flavor['name']} has {flavor['ram']} MiB, and image '{image['name']}' asks for {image['min_ram']}"
            )
            yield Finding(key, message, "write a larger flavor")


def _volume_types(service: Json, project: Project) -> Iterator[Finding]:
    if "block-storage" not in project.services or "volume_types" in project.unread:
        return
    wanted = [("hub_storage.volume_type", (service.get("hub_storage") or {}).get("volume_type"))]
    for group in service.get("cluster_node_groups") or ():
        name = (group.get("boot_volume") or {}).get("type")
        wanted.append((f"cluster_node_groups[{group.get('name')}].boot_volume.type", name))
    for key, name in wanted:
        if name and name not in project.volume_types:
            yield missing(key, "volume type", name, project.cloud, project.volume_types)


def _users(service: Json, project: Project, family: Family) -> Iterator[Finding]:
    """What fits on no node, with the cloud's own sizes. Where the file states them, the files' layer has said so."""
    known = service.get("cluster_flavors_known") or {}
    sizes = {name: each for name, each in project.sizes().items() if name not in known}
    values = _comparable(service)
    for finding in fit(values, sizes, family.name):
        yield Finding(show_path(finding.path, values), finding.message, finding.hint, finding.severity)


def check_measured_fit(
    service: Json, sizes: Mapping[str, Json], measured: Mapping[str, Resources]
) -> Iterator[Finding]:
    """What of the profiles does not fit on live nodes. ``measured``: by group, what one has for users."""
    groups = [group for group in service.get("cluster_node_groups") or () if group.get("name") in measured]
    values = _comparable({**service, "cluster_node_groups": groups})
    for finding in fit(values, sizes, "", measured):
        yield Finding(show_path(finding.path, values), finding.message, finding.hint, finding.severity)


def _comparable(service: Json) -> Json:
    group = ("name", "enabled", "flavor", "gpus", "max", "count")
    profile = ("name", "enabled", "cpu", "cpu_guarantee", "memory", "memory_guarantee", "node_group", "placeholders")
    return {
        **service,
        "cluster_node_groups": _whole(service.get("cluster_node_groups"), group),
        "hub_profiles": _whole(service.get("hub_profiles"), profile),
    }


def _whole(things: Sequence[Json] | None, members: Sequence[str]) -> list[Json]:
    """Those of which every member is known."""
    return [thing for thing in things or () if all(member in thing for member in members)]


def users_per_node(service: Json, group: Group, family: Family) -> tuple[int, str]:
    """Most users on a node of a group, and the profile of which there can be so many."""
    room = allocatable({"vcpus": group.flavor["vcpus"], "memory": int(group.flavor["ram"]) * 1024**2})
    room = room.minus(usual_daemons(family.name, str(service.get("cluster_network_driver") or "")))
    node = Amount(room.cpu, room.memory, group.gpus, MAX_PODS - SYSTEM_PODS)
    best = (0, "")
    for profile in service.get("hub_profiles") or ():
        memory = profile.get("memory_guarantee") or profile.get("memory")
        if profile.get("node_group") != group.name or not memory or profile.get("cpu_guarantee") is None:
            continue
        user = Amount(round(float(profile["cpu_guarantee"]) * 1000), int(memory), int(profile.get("gpus") or 0), 1)
        best = max(best, (user.how_many(node)[0], str(profile.get("name") or "a profile")))
    return best


def _own_volumes(service: Json) -> bool:
    """Whether each user has a Cinder volume."""
    storage = service.get("hub_storage") or {}
    return storage.get("type") == "dynamic" and not storage.get("class_name")


def _volumes_per_node(service: Json, family: Family, kinds: list[Group]) -> Iterator[Finding]:
    if not _own_volumes(service):
        return
    room = VOLUMES_PER_SERVER - OWN_DISKS
    for kind in kinds:
        users, profile = users_per_node(service, kind, family)
        if users > room:
            message = (
                f"{users} users of {profile} fit on a node of {kind.name} by CPU and memory, and about {room} volumes "
                "can be attached to a server"
            )
            hint = "write a smaller flavor, or take an image with hw_disk_bus=scsi, whose servers take 256"
            yield Finding(f"cluster_node_groups[{kind.name}].flavor", message, hint, "warning")


def _users_volumes(service: Json, project: Project, family: Family, kinds: list[Group]) -> Iterator[Finding]:
    """Volumes stay when servers stop, so there are at least as many as users who work at the same time may have."""
    if not _own_volumes(service):
        return
    users = sum(users_per_node(service, kind, family)[0] * kind.most for kind in kinds)
    servers = int(service.get("volumes_of_a_user") or 1)
    each = -(-int((service.get("hub_storage") or {}).get("capacity") or 0) // 1024**3)
    having = f"users with {servers} servers" if servers > 1 else "users"
    volume_type = (service.get("hub_storage") or {}).get("volume_type")
    for quota, one, more in (("volumes", servers, 1), ("gigabytes", servers * each, hub_database(service))):
        for name in (quota, f"{quota}_{volume_type}"):
            limit = project.limits.get(name)
            if limit is None or limit.limit < 0 or not one or users * one + more + limit.others <= limit.limit:
                continue
            room = max(0, (limit.limit - limit.others - more) // one)
            of = f" of type {volume_type}" if name != quota else ""
            message = (
                f"the quota of {QUOTAS[quota].title}{of} is {limit.limit}, with room for {room} {having}, and {users} "
                "can work at the same time: the next one's server does not start"
            )
            ask = users * one + more + limit.others
            hint = f"ask for more ({QUOTAS[quota].command.format(ask)}), or lower the groups' max"
            yield Finding("hub_storage.capacity", message, hint, "warning")
