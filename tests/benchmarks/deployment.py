"""One run of ``playbooks/deploy.yml``: its seconds, its phases, its calls."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.benchmarks.wire import Call, watched

ROOT = Path(__file__).resolve().parents[2]
BEFORE = "Ansible's start"
"""The phase before the first play."""


@dataclasses.dataclass
class Phase:
    """``seconds`` and ``calls`` of one play."""

    name: str
    seconds: float
    calls: int = 0


@dataclasses.dataclass
class Run:
    """``calls`` is empty unless they were watched."""

    seconds: float
    phases: list[Phase]
    calls: list[Call]


def audit_log(state: Path) -> Path:
    """Where the API server of the deployed cluster writes down what operators ask."""
    uuid = json.loads((state / "summary.json").read_text())["cluster"]["uuid"]
    return state / "clusters" / uuid / "log" / "audit.log"


def deploy(state: Path, *arguments: str, watch: bool = False) -> Run:
    """Run it on the rehearsal in ``state``. A relay costs time, so what is timed is not watched."""
    file = state / "phases.json"
    environment = {
        **os.environ,
        "REHEARSAL_DIRECTORY": str(state),
        "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "stfc.jupyterhub.change_count,phases",
        "PHASES_FILE": str(file),
    }
    command = ["ansible-playbook", "-i", "inventories/rehearsal", "playbooks/deploy.yml", *arguments]
    began = time.time()
    calls = run(command, environment, audit_log(state) if watch else None)
    ended = time.time()
    marks = [(BEFORE, began), *((name, at) for name, at in json.loads(file.read_text()) if name), ("", ended)]
    phases = [
        Phase(name, following - at, sum(at <= call.at < following for call in calls))
        for (name, at), (_next, following) in itertools.pairwise(marks)
    ]
    return Run(ended - began, phases, calls)


def run(command: Sequence[str], environment: Mapping[str, str], watch: Path | None = None) -> list[Call]:
    """Run a program from the checkout; its calls where ``watch`` is an audit log. Raises SystemExit."""
    with contextlib.ExitStack() as stack:
        more, calls = stack.enter_context(watched(watch)) if watch else ({}, [])
        done = subprocess.run(
            command, cwd=ROOT, env={**environment, **more}, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return calls
