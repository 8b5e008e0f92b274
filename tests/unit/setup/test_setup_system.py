"""System packages, and what to say where user namespaces are forbidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal.setup import system
from rehearsal.setup.commands import SetupError
from rehearsal.setup.system import Package, advice, parse

ROOT = Path(__file__).resolve().parents[3]

TEXT = """
# a comment
everywhere                  # all: needed everywhere
debian [platform:dpkg]      # deb: only there
fedora [platform:rpm]       # rpm: only there
extra [test]                # extra: another profile's
"""


def test_packages_of_a_family() -> None:
    assert parse(TEXT, "dpkg") == [Package("everywhere", "all"), Package("debian", "deb")]
    assert parse(TEXT, "rpm") == [Package("everywhere", "all"), Package("fedora", "rpm")]


@pytest.mark.parametrize("line", ["nameless", "two words # x: y", "bad [platform:dpkg # x: y"])
def test_a_line_that_is_not_understood_is_shown(line: str) -> None:
    with pytest.raises(ValueError, match=line.split()[0]):
        parse(line, "dpkg")


def test_our_list_serves_both_families_with_the_same_programs() -> None:
    text = (ROOT / "bindep.txt").read_text()
    assert text == system.PACKAGES.read_text()
    programs = {kind: [package.program for package in parse(text, kind)] for kind in ("dpkg", "rpm")}
    assert programs["dpkg"] == programs["rpm"]
    assert {"bwrap", "nft", "ip", "unshare", "conntrack", "iptables-nft"} == set(programs["dpkg"])


def test_the_tests_have_a_list_of_their_own(
    bare: list[list[str]], told: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    listed = ROOT / "tests" / "bindep.txt"
    assert {kind: parse(listed.read_text(), kind)[0].name for kind in ("dpkg", "rpm")} == dict.fromkeys(
        ("dpkg", "rpm"), "chromium"
    )
    monkeypatch.setattr(system.os, "geteuid", lambda: 0)
    (tmp_path / "bindep.txt").write_text("bubblewrap  # bwrap: why\n")
    assert system.ensure_packages(told.append, tmp_path / "bindep.txt") == ["bubblewrap"]


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A Debian without bubblewrap; the commands that were run. Installing it works."""
    ran: list[list[str]] = []
    there = {"nft", "ip", "unshare", "conntrack", "iptables-nft"}

    def run(what: str, command: list[str], **_: object) -> str:
        ran.append(command)
        if "bubblewrap" in command:
            there.add("bwrap")
        return ""

    monkeypatch.setattr(system, "run", run)
    monkeypatch.setattr(system, "present", there.__contains__)
    monkeypatch.setattr(system, "family", lambda: "dpkg")
    monkeypatch.setattr(system, "_check_namespaces", lambda: None)
    return ran


def test_root_gets_what_is_missing(bare: list[list[str]], told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system.os, "geteuid", lambda: 0)
    assert system.ensure(told.append) == ["bubblewrap"]
    assert bare == [["apt-get", "install", "-y", "--no-install-recommends", "bubblewrap"]]
    assert system.ensure(told.append) == []


def test_others_are_told_the_one_line(bare: list[list[str]], told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system.os, "geteuid", lambda: 1000)
    with pytest.raises(SetupError, match=r"\n  sudo apt-get install -y --no-install-recommends bubblewrap$"):
        system.ensure(told.append)
    assert bare == []


def test_package_lists_are_refreshed_when_installing_fails(
    bare: list[list[str]], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system.os, "geteuid", lambda: 0)
    install, attempts = system.run, iter([True, False])

    def once(what: str, command: list[str], **_: object) -> str:
        if "install" in command and next(attempts):
            raise SetupError("unable to locate package")
        return install(what, command)

    monkeypatch.setattr(system, "run", once)
    assert system.ensure(told.append) == ["bubblewrap"]
    assert [command[1] for command in bare] == ["update", "install"]


def test_unknown_system_is_told_the_programs(
    bare: list[list[str]], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "family", lambda: None)
    with pytest.raises(SetupError, match="bwrap"):
        system.ensure(told.append)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("kernel.unprivileged_userns_clone", "0", "sudo sysctl -w kernel.unprivileged_userns_clone=1"),
        (
            "kernel.apparmor_restrict_unprivileged_userns",
            "1",
            "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("user.max_user_namespaces", "0", "sudo sysctl -w user.max_user_namespaces=15000"),
    ],
)
def test_the_setting_that_forbids_is_named(name: str, value: str, line: str) -> None:
    said = advice("Operation not permitted", {name: value}.get)
    assert said.endswith(line)
    assert "Operation not permitted" in said


def test_without_a_forbidding_setting_it_is_a_container() -> None:
    allowed = {"kernel.unprivileged_userns_clone": "1", "user.max_user_namespaces": "96365"}
    said = advice("Operation not permitted", allowed.get)
    assert "container" in said
    assert "sysctl" not in said
