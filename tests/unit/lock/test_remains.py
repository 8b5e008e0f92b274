"""Workers that outlive a playbook which was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock import remains
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.machine import start

PLAYBOOK = """
import os, subprocess, sys, time
worker = os.fork()
if not worker:
    os.setsid()
    module = subprocess.Popen(["sleep", "60"])
    print(os.getpid(), module.pid, flush=True)
time.sleep(60)
"""
"""As Ansible does: a worker that is a fork in a session of its own, and its module."""


class Playbook:
    def __init__(self) -> None:
        command = [sys.executable, "-c", PLAYBOOK]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True, text=True)
        assert self.process.stdout
        self.worker, self.module = map(int, self.process.stdout.readline().split())
        self.mark = remains.mark(self.process.pid)

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        for process in (self.process.pid, self.worker, self.module):
            if start(process) is not None:
                os.kill(process, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


@pytest.fixture
def playbooks() -> Iterator[list[Playbook]]:
    """Two runs of the same command line."""
    found = [Playbook(), Playbook()]
    yield found
    for playbook in found:
        playbook.close()


def test_the_group_of_a_playbook_does_not_hold_its_workers(playbooks: list[Playbook]) -> None:
    killed, _other = playbooks
    killed.kill()
    assert start(killed.worker) is not None and start(killed.module) is not None
    assert sorted(remains.find(killed.mark)) == sorted([killed.worker, killed.module])


def test_they_are_ended_and_those_of_another_run_are_not(playbooks: list[Playbook]) -> None:
    killed, other = playbooks
    assert killed.mark and killed.mark != other.mark
    killed.kill()
    began = time.monotonic()
    remains.end(killed.mark)
    assert start(killed.worker) is None and start(killed.module) is None
    assert time.monotonic() - began < remains.PATIENCE
    assert all(start(process) is not None for process in (other.process.pid, other.worker, other.module))


def test_what_ignores_the_first_signal_is_ended_by_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remains, "PATIENCE", 0.2)
    text = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        remains.end(remains.mark(process.pid))
        assert start(process.pid) is None


def test_of_a_process_that_is_not_there_nothing_remains() -> None:
    assert remains.mark(99999999) == ""
    assert remains.find("") == []
