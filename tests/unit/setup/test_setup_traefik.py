"""What stands for Traefik and its side-car: alerts, redirects, challenges, what is kept."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_certificate import refusal

from rehearsal.setup import secret_sync, traefik
from tests.support.authority import certificate

NAME = "hub.example.org"


class Backend(BaseHTTPRequestHandler):
    """Tells what it was asked."""

    def do_GET(self) -> None:
        body = f"{self.path} {self.headers['Host']} {self.headers['X-Scheme']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def configured(tmp_path: Path, backend: int) -> traefik.Proxy:
    """As the chart configures it, with an authority that nobody is."""
    acme = {
        "caServer": f"https://127.0.0.1:9/{tmp_path.name}",
        "email": "team@example.org",
        "storage": str(tmp_path / "acme.json"),
    }
    static = {
        "entryPoints": {name: {"address": f":{free_port()}"} for name in ("http", "https")},
        "certificatesResolvers": {"default": {"acme": acme}},
    }
    dynamic = {
        "http": {
            "routers": {"default": {"tls": {"domains": [{"main": NAME}]}}, "insecure": {}},
            "services": {"default": {"loadBalancer": {"servers": [{"url": f"http://127.0.0.1:{backend}/"}]}}},
        },
        "tls": {"options": {"default": {"sniStrict": True}}},
    }
    return traefik.Proxy(static, dynamic)


@pytest.fixture
def idle(tmp_path: Path) -> traefik.Proxy:
    """Not started: it asks when it is told to."""
    return configured(tmp_path, 9)


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[traefik.Proxy]:
    """Started."""
    backend = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    threading.Thread(target=backend.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    made = configured(tmp_path, backend.server_port)
    threading.Thread(target=made.serve, daemon=True).start()
    for _try in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", made.ports["https"])) == 0:
                break
        time.sleep(0.02)
    yield made
    backend.shutdown()
    backend.server_close()


def trusting(pem: str) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=pem)


def secure(proxy: traefik.Proxy, context: ssl.SSLContext) -> ssl.SSLSocket:
    return context.wrap_socket(socket.create_connection(("127.0.0.1", proxy.ports["https"])), server_hostname=NAME)


def test_a_name_without_a_certificate_is_refused_by_an_alert(proxy: traefik.Proxy) -> None:
    with pytest.raises(ssl.SSLError) as caught:
        secure(proxy, ssl.create_default_context())
    assert caught.value.reason == "TLSV1_UNRECOGNIZED_NAME"


def refusals(proxy: traefik.Proxy, capfd: pytest.CaptureFixture[str]) -> list[str]:
    """What this one logs when it asks for certificates: others, started by tests before, may do so as well."""
    proxy.ask()
    mine = f"acmeCA=\x1b[0m{proxy.acme['caServer']} "
    return [line for line in capfd.readouterr().out.splitlines() if mine in line]


def test_a_refusal_is_logged_once_as_traefik_words_it(idle: traefik.Proxy, capfd: pytest.CaptureFixture[str]) -> None:
    (line,) = refusals(idle, capfd)
    assert "\x1b[31mERR\x1b[0m \x1b[1mUnable to obtain ACME certificate for domains\x1b[0m" in line
    assert '\x1b[36merror=\x1b[0m\x1b[31m\x1b[1m"unable to generate a certificate' in line
    assert refusal(line).startswith("unable to generate a certificate for the domains [hub.example.org]: ")


class Authority(BaseHTTPRequestHandler):
    """An ACME server that answers ``body`` with ``status``, after ``left`` sound answers."""

    body, status, left = b"", 200, 0

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        here = type(self)
        here.left -= 1
        url = f"http://{self.headers['Host']}/"
        fine = {**dict.fromkeys(("newNonce", "newAccount", "newOrder"), url), "authorizations": [url]}
        body, status = (json.dumps(fine).encode(), 200) if here.left >= 0 else (here.body, here.status)
        self.send_response(status)
        self.send_header("Replay-Nonce", "n")
        self.send_header("Location", url)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_HEAD = _answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.mark.parametrize("sound", [0, 4])
@pytest.mark.parametrize("status", [200, 503])
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b"null", b"3", b'"text"', b'{"status": "valid"}', b'{"challenges": []}', b"\xff"],
)
def test_whatever_an_authority_answers_is_logged_only(
    body: bytes,
    status: int,
    sound: int,
    idle: traefik.Proxy,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(traefik, "POLL_SECONDS", 0.0)
    one = type("One", (Authority,), {"body": body, "status": status, "left": sound})
    server = ThreadingHTTPServer(("127.0.0.1", 0), one)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    idle.authority = traefik.Authority(f"http://127.0.0.1:{server.server_port}/", "team@example.org")
    try:
        (line,) = refusals(idle, capfd)
    finally:
        server.shutdown()
        server.server_close()
    assert refusal(line)
    assert not idle.tokens
    assert not idle.contexts


def test_with_a_certificate_the_hub_is_behind_it(proxy: traefik.Proxy) -> None:
    pem, key = certificate(NAME)
    encoded = {"certificate": base64.b64encode(pem.encode()).decode(), "key": base64.b64encode(key.encode()).decode()}
    proxy.contexts[NAME] = traefik._context(encoded)
    channel = http.client.HTTPConnection("127.0.0.1", proxy.ports["https"])
    channel.sock = secure(proxy, trusting(pem))
    channel.request("GET", "/hub/health", headers={"Host": NAME})
    assert channel.getresponse().read() == f"/hub/health {NAME} https".encode()


def test_port_80_answers_challenges_and_sends_all_else_to_https(proxy: traefik.Proxy) -> None:
    def get(path: str) -> http.client.HTTPResponse:
        channel = http.client.HTTPConnection("127.0.0.1", proxy.ports["http"])
        channel.request("GET", path, headers={"Host": f"{NAME}:80"})
        return channel.getresponse()

    proxy.tokens["abc"] = "abc.thumbprint"
    assert get("/.well-known/acme-challenge/abc").read() == b"abc.thumbprint"
    assert get("/.well-known/acme-challenge/other").status == 404
    answer = get("/hub/")
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{NAME}/hub/")


def test_an_account_alone_is_not_kept() -> None:
    assert not secret_sync.has_certificate(json.dumps({"default": {"Account": {}, "Certificates": None}}).encode())
    assert secret_sync.has_certificate(json.dumps({"default": {"Certificates": [{}]}}).encode())
