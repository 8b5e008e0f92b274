# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The closing summary of a deployment: as data, and as text for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_HUB = ("url", "address", "certificate", "dns_record", "namespace", "release", "revision", "values_sha256")

RUNS = "rehearsal.stfc.ac.uk/runs"
"""Annotation by which a rehearsal says whether a pod is real or played."""


def count(
    nodes: list[dict[str, Any]], pods: list[dict[str, Any]], node_groups: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """``node_groups``: {nodes, ready} by the names of ``node_groups``, which have a ``selector`` each; ``pods``:
    {real, played}, or None outside of a rehearsal. ``nodes`` and ``pods`` are Kubernetes objects.
    """
    members = {name: [n for n in nodes if _selected(n, group["selector"])] for name, group in node_groups.items()}
    return {
        "node_groups": {name: {"nodes": len(of), "ready": sum(map(_ready, of))} for name, of in members.items()},
        "pods": _real_and_played(pods),
    }


def summarise(cluster: dict[str, Any], hub: dict[str, Any], users: list[dict[str, str]]) -> dict[str, Any]:
    """The summary as data.

    ``cluster`` and ``hub`` are the facts that the roles leave, ``users`` (``name``, ``password``, ``role``) those of a
    rehearsal's login provider. The keys are a contract: see the README.
    """
    counted = hub.get("node_groups") or {}
    groups = [
        {"name": name, "flavor": group["flavor"]["name"], **counted.get(name, {"nodes": 0, "ready": 0})}
        for name, group in (cluster.get("node_groups") or {}).items()
    ]
    return {
        "chart": hub.get("chart"),
        "kubernetes_version": cluster.get("kubernetes_version"),
        "cluster": {key: cluster.get(key) for key in ("name", "uuid", "status", "family")},
        "node_groups": groups,
        "hub": {key: hub.get(key) for key in _HUB},
        "placeholders": hub.get("placeholders", []),
        "pods": hub.get("pods"),
        "users": users,
    }


def render(summary: dict[str, Any], profiles: list[dict[str, Any]]) -> str:
    """The summary as text of about a screen. Passwords are shown: they are a rehearsal's."""
    chart, hub, cluster = summary["chart"] or {}, summary["hub"], summary["cluster"]
    rows = [
        ("Address", hub["url"] or "none yet"),
        *_https(hub),
        ("Chart", f"JupyterHub {chart.get('version')}" if chart else "not released"),
        ("Cluster", f"{cluster['name']}, {cluster['status']}, Kubernetes {summary['kubernetes_version']}"),
    ]
    for group in summary["node_groups"]:
        rows.append(("Node group", f"{group['name']}: {group['ready']} of {group['nodes']} ready, {group['flavor']}"))
    waiting = {item["profile"]: item["replicas"] for item in summary["placeholders"]}
    for profile in profiles:
        kept = waiting.get(profile["name"], 0)
        spare = f", {kept} placeholder{'' if kept == 1 else 's'}" if kept else ""
        name = profile.get("display_name") or profile["name"]
        size = f"{profile['cpu']:g} CPU, {profile['memory'] / 2**30:g} GiB"
        rows.append(("Instance", f"{name}: {size}{spare}"))
    if pods := summary["pods"]:
        rows.append(("Pods", f"{pods['real']} run for real, {pods['played']} are played"))
    for user in summary["users"]:
        rows.append(("Log in as", f"{user['name']}  {user['password']}  ({user['role']})"))
    rows.append(("Next", "edit the two files and run the same command again; look around with helm and kubectl"))
    lines = [f"{title:<11} {text}" for title, text in rows]
    if chart.get("stand_in"):
        lines += [
            "",
            "This is NOT the real JupyterHub chart: its repository could not be reached, and a small stand-in took its",
            "place. Give the real one with JUPYTERHUB_CHART=DIRECTORY.",
        ]
    return "\n".join(lines)


def _https(hub: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is missing for HTTPS, and what to do for it."""
    if hub.get("certificate") != "none":
        return []
    first = f"set the DNS record {hub['dns_record']}, then " if hub.get("dns_record") else ""
    return [("HTTPS", f"not yet, there is no certificate: {first}run this again")]


def _selected(node: dict[str, Any], selector: Mapping[str, str]) -> bool:
    labels = node["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in selector.items())


def _ready(node: dict[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions") or []
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def _real_and_played(pods: list[dict[str, Any]]) -> dict[str, int] | None:
    marks = [(pod["metadata"].get("annotations") or {}).get(RUNS) for pod in pods]
    if not any(marks):
        return None
    return {"real": marks.count("real"), "played": marks.count("played")}
