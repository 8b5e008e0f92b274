# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The nodes of one group, who is on them, and the scheduler's choices. Knows no clock.

Follows kube-scheduler with the chart's settings for its user scheduler (``scheduling.userScheduler``): NodeResourcesFit
scores MostAllocated, CPU and memory alike, integers from 0 to 100 (``pkg/scheduler/framework/plugins/noderesources/
most_allocated.go``). Pre-emption takes the node with the fewest victims, since all placeholders have one priority
below zero (``pkg/scheduler/framework/preemption/preemption.go``, ``pickOneNodeForPreemption``), and spares those that
were there first where room is left (``plugins/defaultpreemption``, ``SelectVictimsOnNode``).
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ..capacity.amount import NOTHING, Amount, total
from .scenario import Group, Kind


class Node:
    """One node: what is used of it, how many users it has, its placeholders' kinds, oldest first."""

    __slots__ = ("core", "images", "ready", "spares", "unneeded", "used", "users")

    def __init__(self, ready: float, used: Amount = NOTHING, core: bool = False) -> None:
        self.ready = ready
        self.used = used
        self.core = core
        self.users = 0
        self.spares: tuple[str, ...] = ()
        self.images: dict[str, float] = {}
        self.unneeded: float | None = None


class Place(NamedTuple):
    """Where a pod goes; ``victims`` are the kinds of the placeholders that make room for it."""

    node: Node
    victims: tuple[str, ...] = ()


class Waiter:
    """A server without a place. ``told`` is whatever the caller wants to know it by."""

    __slots__ = ("kind", "order", "told")

    def __init__(self, kind: Kind, order: int, told: Any) -> None:
        self.kind = kind
        self.order = order
        self.told = told


