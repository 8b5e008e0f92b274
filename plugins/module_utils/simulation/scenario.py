# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What a simulation is given and what it leaves. Times are seconds since midnight of the first day."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from ..capacity.amount import NOTHING, Amount


@dataclasses.dataclass(frozen=True)
class Kind:
    """A profile: what a server of it asks for, and how many placeholders of it stand ready.

    A placeholder asks for the same less volumes, which it does not have.
    """

    name: str
    group: str
    user: Amount
    placeholders: int = 0
    image: str = ""

    @property
    def spare(self) -> Amount:
        """What one placeholder asks for."""
        return self.user._replace(volumes=0)


@dataclasses.dataclass(frozen=True)
class Group:
    """A node group: what one node has for users, its bounds, and what the hub's own pods take of its first node.

    ``low == high``: a fixed number of nodes.
    """

    name: str
    room: Amount
    low: int
    high: int
    core: Amount = NOTHING


@dataclasses.dataclass(frozen=True)
class Timing:
    """How long things take, in seconds.

    ``boot``: from the autoscaler's request until pods can be placed. ``image_pull``: until the image is there after
    that; with ``prepull`` it starts when the node is ready, else with the first server. ``server_start``: what every
    start takes on a node that has the image (volume, container, notebook). ``preemption``: until a placeholder is gone.
    ``start_timeout``: after this the hub gives a server up. ``cull_timeout``: idle time after which servers are
    stopped, None for never; ``cull_every``: how often that is looked at. ``utilisation``: a node in use beyond this
    share is not removed.
    """

    boot: float
    image_pull: float = 0
    prepull: bool = True
    server_start: float = 0
    preemption: float = 0
    start_timeout: float = 1200
    scan_interval: float = 10
    scale_down_after: float = 600
    scale_down_after_add: float = 600
    utilisation: float = 0.5
    cull_timeout: float | None = 3600
    cull_every: float = 600
    max_age: float | None = None


@dataclasses.dataclass(frozen=True)
class Scenario:
    """All of it. ``horizon``: when the simulation ends."""

    groups: tuple[Group, ...]
    kinds: tuple[Kind, ...]
    timing: Timing
    horizon: float = 86400


class Arrival(NamedTuple):
    """Somebody asks for a server at ``time`` and works until ``active_until``; ``stops``: they stop it themselves.

    Somebody (``user``) who has a server already goes on with that.
    """

    time: float
    user: str
    kind: str
    active_until: float
    stops: bool = False


class Wait(NamedTuple):
    """One start: ``seconds`` from the click to the server.

    ``at_once``: there was a place (free, or a placeholder's) with the image on it. ``failed``: given up by the hub
    after ``seconds``.
    """

    time: float
    kind: str
    seconds: float
    at_once: bool
    failed: bool


Series = list[tuple[float, int]]
"""A number over time: each change with its time, in order."""


@dataclasses.dataclass
class Outcome:
    """What one run leaves. By group: ``nodes`` and ``users`` over time, node-seconds, the same for perfect packing."""

    waits: list[Wait]
    nodes: dict[str, Series]
    users: dict[str, Series]
    node_seconds: dict[str, float]
    bound_seconds: dict[str, float]
    most_starting: int = 0
    """How many servers were starting at the same time."""

    def peak_nodes(self, group: str) -> int:
        """Most nodes of a group at a time."""
        return max((count for _time, count in self.nodes[group]), default=0)
