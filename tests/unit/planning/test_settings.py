"""Variables of the plan: every mistake in one report, named, with what to write instead."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model.plan import PLAN
from ansible_collections.stfc.jupyterhub.plugins.module_utils.planning.settings import SettingsError
from hypothesis import given, settings
from hypothesis import strategies as st

from .conftest import service_of, settings_of

LECTURE = {"shape": "lecture", "users": 60, "at": "09:00", "within": "5m"}


def problems(**variables: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        settings_of(service_of(), **variables)
    return str(caught.value)


def test_nothing_given_is_the_documented_example() -> None:
    found = settings_of(service_of())
    assert found["boot_time"] == 600
    assert found["target"] == {"share": 0.95, "seconds": 60}
    assert found.origin("boot_time") == "default of plan_boot_time"
    assert len(found.arrivals("default")(random.Random(1))) == 60


def test_what_is_given_is_converted_also_from_text() -> None:
    found = settings_of(
        service_of(), boot_time="6m", seed="7", recommend="no", target={"share": "0.9", "seconds": "2m"}
    )
    assert (found["boot_time"], found["seed"], found["recommend"]) == (360, 7, False)
    assert found["target"] == {"share": 0.9, "seconds": 120}
    assert found.origin("boot_time") == "plan_boot_time, given"


def test_all_problems_are_in_one_report() -> None:
    text = problems(
        arrivals=[LECTURE | {"shape": "lectur"}, LECTURE | {"users": 0, "profil": "large"}],
        boot_time="10 minutes",
        target={"share": 95, "seconds": 60},
        new_group={"name": "physics", "users": 40},
        tarjet=1,
    )
    assert text.startswith("7 problems in the variables of the plan")
    for part in (
        "plan_arrivals[#1].shape\n    'lectur' is not a choice\n    -> write lecture",
        "plan_arrivals[#2].users\n    0 is too little\n    -> write 1 or more",
        "plan_arrivals[#2].profil\n    is not a key of an arrival\n    -> write profile",
        "plan_boot_time\n    '10 minutes' is not a duration\n    -> write 10m",
        "plan_target.share\n    95 is too much\n    -> write 1 or less",
        "plan_new_group.memory\n    is missing\n    -> write one such as 4G",
        "plan_tarjet\n    is not a variable of the plan\n    -> write plan_target",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("arrival", "message"),
    [
        (LECTURE | {"at": 600}, "plan_arrivals[#1].at\n    is a number, not text\n    -> write it in quotes"),
        (LECTURE | {"at": "9am"}, "'9am' is not a time of day"),
        (LECTURE | {"profile": "larg"}, "there is no profile 'larg' on offer\n    -> write large"),
        (LECTURE | {"at": "23:30"}, "23:30 and 1h go past midnight\n    -> let it begin by 23:00"),
        (LECTURE | {"within": "2h"}, "2h is longer than all of it (1h)"),
        (LECTURE | {"break_at": "09:30"}, "means nothing for a lecture\n    -> remove it"),
        (
            {"shape": "workshop", "users": 9, "at": "09:00", "break_at": "18:00"},
            "the break from 18:00 for 1h is not within it\n    -> it lasts from 09:00 to 15:00",
        ),
    ],
)
def test_shapes_that_cannot_be(arrival: dict[str, Any], message: str) -> None:
    assert message in problems(arrivals=[arrival])


def test_somebody_has_to_come() -> None:
    assert "nobody comes" in problems(arrivals=[])


def test_a_group_is_not_a_profile() -> None:
    assert "is a profile that is on offer already" in problems(new_group={"name": "large", "users": 1, "memory": "1G"})


def test_a_file_of_logins(tmp_path: Path) -> None:
    file = tmp_path / "logins.csv"
    assert f"there is no file {file}" in problems(logins=str(file))
    file.write_text("time,profile\n09:00,large\n25:00,default\n")
    assert f"{file}, line 3: time '25:00' is not a time" in problems(logins=str(file))
    file.write_text("time,profile\n09:00,large\n")
    (arrival,) = settings_of(service_of(), logins=str(file)).arrivals("default")(random.Random(1))
    assert (arrival.time, arrival.kind) == (32400, "large")
    file.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read" in problems(logins=str(file))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from([key.name.removeprefix("plan_") for key in PLAN.keys]), ANYTHING))
def test_whatever_is_given_is_used_or_reported(variables: dict[str, Any]) -> None:
    try:
        settings_of(service_of(), **variables)
    except SettingsError as error:
        assert all(str(finding.path[0]).startswith("plan_") for finding in error.findings)
