# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Several runs of one scenario, and what they say together."""

from __future__ import annotations

import bisect
import dataclasses
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .day import simulate
from .scenario import Arrival, Outcome, Scenario, Series, Wait

Arrivals = Callable[[random.Random], list[Arrival]]
"""Draws who comes when."""

ENOUGH_STARTS = 20_000
"""Starts in all runs together after which percentiles hardly move."""

FEWEST_RUNS, MOST_RUNS = 3, 20


@dataclasses.dataclass(frozen=True)
class Study:
    """A scenario and the outcomes of its runs, one a seed."""

    scenario: Scenario
    outcomes: tuple[Outcome, ...]

    @property
    def waits(self) -> list[Wait]:
        """Those of all runs."""
        return [wait for outcome in self.outcomes for wait in outcome.waits]

    def node_hours(self, group: str | None = None) -> float:
        """Average of the runs."""
        return self._hours([outcome.node_seconds for outcome in self.outcomes], group)

    def bound_hours(self, group: str | None = None) -> float:
        """Average of the runs: node-hours below which no packing goes."""
        return self._hours([outcome.bound_seconds for outcome in self.outcomes], group)

    def peak_nodes(self, group: str) -> int:
        """Most nodes of a group at a time in any run."""
        return max(outcome.peak_nodes(group) for outcome in self.outcomes)

    @staticmethod
    def _hours(seconds: Sequence[Mapping[str, float]], group: str | None) -> float:
        each = [sum(found.values()) if group is None else found[group] for found in seconds]
        return sum(each) / len(each) / 3600


def runs_for(arrivals: int) -> int:
    """How many runs for so many arrivals a run."""
    return max(FEWEST_RUNS, min(MOST_RUNS, math.ceil(ENOUGH_STARTS / max(1, arrivals))))


def study(scenario: Scenario, arrivals: Arrivals, seed: int, runs: int) -> Study:
    """Run a scenario with the seeds ``seed``, ``seed + 1`` and so on. Raises SimulationError without simpy."""
    outcomes = []
    for number in range(seed, seed + runs):
        who = arrivals(random.Random(number))  # noqa: S311 (no secret)
        outcomes.append(simulate(scenario, who, number))
    return Study(scenario, tuple(outcomes))


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least this share of ``values`` does not exceed; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]


def share_within(waits: Iterable[Wait], seconds: float) -> float | None:
    """Share of the starts that took no longer; those that failed did not."""
    each = [not wait.failed and wait.seconds <= seconds for wait in waits]
    return sum(each) / len(each) if each else None


def waiting(waits: Sequence[Wait], target_seconds: float) -> dict[str, Any]:
    """What is said about waiting. Shares from 0 to 1, times in seconds; null where nobody came."""
    seconds = [wait.seconds for wait in waits]
    count = len(waits)
    return {
        "starts": count,
        "share_at_once": sum(wait.at_once for wait in waits) / count if count else None,
        "share_within_target": share_within(waits, target_seconds),
        "share_failed": sum(wait.failed for wait in waits) / count if count else None,
        "p50_seconds": percentile(seconds, 0.5),
        "p95_seconds": percentile(seconds, 0.95),
        "longest_seconds": max(seconds, default=None),
    }


def value_at(series: Series, time: float) -> int:
    """The value of a step function at a time; 0 before it begins."""
    index = bisect.bisect_right(series, time, key=lambda change: change[0])
    return series[index - 1][1] if index else 0


def band(outcomes: Sequence[Series], times: Sequence[float]) -> tuple[list[float], list[int], list[int]]:
    """Of several step functions at each time: the middle one, the lowest, the highest."""
    middle, low, high = [], [], []
    for time in times:
        values = sorted(value_at(series, time) for series in outcomes)
        middle.append((values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2)
        low.append(values[0])
        high.append(values[-1])
    return middle, low, high
