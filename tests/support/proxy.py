"""A proxy on this machine that leads wherever it is asked to, and keeps what was asked."""

from __future__ import annotations

import contextlib
import http.client
import selectors
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Proxy:
    """``asked``: method and target of each request, ``users``: its Proxy-Authorization. ``leads``: where to instead."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    leads: tuple[str, int] | None = None


@contextlib.contextmanager
def proxy() -> Iterator[Proxy]:
    """A running one."""
    made = Proxy()

    class Handler(BaseHTTPRequestHandler):
        def _note(self) -> None:
            made.asked.append(f"{self.command} {self.path}")
            made.users.append(self.headers.get("Proxy-Authorization", ""))

        def do_CONNECT(self) -> None:
            self._note()
            host, _colon, port = self.path.rpartition(":")
            with socket.create_connection(made.leads or (host, int(port)), timeout=10) as there:
                self.send_response(200)
                self.end_headers()
                _both_ways(self.connection, there)

        def do_GET(self) -> None:
            self._note()
            parts = urlsplit(self.path)
            connection = http.client.HTTPConnection(*(made.leads or (parts.hostname, parts.port)), timeout=10)
            connection.request("GET", parts.path, headers={"Host": self.headers["Host"]})
            answer = connection.getresponse()
            body = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.port = server.server_port
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()


def _both_ways(one: socket.socket, other: socket.socket) -> None:
    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, other)
        ready.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _events in ready.select(timeout=10):
                part = key.fileobj.recv(65536)  # type: ignore[union-attr]
                if not part:
                    return
                key.data.sendall(part)
