"""Asking a hub at an address, against real servers on this machine."""

from __future__ import annotations

import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_probe import (
    Certificate,
    ProbeError,
    Target,
    ask,
    ask_once,
    complaints,
    dns,
    record,
    resolve,
    target,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAME = "hub.example.org"


class Hub(BaseHTTPRequestHandler):
    """Answers as a hub does, to its own name only."""

    health = 200
    body = json.dumps({"version": "5.5.0"})

    def do_GET(self) -> None:
        known = self.headers["Host"].split(":")[0] == NAME
        status, text = (self.health, "") if self.path == "/hub/health" else (200, self.body)
        self.send_response(status if known else 404)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None: ...


Serve = Callable[..., int]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server and answers its port; with ``certificate`` (name, days left) it speaks TLS."""
    started = []

    def start(handler: type[Hub] = Hub, certificate: tuple[str, int] | None = None) -> int:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(_certificate(tmp_path, *certificate))
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        started.append(server)
        return int(server.server_address[1])

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def _certificate(folder: Path, name: str, days: int) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(ends - datetime.timedelta(days=90)).not_valid_after(ends)
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    text = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    text += key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "certificate.pem"
    file.write_bytes(text)
    return file


def test_a_hub_answers_to_its_name_whatever_the_name_resolves_to(serve: Serve) -> None:
    answer = ask_once(Target("127.0.0.1", serve(), False, f"{NAME}:8080"))
    assert answer == {"version": "5.5.0", "certificate": None}


def test_another_name_s_hub_is_no_proof(serve: Serve) -> None:
    with pytest.raises(ProbeError, match="/hub/health answers 404"):
        ask_once(Target("127.0.0.1", serve(), False, "other.example.org"))


def test_a_proxy_without_its_hub_is_no_proof(serve: Serve) -> None:
    class Down(Hub):
        health = 503

    with pytest.raises(ProbeError, match="/hub/health answers 503"):
        ask_once(Target("127.0.0.1", serve(Down), False, NAME))


def test_something_else_that_answers_is_no_proof(serve: Serve) -> None:
    class Else(Hub):
        body = "<html>"

    with pytest.raises(ProbeError, match="not as a JupyterHub does"):
        ask_once(Target("127.0.0.1", serve(Else), False, NAME))


def test_a_closed_port_is_named() -> None:
    with pytest.raises(ProbeError, match=r"hub\.example\.org at 127\.0\.0\.1:1: cannot connect"):
        ask_once(Target("127.0.0.1", 1, False, NAME))


@pytest.mark.parametrize(
    ("certificate", "state"),
    [((NAME, 30), "untrusted"), (("other.example.org", 30), "wrong name"), ((NAME, -1), "expired")],
)
def test_a_certificate_is_judged_apart_from_its_issuer(serve: Serve, certificate: tuple[str, int], state: str) -> None:
    answer = ask_once(Target("127.0.0.1", serve(certificate=certificate), True, NAME))
    found = answer["certificate"]
    assert (found.state, found.names) == (state, certificate[:1])
    expires = datetime.datetime.strptime(found.expires, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=certificate[1])
    assert abs(expires - ends) < datetime.timedelta(minutes=1)


def test_what_is_wrong_with_a_certificate_says_whom_it_is_for_and_until_when() -> None:
    shown = Certificate("wrong name", "2027-01-01T00:00:00Z", ("other.example.org",))
    error, _warning = complaints(parameters(https="secret"), {"certificate": shown})
    assert "wrong name. It is for other.example.org, until 2027-01-01T00:00:00Z." in error


def test_plain_http_where_tls_should_be_is_named(serve: Serve) -> None:
    with pytest.raises(ProbeError, match="no TLS"):
        ask_once(Target("127.0.0.1", serve(), True, NAME))


def test_asking_goes_on_until_there_is_an_answer(serve: Serve) -> None:
    class Late(Hub):
        def do_GET(self) -> None:
            Late.health = 200 if Late.asked else 503
            Late.asked += 1
            super().do_GET()

        asked = 0

    said: list[str] = []
    answer = ask(Target("127.0.0.1", serve(Late), False, NAME), 60, lambda _seconds: None, said.append)
    assert answer["version"] == "5.5.0"
    assert len(said) == 1


def test_asking_ends_with_the_last_problem() -> None:
    with pytest.raises(ProbeError, match="cannot connect"):
        ask(Target("127.0.0.1", 1, False, NAME), 0, lambda _seconds: None, lambda _line: None)


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("192.0.2.7", "hub.example.org. IN A 192.0.2.7"),
        ("2001:db8::7", "hub.example.org. IN AAAA 2001:db8::7"),
        ("lb.example.org", "hub.example.org. IN CNAME lb.example.org."),
    ],
)
def test_the_record_fits_the_address(address: str, line: str) -> None:
    assert record(NAME, address) == line


def test_names_are_resolved() -> None:
    assert any(ipaddress.ip_address(address).is_loopback for address in resolve("localhost"))
    assert resolve("nowhere.invalid") == []


def parameters(**changes: Any) -> dict[str, Any]:
    return {"address": "192.0.2.7", "name": NAME, "https": "letsencrypt", "reach": None} | changes


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({}, ("192.0.2.7", 443, True)),
        ({"https": "none"}, ("192.0.2.7", 80, False)),
        ({"https": "offload"}, ("192.0.2.7", 80, False)),
        ({"reach": "127.0.0.1:8443"}, ("127.0.0.1", 8443, True)),
    ],
)
def test_where_to_connect(changes: dict[str, Any], where: tuple[str, int, bool]) -> None:
    found = target(parameters(**changes))
    assert (found.host, found.port, found.tls) == where


def test_no_record_is_asked_for_where_nobody_can_set_one() -> None:
    assert dns(parameters(), "nowhere.invalid")["dns_record"] == ""
    assert dns(parameters(https="offload"), "localhost")["dns_record"] == ""
    assert dns(parameters(address="127.0.0.1"), "localhost")["dns_record"] == ""
    assert dns(parameters(), "localhost")["dns_record"] == "localhost. IN A 192.0.2.7"


@pytest.mark.parametrize(
    ("https", "state", "error", "warning"),
    [
        ("letsencrypt", "wrong name", "", "Let's Encrypt gives one once the name leads to 192.0.2.7"),
        ("manual", "wrong name", "Give hub_https another one", ""),
        ("secret", "expired", "expired", ""),
        ("secret", "untrusted", "", "issuer is unknown"),
        ("secret", "valid", "", ""),
    ],
)
def test_a_bad_certificate_of_ours_is_an_error(https: str, state: str, error: str, warning: str) -> None:
    found = complaints(parameters(https=https), {"certificate": Certificate(state)})
    assert error in found[0]
    assert warning in found[1]
    assert (bool(found[0]), bool(found[1])) == (bool(error), bool(warning))
