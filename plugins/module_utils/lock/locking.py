# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""How a lock is taken: at once, after waiting, or over from a holder that is no more."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from .machine import Machine
from .record import LASTS, Record

POLL_SECONDS = 1.0
"""How often a lock that others hold is looked at."""

LONG_AGO = 600.0
"""Seconds after which a lock that was not renewed has expired by anybody's clock. Keystone and TLS need better ones."""


class LockError(Exception):
    """For people. ``status``: the HTTP status, 0 when no answer came. ``details`` go into the module's result."""

    def __init__(self, message: str, status: int = 0, **details: Any) -> None:
        super().__init__(message)
        self.status = status
        self.details = details

    @property
    def refused(self) -> bool:
        """Whether the service was asked and would not: another attempt answers the same."""
        return 400 <= self.status < 500


class HeldError(LockError):
    """Somebody else has it, and goes on having it."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """A lock that is there. ``version`` changes with it. ``record``: None when it says nothing that we understand."""

    key: str
    version: str
    text: str
    record: Record | None


class Store(Protocol):
    """Where locks of one name lie. All may raise LockError."""

    def look(self) -> list[Entry]:
        """Those that are there."""

    def take(self, record: Record) -> tuple[Entry | None, list[Entry]]:
        """Take it if nobody has it: ours, or None and what others have. A run that has it already gets that one."""

    def renew(self, entry: Entry, record: Record) -> Entry | None:
        """Write a new record into ours. None: it is not ours any more."""

    def remove(self, entry: Entry) -> None:
        """Take it away unless it has changed."""

    def detach(self) -> None:
        """After a fork: use nothing of the parent's, neither connections nor files that go with it."""


@dataclasses.dataclass(frozen=True)
class Taken:
    """A lock of ours. ``over``: a sentence for each holder that it was taken over from; ``anew``: not held before."""

    entry: Entry
    anew: bool
    waited: bool
    over: tuple[str, ...] = ()


@dataclasses.dataclass
class Locking:
    """Takes the lock of ``what`` ("jupyterhub on cloud prod") for ``record``. ``say`` shows progress."""

    store: Store
    what: str
    machine: Machine
    option: str = "timeout"
    say: Callable[[str], None] = lambda _line: None
    now: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _seen: dict[str, tuple[str, float]] = dataclasses.field(default_factory=dict)

    def take(self, record: Record, timeout: float) -> Taken:
        """Take it, waiting at most ``timeout`` seconds for others. Raises LockError, HeldError."""
        until = self.clock() + timeout
        over: list[str] = []
        waited = False
        others: list[Entry] = []
        while True:
            if not others:
                entry, others = self.store.take(record)
                if entry:
                    return Taken(entry, entry.text == record.text(), waited, tuple(over))
            living = []
            for other in others:
                if dead := self.dead(other):
                    self.store.remove(other)
                    over.append(f"The lock of {self.what} was taken over: {dead}.")
                else:
                    living.append(other)
            if not living:
                others = []
                continue
            left = until - self.clock()
            if left <= 0:
                raise self._held(living[0], timeout)
            self.say(f"{self.holding(living[0])}; waiting up to {timeout:.0f} s")
            waited = True
            # Two that came at the same moment have both stepped back: not again at the same moment.
            self.sleep(min(left, POLL_SECONDS * random.uniform(0.5, 1.5)))  # noqa: S311
            others = self.store.look()

    def holders(self, record: Record) -> list[str]:
        """A sentence for each other run that has it now. Changes nothing."""
        found = self.store.look()
        return [self.holding(e) for e in found if not self.dead(e) and not (e.record and e.record.run == record.run)]

    def dead(self, entry: Entry) -> str:
        """Why a lock does not hold any more; "" when it does.

        Clocks of two machines may differ, so that a time which another wrote is only believed where it is long ago.
        Otherwise a lock has expired when we saw it unchanged for as long as its holder said that it lasts.
        """
        record = entry.record
        if record and self.machine.has_ended(record):
            return f"process {record.process} of this machine, which held it for {record.user}, has ended"
        text, first = self._seen.get(entry.key, ("", 0.0))
        if text != entry.text:
            first = self.clock()
            self._seen[entry.key] = (entry.text, first)
        who = record.who(self.now()) if record else "somebody"
        if record and self.now() - record.renewed > max(LONG_AGO, record.lasts):
            return f"{who} has not renewed it for {_ago(self.now() - record.renewed)}"
        lasts = record.lasts if record else LASTS
        if self.clock() - first > lasts:
            return f"{who} has not renewed it for {lasts} s"
        return ""

    def holding(self, entry: Entry) -> str:
        """Who does what on which."""
        if not entry.record:
            return f"the lock of {self.what} is held by somebody ({entry.text[:80]})"
        return f"{entry.record.doing} of {self.what} is being run by {entry.record.who(self.now())}"

    def _held(self, entry: Entry, timeout: float) -> HeldError:
        lasts = entry.record.lasts if entry.record else LASTS
        sentence = self.holding(entry)
        return HeldError(
            f"{sentence[0].upper()}{sentence[1:]}. It was waited for {timeout:.0f} s, and nothing was changed. "
            f"Run this again when that has ended, or wait longer for it: -e {self.option}=600. If it cannot go on "
            f"(its machine is gone), its lock ends {lasts} s after its last sign of life.",
            holder=entry.record.public() if entry.record else {},
        )


def refusal(what: str, error: LockError) -> str:
    """What is said where there can be no lock, and the run goes on without."""
    return f"{what} is changed without a lock: {error} See that nobody else runs a playbook on it now."


def split(entries: Sequence[Entry], record: Record) -> tuple[list[Entry], list[Entry]]:
    """Entries of the run itself, and those of others."""
    own = [e for e in entries if e.record and e.record.run == record.run]
    return own, [e for e in entries if e not in own]


def _ago(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.0f} hours"
