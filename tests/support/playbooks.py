"""Run the playbooks as an operator does, and look at what they said."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RECAP = re.compile(r"^localhost\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


@dataclasses.dataclass
class Run:
    """One run: exit status, everything that was printed, and the number of changed tasks."""

    status: int
    text: str

    @property
    def ok(self) -> bool:
        return self.status == 0

    @property
    def changed(self) -> int:
        found = RECAP.search(self.text)
        assert found, f"no recap in:\n{self.text}"
        return int(found[2])


def command_of(name: str, *arguments: str, inventory: str = "rehearsal", **variables: Any) -> list[str]:
    """The command line that runs ``playbooks/NAME.yml``; ``variables`` are given with ``-e``."""
    command = ["ansible-playbook", "-i", f"inventories/{inventory}", f"playbooks/{name}.yml", *arguments]
    return command + (["-e", json.dumps(variables)] if variables else [])


def environment_of() -> dict[str, str]:
    """What runs of playbooks find in their environment."""
    return {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}


def playbook(
    name: str,
    *arguments: str,
    inventory: str = "rehearsal",
    environment: Mapping[str, str] | None = None,
    **variables: Any,
) -> Run:
    """Run ``playbooks/NAME.yml``; ``variables`` are given with ``-e``, ``environment`` is added to what runs find."""
    done = subprocess.run(
        command_of(name, *arguments, inventory=inventory, **variables),
        cwd=ROOT,
        env={**environment_of(), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=900,
    )
    return Run(done.returncode, done.stdout)


def deploy(*arguments: str, **variables: Any) -> Run:
    """Run ``playbooks/deploy.yml`` on the rehearsal."""
    return playbook("deploy", *arguments, **variables)
