# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Addresses of a host name: as this machine sees them, or as one name server tells them."""

from __future__ import annotations

import ipaddress
import secrets
import socket
import struct

PORT = 53
SECONDS = 3.0
TRIES = 2

_ANSWERS = (0, 3)
"""Response codes of who knows: the name is there, or it is not (NXDOMAIN). Others are failures and refusals."""
_TYPES = {"A": 1, "AAAA": 28}
_INTERNET = 1
_RECURSION_DESIRED = 0x0100
_POINTER = 0xC0
# RFC 1035, section 4; RFC 3596 for AAAA.


class NoAnswerError(Exception):
    """A name server does not tell whether there is a name."""


class _RefusedError(OSError):
    """An answer that is a failure or a refusal."""


def addresses(name: str, server: str = "") -> list[str]:
    """Sorted IPv4 and IPv6 addresses of ``name``; none where it has none, or this machine's resolver knows of none.

    ``server``: ``host`` or ``host:port`` of a name server to ask instead. Raises NoAnswerError when it gives none.
    """
    try:
        return sorted(_told(name, server) if server else _resolved(name))
    except UnicodeError:
        return []
    except OSError as error:
        if server:
            raise NoAnswerError(f"the name server {server} gives no answer ({error})") from error
        return []


def version(address: str) -> int:
    """4 or 6; 0 for what is no address."""
    try:
        return ipaddress.ip_address(address).version
    except ValueError:
        return 0


def _resolved(name: str) -> set[str]:
    return {str(item[4][0]) for item in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)}


def _told(name: str, server: str) -> set[str]:
    host, colon, port = server.rpartition(":")
    where = (host, int(port)) if colon else (server, PORT)
    found, refused = set[str](), list[_RefusedError]()
    for kind in _TYPES.values():
        try:
            found.update(_ask(name, kind, where))
        except _RefusedError as error:
            refused.append(error)
    # Some refuse a kind that a name of theirs has not got: Designate's own, and servers that know nothing of AAAA.
    if refused and not found:
        raise refused[0]
    return found


def _ask(name: str, kind: int, where: tuple[str, int]) -> list[str]:
    """Addresses of one kind. OSError when there is no answer, or one that says no more than that."""
    number = secrets.randbelow(1 << 16)
    question = _name(name) + struct.pack("!HH", kind, _INTERNET)
    query = struct.pack("!6H", number, _RECURSION_DESIRED, 1, 0, 0, 0) + question
    family = socket.getaddrinfo(*where, type=socket.SOCK_DGRAM)[0][0]
    with socket.socket(family, socket.SOCK_DGRAM) as channel:
        channel.settimeout(SECONDS)
        channel.connect(where)
        for left in reversed(range(TRIES)):
            channel.send(query)
            try:
                answer = channel.recv(4096)
            except TimeoutError:
                if not left:
                    raise
                continue
            # Whatever else comes to this port is no answer to this question.
            if answer[:2] == query[:2] and len(answer) >= 12:
                if (code := answer[3] & 0xF) not in _ANSWERS:
                    raise _RefusedError(f"response code {code}")
                return _read(answer, kind)
    raise OSError("what came back is no answer")


def _name(name: str) -> bytes:
    labels = [label.encode("idna") for label in name.rstrip(".").split(".")]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _read(answer: bytes, kind: int) -> list[str]:
    """The addresses in an answer, at the end of whatever aliases; none of one that is cut off or makes no sense."""
    questions, records = struct.unpack_from("!HH", answer, 4)
    found = []
    try:
        at = 12
        for _question in range(questions):
            at = _after_name(answer, at) + 4
        for _record in range(records):
            at = _after_name(answer, at)
            given, _class, _ttl, length = struct.unpack_from("!HHIH", answer, at)
            at += 10
            if given == kind:
                found.append(str(ipaddress.ip_address(answer[at : at + length])))
            at += length
    except (struct.error, IndexError, ValueError):
        return []
    return found


def _after_name(answer: bytes, at: int) -> int:
    while length := answer[at]:
        if length & _POINTER == _POINTER:
            return at + 2
        at += 1 + length
    return at + 1
