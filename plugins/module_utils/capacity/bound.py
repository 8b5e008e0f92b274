# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What no way of packing can go below."""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul

from .amount import Amount


class Bound:
    """Fewest nodes that hold so many servers, the hub's own pods and nothing else.

    Of two bounds that both hold the larger: all requests added up, divided by a node, for each resource; and the
    servers of one kind alone, of which a node holds a whole number. With one kind the second is exact.
    """

    def __init__(self, room: Amount, core: Amount, kinds: Sequence[Amount]) -> None:
        self.room = room
        self.core = core
        self.kinds = tuple(kinds)
        self._columns = [
            (core[index], has, [kind[index] for kind in self.kinds]) for index, has in enumerate(room) if has > 0
        ]
        self._each = [kind.how_many(room)[0] for kind in self.kinds]
        self._first = [kind.how_many(room.minus(core))[0] for kind in self.kinds]
        self._known: dict[tuple[int, ...], int] = {}

    def nodes(self, counts: Sequence[int]) -> int:
        """For ``counts`` servers of each kind."""
        key = tuple(counts)
        if key not in self._known:
            self._known[key] = self._count(key)
        return self._known[key]

    def _count(self, counts: tuple[int, ...]) -> int:
        best = 1 if any(self.core) else 0
        for core, has, each_kind in self._columns:
            wanted = core + sum(map(mul, each_kind, counts))
            best = max(best, -(-wanted // has))
        for count, each, first in zip(counts, self._each, self._first, strict=True):
            if count and each:
                best = max(best, 1 + -(-max(0, count - first) // each))
        return best
