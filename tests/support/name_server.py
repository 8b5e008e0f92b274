"""A name server on this machine that knows a few names (RFC 1035)."""

from __future__ import annotations

import ipaddress
import socketserver
import struct
import threading
from collections.abc import Mapping, Sequence


class NameServer(socketserver.ThreadingUDPServer):
    """Answers on 127.0.0.1; ``names`` has addresses by name. Every name is an alias of another that has them."""

    allow_reuse_address = True

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.names = names
        self.deaf = 0
        """How many of the next questions get no answer."""
        self.failing = 0
        """The response code of every answer, where it is not 0; 5 is for who may not ask."""
        self.refuses_absent = False
        """Whether it refuses to tell of kinds that it has no address of, as Designate's own server does."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    @property
    def where(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


class _Answer(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        query, channel = self.request
        server: NameServer = self.server  # type: ignore[assignment]
        if server.deaf:
            server.deaf -= 1
            return
        labels, at = [], 12
        while length := query[at]:
            labels.append(query[at + 1 : at + 1 + length].decode())
            at += 1 + length
        (kind,) = struct.unpack_from("!H", query, at + 1)
        found = [ipaddress.ip_address(each) for each in server.names.get(".".join(labels), [])]
        records = [address.packed for address in found if kind == {4: 1, 6: 28}[address.version]]
        target = b"\x05alias\xc0\x0c"  # alias.<the name asked for>
        absent = 5 if server.refuses_absent and not records else 0
        code = server.failing or absent or (0 if found else 3)
        answers = [_record(b"\xc0\x0c", 5, target)] if found and not absent else []
        answers += [_record(target, kind, packed) for packed in records]
        head = query[:2] + struct.pack("!5H", 0x8180 | code, 1, len(answers), 0, 0)
        channel.sendto(head + query[12 : at + 5] + b"".join(answers), self.client_address)


def _record(name: bytes, kind: int, data: bytes) -> bytes:
    return name + struct.pack("!HHIH", kind, 1, 60, len(data)) + data
