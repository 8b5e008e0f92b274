"""Whole runs: what can be worked out by hand, and what always holds."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.simulation import day
from ansible_collections.stfc.jupyterhub.plugins.module_utils.simulation.day import integral, simulate
from ansible_collections.stfc.jupyterhub.plugins.module_utils.simulation.scenario import (
    Arrival,
    Group,
    Kind,
    Scenario,
    Timing,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.simulation.study import study, waiting
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import GIB, ONE, TEN, one_group

Make = Callable[..., Scenario]
NINE = 9 * 3600.0


def at(time: float, number: int, lasting: float = 3600, stops: bool = True, kind: str = "default") -> Arrival:
    return Arrival(time, f"user {number}", kind, time + lasting, stops)


def test_who_finds_a_place_waits_only_for_the_start(scenario: Make) -> None:
    outcome = simulate(scenario(server_start=15), [at(NINE, number) for number in range(10)])
    assert {(wait.seconds, wait.at_once) for wait in outcome.waits} == {(15, True)}
    assert outcome.most_starting == 10


def test_with_enough_places_the_mean_number_of_users_is_rate_times_duration(scenario: Make) -> None:
    """Little's law, as in a queue M/D/infinity."""
    chance = random.Random(4)
    times, time = [], 0.0
    while (time := time + chance.expovariate(1 / 60)) < 80_000:
        times.append(time)
    outcome = simulate(scenario(20, 20), [at(time, number) for number, time in enumerate(times)])
    assert all(wait.seconds == 0 for wait in outcome.waits)
    person_seconds = integral(outcome.users["workers"], 0, 86400)
    assert person_seconds == pytest.approx(len(times) * 3600)
    assert person_seconds / 80_000 == pytest.approx(3600 / 60, rel=0.1)


def test_one_too_many_waits_for_a_look_a_boot_and_the_image(scenario: Make) -> None:
    outcome = simulate(scenario(1, 2, image_pull=30), [at(NINE, number) for number in range(11)])
    late = [wait for wait in outcome.waits if not wait.at_once]
    assert len(late) == 1
    assert 120 <= late[0].seconds <= 130
    assert outcome.peak_nodes("workers") == 2


def test_without_prepulling_the_image_comes_with_the_first_server(scenario: Make) -> None:
    late = scenario(1, 1, image_pull=30, prepull=False)
    outcome = simulate(late, [at(NINE, 0), at(NINE + 20, 1), at(NINE + 40, 2)])
    assert [(wait.seconds, wait.at_once) for wait in sorted(outcome.waits)] == [(30, False), (10, False), (0, True)]


def test_with_a_fixed_number_of_nodes_one_waits_until_another_ends(scenario: Make) -> None:
    who = [at(NINE, number, lasting=600) for number in range(10)] + [at(NINE + 100, 10)]
    outcome = simulate(scenario(), who)
    assert max(wait.seconds for wait in outcome.waits) == 500


def test_the_hub_gives_up_who_waits_too_long(scenario: Make) -> None:
    outcome = simulate(scenario(start_timeout=300), [at(NINE, number) for number in range(11)])
    assert [(wait.seconds, wait.failed) for wait in outcome.waits if wait.failed] == [(300, True)]
    assert outcome.users["workers"][-1][1] == 0


def test_an_image_that_comes_too_late_fails_the_start_and_frees_its_place(scenario: Make) -> None:
    slow = scenario(image_pull=900, prepull=False, start_timeout=300)
    outcome = simulate(slow, [at(NINE, 0)])
    assert [(wait.seconds, wait.failed) for wait in outcome.waits] == [(300, True)]
    assert outcome.users["workers"][-1][1] == 0


def test_a_placeholder_makes_room_at_once_and_another_node_comes_for_it(scenario: Make) -> None:
    outcome = simulate(scenario(1, 3, placeholders=4, preemption=1), [at(NINE, number) for number in range(7)])
    assert [wait.seconds for wait in outcome.waits] == [0] * 6 + [1]
    assert all(wait.at_once for wait in outcome.waits)
    grown = next(time for time, nodes in outcome.nodes["workers"] if nodes == 2)
    assert NINE <= grown <= NINE + 10


def test_placeholders_that_have_no_room_at_the_minimum_have_their_nodes_before_the_day_begins(scenario: Make) -> None:
    outcome = simulate(scenario(1, 5, placeholders=25), [])
    assert outcome.nodes["workers"][-1][1] == 3
    assert outcome.node_seconds["workers"] == 3 * 86400
    assert outcome.bound_seconds["workers"] == 0


def test_a_node_goes_ten_minutes_after_its_last_user(scenario: Make) -> None:
    outcome = simulate(scenario(1, 2), [at(NINE, number, lasting=3600) for number in range(11)])
    gone = outcome.nodes["workers"][-1]
    assert gone[1] == 1
    assert NINE + 3600 + 600 <= gone[0] <= NINE + 3600 + 90 + 620
    assert outcome.node_seconds["workers"] == pytest.approx(86400 + gone[0] - NINE, abs=10)


def test_a_node_with_placeholders_goes_only_if_they_have_room_elsewhere(scenario: Make) -> None:
    users = [at(NINE, number, lasting=1800) for number in range(9)]
    outcome = simulate(scenario(1, 3, placeholders=4), users)
    assert outcome.peak_nodes("workers") == 2  # nine users and four places
    assert outcome.nodes["workers"][-1][1] == 1


@pytest.mark.parametrize(("stops", "ends"), [(True, (3600, 3600)), (False, (3600 + 1800, 3600 + 1800 + 600))])
def test_a_server_ends_when_stopped_or_found_idle(scenario: Make, stops: bool, ends: tuple[float, float]) -> None:
    outcome = simulate(scenario(cull_timeout=1800, cull_every=600), [at(NINE, 0, stops=stops)])
    (end,) = [time for time, users in outcome.users["workers"] if time > NINE and users == 0]
    assert ends[0] <= end - NINE <= ends[1]


