# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""One run of a scenario: users come, wait, work and go; nodes come and go."""

from __future__ import annotations

import math
import random
from collections.abc import Generator, Sequence
from typing import Any, cast

from ..capacity.bound import Bound
from .autoscaler import Autoscaler
from .fleet import Fleet, Node, Place, Waiter
from .scenario import Arrival, Kind, Outcome, Scenario, Wait

try:
    import simpy
except ImportError:  # whoever runs a simulation is told
    simpy = None  # type: ignore[assignment,unused-ignore]

LEAD = 7200.0
"""Seconds before midnight at which the cluster stands at its minimum, so that placeholders have their nodes by then."""


class SimulationError(RuntimeError):
    """A simulation that cannot be run here; says what is missing."""


def simulate(scenario: Scenario, arrivals: Sequence[Arrival], seed: int = 0) -> Outcome:
    """Run it. The same ``seed`` gives the same outcome. Raises SimulationError without simpy."""
    if simpy is None:
        raise SimulationError("simpy is not installed, which the simulation needs: pip install -r requirements.txt")
    return _Day(scenario, arrivals, random.Random(seed)).run()  # noqa: S311 (no secret)


class _Session:
    """Somebody's server, asked for or running."""

    __slots__ = ("active_until", "stops")

    def __init__(self, arrival: Arrival) -> None:
        self.active_until = arrival.active_until
        self.stops = arrival.stops