class Fleet:
    """Nodes of one group. Nodes that are alike (same use, same placeholders) are looked at once."""

    def __init__(self, group: Group, kinds: Iterable[Kind]) -> None:
        self.group = group
        self.room = group.room
        self.kinds: Mapping[str, Kind] = {kind.name: kind for kind in kinds if kind.group == group.name}
        self.nodes: dict[Node, None] = {}
        self.without_users: dict[Node, None] = {}
        self.booting = 0
        self.users = 0
        self.waiting: dict[str, deque[Waiter]] = {name: deque() for name in self.kinds}
        self.spares_waiting = {kind.name: kind.placeholders for kind in self.kinds.values()}
        self._alike: dict[tuple[Amount, tuple[str, ...]], dict[Node, None]] = {}
        self._order = itertools.count()

    # Nodes

    @property
    def size(self) -> int:
        """Nodes there are, and those on their way."""
        return len(self.nodes) + self.booting

    def add(self, ready: float) -> Node:
        """A node that pods can be placed on from now. The first has the hub's own pods."""
        core = any(self.group.core) and not any(node.core for node in self.nodes)
        node = Node(ready, self.group.core if core else NOTHING, core)
        self.nodes[node] = self.without_users[node] = None
        self._alike.setdefault((node.used, node.spares), {})[node] = None
        return node

    def remove(self, node: Node) -> None:
        """Take away a node without users; its placeholders wait for another place."""
        if node.users or node.core:
            raise ValueError("the node has users or the hub's own pods")
        self._forget(node)
        del self.nodes[node], self.without_users[node]
        for name in node.spares:
            self.spares_waiting[name] += 1

    # Pods

    def find(self, amount: Amount) -> Node | None:
        """The node where a pod goes: of those with room for it the fullest, as it would be with it."""
        cpu, memory, gpu, pods, volumes = amount
        room = self.room
        best, best_score = None, -1
        for (used, _spares), nodes in self._alike.items():
            if (
                used[1] + memory <= room[1]
                and used[0] + cpu <= room[0]
                and used[3] + pods <= room[3]
                and (not gpu or used[2] + gpu <= room[2])
                and (not volumes or used[4] + volumes <= room[4])
            ):
                score = (used[0] + cpu) * 100 // (room[0] or 1) + (used[1] + memory) * 100 // (room[1] or 1)
                if score > best_score:
                    best, best_score = nodes, score
        return next(iter(best)) if best else None

    def place(self, kind: Kind) -> Place | None:
        """Give a server of this kind a place, if need be of placeholders; None where there is none."""
        node = self.find(kind.user)
        victims: tuple[str, ...] = ()
        if node is None:
            found = self._victims(kind.user)
            if found is None:
                return None
            node, victims = found
        left = list(node.spares)
        for name in victims:
            left.reverse()
            left.remove(name)  # the youngest of its kind
            left.reverse()
            self.spares_waiting[name] += 1
        freed = total(self.kinds[name].spare for name in victims)
        self._change(node, node.used.minus(freed).plus(kind.user), tuple(left))
        node.users += 1
        node.unneeded = None
        self.without_users.pop(node, None)
        self.users += 1
        return Place(node, victims)

    def leave(self, node: Node, kind: Kind) -> None:
        """A server on this node ends."""
        self._change(node, node.used.minus(kind.user), node.spares)
        node.users -= 1
        self.users -= 1
        if not node.users:
            self.without_users[node] = None

    def wait(self, kind: Kind, told: Any) -> Waiter:
        """A server of this kind stands in line for a place."""
        waiter = Waiter(kind, next(self._order), told)
        self.waiting[kind.name].append(waiter)
        return waiter

    def give_up(self, waiter: Waiter) -> None:
        """It does so no longer."""
        self.waiting[waiter.kind.name].remove(waiter)

    def settle(self) -> Iterator[tuple[Waiter, Place]]:
        """Give places to those who wait, users first, in the order of their coming; then to placeholders."""
        blocked: set[str] = set()
        while lines := [line for name, line in self.waiting.items() if line and name not in blocked]:
            line = min(lines, key=lambda line: line[0].order)
            place = self.place(line[0].kind)
            if place is None:
                blocked.add(line[0].kind.name)
            else:
                yield line.popleft(), place
        self.settle_spares()

    def settle_spares(self) -> None:
        """Give places to the placeholders that wait."""
        for name, count in self.spares_waiting.items():
            kind = self.kinds[name]
            while count and (node := self.find(kind.spare)):
                self._change(node, node.used.plus(kind.spare), (*node.spares, name))
                count -= 1
            self.spares_waiting[name] = count

    # What an autoscaler asks

    def wanted(self) -> list[tuple[Amount, int]]:
        """What has no place: requests and how many of them."""
        users = [(kind.user, len(self.waiting[name])) for name, kind in self.kinds.items()]
        spares = [(kind.spare, self.spares_waiting[name]) for name, kind in self.kinds.items()]
        return [(amount, count) for amount, count in users + spares if count]

    def fits_elsewhere(self, node: Node, leaving: Iterable[Node]) -> bool:
        """Whether the placeholders of ``node`` have room on nodes that stay."""
        free: dict[Amount, int] = {}
        for (used, _spares), nodes in self._alike.items():
            free[used] = free.get(used, 0) + len(nodes)
        for gone in {node, *leaving}:
            free[gone.used] -= 1
        free = {used: count for used, count in free.items() if count}
        for name in node.spares:
            amount = self.kinds[name].spare
            fitting = next((used for used in free if amount.fits(self.room.minus(used))), None)
            if fitting is None:
                return False
            free[fitting] -= 1
            if not free[fitting]:
                del free[fitting]
            fuller = fitting.plus(amount)
            free[fuller] = free.get(fuller, 0) + 1
        return True

    def share_used(self, node: Node) -> float:
        """The larger of the shares of CPU and memory that are used."""
        return max(node.used.cpu / (self.room.cpu or 1), node.used.memory / (self.room.memory or 1))

    # Inside

    def _victims(self, amount: Amount) -> Place | None:
        best: Place | None = None
        for (used, spares), nodes in self._alike.items():
            if not spares:
                continue
            free = self.room.minus(used.minus(total(self.kinds[name].spare for name in spares)))
            if not amount.fits(free):
                continue
            free = free.minus(amount)
            victims = []
            for name in spares:
                spare = self.kinds[name].spare
                if spare.fits(free):
                    free = free.minus(spare)
                else:
                    victims.append(name)
            if best is None or len(victims) < len(best.victims):
                best = Place(next(iter(nodes)), tuple(victims))
        return best

    def _forget(self, node: Node) -> None:
        key = (node.used, node.spares)
        alike = self._alike[key]
        del alike[node]
        if not alike:
            del self._alike[key]

    def _change(self, node: Node, used: Amount, spares: tuple[str, ...]) -> None:
        self._forget(node)
        node.used, node.spares = used, spares
        self._alike.setdefault((used, spares), {})[node] = None


def nodes_for(wanted: Iterable[tuple[Amount, int]], room: Amount, coming: int, most: int) -> int:
    """How many more nodes the autoscaler asks for, so that all that is ``wanted`` has a place.

    ``coming``: nodes that are on their way. First-fit decreasing, as its estimator does it (``cluster-autoscaler/
    estimator/binpacking_estimator.go``). What fits on no node is left out. At most ``most``.
    """
    rows = [(amount, count) for amount, count in wanted if count and amount.fits(room)]
    rows.sort(key=lambda row: _size(row[0], room), reverse=True)
    nodes = 0
    while rows and nodes < coming + most:
        left, each = room, []
        for amount, count in rows:
            fitting = min(count, amount.how_many(left)[0])
            left = left.minus(amount.times(fitting))
            each.append(fitting)
        # As many nodes as are filled in this very way.
        alike = min(count // fitting for (_amount, count), fitting in zip(rows, each, strict=True) if fitting)
        nodes += alike
        rows = [
            (amount, count - alike * fitting)
            for (amount, count), fitting in zip(rows, each, strict=True)
            if count > alike * fitting
        ]
    return max(0, min(nodes, coming + most) - coming)


def _size(amount: Amount, room: Amount) -> float:
    return amount.cpu / (room.cpu or 1) + amount.memory / (room.memory or 1)
