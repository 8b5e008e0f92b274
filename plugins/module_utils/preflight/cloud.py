# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The cloud layer: every check of what was read, and what could not be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..magnum.families import Family
from .access import check_access
from .address import check_address
from .finding import Finding
from .machines import check_machines
from .project import Project
from .quotas import check_quotas

ABSENT = {
    "dns": "the DNS zone, because this cloud has no Designate in its catalog",
    "block-storage": "volumes, because this cloud has no Cinder in its catalog",
    "load-balancer": "load balancers, because this cloud has no Octavia in its catalog",
}
"""Notes on services that a cloud may lack."""


def check_project(service: Mapping[str, Any], project: Project, family: Family) -> list[Finding]:
    """Findings beyond names and Magnum's objects. Keys that ``service`` lacks are not looked at."""
    return [
        *check_access(service, project),
        *check_machines(service, project, family),
        *check_quotas(service, project, family),
        *check_address(service, project),
    ]


def notes(project: Project) -> list[str]:
    """What was not checked, and why."""
    absent = [text for kind, text in ABSENT.items() if project.services and kind not in project.services]
    return [*absent, *(f"{name.replace('_', ' ')}: {reason}" for name, reason in sorted(project.unread.items()))]