class _Day:
    def __init__(self, scenario: Scenario, arrivals: Sequence[Arrival], chance: random.Random) -> None:
        self.scenario = scenario
        self.timing = scenario.timing
        self.arrivals = sorted(arrivals)
        start = min(0.0, self.arrivals[0].time if self.arrivals else 0.0) - LEAD
        self.env = simpy.Environment(initial_time=start)
        self.kinds: dict[str, Kind] = {kind.name: kind for kind in scenario.kinds}
        self.fleets = {group.name: Fleet(group, scenario.kinds) for group in scenario.groups}
        self.cull_phase = chance.uniform(0, self.timing.cull_every)
        scan_phase = start + chance.uniform(0, self.timing.scan_interval)
        self.scaler = Autoscaler(self.env, self.fleets, self.timing, scan_phase, self._nodes_changed)
        self.bounds = {
            group.name: Bound(
                group.room, group.core, [kind.user for kind in scenario.kinds if kind.group == group.name]
            )
            for group in scenario.groups
        }
        self.sessions: dict[str, _Session] = {}
        self.waits: list[Wait] = []
        self.nodes: dict[str, list[tuple[float, int]]] = {name: [] for name in self.fleets}
        self.users: dict[str, list[tuple[float, int]]] = {name: [] for name in self.fleets}
        self.running = {kind.name: 0 for kind in scenario.kinds}
        self.needed: dict[str, list[tuple[float, int]]] = {name: [] for name in self.fleets}
        self.starting = self.most_starting = 0

    def run(self) -> Outcome:
        for fleet in self.fleets.values():
            for _turn in range(fleet.group.low):
                fleet.add(self.env.now)
            self._nodes_changed(fleet)
            self._users_changed(fleet)
        self.env.process(self._come())
        self.env.run(until=self.scenario.horizon)
        end = self.scenario.horizon
        return Outcome(
            waits=self.waits,
            nodes=self.nodes,
            users=self.users,
            node_seconds={name: integral(series, 0, end) for name, series in self.nodes.items()},
            bound_seconds={name: integral(series, 0, end) for name, series in self.needed.items()},
            most_starting=self.most_starting,
        )

    # Users

    def _come(self) -> Generator[Any, Any, None]:
        for arrival in self.arrivals:
            if arrival.time > self.env.now:
                yield self.env.timeout(arrival.time - self.env.now)
            session = self.sessions.get(arrival.user)
            if session is None:
                session = self.sessions[arrival.user] = _Session(arrival)
                self.env.process(self._serve(arrival, session))
            else:
                session.active_until = max(session.active_until, arrival.active_until)
                session.stops = arrival.stops

    def _serve(self, arrival: Arrival, session: _Session) -> Generator[Any, Any, None]:
        env, timing, kind = self.env, self.timing, self.kinds[arrival.kind]
        fleet = self.fleets[kind.group]
        clicked = env.now
        self.starting += 1
        self.most_starting = max(self.most_starting, self.starting)
        found = None if fleet.waiting[kind.name] else fleet.place(kind)
        at_once = found is not None
        if found is None:
            placed = env.event()
            waiter = fleet.wait(kind, placed)
            self.scaler.wake()
            limit = env.timeout(timing.start_timeout)
            yield placed | limit
            if not placed.triggered:
                fleet.give_up(waiter)
                self._ended(arrival, timing.start_timeout, at_once=False, failed=True)
                return
            place = cast(Place, placed.value)
        else:
            place = found
            if place.victims:
                self._settle(fleet)
        self.running[kind.name] += 1
        self._users_changed(fleet)
        ready = self._ready(place, kind)
        if place.node.images.get(kind.image, -math.inf) > env.now:
            at_once = False
        given_up = clicked + timing.start_timeout
        if ready > given_up:
            yield env.timeout(max(0.0, given_up - env.now))
            self._ended(arrival, timing.start_timeout, at_once=False, failed=True)
            self._leave(fleet, place.node, kind)
            return
        if ready > env.now:
            yield env.timeout(ready - env.now)
        self._ended(arrival, env.now - clicked, at_once, failed=False)
        began = env.now
        self.sessions[arrival.user] = session
        while (end := self._end(session, began)) > env.now:
            if end >= self.scenario.horizon:
                return
            yield env.timeout(end - env.now)
        del self.sessions[arrival.user]
        self._leave(fleet, place.node, kind)

    def _ready(self, place: Place, kind: Kind) -> float:
        """When the server answers: its placeholder gone, its image there, itself started."""
        now, timing, node = self.env.now, self.timing, place.node
        if timing.image_pull and kind.image not in node.images:
            node.images[kind.image] = (node.ready if timing.prepull else now) + timing.image_pull
        there = max(now + (timing.preemption if place.victims else 0), node.images.get(kind.image, -math.inf))
        return there + timing.server_start

    def _ended(self, arrival: Arrival, seconds: float, at_once: bool, failed: bool) -> None:
        """A start has ended, one way or the other."""
        self.starting -= 1
        self.waits.append(Wait(arrival.time, arrival.kind, seconds, at_once, failed))
        if failed:
            del self.sessions[arrival.user]

    def _end(self, session: _Session, began: float) -> float:
        """When the server ends, as far as is known now."""
        timing = self.timing
        active_until = max(session.active_until, began)
        if session.stops:
            return active_until
        ends = []
        if timing.cull_timeout is not None:
            ends.append(active_until + timing.cull_timeout)
            if timing.max_age is not None:
                ends.append(began + timing.max_age)
        if not ends:
            return math.inf
        checks = math.ceil(round((min(ends) - self.cull_phase) / timing.cull_every, 9))
        return self.cull_phase + checks * timing.cull_every

    def _leave(self, fleet: Fleet, node: Node, kind: Kind) -> None:
        fleet.leave(node, kind)
        self.running[kind.name] -= 1
        self._settle(fleet)
        self._users_changed(fleet)
        if fleet.without_users and fleet.size > fleet.group.low:
            self.scaler.wake()

    # Nodes

    def _settle(self, fleet: Fleet) -> None:
        for waiter, place in fleet.settle():
            self._tell(waiter, place)
        if any(fleet.spares_waiting.values()):
            self.scaler.wake()

    @staticmethod
    def _tell(waiter: Waiter, place: Place) -> None:
        waiter.told.succeed(place)

    def _nodes_changed(self, fleet: Fleet) -> None:
        self._settle(fleet)
        self.nodes[fleet.group.name].append((self.env.now, fleet.size))

    def _users_changed(self, fleet: Fleet) -> None:
        name = fleet.group.name
        counts = tuple(self.running[kind] for kind in fleet.kinds)
        self.users[name].append((self.env.now, sum(counts)))
        self.needed[name].append((self.env.now, self.bounds[name].nodes(counts)))


def integral(series: Sequence[tuple[float, int]], start: float, end: float) -> float:
    """Value times seconds of a step function between two times."""
    result = 0.0
    for (time, value), (until, _next) in zip(series, [*series[1:], (end, 0)], strict=True):
        result += value * max(0.0, min(until, end) - max(time, start))
    return result
