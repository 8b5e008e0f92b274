# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The cluster autoscaler: looks every few seconds, adds nodes for what has no place, removes nodes that nobody needs.

Follows the cluster autoscaler's defaults (its FAQ, ``cluster-autoscaler/FAQ.md``): users' servers have no controller
and so hold their node; placeholders may be moved; a node goes after ten minutes without need, not within ten minutes
of an addition, up to ten empty ones at a time and one at a time of those with placeholders.

It looks at moments of a fixed grid. Here it sleeps through those at which nothing can have changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .fleet import Fleet, Node, nodes_for
from .scenario import Timing

if TYPE_CHECKING:
    import simpy

MOST_EMPTY_AT_A_TIME = 10
"""``--max-empty-bulk-delete``."""


class Autoscaler:
    """One autoscaler for all groups. ``changed(fleet)`` is called when nodes have come or gone."""

    def __init__(
        self,
        env: simpy.Environment,
        fleets: Mapping[str, Fleet],
        timing: Timing,
        phase: float,
        changed: Callable[[Fleet], None],
    ) -> None:
        self.env = env
        self.fleets = fleets
        self.timing = timing
        self.phase = phase
        self.changed = changed
        self._booked: set[int] = set()
        self._added: dict[str, float] = dict.fromkeys(fleets, -math.inf)

    def wake(self, at: float | None = None) -> None:
        """Something may be to do, now or from the time ``at``: look at the next moment of the grid."""
        when = max(self.env.now, self.env.now if at is None else at)
        tick = math.ceil(round((when - self.phase) / self.timing.scan_interval, 9))
        if tick in self._booked:
            return
        self._booked.add(tick)
        delay = max(0.0, self.phase + tick * self.timing.scan_interval - self.env.now)
        event = self.env.timeout(delay)
        event.callbacks.append(lambda _event: self._look(tick))

    def _look(self, tick: int) -> None:
        self._booked.discard(tick)
        for fleet in self.fleets.values():
            if fleet.group.low < fleet.group.high:
                self._scale_up(fleet)
                self._scale_down(fleet)

    def _scale_up(self, fleet: Fleet) -> None:
        most = fleet.group.high - fleet.size
        wanted = fleet.wanted()
        count = nodes_for(wanted, fleet.room, fleet.booting, most) if wanted and most > 0 else 0
        if not count:
            return
        self._added[fleet.group.name] = self.env.now
        fleet.booting += count
        for _turn in range(count):
            self.env.timeout(self.timing.boot).callbacks.append(lambda _event: self._boot(fleet))
        self.changed(fleet)

    def _boot(self, fleet: Fleet) -> None:
        fleet.booting -= 1
        fleet.add(self.env.now)
        self.changed(fleet)
        self.wake(self.env.now + self.timing.scan_interval)

    def _scale_down(self, fleet: Fleet) -> None:
        spare_nodes = fleet.size - fleet.group.low
        if spare_nodes <= 0 or not fleet.without_users:
            return
        now, timing = self.env.now, self.timing
        leaving: list[Node] = []
        moved = 0
        next_look = math.inf
        for node in sorted(fleet.without_users, key=lambda node: len(node.spares)):
            if node.core or len(leaving) >= spare_nodes:
                continue
            needed = fleet.share_used(node) > timing.utilisation
            if needed or (node.spares and not fleet.fits_elsewhere(node, leaving)):
                node.unneeded = None
                continue
            if node.unneeded is None:
                node.unneeded = now
            due = max(
                node.unneeded + timing.scale_down_after, self._added[fleet.group.name] + timing.scale_down_after_add
            )
            full = moved >= 1 if node.spares else len(leaving) >= MOST_EMPTY_AT_A_TIME
            if now >= due and not full:
                leaving.append(node)
                moved += bool(node.spares)
            else:
                next_look = min(next_look, max(due, now + timing.scan_interval))
        for node in leaving:
            fleet.remove(node)
        if leaving:
            self.changed(fleet)
        if next_look < math.inf:
            self.wake(next_look)
