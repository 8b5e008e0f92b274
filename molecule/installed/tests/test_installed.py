"""The collection as it is installed elsewhere, with each ansible-core that is promised, on the cloud of this run."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stages import BIN, environments
from tests.stages.collection import artifact
from tests.support.playbooks import Run

CORES = {"2.18": lambda: environments.made("requirements-2.18.txt"), "2.19": lambda: BIN}

Playbook = Callable[..., Run]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the collection, from its artifact."""
    folder = tmp_path_factory.mktemp("installed")
    command = [str(BIN / "ansible-galaxy"), "collection", "install", "--no-deps", "-p", str(folder), str(artifact())]
    subprocess.run(command, cwd=folder, env=bare_environment(), check=True)
    return folder


def bare_environment() -> dict[str, str]:
    """Of somebody who has set nothing up."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "HUB_", "OS_"))}


@pytest.fixture(params=CORES)
def playbook(request: pytest.FixtureRequest, installed: Path, state: Path, tmp_path: Path) -> Playbook:
    """Runs ``stfc.jupyterhub.NAME`` on the rehearsal, in an empty directory, without a configuration."""
    folder = CORES[request.param]()
    told = subprocess.run([str(folder / "ansible-playbook"), "--version"], capture_output=True, text=True, check=True)
    assert re.match(rf"ansible-playbook \[core {re.escape(request.param)}\.", told.stdout)
    env = bare_environment()
    env |= {"ANSIBLE_COLLECTIONS_PATH": str(installed), "ANSIBLE_NOCOLOR": "1", "PATH": f"{folder}:{env['PATH']}"}

    def run(name: str, *arguments: str) -> Run:
        command = [str(folder / "ansible-playbook"), "-i", str(state / "inventory.yml"), f"stfc.jupyterhub.{name}"]
        done = subprocess.run(
            [*command, *arguments], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        return Run(done.returncode, done.stdout + done.stderr)

    return run


def test_it_finds_the_service_as_it_was_deployed(playbook: Playbook) -> None:
    run = playbook("deploy", "--check")
    assert run.ok, run.text
    assert run.changed == 0, run.text


def test_it_would_destroy_what_is_there(playbook: Playbook) -> None:
    run = playbook("destroy", "--check", "-e", "confirm=jupyterhub")
    assert run.ok, run.text
    assert run.changed, run.text
