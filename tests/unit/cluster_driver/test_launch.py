"""What the programs of a control plane wait for before they start."""

from __future__ import annotations

import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rehearsal.cluster import waiting
from rehearsal.cluster.desired import BUSY, READY, Status
from rehearsal.cluster.launch import NODE_LEASES
from rehearsal.cluster.layout import ClusterDir
from rehearsal.cluster.pki import OwnCA, make_pki
from rehearsal.settings import Settings


class Server(BaseHTTPRequestHandler):
    """An API server: 403 on /readyz once, as before its roles are there; then what there is."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, str, str]]
    connections: set[tuple[str, int]]

    def do_GET(self) -> None:
        subject = dict(part[0] for part in self.connection.getpeercert()["subject"])  # type: ignore[attr-defined]
        self.asked.append((self.command, self.path, subject["commonName"]))
        self.connections.add(self.client_address)
        body = json.dumps({"items": []}).encode()
        self.send_response(403 if len(self.asked) == 1 else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_DELETE(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Not here."""


@pytest.fixture
def cluster(tmp_path: Path) -> ClusterDir:
    place = ClusterDir(Settings.load(tmp_path), "5dcaa89c-d048-498a-9e73-ee9ee4cfe5f4")
    place.make()
    place.write_facts(name="n", api_port=21220)
    authority = OwnCA("n")
    # Magnum's certificates do not end with a line.
    make_pki(place, authority.certificate, authority.key, lambda request: authority.sign(request).strip())
    return place


@pytest.fixture
def server(cluster: ClusterDir, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Server]]:
    handler = type("Handler", (Server,), {"asked": [], "connections": set()})
    made = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cluster.pki / "apiserver.crt", cluster.pki / "apiserver.key")
    context.load_verify_locations(cluster.pki / "ca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    made.socket = context.wrap_socket(made.socket, server_side=True)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    monkeypatch.setattr(waiting, "API_ADDRESS", "127.0.0.1")
    monkeypatch.setattr(waiting, "API_PORT", made.server_port)
    yield handler
    made.shutdown()
    made.server_close()


def test_it_is_asked_with_the_launcher_s_certificate_over_one_connection(
    cluster: ClusterDir, server: type[Server]
) -> None:
    api = waiting.ApiServer(cluster.kubeconfig("launcher"))
    assert api.ask("GET", "/readyz") is None
    assert api.ask("GET", "/readyz") is not None
    assert api.ask("DELETE", NODE_LEASES) is not None
    assert {who for _method, _path, who in server.asked} == {"launcher"}
    assert len(server.connections) == 1
    assert not list(cluster.path.glob("*.pem"))


def test_nobody_there_is_no_answer(cluster: ClusterDir, unused_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "API_ADDRESS", "127.0.0.1")
    monkeypatch.setattr(waiting, "API_PORT", unused_port)
    assert waiting.ApiServer(cluster.kubeconfig("launcher")).ask("GET", "/readyz") is None


def test_the_oldest_node_that_is_ready() -> None:
    def node(name: str, created: str, ready: str | None) -> dict[str, object]:
        conditions = [{"type": "MemoryPressure", "status": "True"}, {"type": "Ready", "status": ready}]
        status = {} if ready is None else {"conditions": conditions}
        return {"metadata": {"name": name, "creationTimestamp": created}, "status": status}

    young, old = node("young", "2026-01-02T00:00:00Z", "True"), node("old", "2026-01-01T12:00:00Z", "True")
    booting, new = node("booting", "2026-01-01T00:00:00Z", "False"), node("new", "2026-01-01T00:00:00Z", None)
    assert waiting.oldest_ready([young, new, booting, old]) == "old"
    assert waiting.oldest_ready([booting, new]) == ""


@pytest.mark.parametrize(
    ("status", "waits"),
    [
        (Status(1, BUSY), True),
        (Status(1, READY), False),
        (Status(2, BUSY), False),  # a change of a cluster whose pods run already
        (None, False),  # a control plane that stands alone
    ],
)
def test_pods_wait_for_the_first_nodes_of_a_new_cluster_but_not_for_ever(
    tmp_path: Path, status: Status | None, waits: bool
) -> None:
    cluster = ClusterDir(Settings.load(tmp_path), "u")
    cluster.make()
    if status:
        status.save(cluster)
    began = time.monotonic()
    waiting.wait_until_made(cluster.path, longest=0.3)
    assert (time.monotonic() - began >= 0.3) is waits
