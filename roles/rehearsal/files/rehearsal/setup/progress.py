"""Say what is going on, and for how long."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Say = Callable[[str], None]
"""Takes one line for the person who waits."""

EVERY = 10.0
"""Seconds between two signs of life."""

_one_line = threading.Lock()


def say(line: str) -> None:
    """Write one line to stderr: stdout is for answers."""
    with _one_line:
        print(line, file=sys.stderr, flush=True)


@contextmanager
def step(told: Say, what: str, every: float = EVERY) -> Iterator[None]:
    """Tell that ``what`` begins, every ``every`` seconds that it goes on, and at last how long it took."""
    began = time.monotonic()
    over = threading.Event()

    def remind() -> None:
        while not over.wait(every):
            told(f"{what}: {time.monotonic() - began:.0f} s so far")

    told(f"{what} ...")
    thread = threading.Thread(target=remind, daemon=True)
    thread.start()
    ending = "failed"
    try:
        yield
        ending = "done"
    finally:
        over.set()
        thread.join()
        told(f"{what}: {ending} after {time.monotonic() - began:.0f} s")
