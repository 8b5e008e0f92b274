"""Ports of 127.0.0.1 for the clusters' API servers, from the rehearsal's block."""

from __future__ import annotations

from rehearsal.cluster.layout import ClusterDir, folder, read_json
from rehearsal.settings import CLUSTER_PORTS, Settings


def api_port(settings: Settings, uuid: str) -> int:
    """The cluster's port: the one that it has, or a free one. OSError when all are taken."""
    taken = {}
    for path in folder(settings).glob("*/cluster.json"):
        facts = read_json(path, {})
        taken[facts.get("uuid")] = facts.get("api_port")
    if uuid in taken:
        return int(taken[uuid])
    for offset in CLUSTER_PORTS:
        port = settings.base_port + offset
        if port not in taken.values():
            return port
    raise OSError(f"all {len(CLUSTER_PORTS)} ports for clusters are taken; delete a cluster first")


def address(cluster: ClusterDir) -> str:
    """Where the API server is reached on this machine."""
    return f"https://127.0.0.1:{cluster.facts()['api_port']}"
