# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Whether a hub answers at an address under its name, whatever the name resolves to yet."""

from __future__ import annotations

import calendar
import contextlib
import dataclasses
import functools
import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

from . import name_lookup
from .proxies import Proxy, bracketed, proxy_of

# https://docs.openssl.org/master/man1/openssl-verification-options/ (diagnostics)
_EXPIRED, _NOT_YET, _WRONG_NAME = 10, 9, 62
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL's x509_vfy.h; the standard library has no name for it."""

LOCAL = (".localhost", ".local", ".test", ".invalid")
"""Ends of names that no DNS zone is for (RFC 2606, 6761, 6762)."""

UNRECOGNIZED_NAME = "TLSV1_UNRECOGNIZED_NAME"
"""OpenSSL's word for the alert (RFC 6066) of a server that has no certificate for the name. Traefik with the chart's
``sniStrict`` sends it until its ACME provider has one (crypto/tls ``errNoCertificates``)."""

RFC3339 = "%Y-%m-%dT%H:%M:%SZ"
ANSWER_SECONDS = 10
RETRY_SECONDS = 3.0
SOON_DAYS = 7
"""Days before a certificate's end at which that is told. Traefik renews one of 90 days 30 days before."""

FIRST_ANSWER_SECONDS = 30.0
"""How long something in front of the hub that we do not manage may take to know of it."""

INSIDE = "the hub within the cluster"
"""What it is called in errors when it is asked there."""

Get = Callable[[str], tuple[int, bytes]]
"""Asks for a path: HTTP status and body. Raises ProbeError where there is no answer."""


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


class NoCertificateError(ProbeError):
    """What answers there has no certificate for the name."""


@dataclasses.dataclass(frozen=True)
class Certificate:
    """``state``: valid; none (there is none for the name); untrusted (its issuer is unknown here); wrong name, expired
    or not yet valid."""

    state: str
    expires: str = ""
    """RFC 3339, UTC."""
    names: tuple[str, ...] = ()
    """Whom it is for: host names and addresses."""

    @property
    def usable(self) -> bool:
        """Whether it is for the name, now. One of an authority that is unknown here is, too."""
        return self.state in ("valid", "untrusted")

    @property
    def status(self) -> str:
        """``valid``, ``none``, or ``other`` for all that browsers object to."""
        return self.state if self.state in ("valid", "none") else "other"

    def days_left(self, now: float) -> float:
        """Until it ends, at ``now`` (seconds since the epoch); infinite where no end is known."""
        if not self.expires:
            return float("inf")
        return (calendar.timegm(time.strptime(self.expires, RFC3339)) - now) / 86400


@dataclasses.dataclass(frozen=True)
class Lead:
    """Where a name leads (``found``: addresses), and whether that is the hub's ``address``."""

    name: str
    address: str
    found: tuple[str, ...]
    elsewhere: tuple[str, ...]
    """Those of them that are not the hub's."""
    record: str
    """What is missing in the name's DNS zone; "" where nothing is."""
    unknown: str = ""
    """Why it is not known where the name leads; "" where it is."""

    @property
    def here(self) -> bool:
        """Whether whoever asks for the name comes to the hub, and nowhere else."""
        return bool(self.found) and not self.elsewhere and not self.record

    def notice(self, letsencrypt: bool) -> str:
        """What is to be said of it; "" for nothing."""
        if self.unknown:
            return f"It is not known where {self.name} leads: {self.unknown}. Look at hub_address.name_server."
        if self.record:
            where = f"to {_listed(self.found)}, and not" if self.found else "nowhere yet; it has to lead"
            said = f"{self.name} leads {where} to the hub's address {self.address}. Set this record: {self.record}"
        elif self.elsewhere and letsencrypt:
            said = (
                f"{self.name} leads to the hub's address {self.address}, and also to {_listed(self.elsewhere)}; Let's"
                " Encrypt may ask there. Remove the records that do not lead to the hub."
            )
        else:
            return ""
        if letsencrypt and any(name_lookup.version(address) == 6 for address in self.elsewhere):
            said += " (Let's Encrypt asks at an IPv6 address, which is an AAAA record, first.)"
        return said


def probe(
    parameters: Mapping[str, Any],
    sleep: Callable[[float], None],
    say: Callable[[str], None] = lambda _line: None,
    inside: Get | None = None,
) -> tuple[dict[str, Any], str, str]:
    """What module ``hub_probe`` returns for its arguments, an error and a warning about the certificate ("": none).

    ``inside`` asks the hub within the cluster; needed where there is no balancer or no certificate yet. Raises
    ProbeError when the hub has not answered within ``timeout``.
    """
    if parameters["way_in"] == "balancer":
        return _at_the_balancer(parameters, sleep, say, inside)
    if inside is None:
        raise ProbeError("without a load balancer the hub can only be asked within the cluster")
    return _behind_others(parameters, sleep, say, inside)


