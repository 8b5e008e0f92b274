"""The process that keeps a lock: renews, gives back, ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock import keeper
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.locking import Entry, LockError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.machine import here, start
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.record import Record

from tests.unit.lock.stores import Memory

NOW = 1_790_000_000.0


@pytest.fixture
def store() -> Memory:
    return Memory()


@pytest.fixture
def record() -> Record:
    return here().record("deploy", os.getpid(), NOW)


def nothing(_mark: str) -> None:
    """The process in whose name these tests hold locks is their own: it is not to be ended."""


def rounds(number: int, then: type[BaseException] | None = None) -> keeper.Callable[[int, int, float], bool]:
    """A wait in which the process lives so many times."""
    left = iter([False] * number)

    def wait(_process: int, _started: int, seconds: float) -> bool:
        assert seconds == 15.0
        for each in left:
            return each
        if then:
            raise then
        return True

    return wait


def test_it_renews_while_the_process_runs_and_gives_back_when_it_has_ended(store: Memory, record: Record) -> None:
    seen: list[str] = []
    moments = iter([NOW + 15, NOW + 30])

    def now() -> float:
        seen.extend(entry.text for entry in store.entries)
        return next(moments)

    keeper.keep(store, store.put(record), record, wait=rounds(2), end=nothing, now=now)
    assert seen == [record.text(), record.renew(NOW + 15).text()]
    assert store.entries == []


def test_one_that_is_lost_is_left_to_who_has_it(store: Memory, record: Record) -> None:
    entry = store.put(record)
    store.entries.clear()
    others = store.put(None, "another's")
    keeper.keep(store, entry, record, wait=rounds(5), end=nothing, now=lambda: NOW)
    assert store.entries == [others]


def test_what_fails_once_is_tried_again_and_the_lock_is_found_by_its_run(store: Memory, record: Record) -> None:
    entry = store.put(record)
    # The renewal took place, and its answer was lost.
    store.renew(entry, record.renew(NOW + 15))
    store.failing = [LockError("reset"), LockError("reset")]
    slept: list[float] = []
    keeper.keep(store, entry, record, wait=rounds(1), end=nothing, now=lambda: NOW, sleep=slept.append)
    assert store.entries == [] and slept == [2.0]


def test_told_to_end_it_gives_back_at_once(store: Memory, record: Record) -> None:
    keeper.keep(store, store.put(record), record, wait=rounds(1, keeper._ToldToEnd), end=nothing, now=lambda: NOW)
    assert store.entries == []


class Folder:
    """A lock that is a file, so that another process can change it. ``slow`` keeps it from being given back."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "lock"

    def look(self) -> list[Entry]:
        return []

    def take(self, record: Record) -> tuple[Entry | None, list[Entry]]:
        raise AssertionError

    def renew(self, entry: Entry, record: Record) -> Entry:
        self.file.write_text(f"{os.getpid()} {os.getsid(0)}")
        return entry

    def remove(self, entry: Entry) -> None:
        self.file.unlink()

    def detach(self) -> None:
        self.file.write_text("detached")


@pytest.fixture
def playbook() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(command, start_new_session=True) as process:
        yield process
        process.kill()


def until(what: keeper.Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_process_itself_lives_apart_and_ends_with_the_playbook(
    tmp_path: Path, playbook: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "RENEWALS", 1000)
    store, record = Folder(tmp_path), here().record("deploy", playbook.pid, time.time())
    reading, writing = os.pipe()
    process = keeper.start(store, Entry("key", "1", record.text(), record), record)
    try:
        os.close(writing)
        assert os.read(reading, 1) == b"", "the keeper holds what others wait for"
        until(lambda: store.file.exists() and store.file.read_text() == f"{process} {process}")
        assert Path(f"/proc/{process}/comm").read_text().strip() == keeper.NAME
        os.kill(process, signal.SIGINT)
        os.kill(process, signal.SIGHUP)
        time.sleep(0.1)
        assert start(process) is not None
        os.killpg(playbook.pid, signal.SIGKILL)
        playbook.wait()
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
        assert not store.file.exists()
    finally:
        os.close(reading)


def test_it_gives_back_when_it_is_told_to_end(tmp_path: Path, playbook: subprocess.Popen[bytes]) -> None:
    store, record = Folder(tmp_path), here().record("deploy", playbook.pid, time.time())
    process = keeper.start(store, Entry("key", "1", record.text(), record), record)
    until(store.file.exists)
    os.kill(process, signal.SIGTERM)
    os.waitpid(process, 0)
    assert not store.file.exists()


class Impatient(Folder):
    """Is told to end before it has begun, and again while it gives back."""

    def detach(self) -> None:
        super().detach()
        os.kill(os.getpid(), signal.SIGTERM)

    def remove(self, entry: Entry) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        super().remove(entry)


def test_it_gives_back_however_early_and_often_it_is_told(tmp_path: Path, playbook: subprocess.Popen[bytes]) -> None:
    store, record = Impatient(tmp_path), here().record("deploy", playbook.pid, time.time())
    process = keeper.start(store, Entry("key", "1", record.text(), record), record)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    assert not store.file.exists()
