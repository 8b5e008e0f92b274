"""Which microversion of the Magnum API has which feature.

From Magnum's own ``rest_api_version_history.rst``; the releases are the first that ship the microversion.
"""

from __future__ import annotations

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
    "resize": Feature("cluster resizes", (1, 7), "Stein"),
    "upgrade": Feature("cluster upgrades", (1, 8), "Train"),
    "nodegroups": Feature("node groups", (1, 9), "Train"),
    "zero_nodes": Feature("node groups with no nodes", (1, 10), "Ussuri"),
    "node_labels": Feature("node labels and taints of node groups", (1, 14), "2026.2"),
}

NEWEST: Version = (1, 14)
"""The newest microversion whose answers this code knows."""


def parse(text: str) -> Version:
    """``1.9`` (or ``container-infra 1.9``) as ``(1, 9)``. Raises ValueError."""
    major, minor = text.split()[-1].split(".")
    return int(major), int(minor)


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
                f"This cloud's Magnum has no {feature.name}: they came with API {show(feature.version)} "
                f"(release {feature.release}), the cloud offers up to {show(offered)}. "
                f"Ask the cloud's operators for a newer Magnum, or do without.",
                feature=name,
                needed=show(feature.version),
                offered=show(offered),
            )
    return show(min(offered, NEWEST))
