"""How a lock is taken: at once, after waiting, or over from a holder that is no more."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.locking import HeldError, LockError, Locking
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.machine import Machine, here
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.record import Record

from tests.unit.lock.stores import Clock, Memory

WHAT = "jupyterhub on cloud prod"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store() -> Memory:
    return Memory()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def machine() -> Machine:
    return here()


@pytest.fixture
def locking(store: Memory, clock: Clock, said: list[str], machine: Machine) -> Locking:
    return Locking(store, WHAT, machine, "cluster_lock_timeout", said.append, clock, clock, clock.sleep)


@pytest.fixture
def mine(machine: Machine, clock: Clock) -> Record:
    return machine.record("deploy", os.getpid(), clock())


@pytest.fixture
def other(mine: Record) -> Record:
    return dataclasses.replace(mine, user="alice", host="h", process=123, started=1, place="there", machine="another")


def renewing(store: Memory, clock: Clock, every: float = 15.0) -> Callable[[float], None]:
    """The holder lives: it renews its only entry."""

    def tick(now: float) -> None:
        for entry in list(store.entries):
            if entry.record and entry.record.place == "there" and now - entry.record.renewed >= every:
                store.renew(entry, entry.record.renew(now))

    return tick


def test_a_free_lock_is_taken_at_once(locking: Locking, store: Memory, mine: Record, clock: Clock) -> None:
    began = clock.now
    taken = locking.take(mine, 60)
    assert taken.anew and not taken.waited and taken.over == ()
    assert store.entries == [taken.entry] and clock.now == began


def test_a_lock_that_the_run_has_already_stays_one(locking: Locking, store: Memory, mine: Record) -> None:
    first = locking.take(mine, 60)
    again = locking.take(mine.renew(mine.renewed + 1), 60)
    assert not again.anew and again.entry == first.entry and len(store.entries) == 1


def test_a_holder_that_lives_is_waited_for_and_named(
    locking: Locking, store: Memory, mine: Record, other: Record, clock: Clock, said: list[str]
) -> None:
    store.put(other)
    clock.on_sleep = renewing(store, clock)
    began = clock.now
    with pytest.raises(HeldError) as caught:
        locking.take(mine, 60)
    assert 60 <= clock.now - began < 61
    assert said[0].startswith(f"deploy of {WHAT} is being run by alice on host h since ")
    assert said[0].endswith("(process 123); waiting up to 60 s")
    message = str(caught.value)
    assert message.startswith(f"Deploy of {WHAT} is being run by alice on host h since ")
    assert "waited for 60 s, and nothing was changed" in message and "-e cluster_lock_timeout=600" in message
    assert caught.value.details["holder"]["process"] == 123
    assert not caught.value.refused
    assert [entry.record.user for entry in store.entries if entry.record] == ["alice"]


def test_without_a_timeout_nobody_is_waited_for(
    locking: Locking, store: Memory, mine: Record, other: Record, clock: Clock
) -> None:
    store.put(other)
    began = clock.now
    with pytest.raises(HeldError):
        locking.take(mine, 0)
    assert clock.now == began


def test_a_lock_that_is_given_back_is_taken(
    locking: Locking, store: Memory, mine: Record, other: Record, clock: Clock
) -> None:
    store.put(other)
    began = clock.now

    def until_ten(now: float) -> None:
        renewing(store, clock)(now)
        if now - began > 10:
            store.entries.clear()

    clock.on_sleep = until_ten
    taken = locking.take(mine, 60)
    assert taken.waited and taken.anew and taken.over == ()
    assert 10 < clock.now - began < 12


def test_a_holder_that_died_here_is_taken_over_at_once(
    locking: Locking, store: Memory, mine: Record, clock: Clock
) -> None:
    store.put(dataclasses.replace(mine, user="bob", process=99999999, started=7, mark=""))
    began = clock.now
    taken = locking.take(mine, 60)
    assert clock.now == began and taken.anew and not taken.waited
    assert taken.over == (
        f"The lock of {WHAT} was taken over: process 99999999 of this machine, which held it for bob, has ended.",
    )
    assert store.entries == [taken.entry]


def test_a_holder_elsewhere_that_is_silent_is_watched_for_as_long_as_its_lock_lasts(
    locking: Locking, store: Memory, mine: Record, other: Record, clock: Clock
) -> None:
    store.put(other)
    began = clock.now
    taken = locking.take(mine, 60)
    assert 45 < clock.now - began < 48
    assert "has not renewed it for 45 s" in taken.over[0]


def test_a_holder_whose_clock_is_wrong_is_not_robbed(
    locking: Locking, store: Memory, mine: Record, other: Record, clock: Clock
) -> None:
    store.put(other.renew(clock.now - 300))

    def tick(now: float) -> None:
        entry = store.entries[0]
        assert entry.record
        store.renew(entry, entry.record.renew(now - 300))

    clock.on_sleep = tick
    with pytest.raises(HeldError):
        locking.take(mine, 60)


def test_one_that_was_not_renewed_since_yesterday_is_taken_over_at_once(
    locking: Locking, store: Memory, mine: Record, other: Record, clock: Clock
) -> None:
    store.put(other.renew(clock.now - 86400))
    began = clock.now
    taken = locking.take(mine, 60)
    assert clock.now == began
    assert "has not renewed it for 24 hours" in taken.over[0]


def test_a_lock_that_says_nothing_we_understand_is_respected_while_it_changes(
    locking: Locking, store: Memory, mine: Record, clock: Clock
) -> None:
    store.put(None, "taken by hand")
    began = clock.now
    taken = locking.take(mine, 60)
    assert 45 < clock.now - began < 48
    assert "somebody has not renewed it for 45 s" in taken.over[0]


def test_check_mode_names_the_others_and_takes_nothing(
    locking: Locking, store: Memory, mine: Record, other: Record
) -> None:
    store.put(mine)
    assert locking.holders(mine) == []
    store.put(other)
    store.put(dataclasses.replace(mine, process=99999999, started=7, mark=""))
    (sentence,) = locking.holders(mine)
    assert sentence.startswith(f"deploy of {WHAT} is being run by alice on host h since ")
    assert len(store.entries) == 3


def test_what_the_service_refuses_is_not_what_it_fails_at(locking: Locking, store: Memory, mine: Record) -> None:
    store.failing = [LockError("no", 403)]
    with pytest.raises(LockError) as caught:
        locking.take(mine, 60)
    assert caught.value.refused
    assert not LockError("no", 503).refused and not LockError("no").refused
