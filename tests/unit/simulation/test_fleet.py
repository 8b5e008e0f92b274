"""Placing, pre-empting and counting, by hand and for anything that may happen."""

from __future__ import annotations

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.capacity.amount import NOTHING, Amount
from ansible_collections.stfc.jupyterhub.plugins.module_utils.capacity.bound import Bound
from ansible_collections.stfc.jupyterhub.plugins.module_utils.simulation.fleet import Fleet, Node, Place, nodes_for
from ansible_collections.stfc.jupyterhub.plugins.module_utils.simulation.scenario import Group, Kind
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from .conftest import GIB, ONE, TEN

CORE = Amount(500, GIB, 0, 5, 1)
SMALL = Kind("small", "workers", Amount(50, GIB, 0, 1, 1), 3)
LARGE = Kind("large", "workers", Amount(50, 4 * GIB, 0, 1, 1), 1)


def fleet_of(nodes: int, *kinds: Kind, core: Amount = NOTHING) -> Fleet:
    fleet = Fleet(Group("workers", TEN, nodes, nodes, core), kinds)
    for _other in range(nodes):
        fleet.add(0)
    return fleet


def place(fleet: Fleet, kind: Kind) -> Place:
    found = fleet.place(kind)
    assert found
    return found


def test_a_node_holds_what_fits_and_not_one_more() -> None:
    kind = Kind("default", "workers", ONE)
    fleet = fleet_of(1, kind)
    assert [fleet.place(kind) is not None for _other in range(11)] == [True] * 10 + [False]


@pytest.mark.parametrize(
    ("room", "limit"),
    [
        (Amount(9_999, 10 * GIB, 0, 110, 25), "cpu"),
        (Amount(10_000, 10 * GIB - 1, 0, 110, 25), "memory"),
        (Amount(10_000, 10 * GIB, 0, 9, 25), "pods"),
        (Amount(10_000, 10 * GIB, 0, 110, 9), "volumes"),
    ],
)
def test_each_resource_limits(room: Amount, limit: str) -> None:
    assert ONE.how_many(room) == (9, limit)
    kind = Kind("default", "workers", ONE)
    fleet = Fleet(Group("workers", room, 1, 1), [kind])
    fleet.add(0)
    assert sum(fleet.place(kind) is not None for _other in range(20)) == 9


def test_gpus_limit_and_volumes_are_not_taken_by_placeholders() -> None:
    kind = Kind("gpu", "workers", ONE._replace(gpu=1), 1)
    assert kind.user.how_many(TEN._replace(gpu=2)) == (2, "gpu")
    assert kind.spare == ONE._replace(gpu=1, volumes=0)


def test_the_fullest_node_is_taken() -> None:
    fleet = fleet_of(3, SMALL)
    first = place(fleet, SMALL).node
    assert all(place(fleet, SMALL).node is first for _other in range(9))
    assert place(fleet, SMALL).node is not first


def test_the_first_node_has_the_hubs_own_pods() -> None:
    fleet = fleet_of(2, SMALL, core=CORE)
    assert [node.core for node in fleet.nodes] == [True, False]
    assert place(fleet, SMALL).node.core  # it is the fullest


def test_a_user_takes_a_placeholders_place_and_the_placeholder_waits() -> None:
    fleet = fleet_of(1, SMALL)
    for _other in range(7):
        place(fleet, SMALL)
    fleet.settle_spares()
    [node] = list(fleet.nodes)
    assert node.spares == ("small",) * 3
    assert place(fleet, SMALL).victims == ("small",)
    assert fleet.spares_waiting == {"small": 1}
    fleet.leave(node, SMALL)
    list(fleet.settle())
    assert fleet.spares_waiting == {"small": 0}


def test_a_large_server_takes_the_places_that_it_needs_and_leaves_the_others() -> None:
    fleet = fleet_of(1, SMALL, LARGE)
    for _other in range(4):
        place(fleet, SMALL)
    fleet.settle_spares()  # 4 small servers, 3 small placeholders; the large one has no room
    assert place(fleet, LARGE).victims == ("small",)


def test_a_volume_that_cannot_be_attached_is_no_place() -> None:
    kind = Kind("default", "workers", ONE, 2)
    fleet = Fleet(Group("workers", TEN._replace(volumes=1), 1, 1), [kind])
    fleet.add(0)
    fleet.settle_spares()
    assert fleet.place(kind)
    assert fleet.place(kind) is None  # pre-empting would not help


