"""Logs: how lines are kept, what the options of `kubectl logs` leave of them, and following."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rehearsal.pods import logs, timestamps
from rehearsal.pods.logs import ContainerLog, LogOptions

LINES = [
    b"2026-01-01T10:00:00.000000001Z stdout F one\n",
    b"2026-01-01T10:00:01.500000000Z stdout F two words\n",
    b"2026-01-01T10:00:02.000000000Z stdout P part\n",
    b"2026-01-01T10:00:02.000000000Z stdout F ial\n",
]


def shown(**options: object) -> bytes:
    return b"".join(logs.select(LINES, LogOptions(**options)))  # type: ignore[arg-type]


def test_all() -> None:
    assert shown() == b"one\ntwo words\npartial\n"


def test_tail_and_limit() -> None:
    assert shown(tail=3) == b"two words\npartial\n"
    assert shown(tail=0) == b""
    assert shown(limit=6) == b"one\ntw"


def test_timestamps() -> None:
    assert shown(timestamps=True, tail=4).startswith(b"2026-01-01T10:00:00.000000001Z one\n")


def test_since() -> None:
    assert shown(since=timestamps.seconds("2026-01-01T10:00:01Z")) == b"two words\npartial\n"


def test_options_of_a_query() -> None:
    query = {"follow": "true", "tailLines": "5", "sinceSeconds": "60", "timestamps": "true", "limitBytes": "9"}
    assert LogOptions.from_query(query, 1000.0) == LogOptions(True, False, True, 5, 940.0, 9)
    assert LogOptions.from_query({"sinceTime": "1970-01-01T00:01:00Z"}, 0).since == 60
    for bad in ({"tailLines": "x"}, {"limitBytes": "-1"}, {"sinceTime": "soon"}):
        with pytest.raises(ValueError):
            LogOptions.from_query(bad, 0)


def test_what_is_fed_comes_back_with_times(tmp_path: Path) -> None:
    log = ContainerLog(tmp_path / "c" / "0.log")
    log.feed(b"first\nsec")
    log.feed(b"ond\n")
    log.feed(b"no end")
    log.close()
    assert b"".join(logs.select(logs.stored(log.path), LogOptions())) == b"first\nsecond\nno end"
    for line in logs.stored(log.path):
        assert timestamps.seconds(line.split()[0].decode()) > 0
    assert log.tail(2, 100) == "second\nno end"


def test_a_long_line_is_cut_and_shown_whole(tmp_path: Path) -> None:
    log = ContainerLog(tmp_path / "0.log")
    text = b"x" * (3 * logs.MAX_LINE) + b"\n"
    for start in range(0, len(text), 1000):
        log.feed(text[start : start + 1000])
    log.close()
    assert len(logs.stored(log.path)) > 2
    assert b"".join(logs.select(logs.stored(log.path), LogOptions())) == text


def test_rotation_keeps_one_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_FILE", 100)
    log = ContainerLog(tmp_path / "0.log")
    for number in range(20):
        log.feed(f"line {number}\n".encode())
    log.close()
    kept = b"".join(logs.select(logs.stored(log.path), LogOptions())).decode().splitlines()
    assert kept[-1] == "line 19"
    assert kept == [f"line {number}" for number in range(20 - len(kept), 20)]
    assert len(kept) < 20


def test_follow_gives_every_line_once(tmp_path: Path) -> None:
    async def scene() -> bytes:
        log = ContainerLog(tmp_path / "0.log")
        log.feed(b"before\n")
        got: list[bytes] = []

        async def follow() -> None:
            async for line in log.follow(LogOptions(follow=True)):
                got.append(line)

        task = asyncio.ensure_future(follow())
        await asyncio.sleep(0)
        log.feed(b"during\n")
        await asyncio.sleep(0)
        log.close()
        await asyncio.wait_for(task, 2)
        return b"".join(got)

    assert asyncio.run(scene()) == b"before\nduring\n"