def _at_the_balancer(
    parameters: Mapping[str, Any], sleep: Callable[[float], None], say: Callable[[str], None], inside: Get | None
) -> tuple[dict[str, Any], str, str]:
    where = target(parameters)
    letsencrypt = parameters["https"] == "letsencrypt"
    answer = ask(where, parameters["timeout"], sleep, say, inside if letsencrypt else None)
    lead = dns(parameters, where.domain)
    certificate: Certificate | None = answer["certificate"]
    missing = letsencrypt and certificate is not None and certificate.state in ("none", "expired")
    due = missing and lead.here
    notices = [notice] if (notice := lead.notice(letsencrypt)) else []
    if missing and not due:
        notices.append(
            f"There is no HTTPS yet: Let's Encrypt gives a certificate once {lead.name} leads to {lead.address}, and"
            " nowhere else. Run this again then."
        )
    found = _found(answer, notices) | {
        "certificate_due": due,
        "resolves_to": list(lead.found),
        "dns_record": lead.record,
    }
    return found, *complaints(parameters, certificate)


def _behind_others(
    parameters: Mapping[str, Any], sleep: Callable[[float], None], say: Callable[[str], None], inside: Get
) -> tuple[dict[str, Any], str, str]:
    """The hub itself is asked within the cluster. What stands in front of it is others', and may not be there yet."""
    answer = _until(lambda: _proven(INSIDE, inside), parameters["timeout"], sleep, say)
    where = target(parameters)
    if parameters["way_in"] == "none" and not parameters["reach"]:
        notice = (
            "The hub answers within the cluster. hub_values leave it without a load balancer and without an ingress, so"
            " nothing is known here that leads to it (hub_address.reach names a way)."
        )
        return _found(answer, [notice]), "", ""
    patience = parameters["timeout"] if parameters["reach"] else min(parameters["timeout"], FIRST_ANSWER_SECONDS)
    try:
        outside = ask(where, patience, sleep, say)
    except ProbeError as error:
        if parameters["reach"]:
            raise
        warning = (
            f"The hub answers within the cluster, and not from outside: {error}. Look at the ingress, at its controller"
            f" and at where {where.domain} leads; hub_address.reach names another way to ask."
        )
        return _found(answer, []), "", warning
    leads_to: list[str] = []
    with contextlib.suppress(name_lookup.NoAnswerError):  # it answers under its name, so nothing hangs on this
        leads_to = name_lookup.addresses(where.domain, parameters["name_server"] or "")
    return _found(outside, []) | {"resolves_to": leads_to}, *complaints(parameters, outside["certificate"])


def _found(answer: Mapping[str, Any], notices: list[str]) -> dict[str, Any]:
    certificate: Certificate | None = answer["certificate"]
    return {
        "version": answer["version"],
        "certificate": dataclasses.asdict(certificate) if certificate else {},
        "certificate_status": certificate.status if certificate else "",
        "certificate_due": False,
        "resolves_to": [],
        "dns_record": "",
        "notices": notices,
    }


def target(parameters: Mapping[str, Any]) -> Target:
    """Where to connect: the balancer, or the name itself where others are in front of the hub."""
    if parameters["way_in"] == "balancer":
        tls = parameters["https"] in ("letsencrypt", "secret", "manual")
        host, port = parameters["address"], 443 if tls else 80
    else:
        tls = parameters["https"] != "none"
        host, _sep, given = parameters["name"].partition(":")
        port = int(given) if given else 443 if tls else 80
    if parameters["reach"]:
        host, _sep, given = parameters["reach"].rpartition(":")
        port = int(given)
    return Target(host, port, tls, parameters["name"])


def service_within(https: str) -> str:
    """The Service by which the hub is asked within the cluster, as Kubernetes' API has it (``scheme:name:port``).

    The proxy's, since the hub's own lets nobody but its friends in. Of the chart's ``templates/proxy``.
    """
    if https == "letsencrypt":
        return "http:proxy-http:8000"
    if https in ("secret", "manual"):
        return "https:proxy-public:https"
    return "http:proxy-public:https" if https == "offload" else "http:proxy-public:http"


def dns(parameters: Mapping[str, Any], name: str) -> Lead:
    """What the name leads to, and the record that is missing."""
    server, address = parameters["name_server"] or "", parameters["address"]
    # Behind an offloader the name leads to that; local names are nobody's to set.
    told = parameters["https"] != "offload" and (bool(server) or not name.endswith(LOCAL))
    try:
        found = name_lookup.addresses(name, server)
        ours = {address} if name_lookup.version(address) else {*name_lookup.addresses(address, server)}
    except name_lookup.NoAnswerError as error:
        return Lead(name, address, (), (), "", str(error) if told else "")
    missing = told and not ours.intersection(found)
    elsewhere = tuple(each for each in found if each not in ours) if told else ()
    return Lead(name, address, tuple(found), elsewhere, record(name, address) if missing else "")


