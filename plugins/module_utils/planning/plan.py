# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Everything about a service's plan in one structure, the one that is written as JSON."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from ..hub_values import named_servers
from ..hub_values.chart import CONCURRENT_SPAWNS
from ..magnum.desired import bounds
from ..quantity import format_duration
from ..simulation.day import SimulationError
from ..simulation.recommend import Advice, recommend
from ..simulation.scenario import Kind, Scenario, Timing
from ..simulation.study import Study, band, runs_for, study, waiting
from .deployment import deployment
from .request import answer
from .rooms import Live, Room, held, kinds, rooms, standing
from .settings import Settings

Json = dict[str, Any]

HOURS_OF_A_MONTH = 730
"""A year's hours by twelve, rounded."""

PREEMPTION_SECONDS = 1.0
"""Until a placeholder is gone and its place taken: two users' pods took 1.2 s in a rehearsal."""

MOMENTS = 289
"""Moments of a day at which nodes and users are shown: every five minutes."""


@dataclasses.dataclass(frozen=True)
class Known:
    """What a plan is made from.

    ``service``: the loaded values of both files. ``facts``: ``cluster_facts``, of the cluster or of what it will be.
    ``flavors`` by name ({vcpus, memory}) and who told them; ``cloud``: what ``coe_preflight`` answered; ``hub``: what
    was found of the release; ``missing``: what could not be asked, as sentences.
    """

    service: Mapping[str, Any]
    facts: Mapping[str, Any]
    flavors: Mapping[str, Mapping[str, Any]]
    flavor_source: str
    cloud: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    live: Live = dataclasses.field(default_factory=Live)
    hub: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    missing: Sequence[str] = ()


def make_plan(known: Known, settings: Settings) -> Json:
    """The plan. Raises HubValuesError when ``hub_values`` cannot work."""
    service = known.service
    missing = list(known.missing)
    there = rooms(
        service, known.facts, known.live, known.flavor_source, settings["volumes_per_node"], settings["daemons"]
    )
    wanted = kinds(service, known.facts)
    for room in there.values():
        if room.node is None:
            missing.append(
                f"node group {room.name}: how many users fit, because nobody says what flavor {room.flavor} has; let "
                f"the cloud be reached, or give cluster_flavors_known: {{{room.flavor}: {{vcpus: 8, memory: 16G}}}}"
            )
    prices: Mapping[str, float] = service.get("cluster_flavor_prices") or {}
    plan: Json = {
        "service": {
            "domain": service["hub_domain"],
            "cluster": service["cluster_name"],
            "cloud": service["openstack_cloud"],
        },
        "flavors_from": known.flavor_source,
        "cluster_from": "the live cluster" if known.live.nodes else "the files",
        "deployment": deployment(service, known.cloud, known.hub, known.facts),
        "groups": [_group(room, [k for k in wanted.values() if k.group == room.name]) for room in there.values()],
        "use": _use(service, known, there, wanted),
        "cost": _cost(service, prices),
        "assumptions": _assumptions(service, settings),
    }
    plan |= _simulated(service, settings, there, wanted, prices, missing)
    plan["new_group"] = answer(service, settings, there, wanted, plan, prices) if settings["new_group"] else None
    plan["not_worked_out"] = missing
    return plan


# Capacity


def _group(room: Room, kinds_there: Sequence[Kind]) -> Json:
    known = room.node is not None
    nodes, homeless = standing(room, kinds_there) if known else (None, {})
    return {
        "name": room.name,
        "flavor": room.flavor,
        "min": room.low,
        "max": room.high,
        "fixed": room.fixed,
        "nodes_standing": nodes,
        "node": _amount(room.node) if room.node else None,
        "daemons": _amount(room.daemons),
        "core": _amount(room.core),
        "free": _amount(room.free) if known else None,
        "sources": dict(room.sources),
        "profiles": [_profile(room, kind, nodes, homeless.get(kind.name, 0)) for kind in kinds_there],
    }


def _profile(room: Room, kind: Kind, nodes: int | None, homeless: int) -> Json:
    each, limit = kind.user.how_many(room.free) if room.node else (None, None)
    return {
        "name": kind.name,
        "asks_for": _amount(kind.user),
        "users_per_node": each,
        "limited_by": limit,
        "users_at_min": held(room, kind, room.low) if room.node else None,
        "users_at_max": held(room, kind, room.high) if room.node else None,
        "placeholders": kind.placeholders,
        "placeholders_without_place": homeless,
        "users_at_once": held(room, kind, nodes) if nodes is not None else None,
    }


