"""The newest Python and ansible-core: the deployed service is looked at and left alone, and nothing is said to end."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.stages import environments
from tests.support.playbooks import Run, playbook

OLDEST = 12
"""ansible-core 2.21 needs Python 3.12; from 3.13 on certificates are verified strictly."""


@pytest.fixture(scope="module")
def newest() -> Path:
    """``bin`` of an environment with them."""
    python = environments.newest(OLDEST)
    if python is None:
        pytest.skip(f"no Python 3.{OLDEST} or newer is on PATH or among pyenv's")
    return environments.made("requirements-2.21.txt", python)


def run(newest: Path, name: str) -> Run:
    found = {"PATH": f"{newest}:{os.environ['PATH']}", "ANSIBLE_DEPRECATION_WARNINGS": "true"}
    return playbook(name, environment=found)


def test_it_is_the_newest(newest: Path) -> None:
    said = subprocess.run([newest / "ansible-playbook", "--version"], capture_output=True, text=True, check=True).stdout
    assert re.search(r"core 2\.2[1-9]", said)


def test_a_deployment_changes_nothing(newest: Path) -> None:
    done = run(newest, "deploy")
    assert done.ok, done.text
    assert done.changed == 0
    assert "DEPRECATION" not in done.text.upper()


def test_a_plan_is_made(newest: Path) -> None:
    done = run(newest, "plan")
    assert done.ok, done.text
    # kubernetes.core says it of what its own helm_info returns beside the new name, whoever reads which.
    said = [line for line in done.text.splitlines() if "DEPRECATION" in line and "'status.values'" not in line]
    assert said == []
