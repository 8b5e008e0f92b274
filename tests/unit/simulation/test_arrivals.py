"""Shapes of a day, and files of logins with all that may be wrong in them."""

from __future__ import annotations

import random
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.simulation.arrivals import (
    LoginsError,
    clock,
    of_logins,
    of_shapes,
    read_logins,
)
from hypothesis import given, settings
from hypothesis import strategies as st

PROFILES = ["default", "large"]


def draw(seed: int = 1, **shape: Any) -> list[Any]:
    return of_shapes([{"users": 50, "at": "09:00"} | shape], "default", 0.25, random.Random(seed))


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(1, 40), st.integers(1, 7200))
def test_everybody_comes_to_a_lecture_in_time_and_works_until_its_end(seed: int, users: int, within: int) -> None:
    arrivals = draw(seed, shape="lecture", users=users, within=within)
    assert len({arrival.user for arrival in arrivals}) == users
    assert all(0 <= arrival.time - 9 * 3600 <= within for arrival in arrivals)
    assert {arrival.active_until for arrival in arrivals} == {10 * 3600}


def test_a_workshop_begins_twice_for_everybody() -> None:
    arrivals = draw(shape="workshop", break_at="12:30", break_for=3600)
    assert len(arrivals) == 100
    assert {arrival.active_until for arrival in arrivals} == {12.5 * 3600, 15 * 3600}
    assert len({arrival.user for arrival in arrivals}) == 50
    assert len(draw(shape="workshop")) == 50


def test_a_working_day_has_more_in_the_morning_and_all_work_within_it() -> None:
    arrivals = draw(shape="working_day", users=2000, within=8 * 3600)
    times = [(arrival.time - 9 * 3600) / 3600 for arrival in arrivals]
    assert min(times) >= 0
    assert max(arrival.active_until for arrival in arrivals) <= 17 * 3600
    assert 0.55 < sum(time < 4 for time in times) / 2000 < 0.65
    assert 0.2 < sum(arrival.stops for arrival in arrivals) / 2000 < 0.3


def test_a_shape_may_have_its_own_profile_and_share() -> None:
    arrivals = draw(shape="lecture", profile="large", stop_share=1)
    assert {(arrival.kind, arrival.stops) for arrival in arrivals} == {("large", True)}


@pytest.mark.parametrize(("text", "seconds"), [("09:00", 32400), ("9:05", 32700), ("23:59:59", 86399)])
def test_times_of_day(text: str, seconds: int) -> None:
    assert clock(text) == seconds


@pytest.mark.parametrize("text", ["9", "24:00", "09:60", "nine", "", "09:00:00:00"])
def test_what_is_no_time_of_day(text: str) -> None:
    with pytest.raises(ValueError, match="write it as 09:00"):
        clock(text)


def test_a_file_of_logins_with_all_columns() -> None:
    text = "time,user,profile,minutes\n09:00,ada,large,90\n\n9:30:15,,,\n"
    first, second = read_logins(text, PROFILES)
    assert (first.time, first.user, first.profile, first.minutes) == (32400, "ada", "large", 90)
    assert (second.time, second.user, second.profile, second.minutes) == (34215, "line 4", None, None)
    arrivals = of_logins([first, second], "default", 0, 3600, random.Random(1))
    assert arrivals[0][:4] == (32400, "ada", "large", 32400 + 5400)
    assert arrivals[1].kind == "default"


def test_dates_count_from_the_first_midnight() -> None:
    text = "user,time\na,2026-01-13T08:00:00+01:00\nb,2026-01-12 23:00\n"
    first, second = read_logins(text, PROFILES)
    assert (second.time, first.time) == (23 * 3600, 32 * 3600)


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["line 1: there is no header; write time,user,profile,minutes"]),
        ("time\n", ["line 2: there are no logins"]),
        ("when,user\n09:00,a\n", ["line 1: there is no column 'when'", "line 1: there is no column time"]),
        ("time,profil\n09:00,large\n", ["line 1: there is no column 'profil'; write profile"]),
        ("time,time\n09:00,09:00\n", ["line 1: the column time is there 2 times; remove one"]),
        ("time,user\n09:00\n9:70,b\n", ["line 2: has 1 values, the header has 2", "line 3: time '9:70'"]),
        ("time,profile\n09:00,larg\n", ["line 2: profile 'larg' is not on offer; write large"]),
        ("time,minutes\n09:00,-5\n09:01,1h\n", ["line 2: minutes '-5'", "line 3: minutes '1h'"]),
        ("time\n09:00\n2026-01-12 09:00\n", ["line 3: has a date, unlike the lines above"]),
        ('time\n"09:00\n', ["line 2: is not CSV"]),
    ],
)
def test_every_mistake_is_named_with_its_line(text: str, problems: list[str]) -> None:
    with pytest.raises(LoginsError) as caught:
        read_logins(text, PROFILES)
    assert len(caught.value.problems) == len(problems), caught.value.problems
    for found, wanted in zip(caught.value.problems, problems, strict=True):
        assert found.startswith(wanted)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_is_worse_than_a_report(text: str) -> None:
    try:
        read_logins(text, PROFILES)
    except LoginsError as error:
        assert error.problems
