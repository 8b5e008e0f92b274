# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The report's pictures: inline SVG, the same for the same plan.

Colours are Okabe and Ito's, which colour-blind readers tell apart; lines differ in their dashes and bars in their
hatching too, for print without colours.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

try:
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator, PercentFormatter
except ImportError:
    matplotlib = None  # type: ignore[assignment,unused-ignore]

Json = Mapping[str, Any]

BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
GREY = "#555555"
LINES: tuple[Any, ...] = (
    (BLUE, "-"),
    (RED, "--"),
    (GREEN, "-."),
    (PURPLE, ":"),
    (ORANGE, (0, (5, 1))),
    (SKY, (0, (1, 1))),
)
HATCHES = {"cpu": "", "memory": "///", "gpu": "...", "pods": "xxx", "volumes": "\\\\\\"}
COLOURS = {"cpu": SKY, "memory": BLUE, "gpu": PURPLE, "pods": ORANGE, "volumes": GREEN}
NAMES = {"cpu": "CPU", "memory": "memory", "gpu": "GPUs", "pods": "pods", "volumes": "volumes"}

SHOWN_IN_SECONDS = 300
"""Longer waits are shown in minutes."""

STYLE: Any = {
    "svg.hashsalt": "plan",
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "hatch.linewidth": 0.6,
}


class PlotError(RuntimeError):
    """Pictures that cannot be drawn here; says what is missing."""


def day(plan: Json) -> str:
    """Users and nodes of every group over the simulated time."""
    simulated = plan["simulation"]
    hours = [seconds / 3600 for seconds in simulated["times_seconds"]]
    used = {name: group for name, group in simulated["groups"].items() if any(group["nodes"]["high"])}

    def draw(figure: Any) -> None:
        people, nodes = figure.subplots(2, 1, sharex=True, height_ratios=(1, 1))
        for (name, group), (colour, dash) in zip(used.items(), LINES * len(used), strict=False):
            for axes, what, step in ((people, "users", None), (nodes, "nodes", "post")):
                axes.fill_between(
                    hours, group[what]["low"], group[what]["high"], step=step, color=colour, alpha=0.18, linewidth=0
                )
                axes.plot(
                    hours,
                    group[what]["middle"],
                    drawstyle="steps-post" if step else "default",
                    color=colour,
                    linestyle=dash,
                    label=name,
                    linewidth=1.8,
                )
        for group in plan["groups"]:
            if group["name"] in used and group["max"] <= 2.5 * max(used[group["name"]]["nodes"]["high"]):
                nodes.axhline(group["max"], color=GREY, linewidth=1, linestyle=(0, (2, 2)))
                nodes.annotate(
                    f"most of {group['name']}: {group['max']}",
                    (0.995, group["max"]),
                    xycoords=("axes fraction", "data"),
                    ha="right",
                    va="bottom",
                    fontsize=8,
                    color=GREY,
                )
        people.set_ylabel("users with a server")
        nodes.set_ylabel("nodes")
        nodes.set_xlabel("time of day" if simulated["days"] == 1 else "hours since the first midnight")
        for axes in (people, nodes):
            axes.set_ylim(bottom=0)
            axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        nodes.set_xlim(0, hours[-1])
        if simulated["days"] == 1:
            nodes.xaxis.set_major_locator(MultipleLocator(3))
            nodes.xaxis.set_major_formatter(FuncFormatter(lambda hour, _position: f"{int(hour):02d}:00"))
        if len(used) > 1:
            people.legend(loc="upper left", frameon=False)

    peaks = "; ".join(f"{name}: up to {group['peak_nodes']} nodes" for name, group in used.items())
    return _svg(draw, (8, 4.6), "day", f"Users and nodes over time. {peaks}.")


