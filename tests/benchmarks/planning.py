"""How long the plan's simulation takes: 10,000 users over a day, three profiles, placeholders, autoscaled nodes."""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / ".collections")]

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

_AnsibleCollectionFinder(paths=[str(ROOT / ".collections")])._install()

from ansible_collections.stfc.jupyterhub.plugins.module_utils.capacity.amount import Amount
from ansible_collections.stfc.jupyterhub.plugins.module_utils.simulation.arrivals import of_shapes
from ansible_collections.stfc.jupyterhub.plugins.module_utils.simulation.day import simulate
from ansible_collections.stfc.jupyterhub.plugins.module_utils.simulation.scenario import Group, Kind, Scenario, Timing

GIB = 2**30
USERS = 10_000


def scenario() -> Scenario:
    """Nodes of eight CPUs and 16 GiB, as many as are wanted."""
    group = Group("workers", Amount(7500, 15 * GIB, 0, 104, 25), 1, 2000, Amount(400, GIB, 0, 5, 1))
    sizes = {"default": 3 * GIB // 2, "large": 15 * GIB // 2, "middle": 3 * GIB}
    kinds = tuple(Kind(name, "workers", Amount(50, size, 0, 1, 1), 20) for name, size in sizes.items())
    return Scenario((group,), kinds, Timing(boot=600, image_pull=120, server_start=15, cull_timeout=3600))


def measure_plan() -> float:
    """Seconds of one run: arrivals drawn, everything simulated."""
    shares = {"default": 0.6, "large": 0.2, "middle": 0.2}
    shapes = [
        {"shape": "working_day", "users": round(USERS * share), "at": "08:00", "within": 36000, "profile": name}
        for name, share in shares.items()
    ]
    began = time.perf_counter()
    arrivals = of_shapes(shapes, "default", 0.1, random.Random(1))
    outcome = simulate(scenario(), arrivals, 1)
    seconds = time.perf_counter() - began
    if len(outcome.waits) != USERS:
        raise SystemExit(f"bench: {len(outcome.waits)} of {USERS} users were served")
    return seconds


if __name__ == "__main__":
    print(f"{measure_plan():.2f} s")
