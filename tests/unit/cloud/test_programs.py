"""Programs' files are read back by supervisord's own parser as they were meant."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from supervisor.options import ServerOptions

from rehearsal import processes
from rehearsal.processes import Supervisor
from rehearsal.program import Program
from rehearsal.settings import Settings


@pytest.fixture
def supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return Supervisor(Settings.load(tmp_path / "state"))


def parsed(supervisor: Supervisor) -> dict[str, Any]:
    """Process configurations by name, as supervisord would run them."""
    supervisor._write_config()
    options = ServerOptions()
    options.realize(["-c", str(supervisor.config)])
    return {group.name: group.process_configs[0] for group in options.process_group_configs}


def test_command_and_environment_survive(supervisor: Supervisor) -> None:
    program = Program(
        name="cluster-1a2b",
        command=["/bin/sh", "-c", "echo '100%' \"two words\"; true"],
        environment={"TOKEN": "a%b,c=d;e", "JSON": '{"k": [1]}', "WORDS": "it's", "EMPTY": ""},
        stop_seconds=30,
    )
    assert supervisor.ensure(program)
    found = parsed(supervisor)["cluster-1a2b"]
    assert found.environment == program.environment
    from shlex import split

    assert split(found.command) == list(program.command)
    assert (found.stopwaitsecs, found.stopasgroup, found.killasgroup) == (30, True, True)
    assert found.autostart


def test_a_program_that_did_not_change_is_left_alone(supervisor: Supervisor) -> None:
    program = Program("login", ["sleep", "1"])
    assert supervisor.ensure(program)
    assert not supervisor.ensure(program)
    assert supervisor.ensure(Program("login", ["sleep", "2"]))


def test_files_are_private(supervisor: Supervisor) -> None:
    supervisor.ensure(Program("login", ["sleep", "1"], environment={"SECRET": "x"}))
    parsed(supervisor)
    for path, mode in ((supervisor.programs / "login.conf", 0o600), (supervisor.programs, 0o700)):
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_removed_program_is_forgotten(supervisor: Supervisor) -> None:
    supervisor.ensure(Program("login", ["sleep", "1"]))
    assert list(supervisor.status()) == ["login"]
    assert supervisor.status()["login"]["state"] == "DOWN"
    assert supervisor.remove("login")
    assert not supervisor.remove("login")
    assert supervisor.status() == {}


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        (Program("a/b", ["true"]), "program name 'a/b'"),
        (Program("a", ["echo", "x ; y"]), "command: "),
        (Program("a", ["true"], environment={"K": "one\ntwo"}), "environment variable K"),
        (Program("a", ["true"], environment={"K": "\"both' kinds"}), "environment variable K: its quotes"),
    ],
)
def test_what_the_format_cannot_hold_is_refused(program: Program, problem: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=problem):
        program.render(tmp_path / "log")


def test_a_shells_settings_are_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_CLOUD", "production")
    monkeypatch.setenv("KUBECONFIG", "/home/me/config")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    environment = processes.environment()
    assert environment["PATH"]
    assert {"OS_CLOUD", "KUBECONFIG", "https_proxy"}.isdisjoint(environment)