def _amount(amount: Any) -> Json:
    """CPUs as a number, memory in bytes."""
    return {
        "cpu": amount.cpu / 1000,
        "memory_bytes": amount.memory,
        "gpu": amount.gpu,
        "pods": amount.pods,
        "volumes": amount.volumes,
    }


def _use(
    service: Mapping[str, Any], known: Known, there: Mapping[str, Room], wanted: Mapping[str, Kind]
) -> dict[str, Json]:
    """What of the project's quotas is used with all groups at their minimum, and at their maximum with all users."""
    result = {}
    for end, index in (("min", 0), ("max", 1)):
        use: dict[str, Any] = {"instances": 0, "cores": 0, "ram_bytes": 0}
        control = service["cluster_control_plane"]
        servers = [(control["flavor"], control["count"])]
        servers += [(group["flavor"], bounds(group)[index]) for group in service["cluster_node_groups"]]
        boot = [group["boot_volume"] for group in service["cluster_node_groups"] if group.get("boot_volume")]
        for flavor, count in servers:
            size = known.flavors.get(flavor)
            use["instances"] += count
            for name, member in (("cores", "vcpus"), ("ram_bytes", "memory")):
                use[name] = None if size is None or use[name] is None else use[name] + count * size[member]
        users = _most_users(there, wanted, index)
        volumes = 1 + sum(bounds(group)[index] for group in service["cluster_node_groups"] if group.get("boot_volume"))
        gigabytes = math.ceil(service["hub_database"]["capacity"] / 2**30) + sum(
            volume["size"] * bounds(group)[index]
            for volume, group in zip(
                boot, [g for g in service["cluster_node_groups"] if g.get("boot_volume")], strict=True
            )
        )
        dynamic = service["hub_storage"]["type"] == "dynamic"
        use["users"] = users
        if users is None and dynamic:
            use["volumes"] = use["gigabytes"] = None
        else:
            claims = (users or 0) * named_servers.volumes(service["hub_values"]) if dynamic else 0
            use["volumes"] = volumes + claims
            use["gigabytes"] = gigabytes + claims * math.ceil(service["hub_storage"].get("capacity", 0) / 2**30)
        use["load_balancers"] = 2
        result[end] = use
    return result


def _most_users(there: Mapping[str, Room], wanted: Mapping[str, Kind], index: int) -> int | None:
    """Users of each group's smallest profile, when its nodes are full."""
    total = 0
    for room in there.values():
        nodes = room.high if index else room.low
        each = [held(room, kind, nodes) for kind in wanted.values() if kind.group == room.name]
        if each and room.node is None:
            return None
        total += max(each, default=0)
    return total


# Money


def _cost(service: Mapping[str, Any], prices: Mapping[str, float]) -> Json | None:
    """Cost of all servers, control plane included, with all groups at their minimum and maximum."""
    if not prices:
        return None
    control = service["cluster_control_plane"]
    result: Json = {"unit": "as in cluster_flavor_prices", "without_price": []}
    for end, index in (("min", 0), ("max", 1)):
        servers = [(control["flavor"], control["count"])]
        servers += [(group["flavor"], bounds(group)[index]) for group in service["cluster_node_groups"]]
        result["without_price"] = sorted({flavor for flavor, _count in servers if flavor not in prices})
        hour = sum(prices.get(flavor, 0) * count for flavor, count in servers)
        result[end] = {"hour": round(hour, 4), "month": round(hour * HOURS_OF_A_MONTH, 2)}
    return result


# Waiting


def scenario_of(
    service: Mapping[str, Any], settings: Settings, there: Mapping[str, Room], wanted: Mapping[str, Kind], days: int
) -> Scenario:
    """What is simulated: all groups whose nodes' size is known."""
    culling = service["hub_culling"]
    timing = Timing(
        boot=settings["boot_time"],
        image_pull=settings["image_pull_time"],
        prepull=service["hub_image_prepull"],
        server_start=settings["server_start"],
        preemption=PREEMPTION_SECONDS,
        start_timeout=service["hub_start_timeout"],
        scan_interval=settings["scan_interval"],
        scale_down_after=settings["scale_down_delay"],
        scale_down_after_add=settings["scale_down_delay"],
        cull_timeout=culling["idle_timeout"] if culling["enabled"] else None,
        cull_every=culling["every"],
        max_age=culling["max_age"] if culling["enabled"] else None,
    )
    groups = tuple(room.group() for room in there.values() if room.node is not None)
    names = {group.name for group in groups}
    return Scenario(groups, tuple(kind for kind in wanted.values() if kind.group in names), timing, days * 86400.0)


