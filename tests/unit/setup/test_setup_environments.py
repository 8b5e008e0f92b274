"""Environments: which lock makes which folder, when one is complete, and what the locks may hold."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from rehearsal.setup import commands, environments, npm_environments, python_environments, toolchains
from rehearsal.setup.commands import SetupError
from rehearsal.setup.python_environments import COMPLETE, LOCKS

PIN = re.compile(r"^[A-Za-z0-9._-]+==[^ ;]+( ; .+)?$")


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "locks"
    (folder / "web").mkdir(parents=True)
    (folder / "demo.txt").write_text("six==1.17.0\n")
    (folder / "web" / "package.json").write_text("{}")
    (folder / "web" / "package-lock.json").write_text("{}")
    for module in (python_environments, npm_environments, environments):
        monkeypatch.setattr(module, "LOCKS", folder)
    return folder


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that were run; each environment gets a Python as if it had been made."""
    commands_run: list[list[str]] = []

    def run(what: str, command: Sequence[str | Path], **_: object) -> str:
        words = [str(word) for word in command]
        commands_run.append(words)
        if "venv" in words:
            python = Path(words[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True)
            python.symlink_to(sys.executable)
        return ""

    monkeypatch.setattr(python_environments, "run", run)
    monkeypatch.setattr(npm_environments, "run", run)
    return commands_run


def test_digest_is_of_the_lock_and_of_pythons_minor_version() -> None:
    one = python_environments.digest(b"six==1.17.0\n", "3.11")
    assert one == python_environments.digest(b"six==1.17.0\n", "3.11")
    assert one != python_environments.digest(b"six==1.16.0\n", "3.11")
    assert one != python_environments.digest(b"six==1.17.0\n", "3.12")


def test_made_once_and_then_found(cache: Path, locks: Path, ran: list[list[str]], told: list[str]) -> None:
    first = python_environments.ensure("demo", told.append)
    assert first.parent == cache / "envs"
    assert first.name.startswith("demo-")
    assert ran[-1][-2:] == ["-r", str(locks / "demo.txt")]
    assert "--no-deps" in ran[-1]
    made = len(ran)
    assert python_environments.ensure("demo", told.append) == python_environments.find("demo") == first
    assert len(ran) == made


def test_another_lock_is_another_environment(cache: Path, locks: Path, ran: list[list[str]], told: list[str]) -> None:
    first = python_environments.ensure("demo", told.append)
    (locks / "demo.txt").write_text("six==1.16.0\n")
    assert python_environments.find("demo") is None
    assert python_environments.ensure("demo", told.append) != first
    assert first.exists()  # another checkout may use it


@pytest.mark.parametrize(("minor", "customized"), [("3.12", 0), ("3.13", 1), ("3.14", 1)])
def test_a_python_that_refuses_magnums_certificates_is_told_not_to(
    cache: Path,
    locks: Path,
    ran: list[list[str]],
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
    minor: str,
    customized: int,
) -> None:
    monkeypatch.setattr(python_environments, "interpreter", lambda: (Path(sys.executable), minor))
    path = python_environments.ensure("demo", told.append)
    found = list(path.glob(f"lib/python{minor}/site-packages/sitecustomize.py"))
    assert len(found) == customized
    for each in found:
        asked = "import ssl; print(int(ssl.VERIFY_X509_STRICT), int(ssl.create_default_context().verify_flags) & 0x20)"
        env = {"PYTHONPATH": str(each.parent)}
        done = subprocess.run([sys.executable, "-c", asked], env=env, capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["0", "0"]


def test_half_made_is_made_again(
    cache: Path, locks: Path, ran: list[list[str]], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = python_environments.ensure("demo", told.append)
    (path / COMPLETE).unlink()
    (path / "left-over").touch()
    assert python_environments.find("demo") is None
    python_environments.ensure("demo", told.append)
    assert not (path / "left-over").exists()


def test_without_its_python_an_environment_is_not_there(
    cache: Path, locks: Path, ran: list[list[str]], told: list[str]
) -> None:
    path = python_environments.ensure("demo", told.append)
    (path / "bin" / "python").unlink()
    (path / "bin" / "python").symlink_to("/nowhere/python3")
    assert python_environments.find("demo") is None


def test_without_uv_pip_does_it(
    cache: Path, locks: Path, ran: list[list[str]], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python_environments, "uv", lambda: None)
    path = python_environments.ensure("demo", told.append)
    assert ran[0][1:] == ["-m", "venv", str(path)]
    assert ran[1][:4] == [str(path / "bin" / "python"), "-m", "pip", "install"]


def test_failure_tells_the_programs_answer(cache: Path, locks: Path, told: list[str], tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"(?s)making it.*ended with 3.*no such package.*Look there"):
        commands.run("making it", ["sh", "-c", "echo no such package >&2; exit 3"], hint="Look there")
    with pytest.raises(SetupError, match="absent-program could not be started"):
        commands.run("making it", ["absent-program"])


def test_missing_lock_names_those_that_are_there(cache: Path, locks: Path) -> None:
    with pytest.raises(SetupError, match=r"no environment huub.*there are demo"):
        python_environments.find("huub")


def test_npm_environment_is_made_from_its_lock(
    cache: Path, locks: Path, ran: list[list[str]], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    node = toolchains.Node(Path("/opt/node"), Path("/opt/npm"))
    monkeypatch.setattr(toolchains, "find_node", lambda: node)
    path = environments.ensure(["web"], told.append)["web"]
    assert ran == [["/opt/npm", "ci", "--omit=dev", "--no-audit", "--no-fund", "--ignore-scripts"]]
    assert json.loads((path / COMPLETE).read_text())["node"] == "/opt/node"
    assert environments.find("web") == path
    assert [entry.name for entry in path.parent.glob(".web-*")] == []
    monkeypatch.setattr(toolchains, "find_node", lambda: None)
    assert environments.find("web") is None  # nothing could run it


@pytest.mark.parametrize(("version", "taken"), [("v20.1.0", True), ("v24.0.1", True), ("v18.20.0", False), ("", False)])
def test_node_must_be_recent(
    version: str, taken: bool, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = toolchains.find_node()
    assert found == (toolchains.Node((tmp_path / "node").resolve(), tmp_path / "npm") if taken else None)


@pytest.mark.parametrize("path", sorted(LOCKS.glob("*.txt")), ids=lambda path: path.stem)
def test_locks_pin_everything_and_name_no_registry(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines
    assert [line for line in lines if not PIN.match(line)] == []


@pytest.mark.parametrize("path", sorted(LOCKS.glob("*.in")), ids=lambda path: path.stem)
def test_locks_have_what_is_asked_for(path: Path) -> None:
    def canonical(line: str) -> str:
        return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=! ]", line)[0]).lower()

    pins = {canonical(line): line.split(" ;")[0] for line in path.with_suffix(".txt").read_text().splitlines()}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            assert canonical(line) in pins
            if "==" in line and "[" not in line:
                assert pins[canonical(line)].lower() == line.lower()


def test_npm_lock_names_no_registry_and_has_checksums() -> None:
    packages = json.loads((LOCKS / "proxy" / "package-lock.json").read_text())["packages"]
    packages.pop("")
    assert packages["node_modules/configurable-http-proxy"]["version"] == "5.2.0"
    assert all("integrity" in package and "resolved" not in package for package in packages.values())


def test_tools_are_made_on_demand_only() -> None:
    assert {"cloud", "hub", "login", "notebook", "proxy"} <= set(environments.names())
    assert not environments.ON_DEMAND & set(environments.names())
