"""The integration targets, run side by side: one process for each of two clusters, once for each API version."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.faults import capped

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "tests" / "integration"

SIDES = (
    ("coe_nodegroup", "coe_nodegroup_info", "coe_cluster_info", "coe_kubeconfig"),
    ("coe_cluster_template", "coe_cluster"),
)
"""Targets that share a cluster, in order. Those of the second side make their own."""

VERSIONS = ("newest", "1.9")
"""1.9 is that of releases from Train to Victoria: node groups, but none of zero nodes."""


def state() -> Path | None:
    """The rehearsal's folder, where the cloud is one."""
    folder = os.environ.get("REHEARSAL_DIRECTORY") or Path(os.environ.get("OS_CLIENT_CONFIG_FILE", "")).parent
    return Path(folder) if (Path(folder) / "settings.json").exists() else None


@dataclass
class Outcome:
    """How a side ended: its output, and what its modules returned (by target)."""

    status: int
    output: str
    returned: dict[str, Any] = field(default_factory=dict)


def command(program: str) -> str:
    return str(Path(sys.executable).parent / program)


@dataclass
class Side:
    """Targets that run in one ``ansible-playbook``."""

    targets: tuple[str, ...]
    version: str
    folder: Path

    def start(self) -> None:
        variables: dict[str, Any] = {
            "targets": self.targets,
            "magnum_test_name": f"it-{uuid.uuid4().hex[:8]}",
            "magnum_test_folder": str(self.folder),
            "ansible_python_interpreter": sys.executable,
        }
        if self.version != "newest":
            variables["magnum_test_api"] = self.version
        self._output = (self.folder / "output").open("w+")
        self._process = subprocess.Popen(
            [command("ansible-playbook"), "-i", "localhost,", str(PLACE / "targets.yml"), "-e", json.dumps(variables)],
            cwd=ROOT,
            env={**os.environ, "HOME": str(self.folder), "ANSIBLE_ROLES_PATH": str(PLACE / "targets")},
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    def end(self) -> Outcome:
        status = self._process.wait()
        self._output.seek(0)
        results = self.folder / "results.json"
        return Outcome(status, self._output.read(), json.loads(results.read_text()) if results.exists() else {})


class Runs:
    """What came of the targets, by version; each version runs once, when it is first asked for."""

    def __init__(self, factory: pytest.TempPathFactory) -> None:
        self._factory = factory
        self._done: dict[str, dict[str, Outcome]] = {}

    def of(self, version: str, target: str) -> Outcome:
        if version not in self._done:
            self._done[version] = self._run(version)
        return self._done[version][target]

    def _run(self, version: str) -> dict[str, Outcome]:
        rehearsal = state()
        with contextlib.ExitStack() as stack:
            if version != "newest":
                if rehearsal is None:
                    pytest.skip("only a rehearsal's API can be capped")
                stack.enter_context(capped(rehearsal, version))
            sides = [Side(targets, version, self._factory.mktemp("side")) for targets in SIDES]
            for side in sides:
                side.start()
            return {target: outcome for side in sides for outcome in [side.end()] for target in side.targets}
