"""``python -m rehearsal --state DIR up|stop|clean|status|faults``: one rehearsal as a whole.

Progress goes to standard error, one JSON object to standard output. Run by the Python of the services' environment.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import importlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rehearsal import fault_commands
from rehearsal.processes import ProcessError, Supervisor, is_proxy
from rehearsal.removal import remove_tree
from rehearsal.settings import OFFSETS, Settings, make_private

STARTED = time.monotonic()


def report(text: str) -> None:
    """One line of progress with the seconds since the start."""
    print(f"[{time.monotonic() - STARTED:5.1f} s] {text}", file=sys.stderr, flush=True)


def up(settings: Settings) -> dict[str, Any]:
    """Start what does not run, the clusters of an earlier time too, and describe the rehearsal."""
    from rehearsal.cloud import control
    from rehearsal.cloud.layout import Cloud

    supervisor, cloud = Supervisor(settings), Cloud(settings)
    restart = control.prepare(cloud, report)
    started = changed = supervisor.start()
    if changed:
        report("the process manager was started")
    for program in _further_programs(settings):
        changed |= supervisor.ensure(program)
    changed |= control.up(cloud, supervisor, report, restart and not started)
    for name in supervisor.heal():
        report(f"{name} was down and is started again")
        changed = True
    return {
        "changed": changed,
        "seconds": round(time.monotonic() - STARTED, 1),
        "state": str(settings.state),
        "keystone_url": settings.keystone_url,
        "clouds_yaml": str(cloud.clouds_yaml),
        **_for_deployments(settings),
        "services": control.status(cloud),
        "programs": supervisor.status(),
    }


def _further_programs(settings: Settings) -> list[Any]:
    """Programs of other parts of the rehearsal, where they are there."""
    try:
        return [importlib.import_module("rehearsal.login").program(settings)]
    except ImportError as error:
        if not str(error.name).startswith("rehearsal."):
            raise
        report(f"the login provider is not started: {error}")
        return []


def _for_deployments(settings: Settings) -> dict[str, Any]:
    """Ports and the login provider's client and users: what a deployment on this cloud is told."""
    from rehearsal import login

    return {
        "ports": {name: settings.port(name) for name in OFFSETS},
        "login": {"client": login.client(settings), "users": login.users(settings)},
    }


def stop(settings: Settings) -> dict[str, Any]:
    """Stop every process of this rehearsal and no other; its state stays."""
    ended = Supervisor(settings).shutdown()
    return {"changed": ended > 0, "ended": ended, "seconds": round(time.monotonic() - STARTED, 1)}


def clean(settings: Settings) -> dict[str, Any]:
    """Stop, and remove the state and the sockets."""
    result = stop(settings)
    remove_tree(settings.sockets)
    remove_tree(settings.state)
    return {**result, "changed": True}


def status(settings: Settings) -> dict[str, Any]:
    """What runs and what answers; changes nothing."""
    from rehearsal.cloud import control
    from rehearsal.cloud.layout import Cloud

    supervisor = Supervisor(settings)
    return {
        "running": supervisor.running(),
        "state": str(settings.state),
        **_for_deployments(settings),
        "services": control.status(Cloud(settings)),
        "programs": supervisor.status(),
    }


COMMANDS = {"up": up, "stop": stop, "clean": clean, "status": status}
UNLOCKED = ("status", "faults")
"""Commands that may run beside another one."""


@contextlib.contextmanager
def _alone(state: Path) -> Iterator[None]:
    """One command at a time per rehearsal, whose folder is closed to others.

    Below it pods' Secrets and tokens have the modes that their pods ask for.
    """
    make_private(state)
    with open(os.open(state / ".lock", os.O_RDWR | os.O_CREAT, 0o600), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"waiting for another command on {state}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="rehearsal", description="An OpenStack cloud with Magnum on this machine.")
    parser.add_argument("--state", required=True, type=Path, help="folder of the rehearsal, such as .rehearsal")
    setting: dict[str, Any] = {
        "action": "append",
        "default": [],
        "metavar": "NAME=VALUE",
        "help": "change a setting: boot_seconds=0.2",
    }
    parser.add_argument("--set", **setting)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, command in COMMANDS.items():
        words = commands.add_parser(name, help=command.__doc__)
        if name == "up":
            words.add_argument("--set", dest="further", **setting)
    fault_commands.describe(commands.add_parser("faults", help="Have services answer errors, delay, reset, die."))
    options = parser.parse_args(argv)
    if options.set and options.command != "up":
        parser.error(f"--set changes settings of a rehearsal that comes up: it goes with `up`, not `{options.command}`")
    if options.command == "faults" and not (options.state / "settings.json").exists():
        parser.error(f"there is no rehearsal in {options.state}")
    if options.command != "up" and not (options.state / "settings.json").exists():
        print(json.dumps({"changed": False, "running": False}))
        return 0
    for name in [name for name in os.environ if is_proxy(name)]:
        del os.environ[name]  # the services are on this machine
    try:
        wanted = _pairs([*options.set, *getattr(options, "further", [])])
        with contextlib.nullcontext() if options.command in UNLOCKED else _alone(options.state):
            settings = Settings.load(options.state)
            changed = settings.change(wanted)
            if options.command == "faults":
                result = fault_commands.run(settings.state, options)
            else:
                result = COMMANDS[options.command](settings)
            if changed:
                result["changed"] = True
    except (ProcessError, TimeoutError, OSError, ValueError) as error:
        print(f"rehearsal {options.command}: {error}", file=sys.stderr)
        return 1
    except _cloud_errors() as error:
        print(f"rehearsal {options.command}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(result, indent=1))
    return 0


def _pairs(given: list[str]) -> dict[str, str]:
    """Names and values of ``--set``; ``ValueError`` for what is no such pair."""
    for one in given:
        if "=" not in one:
            raise ValueError(f"--set {one}: write NAME=VALUE")
    return {name: value for name, _sep, value in (one.partition("=") for one in given)}


def _cloud_errors() -> tuple[type[Exception], ...]:
    """Errors of parts that are loaded only where they are used."""
    found: list[type[Exception]] = []
    if control := sys.modules.get("rehearsal.cloud.control"):
        found.append(control.CloudError)
    if keystoneauth := sys.modules.get("keystoneauth1.exceptions"):
        found.append(keystoneauth.ClientException)
    if sdk := sys.modules.get("openstack.exceptions"):
        found.append(sdk.SDKException)
    return tuple(found)
