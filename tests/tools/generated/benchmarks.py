"""``docs/benchmarks.md`` from the history that ``make bench ARGS=--record`` keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HEAD = """# What it costs

Written by `make bench ARGS=--record`, on two cores, with everything on one machine: the cloud, the cluster and the
playbook share them. A ratio is what was measured over what is wanted; 1 or less meets it.

*The floor* (`tests/benchmarks/floor.py`) is a program that reads with the fewest calls what a deployment compares. A
deployment that changes nothing may take three times its seconds, Ansible's own start included, and 1.3 times its calls.
*The straight way* (`tests/benchmarks/straight.yml`) is the playbook that one would write from the command lines of
OpenStack and from upstream's modules; ours is to take half its time. Calls are counted on the wire: at a relay in front
of the OpenStack services, and in the audit log of the Kubernetes API. *More a request* holds every request to OpenStack
back for so long, since the rehearsal answers within hundredths of a second and busy clouds do not.
"""


def page(history: Path) -> str:
    """The page; without a history, its introduction."""
    runs: list[dict[str, Any]] = json.loads(history.read_text()) if history.exists() else []
    if not runs:
        return HEAD
    last = runs[-1]
    names = list(last["ratios"])
    shown = runs[-4:]
    parts = [HEAD, "## Ratios", ""]
    parts += _table(
        ["", *(run["date"] for run in shown)],
        [[name, *(_ratio(run["ratios"].get(name)) for run in shown)] for name in names],
    )
    parts += ["", "## A deployment that changes nothing, phase by phase", ""]
    phases = [[phase["name"], f"{phase['seconds']:.1f} s", str(phase["calls"])] for phase in last["phases"]]
    parts += _table(["phase", "time", "calls"], phases)
    parts += ["", "## Beside the floor and the straight way", ""]
    costs = [
        [who, f"{one['seconds']:.1f} s", one["openstack"], one["kubernetes"]] for who, one in last["against"].items()
    ]
    parts += _table(["", "time", "calls to OpenStack", "calls to Kubernetes"], costs)
    parts += ["", "## As the cluster grows", ""]
    sizes = [
        [one["node_groups"], one["nodes"], f"{one['seconds']:.1f} s", one["openstack"], one["kubernetes"]]
        for one in last["scale"]
    ]
    parts += _table(["node groups", "nodes", "time", "calls to OpenStack", "calls to Kubernetes"], sizes)
    return "\n".join(parts) + "\n"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _table(head: list[str], rows: list[list[Any]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(map(str, line))} |" for line in lines]
