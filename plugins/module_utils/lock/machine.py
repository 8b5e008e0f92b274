# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Processes of this machine: which one holds a lock, and whether it still runs.

A number alone says nothing: it is given out again, and each container counts its own. So a process is known by its
number and start within one boot and one process namespace (proc(5), pid_namespaces(7)). Where there is no ``/proc`` a
process is known by its number alone, and no other holder is ever taken for dead.
"""

from __future__ import annotations

import dataclasses
import getpass
import hashlib
import os
import select
import socket
import time
from pathlib import Path

from . import remains
from .record import LONGEST_HOST, LONGEST_USER, Record

POLL_SECONDS = 1.0
"""How often a process is looked for where the system cannot tell of its end."""


@dataclasses.dataclass(frozen=True)
class Machine:
    """This machine, as a record names it. ``booted``: seconds since 1970, minus infinity where unknown."""

    host: str
    place: str
    machine: str
    booted: float
    proc: Path = Path("/proc")

    def record(self, doing: str, process: int, now: float) -> Record:
        """What a lock held for ``process`` says from ``now`` on."""
        return Record(
            doing=doing,
            user=_user()[:LONGEST_USER],
            host=self.host,
            process=process,
            started=start(process, self.proc) or 0,
            mark=remains.mark(process, self.proc),
            place=self.place,
            machine=self.machine,
            since=now,
            renewed=now,
        )

    def has_ended(self, record: Record) -> bool:
        """Whether the holder is known to be dead, with all that it started: it ran here, and does not any more."""
        if self.place and record.place == self.place:
            gone = start(record.process, self.proc) != record.started
            return gone and not remains.find(record.mark, self.proc)
        # The same machine before it was started anew. (A clone with the same identity would have renewed since.)
        same = bool(self.machine) and record.machine == self.machine and record.host == self.host
        return same and record.renewed < self.booted


def here(proc: Path = Path("/proc"), etc: Path = Path("/etc")) -> Machine:
    """This machine."""
    host = socket.gethostname()[:LONGEST_HOST]
    boot, namespace = _text(proc / "sys/kernel/random/boot_id"), _link(proc / "self/ns/pid")
    identity = _text(etc / "machine-id")
    return Machine(
        host=host,
        place=_digest(boot, namespace) if boot and namespace else "",
        machine=_digest(identity, host) if identity else "",
        booted=_booted(proc),
        proc=proc,
    )


def start(process: int, proc: Path = Path("/proc")) -> int | None:
    """Clock ticks after the boot at which a process began; None when it has ended (a zombie has)."""
    text = _text(proc / str(process) / "stat")
    if not text:
        return None
    # The name in parentheses may hold anything. Then: state, and the start as the 22nd field of all.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in ("Z", "X") else int(fields[19])


def wait_for_end(process: int, started: int, seconds: float) -> bool:
    """Wait until a process ends, at most so long; whether it has ended."""
    try:
        watched = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    except (AttributeError, OSError):  # not Linux, or an old one
        return _poll_for_end(process, seconds)
    try:
        if start(process) != started:  # the number is another's by now
            return True
        return bool(select.select([watched], [], [], seconds)[0])
    finally:
        os.close(watched)


def _poll_for_end(process: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while True:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        left = until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(POLL_SECONDS, left))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())


def _booted(proc: Path) -> float:
    for line in _text(proc / "stat").splitlines():
        if line.startswith("btime "):
            return float(line.split()[1])
    return float("-inf")


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _link(path: Path) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _digest(*parts: str) -> str:
    """machine-id(5) asks not to be shown as it is."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
