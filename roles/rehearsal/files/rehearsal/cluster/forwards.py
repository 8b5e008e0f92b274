"""Ports of 127.0.0.1 that lead to Services of type LoadBalancer.

The addresses of balancers exist only in Neutron; the relay carries a host port to each of a Service's ports instead.
``<state>/forwards.json`` lists them for everybody, ``clusters/<uuid>/forwards.json`` one cluster's for its relay:

    {"172.24.4.17": {"ports": {"80": 20010}, "targets": {"80": "10.96.3.4:80"},
                     "namespace": "jupyterhub", "service": "proxy-public", "cluster": "<uuid>"}}
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterable
from typing import Any

from rehearsal.cluster.layout import ClusterDir, read_json, write_json
from rehearsal.settings import FORWARD_PORTS, Settings

HUB_SERVICE = "proxy-public"
"""The chart's Service that is the hub's front door: it gets the fixed ports."""

HUB_PORTS = {80: "hub-http", 443: "hub-https"}

Entry = dict[str, Any]


def publish(cluster: ClusterDir, entries: dict[str, Entry]) -> dict[str, Entry]:
    """Give each entry of this cluster its host ports and write both files; returns them with ``ports`` filled in.

    ``entries`` by address, with ``targets``, ``namespace`` and ``service``. A port that a Service has, it keeps.
    """
    settings = cluster.settings
    path = settings.state / "forwards.json"
    with open(settings.state / ".forwards.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before: dict[str, Entry] = read_json(path, {})
        others = {address: entry for address, entry in before.items() if entry["cluster"] != cluster.uuid}
        mine: dict[str, Entry] = {}
        for address, entry in sorted(entries.items()):
            kept = _kept(before, entry, cluster.uuid)
            # what the others of this cluster have is theirs, whether or not their turn has come
            reserved = [one for one in before.values() if not _same(one, entry, cluster.uuid) and _lives(one, entries)]
            taken = set(_ports([*others.values(), *mine.values(), *reserved]))
            ports = assign(settings, entry["service"], entry["targets"], kept, taken)
            mine[address] = {**entry, "ports": ports, "cluster": cluster.uuid}
        after = {**others, **mine}
        if after != before:
            write_json(path, after)
        if read_json(cluster.forwards, {}) != mine:
            write_json(cluster.forwards, mine)
    return mine


def assign(
    settings: Settings, service: str, targets: Iterable[str], kept: dict[str, int], taken: set[int]
) -> dict[str, int]:
    """Host ports for a Service's ports: those it had, the hub's own, or free ones. OSError when there are none."""
    result: dict[str, int] = {}
    taken = set(taken)
    for port in sorted(targets, key=int):
        fixed = settings.port(HUB_PORTS[int(port)]) if service == HUB_SERVICE and int(port) in HUB_PORTS else None
        wishes = [kept.get(port), fixed, *(settings.base_port + offset for offset in FORWARD_PORTS)]
        free = next((wish for wish in wishes if wish is not None and wish not in taken), None)
        if free is None:
            raise OSError(f"all {len(FORWARD_PORTS)} ports for load balancers are taken; delete a Service first")
        result[port] = free
        taken.add(free)
    return result


def withdraw(cluster: ClusterDir) -> None:
    """Take all of this cluster's forwards away."""
    publish(cluster, {})


def _kept(before: dict[str, Entry], entry: Entry, cluster: str) -> dict[str, int]:
    """The host ports that the Service of ``entry`` has already."""
    return next((old["ports"] for old in before.values() if _same(old, entry, cluster)), {})


def _same(old: Entry, new: Entry, cluster: str) -> bool:
    return (old["cluster"], old["namespace"], old["service"]) == (cluster, new["namespace"], new["service"])


def _lives(old: Entry, entries: dict[str, Entry]) -> bool:
    return any(_same(old, entry, old["cluster"]) for entry in entries.values())


def _ports(entries: Iterable[Entry]) -> Iterable[int]:
    return (port for entry in entries for port in entry["ports"].values())
