# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The answer to somebody who asks for a place for a group: does it fit, what to change, what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..capacity.amount import Amount
from ..quantity import format_size
from ..simulation.scenario import Kind
from .rooms import Room
from .settings import Settings

Json = dict[str, Any]

WORKING_HOURS = 8 * 21
"""Hours of a month of working days."""

MUCH_MORE = 1.25
"""A profile with up to so many times the memory asked for serves as it is."""


def answer(
    service: Mapping[str, Any],
    settings: Settings,
    there: Mapping[str, Room],
    wanted: Mapping[str, Kind],
    plan: Mapping[str, Any],
    prices: Mapping[str, float],
) -> Json:
    """What is said to ``plan_new_group``: {fits, node_group, nodes, change, profile, cost, text}.

    All users of the group work at the same time, on top of the busiest moment of the simulated day.
    """
    asked = settings["new_group"]
    options = [
        found
        for room in there.values()
        if room.node is not None and (found := _option(service, asked, room, wanted, plan, prices))
    ]
    result: Json = {"name": asked["name"], "users": asked["users"], "memory_bytes": asked["memory"]}
    each = f"{format_size(asked['memory'])} of memory" + (f" and {asked['gpus']} GPUs" if asked["gpus"] else "")
    if not options:
        sizes = [room.free.memory for room in there.values() if room.node is not None]
        most = f"; the largest has {format_size(max(sizes) // 2**20 * 2**20)} for users" if sizes else ""
        return result | {
            "fits": False if sizes else None,
            "change": [],
            "text": f"{asked['name']}: no node of any group holds a server with {each}{most}. Add a node group with a "
            f"larger flavor to cluster_node_groups."
            if sizes
            else f"{asked['name']}: cannot be answered, because the flavors' sizes are not known.",
        }
    best = min(options, key=lambda each: (not each["fits"], each["rank"], each["nodes"]))
    del best["rank"]
    return result | best | {"text": _text(asked, each, best)}


def _option(
    service: Mapping[str, Any],
    asked: Mapping[str, Any],
    room: Room,
    wanted: Mapping[str, Kind],
    plan: Mapping[str, Any],
    prices: Mapping[str, float],
) -> Json | None:
    """What the request means for one node group; None where a server fits on none of its nodes."""
    if bool(room.free.gpu) != bool(asked["gpus"]):
        return None
    guarantee = next(profile["cpu_guarantee"] for profile in service["hub_profiles"] if profile["default"])
    volumes = 1 if service["hub_storage"]["type"] == "dynamic" else 0
    profile = _profile(service, asked, room)
    if profile:
        one = wanted[profile].user
    else:
        one = Amount(round(guarantee * 1000), asked["memory"], asked["gpus"], 1, volumes)
    each, limit = one.how_many(room.free)
    if not each:
        return None
    nodes = -(-asked["users"] // each)
    simulated = (plan.get("simulation") or {}).get("groups", {}).get(room.name)
    busiest = simulated["peak_nodes"] if simulated else room.low
    total = busiest + nodes
    fits = total <= room.high
    change = []
    if not fits:
        key = "count" if room.fixed else "max"
        change.append({"key": f"cluster_node_groups[{room.name}].{key}", "from": room.high, "to": total})
    if not profile:
        new = {"name": _name(asked["name"]), "cpu": asked["cpu"], "memory": format_size(asked["memory"])}
        new |= {"node_group": room.name} | ({"gpus": asked["gpus"]} if asked["gpus"] else {})
        change.append({"key": "hub_profiles", "from": None, "to": new})
    price = prices.get(room.flavor)
    return {
        "fits": fits,
        "node_group": room.name,
        "flavor": room.flavor,
        "profile": profile,
        "users_per_node": each,
        "limited_by": limit,
        "nodes": nodes,
        "nodes_at_busiest_moment": busiest,
        "max": room.high,
        "change": change,
        "cost": None
        if price is None
        else {"hour": round(nodes * price, 4), "month_of_working_hours": round(nodes * price * WORKING_HOURS, 2)},
        "rank": nodes * price if price is not None else 0,
    }


def _profile(service: Mapping[str, Any], asked: Mapping[str, Any], room: Room) -> str | None:
    """The smallest profile on offer that gives what is asked for without giving much more."""
    fitting = [
        profile
        for profile in service["hub_profiles"]
        if profile["node_group"] == room.name
        and profile["gpus"] == asked["gpus"]
        and profile["cpu"] >= asked["cpu"]
        and asked["memory"] <= profile["memory"] <= asked["memory"] * MUCH_MORE
    ]
    return min(fitting, key=lambda profile: profile["memory"])["name"] if fitting else None


def _name(group: str) -> str:
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in group.lower())
    return "-".join(part for part in kept.split("-") if part)[:35] or "group"


def _text(asked: Mapping[str, Any], each: str, best: Mapping[str, Any]) -> str:
    count = f"{best['nodes']} node{'s' * (best['nodes'] != 1)}"
    words = [
        f"{asked['name']}: {asked['users']} users with {each} each {'fit' if best['fits'] else 'do not fit yet'}. "
        f"Working at the same time they need {count} of {best['node_group']} ({best['users_per_node']} users a node, "
        f"limited by {best['limited_by']}) on top of the {best['nodes_at_busiest_moment']} of the busiest "
        f"moment; its most is {best['max']}."
    ]
    for change in best["change"]:
        if change["key"] == "hub_profiles":
            members = ", ".join(f"{key}: {value}" for key, value in change["to"].items())
            words.append(f"Add to hub_profiles: {{{members}}}.")
        else:
            words.append(f"Write {change['key']}: {change['to']} (now {change['from']}).")
    if best["profile"]:
        words.append(f"The profile {best['profile']} gives them what they ask for.")
    if best["cost"]:
        words.append(
            f"It costs {best['cost']['hour']:g} an hour while they work, {best['cost']['month_of_working_hours']:g} a "
            f"month of working hours (prices as in cluster_flavor_prices)."
        )
    return " ".join(words)
