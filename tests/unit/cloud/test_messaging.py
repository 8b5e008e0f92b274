"""The bell that wakes listeners; how oslo.messaging rings it is seen wherever a cloud runs."""

from __future__ import annotations

import threading
import time

from rehearsal.cloud.messaging import Bell

LONG = 20.0


def test_a_ring_wakes_every_listener() -> None:
    bell, woken, ready = Bell(), threading.Semaphore(0), threading.Barrier(4)

    def listen() -> None:
        bell.wait(0)
        ready.wait()
        bell.wait(LONG)
        woken.release()

    for _turn in range(3):
        threading.Thread(target=listen, daemon=True).start()
    ready.wait()
    bell.ring()
    assert all(woken.acquire(timeout=LONG / 2) for _turn in range(3))


def test_a_ring_between_two_waits_is_heard() -> None:
    """The message came after the listener's look, before it waited again."""
    bell = Bell()
    bell.wait(0)
    bell.ring()
    began = time.monotonic()
    bell.wait(LONG)
    assert time.monotonic() - began < LONG / 2


def test_without_a_ring_it_ends_by_itself() -> None:
    bell = Bell()
    bell.wait(0)
    began = time.monotonic()
    bell.wait(0.05)
    assert time.monotonic() - began >= 0.05
