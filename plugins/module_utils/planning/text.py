# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The plan as text of about a screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


def summary(plan: Json) -> str:
    """All that an operator wants to know at the prompt."""
    lines = [f"Plan for {plan['service']['domain']} (cluster {plan['service']['cluster']})", ""]
    for part in (_deployment, _capacity, _use, _cost, _waiting, _recommendation, _new_group, _missing):
        found = list(part(plan))
        if found:
            lines += [*found, ""]
    return "\n".join(lines).rstrip()


def _deployment(plan: Json) -> Iterator[str]:
    found = plan["deployment"]
    yield "A deployment would"
    nothing = True
    for verb in ("create", "change", "remove", "leave"):
        for index, what in enumerate(found[verb]):
            yield f"  {verb if not index else '':<7} {what}"
            nothing = nothing and verb == "leave"
    unseen = [name for name, seen in found["known"].items() if not seen]
    if unseen:
        yield f"  (not known for the {' and the '.join(unseen)}: see below)"
    elif nothing:
        yield "  change nothing"


def _capacity(plan: Json) -> Iterator[str]:
    rows = [("group", "flavor", "nodes", "profile", "a node holds", "limited by", "users at min / max", "at once")]
    for group in plan["groups"]:
        nodes = str(group["min"]) if group["min"] == group["max"] else f"{group['min']} to {group['max']}"
        for profile in group["profiles"]:
            rows.append(
                (
                    group["name"],
                    group["flavor"],
                    nodes,
                    profile["name"],
                    number(profile["users_per_node"]),
                    profile["limited_by"] or "?",
                    f"{number(profile['users_at_min'])} / {number(profile['users_at_max'])}",
                    number(profile["users_at_once"]),
                )
            )
    yield "How many users fit, if all choose that profile"
    yield from _table(rows)
    for group in plan["groups"]:
        for profile in group["profiles"]:
            if profile["placeholders_without_place"]:
                yield (
                    f"  {profile['placeholders_without_place']} of {profile['placeholders']} placeholders of "
                    f"{profile['name']} have no place within the group's maximum."
                )


def _use(plan: Json) -> Iterator[str]:
    low, high = plan["use"]["min"], plan["use"]["max"]
    shown = [
        f"{number(low[key])} to {number(high[key])} {words}"
        for key, words in (("instances", "servers"), ("cores", "cores"), ("volumes", "volumes"), ("gigabytes", "GiB"))
    ]
    shown.insert(2, f"{gib(low['ram_bytes'])} to {gib(high['ram_bytes'])} GiB of RAM")
    yield f"Quotas used, at min and at max with all users: {', '.join(shown)}"


def _cost(plan: Json) -> Iterator[str]:
    cost = plan["cost"]
    if not cost:
        return
    yield (
        f"Cost of all servers, in the currency of cluster_flavor_prices: {cost['min']['hour']:g} to "
        f"{cost['max']['hour']:g} an hour, {cost['min']['month']:g} to {cost['max']['month']:g} a month"
    )
    if cost["without_price"]:
        yield f"  without {', '.join(cost['without_price'])}, which have no price"


def _waiting(plan: Json) -> Iterator[str]:
    waiting = plan["waiting"]
    if not waiting:
        return
    simulated, target = plan["simulation"], plan["target"]
    yield f"Waiting ({'; '.join(simulated['who_comes'])}; {simulated['runs']} runs)"
    yield (
        f"  {waiting['share_at_once']:.1%} start at once; half within {time(waiting['p50_seconds'])}, 95 % within "
        f"{time(waiting['p95_seconds'])}; the longest wait is {time(waiting['longest_seconds'])}"
    )
    verdict = "kept" if target["kept"] else "NOT kept"
    yield (
        f"  target of {target['share']:.0%} within {time(target['seconds'])}: {verdict} "
        f"({waiting['share_within_target']:.1%})"
    )
    if waiting["share_failed"]:
        yield f"  {waiting['share_failed']:.1%} are given up by the hub (hub_start_timeout)"
    if simulated["most_starting"] > simulated["starts_at_a_time"]:
        yield (
            f"  up to {simulated['most_starting']} start at the same time; the hub takes "
            f"{simulated['starts_at_a_time']} and tells the others to try again"
        )
    yield (
        f"  node-hours: {plan['node_hours']:.1f}; perfect packing without any waiting would need "
        f"{plan['lower_bound_node_hours']:.1f}"
        + (f"; cost {simulated['cost']:g}" if simulated["cost"] is not None else "")
    )


def _recommendation(plan: Json) -> Iterator[str]:
    if plan["recommendation"]:
        yield "Recommendation"
        for group in plan["recommendation"]["groups"]:
            yield f"  {group['text']}"


def _new_group(plan: Json) -> Iterator[str]:
    if plan["new_group"]:
        yield "New group"
        yield f"  {plan['new_group']['text']}"


def _missing(plan: Json) -> Iterator[str]:
    if plan["not_worked_out"]:
        yield "Not worked out"
        for line in plan["not_worked_out"]:
            yield f"  {line}"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def number(value: float | None) -> str:
    """``8``, ``0.05``; ``?`` for what is not known."""
    return "?" if value is None else f"{value:g}"


def gib(value: int | None) -> str:
    """Bytes as a number of GiB."""
    return "?" if value is None else f"{value / 2**30:g}"


def time(seconds: float | None) -> str:
    """``15 s``, ``4 min``, ``2.5 h``."""
    if seconds is None:
        return "?"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
