# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Who comes when: named shapes of a day, or a file of logins."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import difflib
import io
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .scenario import Arrival

SHAPES: dict[str, dict[str, int]] = {
    "lecture": {"within": 300, "for": 3600},
    "workshop": {"within": 900, "for": 6 * 3600},
    "working_day": {"within": 9 * 3600, "for": 3 * 3600},
}
"""What each shape assumes where nothing is said, in seconds."""

COLUMNS = ("time", "user", "profile", "minutes")
"""Columns of a file of logins; only the first must be there."""

DAY = 86400


class LoginsError(ValueError):
    """A file of logins that cannot be read; ``problems`` are sentences that name the line."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(problems))


@dataclasses.dataclass(frozen=True)
class Login:
    """One line of a file: seconds since the first day's midnight; None where the line does not say."""

    time: float
    user: str
    profile: str | None
    minutes: float | None


def clock(text: str) -> int:
    """Seconds since midnight of ``09:00`` or ``09:00:30``. Raises ValueError."""
    match = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?", text.strip(), re.ASCII)
    if not match:
        raise ValueError(f"{text!r} is not a time of day; write it as 09:00")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def of_shapes(
    shapes: Iterable[Mapping[str, Any]], default_kind: str, stop_share: float, chance: random.Random
) -> list[Arrival]:
    """Arrivals of all shapes of a day.

    A shape: ``shape``, ``users``, ``at`` (time of day), ``within`` and ``for`` (seconds or None), ``profile`` (or
    None), ``stop_share`` (or None), for a workshop ``break_at`` (or None) and ``break_for`` (seconds).
    """
    result: list[Arrival] = []
    for number, shape in enumerate(shapes, start=1):
        make = {"lecture": _lecture, "workshop": _workshop, "working_day": _working_day}[shape["shape"]]
        usual = SHAPES[shape["shape"]]
        at = float(clock(shape["at"]))
        within = float(usual["within"] if shape.get("within") is None else shape["within"])
        lasting = float(usual["for"] if shape.get("for") is None else shape["for"])
        share = stop_share if shape.get("stop_share") is None else shape["stop_share"]
        kind = shape.get("profile") or default_kind
        for index in range(shape["users"]):
            user = f"{shape['shape']}-{number}-{index + 1}"
            stops = chance.random() < share
            for time, until in make(shape, at, within, lasting, chance):
                result.append(Arrival(time, user, kind, until, stops))
    return sorted(result)


Visits = list[tuple[float, float]]


def _lecture(_shape: Mapping[str, Any], at: float, within: float, lasting: float, chance: random.Random) -> Visits:
    """All come within ``within`` of the beginning, any moment as likely as another, and work until the end."""
    return [(at + chance.uniform(0, within), at + lasting)]


def _workshop(shape: Mapping[str, Any], at: float, within: float, lasting: float, chance: random.Random) -> Visits:
    """As a lecture, with a break: whoever's server has ended by then starts it again afterwards."""
    end = at + lasting
    if not shape.get("break_at"):
        return [(at + chance.uniform(0, within), end)]
    pause = float(clock(shape["break_at"]))
    again = pause + float(shape["break_for"])
    return [(at + chance.uniform(0, within), pause), (again + chance.uniform(0, within), end)]


def _working_day(_shape: Mapping[str, Any], at: float, within: float, lasting: float, chance: random.Random) -> Visits:
    """Most come in the morning, some after lunch.

    Of ten, six come in the first half of the day with a peak at its first third, four in the second half with a peak
    at its first fifth (triangular distributions). Each works for a time of exponential distribution, ``lasting`` on
    average, and at the longest until the day ends.
    """
    half = within / 2
    if chance.random() < 0.6:
        come = chance.triangular(0, half, half / 3)
    else:
        come = chance.triangular(half, within, half + half / 5)
    return [(at + come, min(at + come + chance.expovariate(1 / lasting), at + within))]


def of_logins(
    logins: Iterable[Login], default_kind: str, stop_share: float, lasting: float, chance: random.Random
) -> list[Arrival]:
    """Arrivals of a file. Who has no ``minutes`` works for a time of exponential distribution, ``lasting`` on average.

    The same user's next login while a server runs goes on with that server.
    """
    result = []
    for login in logins:
        active = login.minutes * 60 if login.minutes is not None else chance.expovariate(1 / lasting)
        stops = chance.random() < stop_share
        result.append(Arrival(login.time, login.user, login.profile or default_kind, login.time + active, stops))
    return sorted(result)


