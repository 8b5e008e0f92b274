"""What module ``coe_nodes`` does."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..kubernetes_lists import lists
from .errors import ApiError, OperationFailedError
from .facts import is_ready, members
from .families import DEFAULT_WORKER
from .module import CLOUD_ERRORS, MagnumModule
from .nova import alive
from .shortage import sentence

Json = dict[str, Any]

UNTOLD: tuple[type[Exception], ...] = (*CLOUD_ERRORS, ApiError)
"""What is raised where Nova, or Magnum, does not tell why servers do not come."""

POLL = 3.0
"""Seconds between two looks."""

PATIENCE = 30.0
"""Seconds without any change after which a reason that Nova shows is believed: others may end servers meanwhile."""


@dataclass(frozen=True)
class Count:
    """Nodes of one group, as Kubernetes counts them, and how many there have to be at least."""

    name: str
    wanted: int
    present: int
    ready: int

    @property
    def short(self) -> bool:
        return self.ready < self.wanted

    @property
    def there(self) -> str:
        more = f", {self.present - self.ready} more are there" if self.present > self.ready else ""
        return f"{self.ready} of {self.wanted} nodes are ready{more}"


def counts(groups: Iterable[Mapping[str, Any]], nodes: Iterable[Mapping[str, Any]]) -> list[Count]:
    """One for each of ``groups`` ({name, least})."""
    live = list(nodes)
    found = []
    for group in groups:
        mine = members(live, group["name"])
        found.append(Count(group["name"], int(group["least"]), len(mine), sum(map(is_ready, mine))))
    return found


class NodesModule(MagnumModule):
    """Looks at Kubernetes' nodes until there are enough, or Nova shows why there will not be."""

    def act(self) -> Json:
        cluster = self.find_cluster(self.params["cluster"])
        if cluster is None or (self.check_mode and not cluster.get("api_address")):
            return {"changed": False, "nodes": [], "groups": []}
        nodes, short = self._wait(cluster)
        for text in short.values():
            self.warn(text)
        found = counts(self.params["groups"], nodes)
        if any(c.name == DEFAULT_WORKER and c.short and not c.ready for c in found):
            raise OperationFailedError(
                f"Cluster {cluster['name']} has no node that could run anything. {' '.join(short.values())} "
                "Run this again once the cause is gone."
            )
        groups = [
            {"name": c.name, "wanted": c.wanted, "present": c.present, "ready": c.ready, "why": short.get(c.name, "")}
            for c in found
        ]
        return {"changed": False, "nodes": nodes, "groups": groups}

    def _wait(self, cluster: Json) -> tuple[list[Json], dict[str, str]]:
        """The nodes, and a sentence on each group that has too few of them and is not waited for any more."""
        end = time.monotonic() + self.params["timeout"]
        since, before = time.monotonic(), None
        names: list[str] = []
        while True:
            nodes = self._nodes(cluster, end)
            found = counts(self.params["groups"], nodes)
            short = [count for count in found if count.short]
            if not short:
                return nodes, {}
            servers: list[Json] | None = None
            try:
                names = names or self._group_names(cluster)
                servers = self._nova.servers(cluster, names)
                why = self._why(short, servers)
                told = all(why.values())
            except UNTOLD as error:  # the next time it may answer
                untold = f"could not be asked ({' '.join(str(error).split())})"
                why, told = {count.name: [untold] for count in short}, False
            now = [sorted((n["metadata"]["name"], is_ready(n)) for n in nodes), servers]
            if now != before:
                since, before = time.monotonic(), now
            known = told and time.monotonic() - since > PATIENCE
            if known or time.monotonic() > end or not self._waits:
                return nodes, {c.name: sentence(c.name, c.there, why[c.name]) for c in short}
            listed = ", ".join(f"{c.name} {c.ready} of {c.wanted}" for c in short)
            self.progress.say(f"cluster {cluster['name']}: nodes ready as Kubernetes counts them: {listed}")
            time.sleep(POLL)

    @property
    def _waits(self) -> bool:
        return bool(self.params["wait"]) and not self.check_mode

    def _group_names(self, cluster: Json) -> list[str]:
        """Of all groups, those of others too: servers are told apart by them."""
        live = self.magnum.short_nodegroups(cluster["uuid"])
        return list(dict.fromkeys(group["name"] for group in (*self.params["groups"], *live)))

    def _why(self, short: Sequence[Count], servers: list[Json]) -> dict[str, list[str]]:
        """Nova's reasons for each group. A server that is still starting is no node, and has its share of the quota."""
        flavors = {group["name"]: group.get("flavor") for group in self.params["groups"]}
        there = {c.name: max(c.present, len(alive(servers, c.name))) for c in short}
        return {c.name: self._nova.why(c.name, flavors[c.name], c.wanted - there[c.name], servers) for c in short}

    def _nodes(self, cluster: Json, end: float) -> list[Json]:
        """Kubernetes' nodes; a server that does not answer is asked again until ``end`` where there is to be waited."""
        while True:
            try:
                with lists(self.params["kubeconfig"]) as kubernetes:
                    return kubernetes.get("/api/v1/nodes")
            except Exception as error:
                if time.monotonic() > end or not self._waits or not _passes(error):
                    text = " ".join(str(error).split())
                    raise OperationFailedError(
                        f"looking for the nodes of cluster {cluster['name']}: Kubernetes' API does not answer: {text}"
                    ) from error
            self.progress.say(f"cluster {cluster['name']}: Kubernetes' API does not answer; asked again")
            time.sleep(POLL)


def _passes(error: Exception) -> bool:
    """Whether the same request may well succeed soon: no answer, or a server that is just starting."""
    status = getattr(error, "status", None)
    return type(error).__module__.startswith("urllib3") or (isinstance(status, int) and status >= 500)
