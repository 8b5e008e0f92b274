# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The process that keeps a lock while a playbook runs.

It is forked by the module that took the lock, so that it has the module's connection in memory and no credential on a
command line. It has a session of its own: what kills the playbook's process group does not reach it. When the playbook
has ended, however it did, it ends what is left of it, gives the lock back and ends. If it is killed as well, the lock
expires.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from . import remains
from .locking import Entry, LockError, Store, split
from .machine import wait_for_end
from .record import Record

RENEWALS = 3
"""How often a lock is renewed in the time that it lasts."""

STUBBORN_SECONDS = 30.0
"""For how long it is tried to give a lock back. After that it expires by itself."""


NAME = "jupyterhub-lock"
"""What ``ps -o comm`` calls it (15 characters at most)."""


class _ToldToEnd(BaseException):
    """SIGTERM: the machine goes down, or somebody wants the keeper away."""


def start(store: Store, entry: Entry, record: Record) -> int:
    """Start the keeper of a lock that is held; its process number once it is on its own."""
    # What the parent has not written yet must not be written by both.
    sys.stdout.flush()
    sys.stderr.flush()
    reading, writing = os.pipe()
    _let_term_come(False)  # until the keeper can give back
    process = os.fork()
    if not process:
        _become(store, entry, record)
    _let_term_come(True)
    os.close(writing)
    os.read(reading, 1)  # until it has closed its end
    os.close(reading)
    return process


def keep(
    store: Store,
    entry: Entry,
    record: Record,
    *,
    wait: Callable[[int, int, float], bool] = wait_for_end,
    end: Callable[[str], None] = remains.end,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Renew the lock until the record's process has ended, then give it back. Ends early when the lock is lost."""
    pause = record.lasts / RENEWALS
    sure = True  # of the version that the lock has
    with contextlib.suppress(_ToldToEnd):
        _let_term_come(True)
        while not wait(record.process, record.started, pause):
            record = record.renew(now())
            try:
                renewed = store.renew(entry, record)
            except Exception:  # whatever it is, there is nobody to tell, and it may work the next time
                sure = False
                continue
            if renewed is None:
                return
            entry, sure = renewed, True
        end(record.mark)
        _let_term_come(False)
    _give_back(store, entry, record, sure, sleep)


def _give_back(store: Store, entry: Entry, record: Record, sure: bool, sleep: Callable[[float], None]) -> None:
    until = time.monotonic() + STUBBORN_SECONDS
    while True:
        try:
            for each in [entry] if sure else split(store.look(), record)[0]:
                store.remove(each)
        except Exception as error:
            if time.monotonic() > until or (isinstance(error, LockError) and error.refused):
                return
        else:
            return
        sure = False
        sleep(2.0)


def _become(store: Store, entry: Entry, record: Record) -> NoReturn:
    """Be the keeper. The end must not run the module's own, so it is ``os._exit``."""
    status = 1
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _on_term)
        os.chdir("/")
        _call_it(NAME)
        store.detach()
        _close_files()
        keep(store, entry, record)
        status = 0
    finally:
        os._exit(status)


def _on_term(_number: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough, and a second must not end the giving back
    raise _ToldToEnd


def _let_term_come(come: bool) -> None:
    """Deliver SIGTERM from now on, what is pending included, or hold it back."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK if come else signal.SIG_BLOCK, [signal.SIGTERM])


def _call_it(name: str) -> None:
    with contextlib.suppress(OSError), open("/proc/self/comm", "w") as stream:
        stream.write(name)


def _close_files() -> None:
    """Who reads the module's output waits until nobody can write to it any more."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
