# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What a node has and what a pod takes of it, in whole numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

LIMITS = ("cpu", "memory", "gpu", "pods", "volumes")
"""Names of what can run out, in the order of an Amount's members."""


class Amount(NamedTuple):
    """Thousandths of a CPU, bytes of memory, GPUs, pods, volumes attached.

    Sums are written out: a simulation makes hundreds of thousands of them.
    """

    cpu: int = 0
    memory: int = 0
    gpu: int = 0
    pods: int = 0
    volumes: int = 0

    def plus(self, other: Amount) -> Amount:
        """Both together."""
        a, b, c, d, e = self
        v, w, x, y, z = other
        return Amount(a + v, b + w, c + x, d + y, e + z)

    def minus(self, other: Amount) -> Amount:
        """What is left; below zero where there is less than is taken."""
        a, b, c, d, e = self
        v, w, x, y, z = other
        return Amount(a - v, b - w, c - x, d - y, e - z)

    def times(self, count: int) -> Amount:
        """This ``count`` times."""
        a, b, c, d, e = self
        return Amount(a * count, b * count, c * count, d * count, e * count)

    def fits(self, room: Amount) -> bool:
        """Whether ``room`` has this much of everything that is asked for."""
        return all(mine <= its for mine, its in zip(self, room, strict=True) if mine)

    def how_many(self, room: Amount) -> tuple[int, str]:
        """How many of these ``room`` holds, and what runs out first (one of LIMITS; "" where nothing is asked for).

        Of several that allow the same number, the one of which least is left over counts.
        """
        best: tuple[float, int, str] | None = None
        for name, mine, its in zip(LIMITS, self, room, strict=True):
            if mine > 0:
                found = (its / mine, max(0, its // mine), name)
                best = found if best is None or found < best else best
        return (best[1], best[2]) if best else (0, "")


NOTHING = Amount()


def total(amounts: Iterable[Amount]) -> Amount:
    """All of them together."""
    result = NOTHING
    for amount in amounts:
        result = result.plus(amount)
    return result
