"""A container's log: written line by line with a time, as the container runtime interface has it, and read back.

One line is ``<RFC 3339 with nanoseconds> stdout <F|P> <text>``; P marks a part of a line that was too long.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path

from rehearsal.pods import timestamps

MAX_FILE = 10 * 2**20
"""Bytes after which a log starts a new file; one old file is kept (kubelet: containerLogMaxSize)."""

MAX_LINE = 16 * 2**10
"""Bytes after which a line is cut into parts."""


@dataclasses.dataclass(frozen=True)
class LogOptions:
    """What ``kubectl logs`` asks of a kubelet."""

    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail: int | None = None
    since: float | None = None
    limit: int | None = None

    @classmethod
    def from_query(cls, query: Mapping[str, str], now: float) -> LogOptions:
        """From the query of ``/containerLogs``; ``since`` becomes a Unix time. ValueError with what is wrong."""

        def number(name: str) -> int | None:
            if not (text := query.get(name, "")):
                return None
            value = int(text)
            if value < 0:
                raise ValueError(f"{name} must not be negative")
            return value

        seconds = number("sinceSeconds")
        since = now - seconds if seconds is not None else None
        if text := query.get("sinceTime"):
            since = timestamps.seconds(text)
        return cls(
            follow=query.get("follow") == "true",
            previous=query.get("previous") == "true",
            timestamps=query.get("timestamps") == "true",
            tail=number("tailLines"),
            since=since,
            limit=number("limitBytes"),
        )


def render(line: bytes, options: LogOptions) -> bytes:
    """One stored line as it is shown; empty when ``since`` leaves it out."""
    stamp, _sep, rest = line.partition(b" ")
    _stream, _sep, rest = rest.partition(b" ")
    flag, _sep, text = rest.partition(b" ")
    if options.since is not None:
        with contextlib.suppress(ValueError):
            if timestamps.seconds(stamp.decode()) < options.since:
                return b""
    shown = text.rstrip(b"\n") + (b"\n" if flag == b"F" else b"")
    return stamp + b" " + shown if options.timestamps else shown


def select(lines: Iterable[bytes], options: LogOptions) -> Iterator[bytes]:
    """The stored lines that the options leave, as they are shown, without ``follow``."""
    chosen = list(lines)
    if options.tail is not None:
        chosen = chosen[-options.tail :] if options.tail else []
    left = options.limit
    for line in chosen:
        shown = render(line, options)
        if left is not None:
            shown = shown[:left]
            left -= len(shown)
        if shown:
            yield shown
        if left == 0:
            return


class ContainerLog:
    """The log of one run of a container."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        self._rest = b""
        self._followers: set[asyncio.Queue[bytes | None]] = set()
        self.closed = False

    def feed(self, data: bytes) -> None:
        """Take what the container wrote."""
        stamp = timestamps.now_nano().encode()
        *whole, self._rest = (self._rest + data).split(b"\n")
        out = [stamp + b" stdout F " + line + b"\n" for line in whole]
        while len(self._rest) > MAX_LINE:
            part, self._rest = self._rest[:MAX_LINE], self._rest[MAX_LINE:]
            out.append(stamp + b" stdout P " + part + b"\n")
        self._write(out)

    def close(self) -> None:
        """The run is over; what had no line end is written too, and followers are let go."""
        if self.closed:
            return
        if self._rest:
            self._write([timestamps.now_nano().encode() + b" stdout P " + self._rest + b"\n"])
        self.closed = True
        self._file.close()
        for queue in self._followers:
            queue.put_nowait(None)

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        if self._file.tell() > MAX_FILE:
            self._file.close()
            os.replace(self.path, self.path.with_suffix(".old"))
            self._file = self.path.open("ab", buffering=0)
        self._file.write(b"".join(lines))
        for queue in self._followers:
            for line in lines:
                queue.put_nowait(line)

    def tail(self, lines: int, size: int) -> str:
        """The last lines, at most ``size`` bytes of them (for a termination message)."""
        shown = b"".join(select(stored(self.path), LogOptions(tail=lines)))
        return shown[-size:].decode(errors="replace")

    async def follow(self, options: LogOptions) -> AsyncIterator[bytes]:
        """What there is and then what comes, until the run ends."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        # No line is lost or doubled: nothing else runs between the reading and the registration.
        past = list(select(stored(self.path), options))
        if not self.closed:
            self._followers.add(queue)
        else:
            queue.put_nowait(None)
        try:
            for shown in past:
                yield shown
            while (line := await queue.get()) is not None:
                if shown := render(line, options):
                    yield shown
        finally:
            self._followers.discard(queue)


def stored(path: Path) -> list[bytes]:
    """The lines of a log file and of the one before it."""
    found: list[bytes] = []
    for file in (path.with_suffix(".old"), path):
        with contextlib.suppress(FileNotFoundError), file.open("rb") as stream:
            found += stream.readlines()
    return found