def _simulated(
    service: Mapping[str, Any],
    settings: Settings,
    there: Mapping[str, Room],
    wanted: Mapping[str, Kind],
    prices: Mapping[str, float],
    missing: list[str],
) -> Json:
    nothing: Json = dict.fromkeys(("waiting", "node_hours", "lower_bound_node_hours", "simulation", "recommendation"))
    default = next(profile["name"] for profile in service["hub_profiles"] if profile["default"])
    arrivals = settings.arrivals(default)
    sample = arrivals(random.Random(settings["seed"]))  # noqa: S311 (no secret)
    days = max(1, math.ceil((max(arrival.time for arrival in sample) + 1) / 86400))
    scenario = scenario_of(service, settings, there, wanted, days)
    known = {kind.name for kind in scenario.kinds}
    if unknown := sorted({arrival.kind for arrival in sample} - known):
        missing.append(f"waiting, because it is not known how many users of {', '.join(unknown)} fit on a node")
        return nothing
    unfit = [
        name
        for name in sorted({arrival.kind for arrival in sample})
        if not wanted[name].user.how_many(there[wanted[name].group].free)[0]
    ]
    if unfit:
        missing.append(f"waiting: a server of {', '.join(unfit)} fits on no node of its group, so it would never start")
        return nothing
    runs = settings["replications"] or runs_for(len(sample))
    target = settings["target"]
    try:
        found = study(scenario, arrivals, settings["seed"], runs)
    except SimulationError as error:
        missing.append(f"waiting: {error}")
        return nothing
    waits = found.waits
    seconds = target["seconds"]
    result: Json = {
        "waiting": waiting(waits, seconds)
        | {
            "profiles": {
                name: waiting([wait for wait in waits if wait.kind == name], seconds)
                for name in sorted({wait.kind for wait in waits})
            }
        },
        "target": {**target, "kept": _kept(found, target)},
        "node_hours": round(found.node_hours(), 2),
        "lower_bound_node_hours": round(found.bound_hours(), 2),
        "simulation": _simulation(found, scenario, settings, len(sample), days, waits, there, prices),
        "recommendation": None,
    }
    if settings["recommend"]:
        advice = recommend(scenario, arrivals, target["share"], seconds, settings["seed"], runs)
        result["recommendation"] = _recommendation(advice, scenario, target, there, prices)
    return result


def _kept(found: Study, target: Mapping[str, Any]) -> bool:
    share = waiting(found.waits, target["seconds"])["share_within_target"]
    return share is not None and share >= target["share"]


def _simulation(
    found: Study,
    scenario: Scenario,
    settings: Settings,
    starts: int,
    days: int,
    waits: Sequence[Any],
    there: Mapping[str, Room],
    prices: Mapping[str, float],
) -> Json:
    every = scenario.horizon / (MOMENTS - 1)
    times = [index * every for index in range(MOMENTS)]
    groups: dict[str, Json] = {}
    for group in scenario.groups:
        nodes = band([outcome.nodes[group.name] for outcome in found.outcomes], times)
        users = band([outcome.users[group.name] for outcome in found.outcomes], times)
        price = prices.get(there[group.name].flavor)
        hours = found.node_hours(group.name)
        groups[group.name] = {
            "node_hours": round(hours, 2),
            "lower_bound_node_hours": round(found.bound_hours(group.name), 2),
            "peak_nodes": found.peak_nodes(group.name),
            "cost": round(hours * price, 2) if price is not None else None,
            "nodes": dict(zip(("middle", "low", "high"), nodes, strict=True)),
            "users": dict(zip(("middle", "low", "high"), users, strict=True)),
        }
    most = max(outcome.most_starting for outcome in found.outcomes)
    return {
        "who_comes": _who_comes(settings),
        "runs": len(found.outcomes),
        "seed": settings["seed"],
        "days": days,
        "logins_of_a_run": starts,
        "most_starting": most,
        "starts_at_a_time": CONCURRENT_SPAWNS,
        "times_seconds": times,
        "groups": groups,
        "cost": _sum([group["cost"] for group in groups.values()]),
        "wait_seconds": [round(wait.seconds, 1) for wait in sorted(waits, key=lambda wait: wait.seconds)],
    }


