"""The artifact holds what belongs and nothing else, and serves wherever it is installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent

BELONGS = {
    "COPYING", "LICENSE", "README.md", "bindep.txt", "changelogs", "docs", "meta", "playbooks", "plugins",
    "requirements.txt", "requirements.yml", "roles",
}  # fmt: skip
ONCE_RELEASED = {"CHANGELOG.md"}
WRITTEN_BY_THE_BUILD = {"FILES.json", "MANIFEST.json"}

STAYS = {
    ".ansible-lint", ".ci", ".collections", ".config", ".gitignore", ".yamllint", "Makefile", "ansible.cfg",
    "galaxy.yml", "inventories", "molecule", "pyproject.toml", "requirements-dev.txt", "requirements.lock",
    "tests", "vars",
}  # fmt: skip


def command(name: str, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command of this environment's, run as by a user who has no configuration."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "HUB_", "OS_"))}
    env |= {"HOME": str(cwd), "ANSIBLE_NOCOLOR": "1", "COLUMNS": "300", **environment}
    return subprocess.run([str(BIN / name), *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, built from this checkout."""
    folder = tmp_path_factory.mktemp("artifact")
    done = command("ansible-galaxy", "collection", "build", str(ROOT), "--output-path", str(folder), cwd=folder)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("stfc-jupyterhub-*.tar.gz")
    return built


@pytest.fixture(scope="session")
def names(artifact: Path) -> set[str]:
    """The files in it."""
    with tarfile.open(artifact) as archive:
        return {member.name for member in archive if not member.isdir()}


@pytest.fixture(scope="session")
def installed(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but the collection; what it depends on comes with the package ``ansible``."""
    folder = tmp_path_factory.mktemp("installed")
    done = command("ansible-galaxy", "collection", "install", "--no-deps", "-p", str(folder), str(artifact), cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def playbook(installed: Path, tmp_path: Path) -> object:
    """Runs ``stfc.jupyterhub.NAME`` of the installed collection, in the directory ``empty``, which is."""
    empty = tmp_path / "empty"
    empty.mkdir()

    def run(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return command("ansible-playbook", f"stfc.jupyterhub.{name}", *arguments, cwd=empty, HOME=str(tmp_path),
                       ANSIBLE_COLLECTIONS_PATH=str(installed), OS_CLIENT_CONFIG_FILE="/none")  # fmt: skip

    return run


def top(paths: Sequence[str] | set[str]) -> set[str]:
    return {path.split("/")[0] for path in paths}


def tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("what belongs is what Git has, and this is no checkout")
    return [name for name in done.stdout.splitlines() if (ROOT / name).exists()]


def test_every_top_level_entry_is_decided_upon(names: set[str]) -> None:
    assert BELONGS <= top(names) <= BELONGS | ONCE_RELEASED | WRITTEN_BY_THE_BUILD
    assert top(tracked()) <= BELONGS | ONCE_RELEASED | STAYS


def test_below_them_it_has_what_git_has(names: set[str]) -> None:
    # A release has consumed the fragments; an installed collection needs no link to find itself.
    unwanted = ("changelogs/fragments/", "playbooks/collections/")
    wanted = {name for name in tracked() if top([name]) <= BELONGS and not name.startswith(unwanted)}
    assert names - WRITTEN_BY_THE_BUILD - ONCE_RELEASED == wanted


def test_what_a_rehearsal_needs_is_in(names: set[str]) -> None:
    role = "roles/rehearsal/files"
    chart = f"{role}/chart/jupyterhub"
    assert {f"{chart}/.helmignore", f"{chart}/Chart.yaml", f"{chart}/templates/hub/deployment.yaml.tpl"} <= names
    assert {f"{role}/rehearsal/__main__.py", f"{role}/go/programs/go.sum", f"{role}/environments/hub.txt"} <= names


def test_it_says_what_it_depends_on(artifact: Path) -> None:
    with tarfile.open(artifact) as archive:
        found = archive.extractfile("MANIFEST.json")
        assert found
        dependencies = json.load(found)["collection_info"]["dependencies"]
    listed = yaml.safe_load((ROOT / "requirements.yml").read_text())["collections"]
    assert dependencies == {entry["name"]: entry["version"] for entry in listed}


def test_copies_of_the_shipped_files_are_equal(installed: Path) -> None:
    roles = installed / "ansible_collections" / "stfc" / "jupyterhub" / "roles"
    for role, name in (("cluster", "openstack.yml"), ("hub", "jupyterhub.yml")):
        copy = (roles / role / "files" / name).read_text()
        assert yaml.safe_load(copy) == yaml.safe_load((ROOT / "vars" / name).read_text())
        schema = copy.splitlines()[0].partition("$schema=")[2]
        assert (roles / role / "files" / schema).is_file()


def test_every_playbook_is_found_from_anywhere(playbook) -> None:  # type: ignore[no-untyped-def]
    names = [path.stem for path in sorted((ROOT / "playbooks").glob("*.yml"))]
    done = playbook(names[0], *(f"stfc.jupyterhub.{name}" for name in names[1:]), "--syntax-check")
    assert done.returncode == 0, done.stderr


def test_a_service_that_nobody_described_is_not_deployed(playbook, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for name in ("deploy", "destroy"):
        done = playbook(name)
        assert done.returncode != 0
        text = done.stdout + done.stderr
        assert "there is no such file" in text
        assert "name yours with -e openstack_vars=FILE, or write vars/openstack.yml; one to start from: /" in text
    assert list((tmp_path / "empty").iterdir()) == []


def test_an_execution_environment_gets_what_the_modules_import(installed: Path, tmp_path: Path) -> None:
    done = command("ansible-builder", "introspect", str(installed), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = yaml.safe_load(done.stdout)
    python = {line.split("#")[0].strip().split("=")[0].split(">")[0].split("<")[0] for line in found["python"]}
    assert {"openstacksdk", "kubernetes", "cryptography"} <= {name.lower() for name in python}
    assert not {"ansible", "ansible-core"} & python
    assert found["system"] == []
