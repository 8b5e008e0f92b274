"""What a cluster's autoscaler does: it changes the number of a group's machines, and Magnum does not know of it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "roles/rehearsal/files"))

from rehearsal.cluster.desired import Desired
from rehearsal.cluster.layout import ClusterDir
from rehearsal.settings import Settings


def scale(state: Path, cluster: str, group: str, count: int) -> None:
    """Have a node group of the cluster with this UUID so many machines."""
    place = ClusterDir(Settings.load(state), cluster)
    desired = Desired.load(place)
    assert desired is not None
    desired.groups[group].count = count
    desired.generation += 1
    desired.save(place)
