# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Which of Octavia's providers a cluster's load balancers have. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .families import CLUSTER_API, Family

Json = dict[str, Any]

LABEL = "octavia_provider"
KEY = "cluster_octavia_provider"

UNSAID = "amphorav2"
"""What magnum-cluster-api tells the cloud provider without the label (0.38, ``utils.py``). Octavia has enabled only
``amphora`` and its alias ``octavia`` by default since the two drivers became one."""

INSTEAD = ("amphora", "octavia")


def with_provider(
    service: Mapping[str, Any],
    family: Family,
    cluster: Json | None,
    template: Json | None,
    providers: Sequence[str] | None,
) -> Mapping[str, Any]:
    """``service`` with the provider that has to be said. ``providers``: Octavia's, None where they could not be read.

    A cluster keeps the one that it was made with; ``template`` is the site's.
    """
    if said(service):
        return service
    if cluster is not None:
        return {**service, KEY: (cluster.get("labels") or {}).get(LABEL)}
    if not _unsaid_is_wrong(family, template, providers):
        return service
    return {**service, KEY: next((name for name in INSTEAD if name in (providers or ())), None)}


def problems(
    service: Mapping[str, Any],
    family: Family,
    cluster: Json | None,
    template: Json | None,
    providers: Sequence[str] | None,
) -> list[Json]:
    """A provider that Octavia does not have, and ranges for one that ignores them. Keys may be missing."""
    found: list[Json] = []
    given = said(service)
    key = KEY if service.get(KEY) else f"cluster_labels.{LABEL}"
    known = ", ".join(sorted(providers or ()))
    if given and providers is not None and given not in providers:
        problem = f"Octavia has no provider '{given}'; no load balancer would get an address"
        found.append({"key": key, "problem": problem, "hint": f"write one of {known}, or leave it out"})
    unsaid = not given and cluster is None and _unsaid_is_wrong(family, template, providers)
    if unsaid and not set(INSTEAD) & set(providers or ()):
        problem = f"is missing: {family.title} would ask for {UNSAID}, which this Octavia does not have"
        found.append({"key": KEY, "problem": problem, "hint": f"write one of {known}"})
    labels = (cluster or template or {}).get("labels") or {}
    if not given and labels.get(LABEL) == "ovn":
        ranges = {
            "hub_address.allowed_cidrs": (service.get("hub_address") or {}).get("allowed_cidrs"),
            "cluster_api_allowed_cidrs": service.get("cluster_api_allowed_cidrs"),
        }
        whose = "the cluster has" if cluster else "the template gives it"
        problem = f"{whose} Octavia's provider ovn, which ignores ranges: everybody would get in"
        found += [{"key": key, "problem": problem, "hint": "leave them out"} for key, given in ranges.items() if given]
    return found


def said(service: Mapping[str, Any]) -> str:
    """The provider that the file names, "" for none."""
    return str(service.get(KEY) or (service.get("cluster_labels") or {}).get(LABEL) or "")


def _unsaid_is_wrong(family: Family, template: Json | None, providers: Sequence[str] | None) -> bool:
    """Whether a cluster whose labels name none would get one that is not there."""
    if family is not CLUSTER_API or not providers or UNSAID in providers:
        return False
    return not ((template or {}).get("labels") or {}).get(LABEL)
