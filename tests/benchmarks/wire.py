"""Requests as they pass on the wire: to OpenStack through a relay, to Kubernetes by the API server's audit log.

Helm's requests to Kubernetes are among the latter; how often Helm itself was called is told by its user agent's
requests for its records.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import http.client
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HOP = frozenset({"connection", "proxy-connection", "keep-alive", "transfer-encoding", "te", "upgrade"})
"""Headers of one connection, not of the message (RFC 9110, 7.6.1)."""

SETTLE = 1.0
"""Seconds after which the API server has written its audit log."""


@dataclasses.dataclass(frozen=True)
class Call:
    """One request. ``at``: seconds since the epoch; ``to``: OpenStack or Kubernetes; ``what``: method and path."""

    at: float
    to: str
    what: str
    agent: str = ""


class Relay:
    """A forward proxy for plain HTTP on 127.0.0.1 (``address``), which notes what passes."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        calls = self.calls

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def relay(self) -> None:
                url = urlsplit(self.path)
                calls.append(Call(time.time(), "OpenStack", f"{self.command} :{url.port}{url.path}"))
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
                upstream = http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=120)
                with contextlib.closing(upstream):
                    path = f"{url.path or '/'}{'?' + url.query if url.query else ''}"
                    upstream.request(self.command, path, body or None, headers)
                    answer = upstream.getresponse()
                    content = answer.read()
                self.send_response(answer.status, answer.reason)
                for name, value in answer.getheaders():
                    if name.lower() not in HOP and name.lower() != "content-length":
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content if self.command != "HEAD" else b"")

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = relay  # noqa: N815 (names of http.server)

            def log_message(self, *_arguments: Any) -> None:
                """Nothing: the notes are enough."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def audited(log: Path, since: float, until: float) -> list[Call]:
    """An operator's requests to Kubernetes between two moments."""
    found = []
    for file in [*log.parent.glob(f"{log.stem}-*{log.suffix}"), log]:  # what was rotated, and the present one
        for line in file.read_text().splitlines():
            entry = json.loads(line)
            at = datetime.datetime.fromisoformat(entry["requestReceivedTimestamp"].replace("Z", "+00:00")).timestamp()
            if since <= at <= until:
                what = f"{entry['verb']} {urlsplit(entry['requestURI']).path}"
                found.append(Call(at, "Kubernetes", what, entry.get("userAgent", "")))
    return found


@contextlib.contextmanager
def watched(audit_log: Path) -> Iterator[tuple[dict[str, str], list[Call]]]:
    """Environment for the programs to watch, and the list that holds their requests once the block has ended."""
    relay = Relay()
    calls: list[Call] = []
    began = time.time()
    try:
        yield {"http_proxy": relay.address, "no_proxy": ""}, calls
    finally:
        relay.close()
    ended = time.time()
    time.sleep(SETTLE)
    calls += sorted([*relay.calls, *audited(audit_log, began, ended)], key=lambda call: call.at)
