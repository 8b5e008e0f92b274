"""Memory of a process and all its descendants, shared pages counted once in total."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

PROC = Path("/proc")


def proportional_memory(pidfile: Path) -> int:
    """Bytes of proportional set size (``/proc/PID/smaps_rollup``) of the process that ``pidfile`` names and its tree.

    Processes that end while we look count for nothing. Source: proc_pid_smaps(5), "Pss".
    """
    children: dict[int, list[int]] = defaultdict(list)
    for folder in PROC.iterdir():
        if folder.name.isdigit() and (parent := _parent(folder)) is not None:
            children[parent].append(int(folder.name))
    total, todo = 0, [int(pidfile.read_text())]
    while todo:
        process = todo.pop()
        total += _pss(process)
        todo += children[process]
    return total


def _parent(folder: Path) -> int | None:
    try:
        return int(folder.joinpath("stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _pss(process: int) -> int:
    try:
        text = (PROC / str(process) / "smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))
