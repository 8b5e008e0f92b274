# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The variables of the role ``plan``: converted, and checked all at once."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..model import Context, Converter, Finding, show_path
from ..model.convert import UNKNOWN, nearest
from ..model.plan import PLAN
from ..quantity import format_duration
from ..simulation.arrivals import SHAPES, Login, LoginsError, clock, of_logins, of_shapes, read_logins
from ..simulation.scenario import Arrival

LONGEST_DAY = 86400


class SettingsError(ValueError):
    """Variables that cannot be used; ``str()`` is the report."""

    def __init__(self, findings: Sequence[Finding], values: Mapping[str, Any]) -> None:
        self.findings = list(findings)
        count = "1 problem" if len(self.findings) == 1 else f"{len(self.findings)} problems"
        lines = [f"{count} in the variables of the plan (plan_*). Nothing was planned."]
        for finding in self.findings:
            lines.append(f"\n{show_path(finding.path, values)}\n    {finding.message}")
            if finding.hint:
                lines.append(f"    -> {finding.hint}")
        super().__init__("\n".join(lines))


class Settings:
    """Checked variables: ``values`` by name, quantities as integers; ``given``: names that are not the default."""

    def __init__(self, values: dict[str, Any], given: set[str], logins: list[Login] | None) -> None:
        self.values = values
        self.given = given
        self.logins = logins

    def __getitem__(self, name: str) -> Any:
        return self.values[f"plan_{name}"]

    def origin(self, name: str) -> str:
        """Where the value of a variable is from."""
        return f"plan_{name}, given" if f"plan_{name}" in self.given else f"default of plan_{name}"

    def arrivals(self, default_profile: str) -> Callable[[random.Random], list[Arrival]]:
        """What draws who comes when."""
        if self.logins is not None:
            logins = self.logins
            return lambda chance: of_logins(logins, default_profile, self["stop_share"], self["session_time"], chance)
        return lambda chance: of_shapes(self["arrivals"], default_profile, self["stop_share"], chance)


def settings(
    variables: Mapping[str, Any], profiles: Mapping[str, Mapping[str, Any]], read: Callable[[str], str]
) -> Settings:
    """The settings from a play's variables (others than ``plan_*`` are ignored).

    ``profiles`` on offer, by name; ``read`` gives the text of a file and raises OSError or ValueError.
    Raises SettingsError with everything that is wrong.
    """
    given = {name: value for name, value in variables.items() if name.startswith("plan_")}
    converter = Converter(Context(loose=lambda _path: True))
    values = converter.files([PLAN], given)
    findings = [_variable(finding) for finding in converter.findings]
    findings += _shapes(values.get("plan_arrivals"), profiles)
    findings += _group(values.get("plan_new_group"), profiles)
    logins, problems = _logins(values.get("plan_logins"), list(profiles), read)
    findings += problems
    if findings:
        raise SettingsError(findings, given)
    defaults = Converter().files([PLAN], {})
    return Settings(values, {name for name in given if values.get(name) != defaults.get(name)}, logins)


def _variable(finding: Finding) -> Finding:
    """The converter speaks of keys of files; these are variables of a role."""
    if len(finding.path) == 1 and finding.message == "is not a key of these files":
        known = [key.name for key in PLAN.keys]
        near = nearest(str(finding.path[0]), known)
        hint = f"write {near}" if near else f"remove it, or write one of {', '.join(known)}"
        return Finding(finding.path, "is not a variable of the plan", hint)
    return finding


def _shapes(shapes: Any, profiles: Mapping[str, Any]) -> list[Finding]:
    """Shapes that contradict themselves or name what there is not."""
    findings = []
    for index, shape in enumerate(shapes if isinstance(shapes, list) else ()):
        if not isinstance(shape, dict):
            continue
        path = ("plan_arrivals", index)
        findings += _profile((*path, "profile"), shape.get("profile"), profiles)
        if UNKNOWN in [shape.get(name) for name in ("shape", "at", "within", "for", "break_at", "break_for")]:
            continue
        usual = SHAPES[shape["shape"]]
        within = usual["within"] if shape["within"] is None else shape["within"]
        lasting = usual["for"] if shape["for"] is None else shape["for"]
        begin = clock(shape["at"])
        length = within if shape["shape"] == "working_day" else lasting
        if begin + length > LONGEST_DAY:
            hint = f"let it begin by {_clock(LONGEST_DAY - length)}, or last less"
            findings.append(
                Finding((*path, "at"), f"{shape['at']} and {format_duration(length)} go past midnight", hint)
            )
        if shape["shape"] != "working_day" and within > lasting:
            wrong = f"{format_duration(within)} is longer than all of it ({format_duration(lasting)})"
            findings.append(Finding((*path, "within"), wrong, "write a shorter time, or a longer one for: for"))
        if shape["break_at"] is None:
            continue
        if shape["shape"] != "workshop":
            findings.append(Finding((*path, "break_at"), f"means nothing for a {shape['shape']}", "remove it"))
        elif not begin < clock(shape["break_at"]) < clock(shape["break_at"]) + shape["break_for"] <= begin + lasting:
            wrong = f"the break from {shape['break_at']} for {format_duration(shape['break_for'])} is not within it"
            hint = f"it lasts from {shape['at']} to {_clock(begin + lasting)}"
            findings.append(Finding((*path, "break_at"), wrong, hint))
    if isinstance(shapes, list) and not shapes:
        hint = "write one such as {shape: lecture, users: 60, at: '09:00', within: 5m}, or leave it out"
        findings.append(Finding(("plan_arrivals",), "nobody comes", hint))
    return findings


def _group(group: Any, profiles: Mapping[str, Any]) -> list[Finding]:
    name = group.get("name") if isinstance(group, dict) else None
    if isinstance(name, str) and name in profiles:
        wrong = f"{name} is a profile that is on offer already"
        return [Finding(("plan_new_group", "name"), wrong, "name the group that asks, not a profile")]
    return []


def _profile(path: tuple[str | int, ...], name: Any, profiles: Mapping[str, Any]) -> list[Finding]:
    if not isinstance(name, str) or name in profiles:
        return []
    near = nearest(name, profiles)
    hint = f"write {near}" if near else f"there are: {', '.join(profiles)}"
    return [Finding(path, f"there is no profile {name!r} on offer", hint)]


def _logins(name: Any, profiles: Sequence[str], read: Callable[[str], str]) -> tuple[list[Login] | None, list[Finding]]:
    if not isinstance(name, str):
        return None, []
    path = ("plan_logins",)
    try:
        return read_logins(read(name), profiles), []
    except LoginsError as error:
        return None, [Finding(path, f"{name}, {problem}") for problem in error.problems]
    except FileNotFoundError:
        hint = "check the name; it starts from the current directory"
        return None, [Finding(path, f"there is no file {name}", hint)]
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return None, [Finding(path, f"{name} cannot be read: {reason}")]


def _clock(seconds: int) -> str:
    return f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}"
