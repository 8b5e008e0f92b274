"""The command line: settings that are set, folders that are closed, what is refused in words."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import requests

from rehearsal import cli
from rehearsal.settings import Settings


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a rehearsal whose ``up`` tells its settings and finds nothing to do."""

    def up(settings: Settings) -> dict[str, Any]:
        return {"changed": False, "real_pods": settings.real_pods, "servers": settings.servers}

    monkeypatch.setitem(cli.COMMANDS, "up", up)
    folder = tmp_path / "state"
    Settings.load(folder)
    return folder


def run(state: Path, *words: str) -> int:
    return cli.main(["--state", str(state), *words])


def test_settings_are_set_and_kept(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--set", "real_pods=3", "--set", "servers=false", "up")
    assert run(state, *words) == 0
    assert json.loads(capsys.readouterr().out) == {"changed": True, "real_pods": 3, "servers": False}
    assert Settings.load(state).real_pods == 3
    assert run(state, *words) == 0
    assert json.loads(capsys.readouterr().out)["changed"] is False
    assert run(state, "up", "--set", "real_pods=4", "--set", "servers=true") == 0  # as the role writes them
    assert json.loads(capsys.readouterr().out) == {"changed": True, "real_pods": 4, "servers": True}


@pytest.mark.parametrize(
    ("pair", "told"),
    [
        ("real_pods=many", "real_pods=many: invalid literal"),
        ("servers=perhaps", "servers=perhaps: perhaps is neither true nor false"),
        ("admin_password=x", "admin_password cannot be set; boot_seconds, servers, real_pods, family can"),
        ("servers", "--set servers: write NAME=VALUE"),
    ],
)
def test_what_cannot_be_set_is_told(state: Path, capsys: pytest.CaptureFixture[str], pair: str, told: str) -> None:
    before = (state / "settings.json").read_text()
    assert run(state, "--set", pair, "up") == 1
    assert told in capsys.readouterr().err
    assert (state / "settings.json").read_text() == before


def test_only_up_takes_settings(state: Path) -> None:
    with pytest.raises(SystemExit):
        run(state, "--set", "real_pods=3", "status")


def test_a_folder_that_was_open_is_closed(state: Path) -> None:
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    state.chmod(0o755)
    assert run(state, "up") == 0
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_settings_that_cannot_be_read_are_named(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (state / "settings.json").write_text("{")
    assert run(state, "up") == 1
    assert f"reading {state / 'settings.json'}" in capsys.readouterr().err


def test_a_rehearsal_that_is_not_there_has_nothing_to_stop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "none", "stop") == 0
    assert json.loads(capsys.readouterr().out) == {"changed": False, "running": False}
    assert not (tmp_path / "none").exists()


def test_the_services_are_asked_without_a_proxy(
    state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setitem(cli.COMMANDS, "up", lambda _settings: {"proxies": requests.utils.getproxies()})
    assert run(state, "up") == 0
    assert json.loads(capsys.readouterr().out)["proxies"] == {}
