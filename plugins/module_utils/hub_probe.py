# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Whether a hub answers at an address under its name, whatever the name resolves to yet."""

from __future__ import annotations

import dataclasses
import http.client
import ipaddress
import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

from .proxies import Proxy, bracketed, proxy_of

# https://docs.openssl.org/master/man1/openssl-verification-options/ (diagnostics)
_EXPIRED, _NOT_YET, _WRONG_NAME = 10, 9, 62
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL's x509_vfy.h; the standard library has no name for it."""

LOCAL = (".localhost", ".local", ".test", ".invalid")
"""Ends of names that no DNS zone is for (RFC 2606, 6761, 6762)."""

ANSWER_SECONDS = 10
RETRY_SECONDS = 3.0


@dataclasses.dataclass(frozen=True)
class Target:
    """Where to connect (``host``, ``port``), and as whom to ask: ``name`` is in the Host header and in TLS."""

    host: str
    port: int
    tls: bool
    name: str
    """``hub_domain``, with a port where that is not the scheme's own."""

    @property
    def domain(self) -> str:
        return self.name.rsplit(":", 1)[0] if ":" in self.name else self.name

    @property
    def url(self) -> str:
        """What is asked, but for the path."""
        return f"{'https' if self.tls else 'http'}://{bracketed(self.host)}:{self.port}"

    @property
    def proxy(self) -> Proxy | None:
        """What the environment wants asked in its place."""
        return proxy_of(self.url)

    def __str__(self) -> str:
        through = f" through the proxy {self.proxy}" if self.proxy else ""
        return f"{'https' if self.tls else 'http'}://{self.name} at {self.host}:{self.port}{through}"


class ProbeError(Exception):
    """The hub does not answer as it should; says what was asked and what came back."""


@dataclasses.dataclass(frozen=True)
class Certificate:
    """``state``: valid; untrusted (its issuer is unknown here); wrong name, expired or not yet valid."""

    state: str
    expires: str = ""
    """RFC 3339, UTC."""
    names: tuple[str, ...] = ()
    """Whom it is for: host names and addresses."""


def probe(
    parameters: Mapping[str, Any], sleep: Callable[[float], None], say: Callable[[str], None] = lambda _line: None
) -> tuple[dict[str, Any], str, str]:
    """What module ``hub_probe`` returns for its arguments, and what is wrong with the certificate (``complaints``).

    Raises ProbeError when the hub has not answered within ``timeout``.
    """
    where = target(parameters)
    answer = ask(where, parameters["timeout"], sleep, say)
    certificate = dataclasses.asdict(answer["certificate"]) if answer["certificate"] else {}
    found = {"version": answer["version"], "certificate": certificate, **dns(parameters, where.domain)}
    return found, *complaints(parameters, answer)


def target(parameters: Mapping[str, Any]) -> Target:
    """Where to connect."""
    tls = parameters["https"] in ("letsencrypt", "secret", "manual")
    host, port = parameters["address"], 443 if tls else 80
    if parameters["reach"]:
        host, _sep, given = parameters["reach"].rpartition(":")
        port = int(given)
    return Target(host, port, tls, parameters["name"])