def read_logins(text: str, profiles: Sequence[str]) -> list[Login]:
    """A file of logins: CSV with a header.

    ``time`` is a time of day (``09:00``, ``09:00:30``) or a date with a time (``2026-01-12 09:00``,
    ``2026-01-12T09:00:00+01:00``), one notation in the whole file. ``user``: who it is; without it, each line is
    somebody else. ``profile``: one of ``profiles``; without it, the default one. ``minutes``: how long the user works.
    Raises LoginsError with all that is wrong, by line.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    problems: list[str] = []
    rows: list[tuple[int, dict[str, str]]] = []
    header: list[str] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = [cell.strip().lower().lstrip("\ufeff") for cell in cells]
                problems += _header_problems(header, reader.line_num)
            elif len(cells) != len(header):
                problems.append(f"line {reader.line_num}: has {len(cells)} values, the header has {len(header)}")
            else:
                rows.append((reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))))
    except csv.Error as error:
        problems.append(f"line {reader.line_num}: is not CSV ({error})")
    if not header:
        problems.append(f"line 1: there is no header; write {','.join(COLUMNS)}")
    if "time" not in header:
        raise LoginsError(problems)
    times = _column(rows, "time", _moment, problems)
    minutes = _column(rows, "minutes", _minutes, problems)
    names = _column(rows, "profile", _profile_of(profiles), problems)
    dated = {line: isinstance(value, datetime.datetime) for line, value in times.items()}
    if len(set(dated.values())) > 1:
        odd = next(line for line, has_date in dated.items() if has_date != next(iter(dated.values())))
        problems.append(f"line {odd}: has {'a' if dated[odd] else 'no'} date, unlike the lines above; write all alike")
    if not rows and not problems:
        problems.append("line 2: there are no logins")
    if problems:
        raise LoginsError(sorted(problems, key=_line))
    seconds = _since_midnight(times)
    return [
        Login(seconds[line], row.get("user") or f"line {line}", names.get(line), minutes.get(line))
        for line, row in rows
    ]


def _header_problems(header: Sequence[str], line: int) -> list[str]:
    problems = []
    for name in header:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name, COLUMNS, n=1, cutoff=0.5)
            hint = f"write {near[0]}" if near else f"the columns are {', '.join(COLUMNS)}"
            problems.append(f"line {line}: there is no column {name!r}; {hint}")
        elif header.count(name) > 1:
            problems.append(f"line {line}: the column {name} is there {header.count(name)} times; remove one")
    if "time" not in header:
        problems.append(f"line {line}: there is no column time; the first line names the columns: {','.join(COLUMNS)}")
    return list(dict.fromkeys(problems))


def _column(
    rows: Iterable[tuple[int, Mapping[str, str]]], name: str, convert: Callable[[str], Any], problems: list[str]
) -> dict[int, Any]:
    """Values of one column by line; an empty cell has none, except in ``time``."""
    result = {}
    for line, row in rows:
        cell = row.get(name, "")
        if not cell and name != "time":
            continue
        try:
            result[line] = convert(cell)
        except ValueError as error:
            problems.append(f"line {line}: {name} {error}")
    return result


def _moment(cell: str) -> Any:
    try:
        return clock(cell)
    except ValueError:
        pass
    try:
        return datetime.datetime.fromisoformat(cell.replace("Z", "+00:00"))
    except ValueError:
        raise ValueError(f"{cell!r} is not a time; write it as 09:00 or 2026-01-12 09:00") from None


def _minutes(cell: str) -> float:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", cell, re.ASCII):
        raise ValueError(f"{cell!r} is not a number of minutes; write one such as 90")
    return float(cell)


def _profile_of(profiles: Sequence[str]) -> Callable[[str], str]:
    def convert(cell: str) -> str:
        if cell not in profiles:
            near = difflib.get_close_matches(cell, profiles, n=1)
            raise ValueError(f"{cell!r} is not on offer; write {near[0] if near else 'one of ' + ', '.join(profiles)}")
        return cell

    return convert


def _since_midnight(times: Mapping[int, Any]) -> dict[int, float]:
    """Seconds since the midnight before the first."""
    dates = [value for value in times.values() if isinstance(value, datetime.datetime)]
    if not dates:
        return {line: float(value) for line, value in times.items()}
    if any(value.tzinfo for value in dates):
        zone = next(value.tzinfo for value in dates if value.tzinfo)
        times = {line: value if value.tzinfo else value.replace(tzinfo=zone) for line, value in times.items()}
    first = min(times.values())
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    return {line: (value - midnight).total_seconds() for line, value in times.items()}


def _line(problem: str) -> int:
    match = re.match(r"line (\d+)", problem)
    return int(match[1]) if match else 0
