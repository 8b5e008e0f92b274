"""Addresses of names, from this machine's resolver and from a name server."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils import name_lookup
from ansible_collections.stfc.jupyterhub.plugins.module_utils.name_lookup import NoAnswerError, addresses

from tests.support.name_server import NameServer

NAME = "hub.example.org"


@pytest.fixture
def server() -> Iterator[NameServer]:
    made = NameServer({NAME: ["2001:db8::7", "192.0.2.7", "192.0.2.8"]})
    yield made
    made.shutdown()
    made.server_close()


def test_this_machine_resolves_names() -> None:
    assert any(ipaddress.ip_address(address).is_loopback for address in addresses("localhost"))
    assert addresses("nowhere.invalid") == []
    assert addresses("a" * 70 + ".example.org") == []


def test_a_name_server_tells_both_kinds_behind_an_alias(server: NameServer) -> None:
    assert addresses(NAME, server.where) == ["192.0.2.7", "192.0.2.8", "2001:db8::7"]
    assert addresses("other.example.org", server.where) == []


def test_a_lost_question_is_asked_again(server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_lookup, "SECONDS", 0.1)
    server.deaf = 1
    assert addresses(NAME, server.where) == ["192.0.2.7", "192.0.2.8", "2001:db8::7"]
    server.deaf = 9
    with pytest.raises(NoAnswerError, match=f"the name server {server.where} gives no answer"):
        addresses(NAME, server.where)


@pytest.mark.parametrize("where", ["127.0.0.1:9", "nowhere.invalid", "nowhere.invalid:53"])
def test_a_server_that_is_not_there_is_told_from_a_name_that_is_not(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_lookup, "SECONDS", 0.1)
    with pytest.raises(NoAnswerError, match=f"the name server {where} gives no answer"):
        addresses(NAME, where)
    assert addresses("a" * 70 + ".example.org", where) == []  # no server can have that


@pytest.mark.parametrize("code", [2, 5])
def test_a_server_that_fails_or_refuses_gives_no_answer(server: NameServer, code: int) -> None:
    server.failing = code
    with pytest.raises(NoAnswerError, match=f"response code {code}"):
        addresses("other.example.org", server.where)


def test_a_kind_that_is_refused_hides_no_other(server: NameServer) -> None:
    server.refuses_absent = True
    server.names = {NAME: ["192.0.2.7"]}
    assert addresses(NAME, server.where) == ["192.0.2.7"]
    with pytest.raises(NoAnswerError, match="response code 5"):
        addresses("other.example.org", server.where)


def test_what_makes_no_sense_is_no_traceback() -> None:
    assert name_lookup._read(b"\0" * 6 + b"\0\1" + b"\0" * 4 + b"\xc0", 1) == []


def test_the_version_of_an_address() -> None:
    assert [name_lookup.version(each) for each in ("192.0.2.7", "2001:db8::7", NAME, "")] == [4, 6, 0, 0]
