"""Asking a hub at an address, against real servers on this machine."""

from __future__ import annotations

import datetime
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
    NoCertificateError,
    ProbeError,
    Target,
    ask,
    ask_once,
    complaints,
    dns,
    probe,
    record,
    service_within,
    shown,
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

FOREVER = 60
"""Days of a certificate that is not to end soon."""


def quiet(_what: Any) -> None: ...


def inside(path: str) -> tuple[int, bytes]:
    """The hub as it is asked within its cluster."""
    return 200, json.dumps({"version": "5.5.0"}).encode() if path == "/hub/api/" else b""


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server and answers its port; with ``certificate`` (name, days left) it speaks TLS.

    ``strict``: it has none for the name that is asked for, and says so.
    """
    started = []

    def start(handler: type[Hub] = Hub, certificate: tuple[str, int] | None = None, strict: bool = False) -> int:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(_certificate(tmp_path, *certificate))
            if strict:  # as Traefik with sniStrict, while it has no certificate for the name
                context.sni_callback = lambda _socket, _name, _context: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
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
    seen = Certificate("wrong name", "2027-01-01T00:00:00Z", ("other.example.org",))
    error, _warning = complaints(parameters(https="secret"), seen)
    assert "wrong name. It is for other.example.org, until 2027-01-01T00:00:00Z." in error


def test_servers_that_show_different_certificates_are_no_traceback(tmp_path: Path) -> None:
    """As replicas of an ingress do that have none, and make up one each."""
    contexts = []
    for name in (NAME, "other.example.org"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(tmp_path, name, FOREVER))
        contexts.append(context)

    class Replicas(ThreadingHTTPServer):
        asked, change_at = 0, 0

        def get_request(self) -> Any:
            connection, address = super().get_request()
            self.asked += 1
            return contexts[self.asked >= self.change_at].wrap_socket(connection, server_side=True), address

        def handle_error(self, *_: Any) -> None: ...

    with Replicas(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        where = Target("127.0.0.1", int(server.server_address[1]), True, NAME)
        ask_once(where)
        connections = server.asked
        told = []
        for server.change_at in range(1, connections + 1):
            server.asked = 0
            try:
                ask_once(where)
            except ProbeError as error:
                told.append(str(error))
        server.shutdown()
    assert told
    assert all("one certificate is shown, then another" in each for each in told)


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


def parameters(**changes: Any) -> dict[str, Any]:
    known = {"way_in": "balancer", "reach": None, "name_server": None, "timeout": 0}
    return known | {"address": "192.0.2.7", "name": NAME, "https": "letsencrypt"} | changes


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({}, ("192.0.2.7", 443, True)),
        ({"https": "none"}, ("192.0.2.7", 80, False)),
        ({"https": "offload"}, ("192.0.2.7", 80, False)),
        ({"reach": "127.0.0.1:8443"}, ("127.0.0.1", 8443, True)),
        ({"way_in": "ingress", "https": "offload"}, (NAME, 443, True)),
        ({"way_in": "ingress", "https": "none"}, (NAME, 80, False)),
        ({"way_in": "ingress", "https": "offload", "name": f"{NAME}:8443"}, (NAME, 8443, True)),
        ({"way_in": "ingress", "https": "offload", "reach": "127.0.0.1:8443"}, ("127.0.0.1", 8443, True)),
    ],
)
def test_where_to_connect(changes: dict[str, Any], where: tuple[str, int, bool]) -> None:
    found = target(parameters(**changes))
    assert (found.host, found.port, found.tls) == where


def test_no_record_is_asked_for_where_nobody_can_set_one() -> None:
    assert dns(parameters(), "nowhere.invalid").record == ""
    assert dns(parameters(https="offload"), "localhost").record == ""
    assert dns(parameters(address="127.0.0.1"), "localhost").record == ""
    assert dns(parameters(), "localhost").record == "localhost. IN A 192.0.2.7"


@pytest.mark.parametrize(
    ("https", "state", "error", "warning"),
    [
        ("letsencrypt", "wrong name", "", "Let's Encrypt gives one once the name leads to 192.0.2.7"),
        ("letsencrypt", "untrusted", "", "Staging servers"),
        ("letsencrypt", "none", "", ""),
        ("manual", "wrong name", "Give hub_https another one", ""),
        ("secret", "expired", "expired", ""),
        ("secret", "untrusted", "", "issuer is unknown"),
        ("secret", "valid", "", ""),
    ],
)
def test_a_bad_certificate_of_ours_is_an_error(https: str, state: str, error: str, warning: str) -> None:
    found = complaints(parameters(https=https), Certificate(state))
    assert error in found[0]
    assert warning in found[1]
    assert (bool(found[0]), bool(found[1])) == (bool(error), bool(warning))


@pytest.mark.parametrize(("https", "advice"), [("letsencrypt", "log of autohttps"), ("secret", "another one in time")])
def test_a_certificate_that_ends_soon_is_told(https: str, advice: str) -> None:
    soon = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=6)).strftime("%Y-%m-%dT%H:%M:%SZ")
    error, warning = complaints(parameters(https=https), Certificate("valid", soon, (NAME,)))
    assert error == ""
    assert "ends in 6.0 days" in warning
    assert advice in warning


# No certificate yet


def test_an_alert_that_there_is_no_certificate_is_not_taken_for_another_failure(serve: Serve) -> None:
    with pytest.raises(NoCertificateError, match="no certificate for that name yet"):
        ask_once(Target("127.0.0.1", serve(certificate=("other", FOREVER), strict=True), True, NAME))


def test_without_a_certificate_the_hub_is_proven_within_its_cluster(serve: Serve) -> None:
    where = Target("127.0.0.1", serve(certificate=("other", FOREVER), strict=True), True, NAME)
    assert ask_once(where, inside) == {"version": "5.5.0", "certificate": Certificate("none")}
    with pytest.raises(ProbeError, match="the hub within the cluster: /hub/health answers 503"):
        ask_once(where, lambda _path: (503, b""))


def test_a_certificate_of_ours_has_to_be_there(serve: Serve) -> None:
    port = serve(certificate=("other", FOREVER), strict=True)
    with pytest.raises(NoCertificateError):
        probe(parameters(https="secret", reach=f"127.0.0.1:{port}"), quiet, quiet, inside)


Asked = Callable[..., dict[str, Any]]


@pytest.fixture
def first_run(serve: Serve, name_server: Any) -> Asked:
    """What is found with DNS as given while there is no certificate. There is no error and no warning."""
    port = serve(certificate=("other", FOREVER), strict=True)

    def ask(*addresses: str, **changes: Any) -> dict[str, Any]:
        where = {"reach": f"127.0.0.1:{port}", "name_server": name_server({NAME: addresses})}
        found, error, warning = probe(parameters(**where, **changes), quiet, quiet, inside)
        assert (error, warning) == ("", "")
        assert (found["certificate_status"], found["version"]) == ("none", "5.5.0")
        return found

    return ask


def test_without_a_record_the_one_to_set_is_told_and_all_is_well(first_run: Asked) -> None:
    found = first_run()
    assert not found["certificate_due"]
    assert found["dns_record"] == "hub.example.org. IN A 192.0.2.7"
    assert found["notices"] == [
        "hub.example.org leads nowhere yet; it has to lead to the hub's address 192.0.2.7. Set this record:"
        " hub.example.org. IN A 192.0.2.7",
        "There is no HTTPS yet: Let's Encrypt gives a certificate once hub.example.org leads to 192.0.2.7, and nowhere"
        " else. Run this again then.",
    ]


def test_a_record_that_leads_elsewhere_is_told_with_both_addresses(first_run: Asked) -> None:
    found = first_run("198.51.100.4", "2001:db8::4")
    assert not found["certificate_due"]
    assert found["notices"][0] == (
        "hub.example.org leads to 198.51.100.4 and 2001:db8::4, and not to the hub's address 192.0.2.7."
        " Set this record: hub.example.org. IN A 192.0.2.7"
        " (Let's Encrypt asks at an IPv6 address, which is an AAAA record, first.)"
    )


def test_an_ipv6_address_beside_the_hub_s_keeps_the_certificate_away(first_run: Asked) -> None:
    found = first_run("192.0.2.7", "2001:db8::4")
    assert (found["certificate_due"], found["dns_record"]) == (False, "")
    assert "also to 2001:db8::4" in found["notices"][0]
    assert "AAAA record, first" in found["notices"][0]


def test_a_name_server_that_gives_no_answer_asks_for_no_record(serve: Serve) -> None:
    reach = f"127.0.0.1:{serve(certificate=('other', FOREVER), strict=True)}"
    given = parameters(reach=reach, name_server="127.0.0.1:9")
    found, error, warning = probe(given, quiet, quiet, inside)
    assert (error, warning, found["dns_record"], found["certificate_due"]) == ("", "", "", False)
    assert found["notices"][0].startswith("It is not known where hub.example.org leads: the name server 127.0.0.1:9 ")
    assert "hub_address.name_server" in found["notices"][0]
    assert not dns(given | {"https": "offload"}, NAME).notice(letsencrypt=False)  # nothing hangs on it
    assert dns(given | {"address": "lb.example.org"}, NAME).unknown


def test_a_certificate_is_due_once_the_name_leads_to_the_hub_alone(first_run: Asked) -> None:
    found = first_run("192.0.2.7")
    assert (found["certificate_due"], found["notices"]) == (True, [])


def test_a_certificate_that_has_ended_is_due_again(serve: Serve, name_server: Any) -> None:
    port = serve(certificate=(NAME, -1))
    where = {"reach": f"127.0.0.1:{port}", "name_server": name_server({NAME: ["192.0.2.7"]})}
    found, error, warning = probe(parameters(**where), quiet, quiet, inside)
    assert (found["certificate_due"], found["certificate_status"], error) == (True, "other", "")
    assert "expired" in warning


def test_what_is_shown_while_nothing_answers_is_nothing() -> None:
    assert shown(Target("127.0.0.1", 1, True, NAME)) == Certificate("none")


# Others in front of the hub


def test_without_a_way_in_the_hub_is_proven_within_its_cluster() -> None:
    found, error, warning = probe(parameters(way_in="none", address="", https="none"), quiet, quiet, inside)
    assert (found["version"], error, warning) == ("5.5.0", "", "")
    assert "nothing is known here that leads to it" in found["notices"][0]


def test_what_stands_in_front_is_asked_as_well(serve: Serve) -> None:
    through = {"way_in": "ingress", "https": "offload", "address": ""}
    port = serve(certificate=(NAME, FOREVER))
    found, _error, warning = probe(parameters(**through, reach=f"127.0.0.1:{port}"), quiet, quiet, inside)
    assert found["certificate"]["names"] == (NAME,)
    assert "untrusted" in warning


def test_an_ingress_that_does_not_answer_yet_is_a_warning(name_server: Any) -> None:
    through = parameters(way_in="ingress", https="offload", address="", name="nowhere.invalid")
    found, error, warning = probe(through, quiet, quiet, inside)
    assert (found["version"], error) == ("5.5.0", "")
    assert "not from outside: https://nowhere.invalid at nowhere.invalid:443: cannot connect" in warning


def test_a_way_that_was_named_has_to_lead_to_the_hub() -> None:
    with pytest.raises(ProbeError, match="cannot connect"):
        probe(parameters(way_in="none", https="none", address="", reach="127.0.0.1:1"), quiet, quiet, inside)


@pytest.mark.parametrize(
    ("https", "service"),
    [
        ("letsencrypt", "http:proxy-http:8000"),
        ("manual", "https:proxy-public:https"),
        ("offload", "http:proxy-public:https"),
        ("none", "http:proxy-public:http"),
    ],
)
def test_the_hub_is_asked_within_the_cluster_past_what_redirects(https: str, service: str) -> None:
    assert service_within(https) == service
