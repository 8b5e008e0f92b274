"""Which microversion of the Magnum API has which feature.

From Magnum's own ``rest_api_version_history.rst``; the releases are the first whose ``versions.py`` offers the
microversion.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import CloudTooOldError

Version = tuple[int, int]


@dataclass(frozen=True)
class Feature:
    """``name`` reads as the subject of a sentence in the plural."""

    name: str
    version: Version
    release: str


FEATURES: dict[str, Feature] = {
    "basic": Feature("clusters and templates", (1, 1), "Newton"),
    "ca_rotation": Feature("rotation of a cluster's CA", (1, 5), "Ocata"),
    "resize": Feature("cluster resizes", (1, 7), "Stein"),
    "upgrade": Feature("cluster upgrades", (1, 8), "Train"),
    "nodegroups": Feature("node groups", (1, 9), "Train"),
    "zero_nodes": Feature("node groups with no nodes", (1, 10), "Wallaby"),
    "node_labels": Feature("node labels and taints of node groups", (1, 14), "2026.2"),
}

FIELDS: dict[str, tuple[str, str]] = {
    "merge_labels": ("merging of labels", "Victoria"),
    "master_lb_enabled": ("a choice of the load balancer for each cluster", "Victoria"),
    "floating_ip_enabled": ("a choice of floating IPs for each cluster", "Train"),
    "fixed_network": ("a choice of the network for each cluster", "Train"),
    "fixed_subnet": ("a choice of the subnet for each cluster", "Train"),
    "hidden": ("hidden cluster templates", "Stein"),
    "tags": ("tags of cluster templates", "Wallaby"),
    "driver": ("a choice of the driver for each cluster template", "2024.1"),
}
"""Fields that came without a new microversion, so that only the cloud's refusal tells: what they are, and the first
release that has them (from the history of Magnum's code)."""

NEWEST: Version = (1, 14)
"""The newest microversion whose answers this code knows."""


def parse(text: str) -> Version:
    """``1.9`` (or ``container-infra 1.9``) as ``(1, 9)``. Raises ValueError."""
    major, minor = text.split()[-1].split(".")
    return int(major), int(minor)


def missing_field(answer: str) -> str | None:
    """A sentence on the field that the cloud does not know, when that is what ``answer`` (an error's text) says."""
    match = re.search(r"(?:Unknown attribute(?: for argument \w+)?: |Adding a new attribute /)(\w+)", answer)
    if match is None or match[1] not in FIELDS:
        return None
    what, release = FIELDS[match[1]]
    return f"This cloud's Magnum has no {what} ({match[1]}): that came with release {release}. Leave it out."


def show(version: Version) -> str:
    return f"{version[0]}.{version[1]}"


def negotiate(offered: Version, *features: str) -> str:
    """The microversion to ask for so that all ``features`` are there: the newest that both sides know.

    Raises CloudTooOldError, naming the feature, the microversion and the release that has it.
    """
    for name in features:
        feature = FEATURES[name]
        if offered < feature.version:
            raise CloudTooOldError(
                f"This cloud's Magnum has no {feature.name}: that came with API {show(feature.version)} "
                f"(release {feature.release}), the cloud offers up to {show(offered)}. "
                f"Ask the cloud's operators for a newer Magnum, or do without.",
                feature=name,
                needed=show(feature.version),
                offered=show(offered),
            )
    return show(min(offered, NEWEST))
