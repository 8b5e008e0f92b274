# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The cheapest minimum and placeholders with which a target is kept, found by trying them.

Node groups do not help each other (every profile has its own), so each is searched alone. Placeholders are shared out
among a group's profiles as its users are. The target has to be kept by each group's users.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from typing import Any

from .scenario import Group, Scenario
from .study import Arrivals, Study, share_within, study

RUNS_OF_A_TRY = 5
STARTS_OF_A_TRY = 1000
"""A try has as many runs as give so many starts, at most RUNS_OF_A_TRY; the answer is confirmed with all runs."""

MINIMA = 6
"""How many minima between the lowest and the one that needs no placeholders are tried."""

PRECISION = 50
"""Numbers of placeholders are found to this part of the most that could help."""

WIDEN = 6
"""How often a maximum that is too low is doubled, to say which would do."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """What is changed of a group, and what comes of it."""

    low: int
    spares: Mapping[str, int]
    share: float
    node_hours: float


@dataclasses.dataclass(frozen=True)
class Advice:
    """For one group. ``choice`` None: nothing within the group's maximum does.

    ``most``: the share that is kept with all nodes up all day; ``high``: a maximum that would do (None: none was
    found); ``now``: what the present settings come to.
    """

    group: str
    now: Choice
    choice: Choice | None
    most: float
    high: int | None


def recommend(
    scenario: Scenario, arrivals: Arrivals, target_share: float, target_seconds: float, seed: int, runs: int
) -> list[Advice]:
    """Advice for every group that somebody comes to. Raises SimulationError without simpy."""
    sample = arrivals(random.Random(seed))  # noqa: S311 (no secret)
    counts: dict[str, int] = {}
    for arrival in sample:
        counts[arrival.kind] = counts.get(arrival.kind, 0) + 1
    return [
        _Search(scenario, group, arrivals, counts, target_share, target_seconds, seed, runs).advice()
        for group in scenario.groups
        if any(counts.get(kind.name) for kind in scenario.kinds if kind.group == group.name)
    ]


class _Search:
    def __init__(
        self,
        scenario: Scenario,
        group: Group,
        arrivals: Arrivals,
        counts: Mapping[str, int],
        share: float,
        seconds: float,
        seed: int,
        runs: int,
    ) -> None:
        self.group = group
        self.kinds = tuple(kind for kind in scenario.kinds if kind.group == group.name)
        self.scenario = dataclasses.replace(scenario, groups=(group,), kinds=self.kinds)
        self.counts = {kind.name: counts.get(kind.name, 0) for kind in self.kinds}
        names = set(self.counts)
        self.arrivals: Arrivals = lambda chance: [each for each in arrivals(chance) if each.kind in names]
        self.share, self.seconds, self.seed, self.runs = share, seconds, seed, runs
        here = sum(self.counts.values())
        self.few = max(1, min(RUNS_OF_A_TRY, runs, STARTS_OF_A_TRY // max(1, here)))
        self._tried: dict[Any, Choice] = {}

    def advice(self) -> Advice:
        now = self._present()
        if self.group.low == self.group.high:
            choice = self._try(self.group.low, 0, self.runs)
            kept = choice.share >= self.share
            return Advice(self.group.name, now, choice if kept else None, choice.share, None if kept else self._wider())
        best = self._try(self.group.high, 0, self.runs)
        if best.share < self.share:
            return Advice(self.group.name, now, None, best.share, self._wider())
        found = self._cheapest()
        # The present settings may be as good, and then nothing has to change.
        if now.share >= self.share and now.node_hours <= found.node_hours * 1.001:
            found = now
        return Advice(self.group.name, now, found, best.share, self.group.high)

    # Trying

    def _present(self) -> Choice:
        return self._run(self.scenario, self.runs, {kind.name: kind.placeholders for kind in self.kinds})

    def _try(self, low: int, places: int, runs: int, high: int | None = None) -> Choice:
        key = (low, places, runs, high)
        if key not in self._tried:
            group = dataclasses.replace(self.group, low=low, high=max(low, high or self.group.high))
            spares = self.split(places)
            kinds = tuple(dataclasses.replace(kind, placeholders=spares[kind.name]) for kind in self.kinds)
            scenario = dataclasses.replace(self.scenario, groups=(group,), kinds=kinds)
            self._tried[key] = self._run(scenario, runs, spares)
        return self._tried[key]

    def _run(self, scenario: Scenario, runs: int, spares: Mapping[str, int]) -> Choice:
        found: Study = study(scenario, self.arrivals, self.seed, runs)
        share = share_within(found.waits, self.seconds)
        return Choice(scenario.groups[0].low, dict(spares), 1.0 if share is None else share, found.node_hours())

    def split(self, places: int) -> dict[str, int]:
        """Placeholders of each kind: shared out as the users are, the largest remainders rounded up."""
        total = sum(self.counts.values())
        exact = {name: places * count / total for name, count in self.counts.items()}
        result = {name: int(share) for name, share in exact.items()}
        rest = sorted(exact, key=lambda name: exact[name] - result[name], reverse=True)
        for name in rest[: places - sum(result.values())]:
            result[name] += 1
        return result

    def _keeps(self, low: int, places: int) -> bool:
        return self._try(low, places, self.few).share >= self.share

    # Searching

    def _cheapest(self) -> Choice:
        lowest = 1 if any(self.group.core) or self.group.low else 0
        enough = self._smallest(lowest, self.group.high, lambda low: self._keeps(low, 0))
        step = max(1, -(-(enough - lowest) // MINIMA))
        minima = sorted({*range(lowest, enough, step), enough})
        most = self._most_places()
        found: list[tuple[float, int, int]] = []
        for low in minima:
            places = self._fewest_places(low, most)
            if places is not None:
                most = places  # a higher minimum needs no more
                found.append((self._try(low, places, self.few).node_hours, low, places))
        for _hours, low, places in sorted(found):
            confirmed = self._confirm(low, places)
            if confirmed:
                return confirmed
        return self._try(self.group.high, 0, self.runs)

    def _confirm(self, low: int, places: int) -> Choice | None:
        """With all runs; a few places more where the few runs of the search were lucky."""
        for more in (0, 1, 2, 4, 8):
            tried = self._try(low, places + more, self.runs)
            if tried.share >= self.share:
                return tried
        return None

    def _fewest_places(self, low: int, most: int) -> int | None:
        if self._keeps(low, 0):
            return 0
        if not self._keeps(low, most):
            return None
        step = max(1, most // PRECISION)
        return min(most, step * self._smallest(1, -(-most // step), lambda steps: self._keeps(low, steps * step)))

    def _most_places(self) -> int:
        each = max(
            (kind.spare.how_many(self.group.room)[0] for kind in self.kinds if self.counts[kind.name]), default=0
        )
        return min(max(1, each * self.group.high), max(1, sum(self.counts.values())))

    @staticmethod
    def _smallest(low: int, high: int, enough: Any) -> int:
        """The smallest number from ``low`` to ``high`` that is ``enough``; ``high`` where none below it is."""
        while low < high:
            middle = (low + high) // 2
            if enough(middle):
                high = middle
            else:
                low = middle + 1
        return low

    def _wider(self) -> int | None:
        """A maximum with which the target can be kept at all, with all nodes up."""
        high = self.group.high
        for _turn in range(WIDEN):
            high *= 2
            if self._try(high, 0, self.few, high).share >= self.share:
                return self._smallest(
                    high // 2 + 1, high, lambda nodes: self._try(nodes, 0, self.few, nodes).share >= self.share
                )
        return None
