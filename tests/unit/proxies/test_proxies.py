"""Which proxy the environment names for what, and our own requests through one."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import requests
from ansible_collections.stfc.jupyterhub.plugins.module_utils import proxies
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_probe import ProbeError, Target, ask_once
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.kubeconfig import Identity, authenticates

from tests.support.certificates import pair
from tests.support.proxy import Proxy, proxy

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


CASES: list[tuple[dict[str, str], str, str]] = [
    ({}, "https://192.0.2.1/", ""),
    ({"https_proxy": "http://p:1"}, "https://192.0.2.1:6443/", "https_proxy"),
    ({"HTTPS_PROXY": "http://p:1"}, "https://192.0.2.1:6443/", "HTTPS_PROXY"),
    ({"https_proxy": "http://p:1"}, "http://192.0.2.1/", ""),
    ({"HTTPS_PROXY": "http://p:1", "https_proxy": "http://q:1"}, "https://192.0.2.1/", "https_proxy"),
    ({"HTTPS_PROXY": "http://p:1", "https_proxy": ""}, "https://192.0.2.1/", ""),
    ({"ALL_PROXY": "http://p:1"}, "https://192.0.2.1/", "ALL_PROXY"),
    ({"all_proxy": "http://p:1", "http_proxy": "http://q:1"}, "http://hub.example.org/", "http_proxy"),
    ({"http_proxy": "http://p:1", "no_proxy": "127.0.0.1,localhost"}, "http://127.0.0.1:27000/v3", ""),
    ({"http_proxy": "http://p:1", "NO_PROXY": "localhost"}, "http://jupyter.localhost/", ""),
    ({"http_proxy": "http://p:1", "no_proxy": "192.0.2.0/24"}, "http://192.0.2.9/", ""),
    ({"http_proxy": "http://p:1", "no_proxy": "192.0.2.0/24"}, "http://198.51.100.9/", "http_proxy"),
    ({"http_proxy": "http://p:1", "no_proxy": ".example.org"}, "http://hub.example.org/", ""),
    ({"http_proxy": "http://p:1", "no_proxy": "*"}, "http://hub.example.org/", ""),
]


@pytest.mark.parametrize(("given", "url", "variable"), CASES)
def test_the_rules_are_those_of_requests(
    environment: pytest.MonkeyPatch, given: dict[str, str], url: str, variable: str
) -> None:
    for name, value in given.items():
        environment.setenv(name, value)
    found = proxies.proxy_of(url)
    assert (found.variable if found else "") == variable
    theirs = requests.utils.select_proxy(url, requests.utils.get_environ_proxies(url))
    assert (found.url if found else None) == (theirs or None)


def test_a_message_names_the_variable_and_no_password(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("HTTPS_PROXY", "http://user:s3cret@proxy.example.org:3128")
    said = "HTTPSConnectionPool(host='192.0.2.1', port=6443): Max retries exceeded with url: /version"
    assert proxies.hint(said) == (
        " It was asked through the proxy http://proxy.example.org:3128 (HTTPS_PROXY); where 192.0.2.1 is to be asked"
        " directly, add it to no_proxy."
    )
    assert proxies.hint("HTTPConnectionPool(host='192.0.2.1', port=80): refused") == ""
    assert proxies.hint("no address in it") == ""


class Hub(BaseHTTPRequestHandler):
    """Answers as a hub does, to its own name only."""

    def do_GET(self) -> None:
        body = json.dumps({"version": "5.5.0"}).encode()
        self.send_response(200 if self.headers["Host"] == "hub.example.org" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None: ...


@pytest.fixture
def way() -> Iterator[Proxy]:
    """A proxy that leads to a hub."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    with proxy() as made:
        made.leads = ("127.0.0.1", server.server_port)
        yield made
    server.shutdown()
    server.server_close()


def test_a_hub_without_tls_is_asked_through_the_proxy(environment: pytest.MonkeyPatch, way: Proxy) -> None:
    environment.setenv("http_proxy", f"http://us%65r:pass@127.0.0.1:{way.port}")
    assert ask_once(Target("192.0.2.7", 80, False, "hub.example.org"))["version"] == "5.5.0"
    assert way.asked == ["GET http://192.0.2.7:80/hub/health", "GET http://192.0.2.7:80/hub/api/"]
    assert set(way.users) == {"Basic dXNlcjpwYXNz"}


def test_what_has_tls_goes_through_a_tunnel(environment: pytest.MonkeyPatch, way: Proxy) -> None:
    environment.setenv("https_proxy", f"http://127.0.0.1:{way.port}")
    with pytest.raises(
        ProbeError, match=r"hub\.example\.org at 192\.0\.2\.7:443 through the proxy .*https_proxy.*no TLS"
    ):
        ask_once(Target("192.0.2.7", 443, True, "hub.example.org"))  # the hub there speaks none
    assert way.asked == ["CONNECT 192.0.2.7:443"]


def test_a_cluster_behind_a_proxy_is_asked_through_it(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate, key = pair("192.0.2.8")
    (tmp_path / "pem").write_text(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    identity = Identity("https://192.0.2.8:6443", certificate, certificate, key, 1)
    with proxy() as way:
        way.leads = ("127.0.0.1", server.server_port)
        environment.setenv("HTTPS_PROXY", f"http://127.0.0.1:{way.port}")
        assert authenticates(identity) is True
        assert way.asked == ["CONNECT 192.0.2.8:6443"]
    assert authenticates(identity) is None  # the proxy is gone
    environment.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    assert authenticates(identity) is None
    server.shutdown()
    server.server_close()


def test_no_proxy_leads_past_it(environment: pytest.MonkeyPatch, way: Proxy) -> None:
    environment.setenv("http_proxy", f"http://127.0.0.1:{way.port}")
    environment.setenv("no_proxy", "127.0.0.1")
    assert way.leads
    assert ask_once(Target(*way.leads, False, "hub.example.org"))["version"] == "5.5.0"
    assert way.asked == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "socks5://127.0.0.1:1080"])
def test_a_proxy_that_does_not_help_is_named(environment: pytest.MonkeyPatch, url: str) -> None:
    environment.setenv("ALL_PROXY", url)
    with pytest.raises(ProbeError, match=rf"through the proxy {url} \(ALL_PROXY\): cannot connect"):
        ask_once(Target("192.0.2.7", 443, True, "hub.example.org"))
