"""Bring the cloud up, as a program of the rehearsal's process manager, and wait until all of it answers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from rehearsal.cloud import config, launcher, plugins, schema, seed, waiting
from rehearsal.cloud.layout import Cloud
from rehearsal.cloud.service import services
from rehearsal.processes import Program, Supervisor
from rehearsal.processes import environment as inherited

Report = Callable[[str], None]

START_SECONDS = 120
"""How long the services may take until all answer."""


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
    return {"PYTHONPATH": plugins.python_path(cloud), "PYTHONUNBUFFERED": "1"}


def prepare(cloud: Cloud, report: Report) -> bool:
    """Write the configuration and make the databases that are missing. Says whether a running cloud has to restart."""
    changed = False
    for service in services().values():
        for name, sections in service.config(cloud).items():
            changed |= config.write(cloud.etc / name, sections)
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


def up(cloud: Cloud, supervisor: Supervisor, report: Report) -> bool:
    """Have all services answer and be seeded, and say whether anything was changed. supervisord must run.

    Raises ``CloudError`` when a service does not come up.
    """
    restart = prepare(cloud, report)
    changed = supervisor.ensure(program(cloud))
    if restart and not changed:
        supervisor.restart("cloud")
        changed = True
    if not seed.done(cloud):
        seed.seed(cloud, report)
        changed = True
    return _wait(cloud, report) or changed


def _wait(cloud: Cloud, report: Report) -> bool:
    """Return once every port is open, and say whether one was closed at first."""
    deadline = time.monotonic() + START_SECONDS
    ports = {e.name: cloud.settings.port(e.port) for one in services().values() for e in one.endpoints}
    closed = {name: port for name, port in ports.items() if not waiting.open_port(port)}
    waited = bool(closed)
    if closed:
        report(f"waiting for {', '.join(closed)}")
    while closed:
        if time.monotonic() > deadline:
            raise CloudError("\n".join(_explain(cloud, name) for name in closed))
        time.sleep(0.1)
        closed = {name: port for name, port in closed.items() if not waiting.open_port(port)}
    return waited


def _explain(cloud: Cloud, name: str) -> str:
    service = next(one for one in services().values() if any(e.name == name for e in one.endpoints))
    log = cloud.log(service.name)
    lines = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
    died = status(cloud).get(service.name, {}).get("died")
    cause = f"; its process {died}" if died else ""
    return "\n  ".join([f"{name} does not answer after {START_SECONDS} s{cause}. Last lines of {log}:", *lines])


def status(cloud: Cloud) -> dict[str, dict[str, Any]]:
    """By service: ``pid``, ``started``, ``starts``, ``died`` (see ``launcher.state_file``) and ``answers``."""
    path = launcher.state_file(cloud)
    recorded: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}
    result = {}
    for name, service in services().items():
        answers = all(waiting.open_port(cloud.settings.port(endpoint.port)) for endpoint in service.endpoints)
        result[name] = {**recorded.get(name, {}), "answers": answers}
    return result
