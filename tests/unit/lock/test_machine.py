"""Which process holds a lock, and whether it still runs."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock import machine
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.machine import Machine, here, start, wait_for_end


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


@pytest.fixture
def this() -> Machine:
    found = here()
    assert found.place and found.booted > 0
    return found


def test_a_process_that_runs_has_not_ended(this: Machine, child: subprocess.Popen[bytes]) -> None:
    record = this.record("deploy", child.pid, time.time())
    assert record.started > 0
    assert not this.has_ended(record)


def test_a_process_that_was_killed_has_ended_even_before_its_parent_noticed(
    this: Machine, child: subprocess.Popen[bytes]
) -> None:
    record = this.record("deploy", child.pid, time.time())
    child.kill()
    end = time.monotonic() + 10
    while start(child.pid) is not None and time.monotonic() < end:
        time.sleep(0.01)
    assert this.has_ended(record)


def test_the_same_number_with_another_start_is_another_process(this: Machine) -> None:
    record = this.record("deploy", os.getpid(), time.time())
    assert this.has_ended(dataclasses.replace(record, started=record.started - 1, mark=""))
    assert not this.has_ended(dataclasses.replace(record, started=record.started - 1)), "its forks live"


def test_of_another_place_nothing_is_known(this: Machine) -> None:
    """A container of this machine counts processes of its own."""
    record = dataclasses.replace(this.record("deploy", 99999999, time.time()), place="another")
    assert not this.has_ended(record)


def test_what_was_held_before_this_machine_booted_has_ended(this: Machine) -> None:
    before = dataclasses.replace(this.record("deploy", 1, this.booted - 5), place="the boot before")
    assert this.has_ended(before)
    assert not this.has_ended(before.renew(this.booted + 5)), "a clone of this machine goes on renewing"
    assert not this.has_ended(dataclasses.replace(before, machine="another"))


def test_without_proc_nobody_is_taken_for_dead(tmp_path: Path) -> None:
    blind = here(tmp_path, tmp_path)
    assert (blind.place, blind.machine) == ("", "")
    assert not blind.has_ended(blind.record("deploy", 99999999, time.time()))


def test_the_machine_is_not_shown_as_it_is(this: Machine) -> None:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert boot not in this.record("deploy", 1, 0.0).text()


@pytest.mark.parametrize("old_system", [False, True])
def test_the_end_of_a_process_is_noticed(
    child: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch, old_system: bool
) -> None:
    if old_system:
        monkeypatch.delattr(os, "pidfd_open")
        monkeypatch.setattr(machine, "POLL_SECONDS", 0.01)
    started = start(child.pid)
    assert started is not None
    assert not wait_for_end(child.pid, started, 0.05)
    child.kill()
    child.wait()
    assert wait_for_end(child.pid, started, 10)


def test_a_number_that_was_given_out_again_is_an_end(child: subprocess.Popen[bytes]) -> None:
    assert wait_for_end(child.pid, 1, 10)
