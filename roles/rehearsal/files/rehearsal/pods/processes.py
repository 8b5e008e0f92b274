"""Child processes in an event loop, without a thread for each: their ends are seen through pidfds.

A child whose death signal is set (``--die-with-parent``, ``setpriv --pdeathsig``) follows the *thread* that started
it, so everything here starts children in the event loop's own thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


class CommandError(Exception):
    """A tool (ip, nft, mount ...) failed; the text names it and what it said."""


def start(argv: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, with nothing to read."""
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("start_new_session", True)
    return subprocess.Popen(list(argv), **options)


async def wait(process: subprocess.Popen[bytes]) -> int:
    """Its exit status (negative: the signal)."""
    if process.poll() is None:
        loop = asyncio.get_running_loop()
        try:
            fd = os.pidfd_open(process.pid)
        except ProcessLookupError:
            return process.wait()
        ended = asyncio.Event()
        loop.add_reader(fd, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(fd)
            os.close(fd)
    return process.wait()


async def run(argv: Sequence[str], *, text: str = "", env: Mapping[str, str] | None = None) -> str:
    """Run a short-lived tool to its end; its output. CommandError when it fails or takes ten seconds."""
    try:
        done = await asyncio.to_thread(
            subprocess.run, list(argv), input=text, env=env, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(f"{argv[0]}: {error}") from error
    if done.returncode:
        raise CommandError(f"{' '.join(argv[:6])}: {(done.stderr or done.stdout).strip()[:500]}")
    return done.stdout


def kill(pid: int | None, number: int = signal.SIGKILL) -> bool:
    """Send a signal; False when there is no such process any more."""
    if not pid:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a child, which leads a process group, with its group, and reap it; nothing when it was reaped before.

    ``nsenter`` stays in front of the command that it started in another PID namespace, and does not take it along.
    """
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()


def end_strangers() -> int:
    """Kill what an earlier runner left in its pods; how many processes that were.

    Pods' processes die with their runner, but one that is just being started can miss it. In a cluster's PID namespace
    whatever is in another network namespace than ours belongs to a pod.
    """
    own, found = os.readlink("/proc/self/ns/net"), 0
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with contextlib.suppress(OSError):
                if os.readlink(path / "ns" / "net") != own:
                    found += kill(int(path.name))
    return found


async def pipe_reader(fd: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    """Read a pipe's end in the event loop; the transport owns (and closes) the descriptor."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _protocol = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", buffering=0)
    )
    return reader, transport