def test_who_waits_is_served_in_the_order_of_coming_but_nobody_blocks_another_size() -> None:
    fleet = fleet_of(1, SMALL, LARGE)
    servers = [place(fleet, SMALL) for _other in range(10)]
    waiting = [fleet.wait(LARGE, "large"), fleet.wait(SMALL, "first"), fleet.wait(SMALL, "second")]
    fleet.leave(servers[0].node, SMALL)
    assert [waiter.told for waiter, _place in fleet.settle()] == ["first"]
    fleet.give_up(waiting[2])
    assert fleet.wanted() == [(LARGE.user, 1), (SMALL.spare, 3), (LARGE.spare, 1)]


@pytest.mark.parametrize(
    ("wanted", "coming", "most", "nodes"),
    [
        ([(ONE, 1)], 0, 5, 1),
        ([(ONE, 10)], 0, 5, 1),
        ([(ONE, 11)], 0, 5, 2),
        ([(ONE, 11)], 1, 5, 1),
        ([(ONE, 11)], 2, 5, 0),
        ([(ONE, 99)], 0, 5, 5),
        ([(LARGE.user, 3), (SMALL.user, 8)], 0, 9, 2),
        ([(Amount(0, 11 * GIB), 4)], 0, 9, 0),
        ([], 3, 9, 0),
    ],
)
def test_the_autoscaler_asks_for_the_nodes_that_are_missing(
    wanted: list[tuple[Amount, int]], coming: int, most: int, nodes: int
) -> None:
    assert nodes_for(wanted, TEN, coming, most) == nodes


def test_the_bound_is_exact_for_one_kind_and_not_above_what_is_needed_for_two() -> None:
    bound = Bound(TEN, Amount(), [ONE])
    assert [bound.nodes([count]) for count in (0, 1, 10, 11, 20)] == [0, 1, 1, 2, 2]
    with_core = Bound(TEN, CORE, [ONE])
    assert [with_core.nodes([count]) for count in (0, 9, 10, 19, 20)] == [1, 1, 2, 2, 3]
    two = Bound(TEN, Amount(), [SMALL.user, LARGE.user])
    assert two.nodes([2, 2]) == 1
    assert two.nodes([3, 2]) == 2


class Anything(RuleBasedStateMachine):
    """Servers, placeholders and nodes come and go in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.fleet = fleet_of(1, SMALL, LARGE, core=CORE)
        self.servers: list[tuple[Node, Kind]] = []

    @rule(kind=st.sampled_from([SMALL, LARGE]))
    def come(self, kind: Kind) -> None:
        found = self.fleet.place(kind)
        if found:
            self.servers.append((found.node, kind))
        else:
            self.fleet.wait(kind, None)

    @rule(chosen=st.integers(0, 1000))
    def go(self, chosen: int) -> None:
        if self.servers:
            node, kind = self.servers.pop(chosen % len(self.servers))
            self.fleet.leave(node, kind)
            self.settle()

    @rule()
    def settle(self) -> None:
        for waiter, found in self.fleet.settle():
            self.servers.append((found.node, waiter.kind))

    @rule()
    def add(self) -> None:
        if len(self.fleet.nodes) < 5:
            self.fleet.add(0)
            self.settle()

    @rule()
    def remove(self) -> None:
        for node in list(self.fleet.without_users):
            if not node.core:
                self.fleet.remove(node)
                self.settle()
                return

    @invariant()
    def no_node_is_overfull_and_all_is_counted(self) -> None:
        fleet = self.fleet
        for node in fleet.nodes:
            spares = [fleet.kinds[name].spare for name in node.spares]
            users = [kind.user for at, kind in self.servers if at is node]
            used = CORE if node.core else Amount()
            for amount in (*spares, *users):
                used = used.plus(amount)
            assert node.used == used
            assert used.fits(fleet.room)
            assert node.users == len(users)
        assert fleet.users == len(self.servers)
        assert set(fleet.without_users) == {node for node in fleet.nodes if not node.users}
        for name, kind in fleet.kinds.items():
            standing = sum(node.spares.count(name) for node in fleet.nodes)
            assert standing + fleet.spares_waiting[name] == kind.placeholders


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
