"""What a lock says of its holder."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.record import Record, parse, stamp

RECORD = Record(
    doing="deploy",
    user="alice",
    host="workstation",
    process=4711,
    started=123456,
    mark="abcdef012345",
    place="0123456789abcdef",
    machine="fedcba9876543210",
    since=1_790_000_000.0,
    renewed=1_790_000_015.0,
)


def test_a_record_comes_back_from_its_line() -> None:
    assert parse(RECORD.text()) == RECORD


def test_the_longest_line_fits_a_description_of_neutron() -> None:
    longest = dataclasses.replace(
        RECORD, doing="destroy", user="u" * 300, host="h" * 300, process=4_194_304, started=10**12, lasts=3600
    )
    assert len(longest.text()) <= 255
    found = parse(longest.text())
    assert found and found.process == longest.process and found.started == longest.started


def test_names_cannot_forge_a_field() -> None:
    forged = dataclasses.replace(RECORD, user="eve; process=1/1", host="höst\nx")
    found = parse(forged.text())
    assert found and found.process == RECORD.process
    assert found.user == "eve__process=1/1" and found.host == "h_st_x"


@pytest.mark.parametrize(
    "text", ["", "a lock", "doing=deploy; user=a", RECORD.text().replace("lasts=45", "lasts=long")]
)
def test_what_is_not_ours_is_no_record(text: str) -> None:
    assert parse(text) is None


def test_renewing_keeps_the_run() -> None:
    later = RECORD.renew(RECORD.renewed + 15)
    assert later.run == RECORD.run and later.since == RECORD.since and later.text() != RECORD.text()


def test_another_run_of_the_same_process_number_is_another() -> None:
    assert dataclasses.replace(RECORD, started=1).run != RECORD.run


def test_people_read_the_time_and_on_another_day_the_date() -> None:
    assert RECORD.who(RECORD.since + 60).startswith("alice on host workstation since ")
    assert RECORD.who(RECORD.since + 60).endswith("(process 4711)")
    assert "since 2026-" in RECORD.who(RECORD.since + 3 * 86400)


def test_what_is_returned_says_nothing_of_the_machine() -> None:
    assert set(RECORD.public()) == {"doing", "user", "host", "process", "since"}
    assert RECORD.public()["since"] == stamp(RECORD.since)
