"""A container's processes end when they have to, at whatever moment."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from rehearsal.pods import processes, sandbox
from rehearsal.pods.container import Container
from rehearsal.pods.images import Image
from rehearsal.pods.logs import ContainerLog
from rehearsal.pods.memory import MemoryGuard
from rehearsal.pods.pod import Pod

SANDBOX = """
import os, subprocess, sys, time
time.sleep(0.2)
init = subprocess.Popen(["sleep", "600"])
os.write(int(sys.argv[3]), b'{"child-pid": %d}\\n' % init.pid)
sys.exit(init.wait() and 1)
"""
"""Tells its init on --json-status-fd as bubblewrap does, but takes its time."""


class FakePod:
    """What a container needs of its pod."""

    uid, name, namespace, policy, spec, grace = "u", "p", "n", "Never", {"containers": [{}]}, 1.0

    def __init__(self, folder: Path, sandbox_line: list[str]) -> None:
        self.folder = folder
        self.guard = MemoryGuard()
        self.told: list[str] = []
        self._line = sandbox_line
        self._tasks: set[asyncio.Task[Any]] = set()

    def enter(self) -> list[str]:
        return self._line

    def changed(self) -> None:
        """Nobody reads the status here."""

    def event(self, _kind: str, reason: str, _message: str, *, container: str = "") -> None:
        self.told.append(f"{reason} {container}")

    def keep(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        return task


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.5])
def test_a_container_that_is_being_started_can_be_stopped(tmp_path: Path, moment: float) -> None:
    async def scene() -> None:
        pod = FakePod(tmp_path, [sys.executable, "-c", SANDBOX])
        container = Container(cast(Pod, pod), {"name": "c", "image": "i"}, "main")
        box = sandbox.Sandbox(tmp_path, sandbox.Identity(1, 1), Image("i"), "/", {})
        starting = asyncio.ensure_future(container._launch(box, ["true"], {}, ContainerLog(tmp_path / "0.log")))
        await asyncio.sleep(moment)
        while container.run is None:
            await asyncio.sleep(0)
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
        await asyncio.wait_for(container.stop(2.0), 10)
        assert container.run.process.poll() is not None
        assert not psutil.pid_exists(container.run.sandbox_pid or 0) or container.run.sandbox_pid is None
        assert "terminated" in container.state
        assert pod.told[-1] == "Killing c"

    asyncio.run(scene())


def test_a_command_ends_with_what_it_started() -> None:
    script = "sleep 600 & echo $!; wait"
    process = processes.start(["sh", "-c", script], stdout=-1)
    assert process.stdout is not None
    child = psutil.Process(int(process.stdout.readline()))
    process.stdout.close()
    processes.end(process)
    assert process.returncode == -9
    with contextlib.suppress(psutil.NoSuchProcess):
        assert child.status() == psutil.STATUS_ZOMBIE or child.wait(5) is None
    processes.end(process)  # once more does nothing