def complaints(parameters: Mapping[str, Any], certificate: Certificate | None) -> tuple[str, str]:
    """What is wrong with the certificate: an error and a warning, "" for none."""
    if certificate is None or certificate.state == "none":
        return "", ""
    letsencrypt = parameters["https"] == "letsencrypt"
    about = f"It is for {', '.join(certificate.names) or 'no name'}, until {certificate.expires or 'an unknown day'}."
    if certificate.state == "valid":
        left = certificate.days_left(time.time())
        if left >= SOON_DAYS:
            return "", ""
        why = (
            "Traefik renews it 30 days before and tries every day, so the log of autohttps says what is wrong."
            if letsencrypt
            else "Give hub_https another one in time."
        )
        return "", f"The certificate of {parameters['name']} ends in {left:.1f} days. {about} {why}"
    what = f"The certificate that is shown for {parameters['name']} is not good: {certificate.state}. {about}"
    if certificate.state == "untrusted":
        staging = " Staging servers and others of hub_https.acme_server give such." if letsencrypt else ""
        return "", f"{what} Its issuer is unknown to this machine; users' browsers may not know it either.{staging}"
    if letsencrypt:
        return "", f"{what} Let's Encrypt gives one once the name leads to {parameters['address']}."
    return f"{what} Give hub_https another one.", ""


def ask(
    target: Target,
    timeout: float,
    sleep: Callable[[float], None],
    say: Callable[[str], None],
    inside: Get | None = None,
) -> dict[str, Any]:
    """Ask until the hub answers: its ``version``, ``certificate`` (None without TLS).

    Where there is no certificate for the name, it is proven by ``inside``, if that is given. Raises ProbeError with the
    last thing that went wrong.
    """
    return _until(lambda: ask_once(target, inside), timeout, sleep, say)


def _until(
    look: Callable[[], dict[str, Any]], timeout: float, sleep: Callable[[float], None], say: Callable[[str], None]
) -> dict[str, Any]:
    deadline = time.monotonic() + timeout
    while True:
        try:
            return look()
        except ProbeError as error:
            if time.monotonic() >= deadline:
                raise
            say(str(error))
            sleep(RETRY_SECONDS)


def ask_once(target: Target, inside: Get | None = None) -> dict[str, Any]:
    """One try of what ``ask`` does."""
    if not target.tls:
        return _proven(str(target), functools.partial(_get, target, None))
    try:
        seen, context = inspect(target)
        return _proven(str(target), functools.partial(_get, target, context)) | {"certificate": seen}
    except NoCertificateError:
        if inside is None:
            raise
        return _proven(INSIDE, inside) | {"certificate": Certificate("none")}
    except ssl.SSLCertVerificationError as error:  # several servers behind one address
        raise ProbeError(f"{target}: one certificate is shown, then another ({error.verify_message})") from error


def _proven(where: str, get: Get) -> dict[str, Any]:
    """What a hub says of itself. ``where`` names it in errors."""
    health, _body = get("/hub/health")
    if health != 200:
        raise ProbeError(f"{where}: /hub/health answers {health}")
    status, body = get("/hub/api/")
    try:
        version = json.loads(body)["version"]
    except (ValueError, KeyError, TypeError):
        raise ProbeError(f"{where}: /hub/api/ answers {status}, and not as a JupyterHub does") from None
    return {"version": version, "certificate": None}


def shown(target: Target) -> Certificate:
    """What is shown for the name now; state ``none`` also where nothing answers, as while a pod is started anew."""
    try:
        return inspect(target)[0]
    except (ProbeError, ssl.SSLCertVerificationError):
        return Certificate("none")


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


def record(name: str, address: str) -> str:
    """The line for the name's DNS zone."""
    kind = {4: "A", 6: "AAAA"}.get(name_lookup.version(address))
    return f"{name}. IN {kind} {address}" if kind else f"{name}. IN CNAME {address}."


def _listed(addresses: tuple[str, ...]) -> str:
    return " and ".join(addresses)


def _problem(code: int) -> str:
    return {_EXPIRED: "expired", _NOT_YET: "not yet valid", _WRONG_NAME: "wrong name"}.get(code, "untrusted")


def _described(state: str, connection: ssl.SSLSocket) -> Certificate:
    shown: Any = connection.getpeercert() or {}
    names = tuple(str(name) for kind, name in shown.get("subjectAltName", ()) if kind in ("DNS", "IP Address"))
    ends = shown.get("notAfter")
    if not ends:
        return Certificate(state, names=names)
    expires = time.strftime(RFC3339, time.gmtime(ssl.cert_time_to_seconds(str(ends))))
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
        if getattr(error, "reason", "") == UNRECOGNIZED_NAME:
            raise NoCertificateError(f"{target}: there is no certificate for that name yet") from error
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