def _sum(numbers: Sequence[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return round(sum(known), 2) if known and len(known) == len(numbers) else None


def _who_comes(settings: Settings) -> list[str]:
    if settings.logins is not None:
        return [f"{len(settings.logins)} logins of {settings['logins']}"]
    lines = []
    for shape in settings["arrivals"]:
        within = "" if shape["within"] is None else f" within {format_duration(shape['within'])}"
        profile = f", {shape['profile']}" if shape["profile"] else ""
        lines.append(f"{shape['shape'].replace('_', ' ')} of {shape['users']} from {shape['at']}{within}{profile}")
    return lines


# Advice


def _recommendation(
    advice: Sequence[Advice],
    scenario: Scenario,
    target: Mapping[str, Any],
    there: Mapping[str, Room],
    prices: Mapping[str, float],
) -> Json:
    groups = []
    for each in advice:
        room = there[each.group]
        price = prices.get(room.flavor)
        row: Json = {
            "name": each.group,
            "reachable": each.choice is not None,
            "min_now": room.low,
            "max": room.high,
            "placeholders_now": dict(each.now.spares),
            "share_now": round(each.now.share, 4),
            "node_hours_now": round(each.now.node_hours, 2),
            "cost_now": None if price is None else round(each.now.node_hours * price, 2),
        }
        if each.choice:
            row |= {
                "min": each.choice.low,
                "placeholders": dict(each.choice.spares),
                "share": round(each.choice.share, 4),
                "node_hours": round(each.choice.node_hours, 2),
                "cost": None if price is None else round(each.choice.node_hours * price, 2),
                "changes": each.choice.low != room.low or dict(each.choice.spares) != dict(each.now.spares),
            }
        else:
            row |= {"most_share": round(each.most, 4), "max_needed": each.high}
        row["text"] = _advice_text(each, row, scenario, target, room)
        groups.append(row)
    return {
        "reachable": all(row["reachable"] for row in groups),
        "groups": groups,
        "text": " ".join(row["text"] for row in groups),
    }


def _advice_text(
    each: Advice, row: Mapping[str, Any], scenario: Scenario, target: Mapping[str, Any], room: Room
) -> str:
    wanted = f"{target['share']:.0%} of starts within {format_duration(target['seconds'])}"
    if each.choice is None:
        best = (
            f"Within {room.high} nodes of {each.group}, {wanted} cannot be kept: even with all of them up all day it "
        )
        best += f"is {each.most:.1%}."
        if scenario.timing.server_start > target["seconds"]:
            start = format_duration(int(scenario.timing.server_start))
            return f"{best} A start alone takes {start} (plan_server_start): no setting helps."
        if each.high is None:
            return f"{best} A larger maximum alone does not help either."
        key = "count" if room.fixed else "max"
        return f"{best} It would take cluster_node_groups[{each.group}].{key}: {each.high}."
    if not row["changes"]:
        return (
            f"{each.group}: the present settings keep {wanted} ({each.now.share:.1%}), and nothing cheaper was found."
        )
    parts = []
    if each.choice.low != room.low:
        parts.append(f"min: {each.choice.low} (now {room.low})")
    for name, count in each.choice.spares.items():
        if count != each.now.spares[name]:
            parts.append(f"placeholders of {name}: {count} (now {each.now.spares[name]})")
    difference = each.choice.node_hours - each.now.node_hours
    return (
        f"{each.group}: {', '.join(parts)} keeps {wanted} ({each.choice.share:.1%}; now {each.now.share:.1%}) for "
        f"{each.choice.node_hours:.1f} node-hours a day ({difference:+.1f})."
    )


def _assumptions(service: Mapping[str, Any], settings: Settings) -> list[Json]:
    """What the simulation takes for granted: {what, value, from}."""
    rows = [
        ("A new node until pods can be placed on it", format_duration(settings["boot_time"]), "boot_time"),
        ("Pulling the image on a new node", format_duration(settings["image_pull_time"]), "image_pull_time"),
        ("Starting a server on a node with the image", format_duration(settings["server_start"]), "server_start"),
        ("Autoscaler looks every", format_duration(settings["scan_interval"]), "scan_interval"),
        ("A node without need is removed after", format_duration(settings["scale_down_delay"]), "scale_down_delay"),
        ("Volumes attached to one server", str(settings["volumes_per_node"]), "volumes_per_node"),
        ("Users who stop their server themselves", f"{settings['stop_share']:.0%}", "stop_share"),
    ]
    result = [{"what": what, "value": value, "from": settings.origin(name)} for what, value, name in rows]
    culling = service["hub_culling"]
    idle = format_duration(culling["idle_timeout"]) if culling["enabled"] else "never"
    result += [
        {"what": "An idle server is stopped after", "value": idle, "from": "hub_culling"},
        {
            "what": "The hub gives a start up after",
            "value": format_duration(service["hub_start_timeout"]),
            "from": "hub_start_timeout",
        },
        {
            "what": "Images are pulled before a user waits",
            "value": "yes" if service["hub_image_prepull"] else "no",
            "from": "hub_image_prepull",
        },
        {
            "what": "Taking a placeholder's place",
            "value": f"{PREEMPTION_SECONDS:g}s",
            "from": "measured in a rehearsal",
        },
    ]
    return result
