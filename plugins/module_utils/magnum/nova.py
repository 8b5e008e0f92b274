"""A cluster's servers as Nova shows them: what is there where Magnum's driver does not tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..preflight.project import Owner
from ..preflight.reading import answer_of
from .shortage import reasons

Json = dict[str, Any]


class Nova:
    """Nova of one connection. Raises the SDK's exceptions."""

    def __init__(self, conn: Any) -> None:
        self._conn = conn
        self._flavors: dict[str, Json] = {}

    def servers(self, cluster: Mapping[str, Any], groups: Iterable[str]) -> list[Json]:
        """{name, status, fault, groups} of the cluster's servers, by name; ``groups``: those whose it may be."""
        owner = Owner(cluster, list(groups))
        found = [
            {
                "name": str(s.name),
                "status": s.status,
                "fault": (s.fault or {}).get("message") or "",
                "groups": owner.groups_of(str(s.name)),
            }
            for s in self._conn.compute.servers()
            if owner.owns(s.name, s.metadata)
        ]
        return sorted(found, key=lambda server: str(server["name"]))

    def why(self, group: str, flavor: str | None, missing: int, servers: Sequence[Json]) -> list[str]:
        """Why ``missing`` servers of a group do not come; empty where nothing shows it, or one is being made."""
        mine = of_group(servers, group)
        if missing < 1 or any(server["status"] == "BUILD" for server in mine):
            return []
        limits = answer_of(self._conn.compute, "/limits")["limits"]["absolute"]
        return reasons(mine, limits, self._flavor(flavor), missing)

    def _flavor(self, name: str | None) -> Json:
        if name and name not in self._flavors:
            found = self._conn.compute.find_flavor(name, ignore_missing=True)
            self._flavors[name] = {"name": found.name, "vcpus": found.vcpus, "ram": found.ram} if found else {}
        return self._flavors.get(name or "", {})


def of_group(servers: Iterable[Json], group: str) -> list[Json]:
    """Those that are, or may be, of a node group."""
    return [server for server in servers if group in server["groups"]]


def alive(servers: Iterable[Json], group: str) -> list[Json]:
    """Those of a node group that may still become nodes."""
    return [server for server in of_group(servers, group) if server["status"] != "ERROR"]
