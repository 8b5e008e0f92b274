"""The launcher with services that are no OpenStack: who dies is started again, and all end with it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psutil
import pytest

from rehearsal.cloud import launcher
from rehearsal.cloud.config import Sections
from rehearsal.cloud.layout import Cloud
from rehearsal.cloud.service import Serve, Service


class Idle(Service):
    """Serves nothing."""

    def __init__(self, name: str) -> None:
        self.name = name

    def config(self, cloud: Cloud) -> Mapping[str, Sections]:
        return {}

    def create_schema(self, cloud: Cloud) -> None:
        pass

    def load(self, cloud: Cloud, serve: Serve) -> None:
        pass


@pytest.fixture
def running(cloud: Cloud) -> Iterator[int]:
    pid = os.fork()
    if pid == 0:
        try:
            launcher.Launcher(cloud, {name: Idle(name) for name in ("one", "two")}).run()
        finally:
            os._exit(0)
    try:
        yield pid
    finally:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def state(cloud: Cloud) -> dict[str, dict[str, Any]]:
    path = launcher.state_file(cloud)
    return json.loads(path.read_text()) if path.exists() else {}


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def started(cloud: Cloud) -> bool:
    return len(state(cloud)) == 2 and all(
        one["pid"] and f"{name} is ready" in _read(cloud, name) for name, one in state(cloud).items()
    )


def _read(cloud: Cloud, name: str) -> str:
    return cloud.log(name).read_text() if cloud.log(name).exists() else ""


def test_a_service_that_dies_is_started_again(cloud: Cloud, running: int) -> None:
    until(lambda: started(cloud))
    before = state(cloud)
    os.kill(before["one"]["pid"], signal.SIGKILL)
    until(lambda: state(cloud)["one"]["starts"] == 2)
    after = state(cloud)
    assert after["one"]["pid"] != before["one"]["pid"]
    assert after["one"]["died"].startswith("was killed by signal 9 (SIGKILL)")
    assert after["two"] == before["two"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_services_end_with_their_parent(cloud: Cloud, running: int, how: signal.Signals) -> None:
    until(lambda: started(cloud))
    children = [psutil.Process(one["pid"]) for one in state(cloud).values()]
    os.kill(running, how)
    os.waitpid(running, 0)
    _gone, alive = psutil.wait_procs(children, timeout=5)
    assert alive == []
