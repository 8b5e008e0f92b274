# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What runs on when ``ansible-playbook`` is killed.

From ansible-core 2.19 on its workers have sessions of their own, so that SIGKILL of the playbook's process group misses
them: a worker goes on with its task to the end of the loop, or of an hour's wait. They are forks of the playbook, and a
fork has its parent's auxiliary vector (proc(5), ``/proc/PID/auxv``), whose addresses are drawn anew for each program
that is started. So they are told from all other processes, another run of the same command line too.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

PATIENCE = 5.0
"""Seconds between SIGTERM, at which workers end their modules and Helm notes its release as failed, and SIGKILL."""


def mark(process: int, proc: Path = Path("/proc")) -> str:
    """What a process and its forks have in common, as a digest; empty where that cannot be known."""
    try:
        vector = (proc / str(process) / "auxv").read_bytes()
    except OSError:
        return ""
    return hashlib.sha256(vector).hexdigest()[:12] if vector else ""  # a zombie has none


def find(of: str, proc: Path = Path("/proc")) -> list[int]:
    """Processes with that mark, and all that they started."""
    if not of:
        return []
    parents = dict(_parents(proc))
    found = [process for process in parents if mark(process, proc) == of]
    for process in found:  # grows meanwhile
        found += [child for child, parent in parents.items() if parent == process and child not in found]
    return found


def end(of: str, sleep: Callable[[float], None] = time.sleep) -> None:
    """End them, and return when they are gone."""
    left = [process for process in find(of) if process != os.getpid()]
    for number, patience in ((signal.SIGTERM, PATIENCE), (signal.SIGKILL, PATIENCE)):
        for process in left:
            with contextlib.suppress(OSError):
                os.kill(process, number)
        until = time.monotonic() + patience
        while (left := [process for process in left if _runs(process)]) and time.monotonic() < until:
            sleep(0.05)


def _runs(process: int, proc: Path = Path("/proc")) -> bool:
    fields = _stat(process, proc)
    return bool(fields) and fields[0] not in ("Z", "X")


def _parents(proc: Path) -> Iterator[tuple[int, int]]:
    for folder in proc.iterdir():
        if folder.name.isdecimal() and (fields := _stat(int(folder.name), proc)):
            yield int(folder.name), int(fields[1])


def _stat(process: int, proc: Path) -> list[str]:
    """Fields of ``/proc/PID/stat`` from the state on; none when the process is gone."""
    try:
        # The name before them may hold anything.
        return (proc / str(process) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
