"""The command as a whole, its progress and its lock."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.setup import __main__ as command
from rehearsal.setup import binaries, environments, images, system
from rehearsal.setup.cache import locked
from rehearsal.setup.commands import SetupError
from rehearsal.setup.progress import step


@pytest.fixture
def everything_there(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing has to be made."""
    monkeypatch.setattr(system, "ensure", lambda _: [])
    monkeypatch.setattr(binaries, "find", lambda name: tmp_path / name)
    monkeypatch.setattr(binaries, "ensure", lambda names, _: {name: tmp_path / name for name in names})
    monkeypatch.setattr(binaries, "search_path", lambda _: tmp_path / "path")
    monkeypatch.setattr(environments, "find", lambda name: tmp_path / name)
    monkeypatch.setattr(environments, "ensure", lambda names, _: {name: tmp_path / name for name in names})
    monkeypatch.setattr(images, "write", lambda state, *_: state / "images.json")
    return tmp_path


def test_answer_for_programs(everything_there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--state", str(everything_there), "--json"]) == 0
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert answer["made"] == []
    assert answer["bin"] == str(everything_there / "path")
    assert answer["python"] == str(everything_there / "cloud" / "bin" / "python")
    assert answer["images"] == str(everything_there / "images.json")
    assert len(err.splitlines()) == 1
    assert "nothing to make" in err


def test_made_is_what_was_not_there(
    everything_there: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "ensure", lambda _: ["bubblewrap"])
    monkeypatch.setattr(binaries, "find", lambda name: None if name == "helm" else Path(name))
    monkeypatch.setattr(environments, "find", lambda name: None if name == "hub" else Path(name))
    assert command.main(["--state", str(everything_there), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["made"] == ["package bubblewrap", "helm", "hub"]


def test_only_leaves_the_rest_alone(everything_there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--only", "kubectl", "proxy", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer["binaries"]) == ["kubectl"]
    assert list(answer["environments"]) == ["proxy"]
    assert "images" not in answer


def test_problems_of_both_kinds_are_told_together(
    everything_there: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(what: str) -> Callable[..., None]:
        def failing(*_: object) -> None:
            raise SetupError(f"{what} cannot be had")

        return failing

    monkeypatch.setattr(binaries, "ensure", fail("etcd"))
    monkeypatch.setattr(environments, "ensure", fail("hub"))
    assert command.main(["--state", str(everything_there)]) == 1
    err = capsys.readouterr().err
    assert "etcd cannot be had" in err
    assert "hub cannot be had" in err


def test_unknown_name(everything_there: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--only", "kubeclt"]) == 1
    assert "nothing is called kubeclt" in capsys.readouterr().err


def test_steps_tell_beginning_life_and_end(told: list[str]) -> None:
    with step(told.append, "building", every=0.05):
        time.sleep(0.2)
    assert told[0] == "building ..."
    assert told[1] == "building: 0 s so far"
    assert told[-1] == "building: done after 0 s"


def test_a_failed_step_says_so(told: list[str]) -> None:
    with pytest.raises(SetupError), step(told.append, "building"):
        raise SetupError("no")
    assert told[-1] == "building: failed after 0 s"


def test_a_second_setup_waits_and_says_so(tmp_path: Path, told: list[str]) -> None:
    held, seen = threading.Event(), threading.Event()

    def other() -> None:
        with locked(tmp_path / "lock", told.append):
            held.set()
            seen.wait(5)

    def hear(line: str) -> None:
        told.append(line)
        seen.set()

    thread = threading.Thread(target=other)
    thread.start()
    assert held.wait(5)
    with locked(tmp_path / "lock", hear):  # had only after the other one let go
        assert seen.is_set()
    thread.join()
    assert len(told) == 1
    assert "another set-up is at work" in told[0]
