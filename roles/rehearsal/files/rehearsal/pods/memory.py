"""Memory limits without cgroups: what a container uses is looked at, and the largest process is killed.

The kernel does the same to a container over its limit: it picks the process that uses most. A server's kernel dies and
the server lives; when the container's main process is the largest, the container is OOMKilled. Looking costs: every
0.2 s one short read for each process (resident less shared pages, an upper bound); only a container that seems to be
over its limit is measured properly (proportional set size of anonymous and shared memory, so that pages shared by
forked processes count once). A very fast allocation can overshoot its limit for those 0.2 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from rehearsal.pods import processes

POLL = 0.2
"""Seconds between two looks."""

RESCAN = 1.0
"""Seconds between two searches for new processes."""

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Limited(Protocol):
    """A container that has a memory limit."""

    @property
    def memory_limit(self) -> int | None: ...
    @property
    def sandbox_pid(self) -> int | None: ...
    @property
    def memory_volumes(self) -> Iterable[Path]: ...
    def on_out_of_memory(self, victim: int, name: str, used: int, total: int) -> None: ...


class ProcessTable:
    """Who is whose child, from one pass over /proc."""

    def __init__(self) -> None:
        self._children: dict[int, list[int]] = {}

    def scan(self) -> None:
        children: dict[int, list[int]] = {}
        for name in os.listdir("/proc"):
            if name.isdigit():
                with contextlib.suppress(OSError, ValueError, IndexError):
                    stat = _read(f"/proc/{name}/stat")
                    parent = int(stat[stat.rindex(b")") + 2 :].split(None, 2)[1])
                    children.setdefault(parent, []).append(int(name))
        self._children = children

    def below(self, pid: int) -> list[int]:
        """Every descendant of a process."""
        found: list[int] = []
        queue = [pid]
        while queue:
            more = self._children.get(queue.pop(), [])
            found += more
            queue += more
        return found


def _read(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 4096)
    finally:
        os.close(fd)


def private(statm: bytes) -> int:
    """Bytes of a process that are surely not files: from /proc/PID/statm."""
    _size, resident, shared, *_others = statm.split()
    return (int(resident) - int(shared)) * _PAGE


def proportional(rollup: bytes) -> tuple[int, int]:
    """(anonymous, shared memory) bytes of a process from /proc/PID/smaps_rollup, shared pages divided fairly."""
    values = {}
    for line in rollup.splitlines()[1:]:
        key, _sep, rest = line.partition(b":")
        values[key] = int(rest.split()[0]) * 1024 if rest.split() else 0
    return values.get(b"Pss_Anon", 0), values.get(b"Pss_Shmem", 0)


def volume_use(path: Path) -> int:
    """Bytes used on a memory-backed volume; 0 when it is gone."""
    try:
        stat = os.statvfs(path)
    except OSError:
        return 0
    return (stat.f_blocks - stat.f_bfree) * stat.f_frsize


class MemoryGuard:
    """Looks at the containers with a limit, as long as there are any."""

    def __init__(self) -> None:
        self._watched: dict[Limited, dict[int, int]] = {}
        self._wake = asyncio.Event()
        self._table = ProcessTable()

    def add(self, container: Limited) -> None:
        self._watched.setdefault(container, {})
        self._wake.set()

    def remove(self, container: Limited) -> None:
        for fd in self._watched.pop(container, {}).values():
            os.close(fd)

    async def run(self) -> None:
        scanned = 0.0
        while True:
            if not self._watched:
                self._wake.clear()
                await self._wake.wait()
                scanned = 0.0
            if time.monotonic() - scanned >= RESCAN:
                scanned = time.monotonic()
                self._rescan()
            for container, files in list(self._watched.items()):
                self._look(container, files)
            await asyncio.sleep(POLL)

    def _rescan(self) -> None:
        self._table.scan()
        for container, files in self._watched.items():
            pids = set(self._table.below(container.sandbox_pid)) if container.sandbox_pid else set()
            for pid in files.keys() - pids:
                os.close(files.pop(pid))
            for pid in pids - files.keys():
                with contextlib.suppress(OSError):
                    files[pid] = os.open(f"/proc/{pid}/statm", os.O_RDONLY)

    def _look(self, container: Limited, files: dict[int, int]) -> None:
        limit = container.memory_limit
        if limit is None:
            return
        total = sum(volume_use(path) for path in container.memory_volumes)
        for pid, fd in list(files.items()):
            try:
                total += private(os.pread(fd, 128, 0))
            except (OSError, ValueError):
                os.close(files.pop(pid))
        if total > limit:
            self._measure(container, limit)

    def _measure(self, container: Limited, limit: int) -> None:
        """Look closely, and kill when it is true."""
        self._table.scan()
        used: dict[int, int] = {}
        anonymous = shared = 0
        for pid in self._table.below(container.sandbox_pid) if container.sandbox_pid else []:
            with contextlib.suppress(OSError, ValueError, IndexError):
                own, common = proportional(Path(f"/proc/{pid}/smaps_rollup").read_bytes())
                anonymous, shared, used[pid] = anonymous + own, shared + common, own + common
        # Pages of a memory-backed volume that are mapped appear twice, here and on the volume: take the larger.
        total = anonymous + max(shared, sum(volume_use(path) for path in container.memory_volumes))
        if total <= limit or not used:
            return
        victim = max(used, key=lambda pid: used[pid])
        name = ""
        with contextlib.suppress(OSError):
            name = Path(f"/proc/{victim}/comm").read_text().strip()
        container.on_out_of_memory(victim, name, used[victim], total)
        processes.kill(victim)
