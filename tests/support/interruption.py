"""Runs of playbooks that are watched while they run, and killed at a moment that is seen and not guessed."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .playbooks import ROOT, Run, command_of, environment_of

MARK = "INTERRUPTED_RUN"
"""Environment variable by which everything that a run started is known."""

KEEPER = "jupyterhub-lock"


class Started:
    """``playbooks/NAME.yml`` as it runs, in a process group of its own.

    Its temporary files are below ``folder``.
    """

    def __init__(self, name: str, folder: Path, *arguments: str, **variables: Any) -> None:
        folder.mkdir(exist_ok=True)
        self.mark = f"{os.getpid()}-{time.monotonic_ns()}"
        places = dict.fromkeys(("TMPDIR", "ANSIBLE_LOCAL_TEMP", "ANSIBLE_REMOTE_TEMP"), str(folder))
        self._process = subprocess.Popen(
            command_of(name, *arguments, **variables),
            cwd=ROOT,
            env=environment_of() | places | {MARK: self.mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            # A shell has what it starts in the background ignore Control-C, and that is handed on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.text = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self.text += line

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def at(self, task: str) -> bool:
        """Whether the task of that name has been begun."""
        return f": {task}] " in self.text

    def until(self, moment: Callable[[], object], what: str, timeout: float = 900) -> None:
        """Wait for a moment. The run has to see it."""
        end = time.monotonic() + timeout
        while not moment():
            assert self.runs, f"it ended before {what}:\n{self.text}"
            assert time.monotonic() < end, f"no {what} within {timeout:.0f} s:\n{self.text}"
            time.sleep(0.02)

    def end(self, timeout: float = 900) -> Run:
        """The run when it has ended by itself."""
        status = self._process.wait(timeout)
        self._reader.join(timeout=10)
        return Run(status, self.text)

    # Ways to die

    def kill_group(self) -> None:
        """As by ``kill -9 -PGID``: misses workers, which have sessions of their own, and the keeper."""
        os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def press_control_c(self) -> None:
        os.killpg(self.pid, signal.SIGINT)
        self._process.wait(120)

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)
        self._process.wait(120)

    def kill_all(self) -> None:
        """As by a machine that is switched off: nothing has the time to clean up."""
        while found := self.processes():
            for process in found:
                try:
                    os.kill(process, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        self._process.wait()

    # What is left

    def processes(self) -> list[int]:
        """Everything that the run started and that still runs."""
        return [process for process in map(int, filter(str.isdecimal, os.listdir("/proc"))) if self._ours(process)]

    def keepers(self) -> list[int]:
        return [process for process in self.processes() if _text(process, "comm").strip() == KEEPER]

    def _ours(self, process: int) -> bool:
        return f"{MARK}={self.mark}\0" in _text(process, "environ")


def _text(process: int, name: str) -> str:
    try:
        return Path(f"/proc/{process}/{name}").read_text(errors="replace")
    except OSError:
        return ""