def test_who_comes_again_goes_on_with_the_server_that_runs(scenario: Make) -> None:
    outcome = simulate(scenario(), [at(NINE, 0), at(NINE + 1800, 0)])
    assert len(outcome.waits) == 1
    assert outcome.users["workers"][-1] == (NINE + 1800 + 3600, 0)
    again = simulate(scenario(), [at(NINE, 0), at(NINE + 7200, 0)])
    assert len(again.waits) == 2


def test_nothing_is_culled_where_culling_is_off_and_all_is_at_its_age(scenario: Make) -> None:
    forever = simulate(scenario(cull_timeout=None), [at(NINE, 0, stops=False)])
    assert forever.users["workers"][-1][1] == 1
    aged = simulate(scenario(cull_timeout=3600, max_age=1200, cull_every=60), [at(NINE, 0, 7200, stops=False)])
    assert NINE + 1200 <= aged.users["workers"][-1][0] <= NINE + 1260


def test_the_same_seed_gives_the_same_day(scenario: Make) -> None:
    who = [at(NINE + number, number) for number in range(40)]
    assert simulate(scenario(1, 9), who, 7) == simulate(scenario(1, 9), who, 7)
    assert simulate(scenario(1, 9), who, 7) != simulate(scenario(1, 9), who, 8)


def test_without_simpy_it_says_what_to_install(scenario: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day, "simpy", None)
    with pytest.raises(day.SimulationError, match="pip install"):
        simulate(scenario(), [])


def lecture(users: int) -> Callable[[random.Random], list[Arrival]]:
    return lambda chance: sorted(at(NINE + chance.uniform(0, 300), number) for number in range(users))


def test_more_placeholders_never_let_people_wait_longer(scenario: Make) -> None:
    means, hours = [], []
    for placeholders in (0, 5, 10, 20, 40, 60):
        found = study(scenario(1, 20, placeholders, boot=600), lecture(60), 1, 5)
        means.append(sum(wait.seconds for wait in found.waits) / len(found.waits))
        hours.append(found.node_hours())
    assert all(later <= earlier + 5 for earlier, later in pairwise(means)), means
    assert all(later >= earlier - 0.5 for earlier, later in pairwise(hours)), hours
    assert means[0] > 300
    assert means[-1] < 5


@st.composite
def days(draw: st.DrawFn) -> tuple[Scenario, list[Arrival]]:
    kinds = (
        Kind("small", "workers", ONE._replace(cpu=50), draw(st.integers(0, 12))),
        Kind("large", "workers", ONE._replace(memory=4 * GIB), draw(st.integers(0, 2))),
        Kind("gpu", "gpus", ONE._replace(gpu=1), draw(st.integers(0, 2))),
    )
    groups = (
        Group("workers", TEN, (low := draw(st.integers(1, 3))), low + draw(st.integers(0, 4)), ONE),
        Group("gpus", TEN._replace(gpu=2), (low := draw(st.integers(0, 2))), max(1, low + draw(st.integers(0, 2)))),
    )
    timing = Timing(
        boot=draw(st.sampled_from([0.0, 5.0, 600.0])),
        image_pull=draw(st.sampled_from([0.0, 120.0])),
        prepull=draw(st.booleans()),
        server_start=draw(st.sampled_from([0.0, 15.0])),
        preemption=draw(st.sampled_from([0.0, 1.0])),
        cull_timeout=draw(st.sampled_from([None, 60.0, 3600.0])),
        start_timeout=draw(st.sampled_from([60.0, 1200.0])),
    )
    arrivals = draw(
        st.lists(
            st.builds(
                at,
                st.floats(0, 80_000),
                st.integers(0, 60),
                st.floats(0, 20_000),
                st.booleans(),
                st.sampled_from([kind.name for kind in kinds]),
            ),
            max_size=120,
        )
    )
    return Scenario(groups, kinds, timing), arrivals


@settings(max_examples=60, deadline=None)
@given(days(), st.integers(0, 5))
def test_whatever_comes_bounds_hold(drawn: tuple[Scenario, list[Arrival]], seed: int) -> None:
    scenario, arrivals = drawn
    outcome = simulate(scenario, arrivals, seed)
    assert len(outcome.waits) <= len(arrivals)
    for wait in outcome.waits:
        assert 0 <= wait.seconds <= scenario.timing.start_timeout
        assert not (wait.at_once and wait.failed)
    for group in scenario.groups:
        assert all(group.low <= nodes <= group.high for _time, nodes in outcome.nodes[group.name])
        assert outcome.bound_seconds[group.name] <= outcome.node_seconds[group.name] + 1e-6
        most = max(kind.user.how_many(group.room)[0] for kind in scenario.kinds if kind.group == group.name)
        for time, users in outcome.users[group.name]:
            assert 0 <= users <= most * group.high, time


def test_a_study_of_nobody_has_no_percentiles(scenario: Make) -> None:
    found = study(scenario(), lambda _chance: [], 1, 2)
    assert waiting(found.waits, 60)["p95_seconds"] is None
    assert found.node_hours() == 24


def test_seconds_of_waiting_are_counted_from_the_click(scenario: Make) -> None:
    found = study(dataclasses.replace(scenario(1, 2), horizon=43200), lecture(20), 1, 3)
    numbers = waiting(found.waits, 60)
    assert numbers["starts"] == 60
    assert 0.5 <= numbers["share_at_once"] <= numbers["share_within_target"] < 0.9
    assert 0 < numbers["p95_seconds"] <= numbers["longest_seconds"] <= 100
    assert one_group().horizon == 86400
