"""A real supervisord: programs come and go one by one, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from rehearsal.processes import Supervisor
from rehearsal.program import Program
from rehearsal.settings import Settings


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    one = Supervisor(Settings.load(tmp_path / "state"))
    one.start()
    try:
        yield one
    finally:
        one.shutdown()
        assert not list(one.settings.sockets.iterdir())


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def program(name: str, folder: Path, start_seconds: float = 0) -> Program:
    """A program whose child leaves its process group and notes its id in a file."""
    script = (
        f"setsid sh -c 'echo $$ > {folder}/{name}.new; mv {folder}/{name}.new {folder}/{name}; exec sleep 600' & wait"
    )
    return Program(name, ["sh", "-c", script], start_seconds=start_seconds, stop_seconds=2)


def child(name: str, folder: Path) -> psutil.Process:
    until((folder / name).exists)
    return psutil.Process(int((folder / name).read_text()))


def ended(process: psutil.Process) -> bool:
    """Whether it runs no more; machines differ in when what is left of it is cleared away."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_programs_come_and_go_one_by_one(supervisor: Supervisor, tmp_path: Path) -> None:
    assert supervisor.ensure(program("first", tmp_path))
    first = child("first", tmp_path)
    pid = supervisor.status()["first"]["pid"]
    assert supervisor.ensure(program("second", tmp_path))
    second = child("second", tmp_path)
    assert not supervisor.ensure(program("first", tmp_path))
    assert supervisor.status()["first"]["pid"] == pid
    assert supervisor.remove("second")
    assert ended(second)
    assert not ended(first)
    assert list(supervisor.status()) == ["first"]


def test_programs_have_no_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("OS_CLOUD", "other")
    one = Supervisor(Settings.load(tmp_path / "state"))
    one.start()
    try:
        script = f"env > {tmp_path}/env.new; mv {tmp_path}/env.new {tmp_path}/env; exec sleep 600"
        one.ensure(Program("tells", ["sh", "-c", script]))
        until((tmp_path / "env").exists)
    finally:
        one.shutdown()
    names = {line.partition("=")[0].lower() for line in (tmp_path / "env").read_text().splitlines()}
    assert "path" in names
    assert [name for name in names if name.endswith("_proxy") or name == "os_cloud"] == []


def test_what_a_killed_supervisord_left_is_replaced(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.ensure(program("first", tmp_path))
    orphan = child("first", tmp_path)
    (tmp_path / "first").unlink()
    other = psutil.Popen(["sleep", "600"])
    try:
        os.kill(int((supervisor.folder / "supervisord.pid").read_text()), signal.SIGKILL)
        until(lambda: not supervisor.running())
        assert not ended(orphan)
        assert supervisor.start()
        assert ended(orphan)
        assert child("first", tmp_path).pid != orphan.pid
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_heal_starts_what_is_down(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.ensure(Program("once", ["true"], autorestart=False, start_seconds=0))
    until(lambda: supervisor.status()["once"]["state"] == "EXITED")
    supervisor.ensure(program("first", tmp_path))
    assert supervisor.heal() == ["once"]


def test_a_folder_may_have_blanks_in_its_name(tmp_path: Path) -> None:
    supervisor = Supervisor(Settings.load(tmp_path / "my folder" / "state"))
    supervisor.ensure(program("first", tmp_path))
    supervisor.start()
    try:
        assert not ended(child("first", tmp_path))
        supervisor.ensure(program("second", tmp_path))
        assert not ended(child("second", tmp_path))
    finally:
        supervisor.shutdown()