def dns(parameters: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What the name leads to, and the record that is missing."""
    found = resolve(name)
    # Behind an offloader the name leads to that; local names are nobody's to set.
    missing = parameters["address"] not in found and parameters["https"] != "offload" and not name.endswith(LOCAL)
    return {"resolves_to": found, "dns_record": record(name, parameters["address"]) if missing else ""}


def complaints(parameters: Mapping[str, Any], answer: dict[str, Any]) -> tuple[str, str]:
    """What is wrong with the certificate: an error and a warning, "" for none."""
    certificate = answer["certificate"]
    if certificate is None or certificate.state == "valid":
        return "", ""
    what = (
        f"The certificate that is shown for {parameters['name']} is not good: {certificate.state}."
        f" It is for {', '.join(certificate.names) or 'no name'}, until {certificate.expires or 'an unknown day'}."
    )
    if parameters["https"] == "letsencrypt":
        return (
            "",
            f"{what} Let's Encrypt gives one once the name leads to {parameters['address']}; look again in a minute.",
        )
    if certificate.state == "untrusted":
        return "", f"{what} Its issuer is unknown to this machine; users' browsers may not know it either."
    return f"{what} Give hub_https another one.", ""


def ask(target: Target, timeout: float, sleep: Callable[[float], None], say: Callable[[str], None]) -> dict[str, Any]:
    """Ask until the hub answers: its ``version``, ``certificate`` (None without TLS).

    Raises ProbeError with the last thing that went wrong.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            return ask_once(target)
        except ProbeError as error:
            if time.monotonic() >= deadline:
                raise
            say(str(error))
            sleep(RETRY_SECONDS)


def ask_once(target: Target) -> dict[str, Any]:
    """One try of what ``ask`` does."""
    seen: Certificate | None = None
    context = None
    if target.tls:
        seen, context = inspect(target)
    health = _get(target, context, "/hub/health")
    if health[0] != 200:
        raise ProbeError(f"{target}: /hub/health answers {health[0]}")
    status, body = _get(target, context, "/hub/api/")
    try:
        version = json.loads(body)["version"]
    except (ValueError, KeyError, TypeError):
        raise ProbeError(f"{target}: /hub/api/ answers {status}, and not as a JupyterHub does") from None
    return {"version": version, "certificate": seen}


def inspect(target: Target) -> tuple[Certificate, ssl.SSLContext]:
    """The certificate that is shown for the name, and a context that accepts just that one."""
    try:
        with _connect(target, ssl.create_default_context()) as connection:
            return _described("valid", connection), ssl.create_default_context()
    except ssl.SSLCertVerificationError:
        return _distrusted(target)


def _distrusted(target: Target) -> tuple[Certificate, ssl.SSLContext]:
    """What ``inspect`` says of a certificate that this machine does not trust."""
    # Trusting what is shown leaves name and dates to be checked.
    shown = _shown(target)
    state = "untrusted"
    try:
        _connect(target, _trusting(shown)).close()
    except ssl.SSLCertVerificationError as error:
        state = _problem(error.verify_code)
    accepting = _trusting(shown)
    accepting.check_hostname = False
    accepting.verify_flags |= _NO_CHECK_TIME
    with _connect(target, accepting) as connection:
        return _described(state, connection), accepting


def _shown(target: Target) -> bytes:
    blind = ssl.create_default_context()
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    with _connect(target, blind) as connection:
        shown = connection.getpeercert(binary_form=True)
    if shown is None:
        raise ProbeError(f"{target}: no certificate is shown")
    return shown


def _trusting(certificate: bytes) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ssl.DER_cert_to_PEM_cert(certificate))
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def resolve(name: str) -> list[str]:
    """Addresses of a name, as this machine sees them; none if it has none."""
    try:
        return sorted({str(item[4][0]) for item in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)})
    except (OSError, UnicodeError):
        return []


def record(name: str, address: str) -> str:
    """The line for the name's DNS zone."""
    try:
        kind = "AAAA" if ipaddress.ip_address(address).version == 6 else "A"
    except ValueError:
        return f"{name}. IN CNAME {address}."
    return f"{name}. IN {kind} {address}"


def _problem(code: int) -> str:
    return {_EXPIRED: "expired", _NOT_YET: "not yet valid", _WRONG_NAME: "wrong name"}.get(code, "untrusted")


def _described(state: str, connection: ssl.SSLSocket) -> Certificate:
    shown: Any = connection.getpeercert() or {}
    names = tuple(str(name) for kind, name in shown.get("subjectAltName", ()) if kind in ("DNS", "IP Address"))
    ends = shown.get("notAfter")
    if not ends:
        return Certificate(state, names=names)
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ssl.cert_time_to_seconds(str(ends))))
    return Certificate(state, expires, names)


def _connect(target: Target, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = _dial(target)
    try:
        return context.wrap_socket(plain, server_hostname=target.domain)
    except ssl.SSLCertVerificationError:
        plain.close()
        raise
    except OSError as error:
        plain.close()
        raise ProbeError(f"{target}: no TLS ({error})") from error


def _dial(target: Target) -> socket.socket:
    """A connection to the hub; for plain HTTP behind a proxy, one to that."""
    proxy, address = target.proxy, (target.host, target.port)
    try:
        if proxy is None:
            return socket.create_connection(address, timeout=ANSWER_SECONDS)
        if target.tls:
            return proxy.tunnel(*address, timeout=ANSWER_SECONDS)
        proxy.check()
        return socket.create_connection((proxy.host, proxy.port), timeout=ANSWER_SECONDS)
    except OSError as error:
        raise ProbeError(f"{target}: cannot connect ({error})") from error


def _get(target: Target, context: ssl.SSLContext | None, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(target.host, target.port, timeout=ANSWER_SECONDS)
    more = {}
    if not target.tls and (proxy := target.proxy):
        path, more = f"{target.url}{path}", proxy.headers
    connection.sock = _connect(target, context) if context else _dial(target)
    try:
        connection.request("GET", path, headers={"Host": target.name, "User-Agent": "stfc.jupyterhub", **more})
        answer = connection.getresponse()
        return answer.status, answer.read(65536)
    except (OSError, http.client.HTTPException) as error:
        raise ProbeError(f"{target}: {path} is not answered ({error or type(error).__name__})") from error
    finally:
        connection.close()
