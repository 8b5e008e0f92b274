# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The roles that take the keys of the files as their variables, and what they take besides."""

from __future__ import annotations

import dataclasses

from .jupyterhub import JUPYTERHUB
from .keys import File, Key
from .openstack import OPENSTACK
from .plan import PLAN


@dataclasses.dataclass(frozen=True)
class EntryPoint:
    """Another way into a role (``tasks_from``): the file's ``keys`` that it reads, and ``inputs`` of its own."""

    name: str
    short_description: str
    description: tuple[str, ...]
    keys: tuple[str, ...]
    inputs: tuple[Key, ...]


@dataclasses.dataclass(frozen=True)
class Role:
    """A role whose argument specification and defaults are written from the model.

    ``inputs`` are variables that no file has: what another role leaves, and switches for developers.
    ``entry_points`` are those beside ``main``. ``written``: its variables are in no file and reach it as people write
    them (``10m``); it checks and converts them itself, with all problems in one report.
    """

    name: str
    file: File
    short_description: str
    description: tuple[str, ...]
    inputs: tuple[Key, ...] = ()
    entry_points: tuple[EntryPoint, ...] = ()
    written: bool = False


LOADED = (
    "The action C(load_service) sets all of these from the two files of a service. Without it, sizes and durations are "
    "integers of bytes and seconds; sizes inside other options may have a unit too (V(1.5G), counted in 1024)."
)

CLUSTER = Role(
    name="cluster",
    file=OPENSTACK,
    short_description="Make a Magnum cluster what its description says",
    description=("Template, cluster, node groups and kubeconfig. Leaves the fact C(cluster_facts).", LOADED),
    entry_points=(
        EntryPoint(
            name="destroy",
            short_description="Delete a cluster with what it made, keeping users' volumes",
            description=(
                "Services of type LoadBalancer go first, then the cluster, its templates and its kubeconfig.",
                "Volumes are never removed; they are listed at the end.",
            ),
            keys=(
                "openstack_cloud",
                "cluster_name",
                "cluster_kubeconfig",
                "cluster_lock_timeout",
                "cluster_delete_timeout",
            ),
            inputs=(
                Key(
                    "cluster_destroy_confirm",
                    "string",
                    "The cluster's name once more. Nothing is done without it.",
                    default="",
                ),
                Key(
                    "cluster_destroy_unreachable",
                    "boolean",
                    "Where the API server does not answer, remove its load balancers through Octavia, by name.",
                    default=False,
                ),
            ),
        ),
    ),
)

HUB = Role(
    name="hub",
    file=JUPYTERHUB,
    short_description="Make a JupyterHub what its description says",
    description=("Release, storage class, placeholders, address. Leaves the fact C(hub_facts).", LOADED),
    inputs=(
        Key(
            "cluster_facts",
            "mapping",
            "The cluster, as the role C(cluster) leaves it: C(kubeconfig), and C(node_groups) with selector, taints, "
            "flavor and allocatable of each.",
        ),
        Key(
            "hub_no_log",
            "boolean",
            "Hide what holds secrets. V(false) shows them in the output, for developers.",
            default=True,
        ),
    ),
)

PLANNING = Role(
    name="plan",
    file=PLAN,
    short_description="Say what a deployment would do, how many users fit, and how long they will wait",
    description=(
        "Reads the two files, and the cloud and the cluster where they can be reached; changes nothing.",
        "Simulates a day of users, and writes a summary, JSON and one page of HTML.",
        "All variables are checked together, and every problem is named in one report.",
    ),
    written=True,
)

ROLES = (CLUSTER, HUB, PLANNING)
