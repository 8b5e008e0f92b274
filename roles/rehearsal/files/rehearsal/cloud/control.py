"""Bring the cloud up, as a program of the rehearsal's process manager, and wait until all of it answers."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil

from rehearsal.cloud import config, launcher, plugins, schema, seed, waiting
from rehearsal.cloud.layout import POLICY, Cloud
from rehearsal.cloud.service import services
from rehearsal.processes import Supervisor
from rehearsal.processes import environment as inherited
from rehearsal.program import Program
from rehearsal.settings import write_private

Report = Callable[[str], None]


class CloudError(Exception):
    """The cloud did not come up; the text says which service, and its log's last lines."""


def program(cloud: Cloud) -> Program:
    """The program ``cloud``: the parent of all services."""
    return Program(
        name="cloud",
        command=[sys.executable, "-m", "rehearsal.cloud.launcher", "--state", str(cloud.settings.state)],
        environment=environment(cloud),
        directory=cloud.root,
        start_seconds=1,
        stop_seconds=launcher.GRACE + 10,
        priority=100,
    )


def environment(cloud: Cloud) -> dict[str, str]:
    # The digest is read by nobody: it makes the program another one, to be restarted, when its code changed.
    return {
        "PYTHONPATH": plugins.python_path(cloud),
        "PYTHONUNBUFFERED": "1",
        "REHEARSAL_SOURCES": plugins.sources("cloud"),
    }


def prepare(cloud: Cloud, report: Report) -> bool:
    """Write the configuration and make the databases that are missing. Says whether a running cloud has to restart."""
    changed = False
    for service in services().values():
        for name, sections in service.config(cloud).items():
            changed |= config.write(cloud.etc / name, sections)
    write_private(cloud.etc / POLICY, "{}\n")
    plugins.write(cloud)
    wanted = [service for service in schema.missing(cloud) if not schema.install(cloud, service)]
    if wanted:
        report(f"making the databases of {', '.join(one.name for one in wanted)} (once per user and version)")
        command = [sys.executable, "-m", "rehearsal.cloud.schema", "--state", str(cloud.settings.state)]
        environ = {**inherited(), **environment(cloud)}
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CloudError(done.stderr.strip())
    return changed


def up(cloud: Cloud, supervisor: Supervisor, report: Report, restart: bool = False) -> bool:
    """Have all services answer and be seeded, and say whether anything was changed.

    ``prepare`` has to come first (``restart`` is what it said), and supervisord must run.
    Raises ``CloudError`` when a service does not come up.
    """
    changed = supervisor.ensure(program(cloud))
    if restart and not changed:
        supervisor.restart("cloud")
        changed = True
    if not changed:
        changed = _renew(cloud, supervisor, report)
    if not seed.done(cloud):
        seed.seed(cloud, report)
        changed = True
    return _wait(cloud, report) or changed


def _renew(cloud: Cloud, supervisor: Supervisor, report: Report) -> bool:
    """End services whose own further code changed since they started: the launcher starts them again with it."""
    launching = supervisor.status()["cloud"]["pid"]
    renewed = False
    for name, state in status(cloud).items():
        if not state.get("pid") or state.get("sources") == plugins.sources(*services()[name].code):
            continue
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(state["pid"])
            if process.ppid() == launching:
                report(f"{name} starts again: its code changed")
                process.terminate()
                try:
                    process.wait(10)
                except psutil.TimeoutExpired:
                    process.kill()
                renewed = True
    return renewed


def _wait(cloud: Cloud, report: Report) -> bool:
    """Return once every service answers, and say whether one did not at first."""
    deadline = time.monotonic() + waiting.START_SECONDS
    name = cloud.settings.name
    ports = {e.name: cloud.settings.port(e.port) for one in services().values() for e in one.endpoints}
    closed = {who: port for who, port in ports.items() if not waiting.answers(port, name)}
    waited = bool(closed)
    if closed:
        report(f"waiting for {', '.join(closed)}")
    while closed:
        if time.monotonic() > deadline:
            raise CloudError("\n".join(_explain(cloud, who) for who in closed))
        time.sleep(0.1)
        closed = {who: port for who, port in closed.items() if not waiting.answers(port, name)}
    return waited


def _explain(cloud: Cloud, name: str) -> str:
    service = next(one for one in services().values() if any(e.name == name for e in one.endpoints))
    log = cloud.log(service.name)
    lines = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
    died = status(cloud).get(service.name, {}).get("died")
    cause = f"; its process {died}" if died else ""
    return "\n  ".join(
        [f"{name} does not answer after {waiting.START_SECONDS:.0f} s{cause}. Last lines of {log}:", *lines]
    )


def status(cloud: Cloud) -> dict[str, dict[str, Any]]:
    """By service: ``pid``, ``started``, ``starts``, ``died`` (see ``launcher.state_file``) and ``answers``."""
    path = launcher.state_file(cloud)
    recorded: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}
    result = {}
    for name, service in services().items():
        answers = all(
            waiting.answers(cloud.settings.port(endpoint.port), cloud.settings.name) for endpoint in service.endpoints
        )
        result[name] = {**recorded.get(name, {}), "answers": answers}
    return result
