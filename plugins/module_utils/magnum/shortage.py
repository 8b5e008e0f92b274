"""Why servers of a cluster do not come: what Nova shows of them, and of the project's quotas. Pure functions.

A driver on Cluster API never tells: it tries again and again, and Magnum's status stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]

QUOTAS = (
    ("instances", "maxTotalInstances", "totalInstancesUsed"),
    ("cores", "maxTotalCores", "totalCoresUsed"),
    ("ram", "maxTotalRAMSize", "totalRAMUsed"),
)
"""Nova's name of each quota, and the members of its ``GET /limits`` that tell limit and use."""


def reasons(servers: Iterable[Json], limits: Json, flavor: Json, missing: int) -> list[str]:
    """Why ``missing`` servers of a flavor ({name, vcpus, ram in MiB}) do not come, as Nova has it; empty: no reason.

    ``servers``: {name, status, fault} of those that there are; ``limits``: ``GET /limits``, its member ``absolute``.
    """
    found = []
    for server in servers:
        if server.get("status") == "ERROR":
            found.append(f"server {server['name']} is in ERROR: {server.get('fault') or 'Nova gives no reason'}")
    takes = {"instances": 1, "cores": int(flavor.get("vcpus") or 0), "ram": int(flavor.get("ram") or 0)}
    for name, limit_key, used_key in QUOTAS:
        limit, used = limits.get(limit_key), limits.get(used_key)
        if limit is None or used is None or int(limit) < 0 or int(used) + takes[name] <= int(limit):
            continue
        more = f", {takes[name] * missing} for the {missing} that are missing" if missing > 1 else ""
        found.append(
            f"the quota of {name} is {limit}, {used} are used, and one more {flavor.get('name')} takes "
            f"{takes[name]}{more}"
        )
    return found


def sentence(name: str, there: str, why: Sequence[str]) -> str:
    """What to say of a node group that has too few nodes; ``there``: what is asked for, and what is there."""
    advice = ""
    if any(reason.startswith("the quota of ") for reason in why):
        advice = " Ask the cloud's operators for a higher quota, or ask for fewer or smaller nodes."
    cause = "; ".join(why) or "Nova shows nothing that keeps them"
    return f"Node group {name}: {there}. Nova: {cause}.{advice}"
