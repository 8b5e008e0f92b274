# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Whether the credentials suffice, and whether the cloud has the services that are needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..magnum.errors import NotOwnerError
from .finding import Finding
from .project import Project

Json = Mapping[str, Any]

WORKING_ROLES = ("member", "admin", "_member_")
"""Keystone's roles that may make things (its default roles; ``_member_`` is from before them)."""


class Needed(NamedTuple):
    """A service: its type in the catalog, its name, what cannot be without it."""

    type: str
    name: str
    what: str


ALWAYS = (
    Needed("compute", "Nova", "nodes"),
    Needed("image", "Glance", "the nodes' image"),
    Needed("network", "Neutron", "networks"),
    Needed("load-balancer", "Octavia", "the addresses of the API and of the hub"),
)


def check_access(service: Json, project: Project) -> Iterator[Finding]:
    """Roles, and services that are missing from the catalog. Magnum's absence is told when it is first asked."""
    if project.roles and not set(project.roles) & set(WORKING_ROLES):
        roles = ", ".join(sorted(project.roles))
        message = f"its credentials have the roles {roles} in the project, and nothing can be made with these"
        yield Finding("openstack_cloud", message, "make an application credential with the role member")
    if not project.services:
        return
    for needed in ALWAYS:
        if needed.type not in project.services:
            message = f"this cloud has no {needed.name} ({needed.type}) in its catalog, which {needed.what} need"
            yield Finding("openstack_cloud", message, "check region_name and interface, or ask the cloud's operators")
    storage = service.get("hub_storage") or {}
    volumes = storage.get("type") == "dynamic" and not storage.get("class_name")
    boots = any((g.get("boot_volume") or {}).get("size") for g in service.get("cluster_node_groups") or ())
    if (volumes or boots) and "block-storage" not in project.services:
        key = "hub_storage.type" if volumes else "cluster_node_groups"
        what = "users' volumes" if volumes else "boot volumes"
        message = f"this cloud has no Cinder (block-storage) in its catalog, which {what} need"
        yield Finding(key, message, "write another class_name or type" if volumes else "leave boot_volume out")


def refused(name: str, what: str, role: str = "") -> Finding:
    """A service that answers 403 to a look."""
    more = f" (in many clouds: {role})" if role else ""
    message = f"its credentials may not read {what} from {name}"
    return Finding("openstack_cloud", message, f"ask for a role that may{more}")


def not_owner(error: NotOwnerError) -> Finding:
    """A cluster that another user has made, and no kubeconfig for it."""
    return Finding("cluster_kubeconfig", error.problem, error.hint)