def waits(plan: Json) -> str:
    """How many of the starts take no longer than a time."""
    seconds: Sequence[float] = plan["simulation"]["wait_seconds"]
    target, waiting = plan["target"], plan["waiting"]
    shares = [(index + 1) / len(seconds) for index in range(len(seconds))]

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        longest = max(seconds[-1], target["seconds"]) * 1.08
        axes.plot(
            [0, seconds[0], *seconds, longest], [0, 0, *shares, 1], drawstyle="steps-post", color=BLUE, linewidth=2
        )
        axes.axvline(target["seconds"], color=RED, linestyle="--", linewidth=1.2)
        axes.axhline(target["share"], color=RED, linestyle="--", linewidth=1.2)
        kept = waiting["share_within_target"]
        axes.plot([target["seconds"]], [kept], marker="o", color=RED, markersize=7, zorder=5)
        right = target["seconds"] > longest * 0.6
        axes.annotate(
            f"{kept:.1%} within {_time(target['seconds'])}\n(wanted: {target['share']:.0%})",
            (target["seconds"], kept),
            xytext=(-10 if right else 10, 12 if kept < 0.5 else -28),
            textcoords="offset points",
            ha="right" if right else "left",
            color=RED,
            fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
        )
        axes.set_xlim(0, longest)
        axes.set_ylim(0, 1.02)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))
        minutes = longest > SHOWN_IN_SECONDS
        if minutes:
            axes.xaxis.set_major_locator(MultipleLocator(60 * max(1, round(longest / 60 / 8))))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda second, _position: f"{second / 60:g}"))
        axes.set_xlabel(f"{'minutes' if minutes else 'seconds'} from the click to the server")
        axes.set_ylabel("share of starts")

    return _svg(draw, (8, 3.4), "waits", f"Share of starts by waiting time; {waiting['share_at_once']:.0%} at once.")


def capacity(plan: Json) -> str:
    """For each profile, how many users each resource of a node would allow; the least counts."""
    rows: list[tuple[str, dict[str, int], Any]] = [
        (f"{profile['name']}\non {group['flavor']}", _allowed(profile["asks_for"], group["free"]), profile)
        for group in plan["groups"]
        if group["free"]
        for profile in group["profiles"]
    ]
    shown = [name for name in NAMES if any(name in allowed for _label, allowed, _profile in rows)]
    height = 0.8 / max(1, len(shown))

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        most: int = max((profile["users_per_node"] for _label, _allowed, profile in rows), default=0)
        limit = max(12.0, most * 3.2)
        for row, (_label, allowed, profile) in enumerate(rows):
            for index, name in enumerate(shown):
                if name not in allowed:
                    continue
                where = row + (index - (len(shown) - 1) / 2) * height
                limits = name == profile["limited_by"]
                axes.barh(
                    where,
                    min(allowed[name], limit),
                    height * 0.86,
                    color=COLOURS[name],
                    hatch=HATCHES[name],
                    edgecolor="white" if not limits else "black",
                    linewidth=1.6 if limits else 0.4,
                )
                text = f"{allowed[name]:,}" + ("  limits" if limits else "")
                axes.annotate(
                    text + ("  (bar cut)" if allowed[name] > limit else ""),
                    (min(allowed[name], limit), where),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=8.5,
                    weight="bold" if limits else "normal",
                )
        axes.set_yticks(range(len(rows)), [label for label, _allowed, _profile in rows])
        axes.invert_yaxis()
        axes.set_xlim(0, limit * 1.22)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("users of this profile that a node would hold, by resource")
        axes.grid(axis="y", visible=False)
        handles = [
            matplotlib.patches.Patch(facecolor=COLOURS[name], hatch=HATCHES[name], edgecolor="white", label=NAMES[name])
            for name in shown
        ]
        axes.legend(
            handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(shown), frameon=False, fontsize=9
        )

    words = "; ".join(
        f"{profile['name']}: {profile['users_per_node']}, limited by {profile['limited_by']}"
        for _l, _a, profile in rows
    )
    return _svg(draw, (8, 0.9 + 1.15 * len(rows)), "capacity", f"Users a node holds. {words}.") if rows else ""


def _allowed(asks: Json, free: Json) -> dict[str, int]:
    pairs = {name: (asks[name], free[name]) for name in ("cpu", "gpu", "pods", "volumes")}
    pairs["memory"] = (asks["memory_bytes"], free["memory_bytes"])
    return {
        name: int(max(0, round(has * 1000) // round(asked * 1000))) for name, (asked, has) in pairs.items() if asked
    }


def _svg(draw: Any, size: tuple[float, float], name: str, words: str) -> str:
    """The figure that ``draw`` draws, as an element for a page: nothing outside of it, ids of its own."""
    if matplotlib is None:
        raise PlotError("matplotlib is not installed, which draws the pictures: pip install -r requirements.txt")
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return re.sub(r'<svg [^>]*?viewBox="([^"]*)"[^>]*>', _opening(escaped), text, count=1, flags=re.DOTALL)


def _opening(words: str) -> Any:
    def replace(match: re.Match[str]) -> str:
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="{match[1]}" role="img" aria-label="{words}"><title>{words}</title>'
        )

    return replace


def _time(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 120 else f"{seconds / 60:g} min"
