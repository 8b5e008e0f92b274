"""What stands for the image ``traefik`` in the chart's pod ``autohttps``.

Traefik itself takes a quarter of an hour to compile. This does what the chart asks of it, as its sources have it
(v3.6.12), from the chart's own two files:

- ``pkg/tls/tlsmanager.go``: with ``sniStrict``, a name without a certificate gets the alert ``unrecognized_name``.
- ``pkg/provider/acme/provider.go``: a certificate is asked for once, as the routers' domains are read at the start; a
  refusal is logged and that is all. Every day, and at the start, what ends within 30 days is renewed.
- ``pkg/provider/acme/challenge_http.go``: the entry point of the challenge answers for tokens, 404 for unknown ones.
- ``pkg/provider/acme/local_store.go``: account and certificates are in ``acme.json``, which must have mode 0600.
- ``middlewares/redirect``: everything else at that entry point is sent to https.

A change of ``dynamic.yaml`` while it runs is not followed. Standard library, PyYAML, cryptography.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import socket
import ssl
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

STATIC = Path("/etc/traefik/traefik.yaml")
CHALLENGE = "/.well-known/acme-challenge/"
RENEW_BEFORE, RENEW_EVERY = timedelta(days=30), 24 * 3600.0
POLL_SECONDS, POLLS = 1.0, 60
NONCES = 5
HEAD_BYTES, HEAD_SECONDS = 65536, 60.0
_BOLD, _RED, _CYAN, _GREY = 1, 31, 36, 90
PEM = serialization.Encoding.PEM
PLAIN = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

Json = dict[str, Any]


class AcmeError(Exception):
    """What the authority answered, as lego words it."""


def log_error(message: str, error: str, **more: str) -> None:
    """A line as zerolog's console writer has it, in colours: Traefik leaves them where there is no terminal, too."""
    words = [
        _coloured(f"{_now():%Y-%m-%dT%H:%M:%SZ}", _GREY),
        _coloured("ERR", _RED),
        _coloured(message, _BOLD),
        _coloured("error=", _CYAN) + _coloured(_quoted(error), _BOLD, _RED),
        *(_coloured(f"{key}=", _CYAN) + _quoted(value) for key, value in more.items()),
    ]
    print(" ".join(words), flush=True)


def _quoted(value: str) -> str:
    return json.dumps(value) if " " in value else value


def _coloured(text: str, *colours: int) -> str:
    for colour in colours:
        text = f"\x1b[{colour}m{text}\x1b[0m"
    return text


def _now() -> datetime:
    return datetime.now(timezone.utc)


def encoded(data: bytes) -> str:
    """Base64 for URLs without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Authority:
    """An account at an ACME server (RFC 8555), made at the first request."""

    def __init__(self, directory: str, email: str) -> None:
        self._directory_url = directory
        self._email = email
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._account = ""
        self._nonce = ""
        self._directory: Json = {}
        self._context: ssl.SSLContext | None = None

    def obtain(self, domain: str, tokens: dict[str, str]) -> Json:
        """``certificate`` and ``key`` (PEM, base64) for ``domain``; ``tokens`` is what the challenge's server answers.

        Raises AcmeError, OSError, and anything else where the answers are none of ACME.
        """
        if not self._account:
            self._register()
        identifiers = [{"type": "dns", "value": domain}]
        order, where = self._post(self._directory["newOrder"], {"identifiers": identifiers})
        for url in order["authorizations"]:
            self._authorize(url, domain, tokens)
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.DNSName(domain)])
        request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, False)
        der = request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
        self._post(order["finalize"], {"csr": encoded(der)})
        order = self._until(where, ("valid", "invalid"))
        if order["status"] != "valid":
            raise AcmeError(_problem(order.get("error") or {}))
        chain = self._post(order["certificate"], None, raw=True)[0]["raw"]
        secret = key.private_bytes(PEM, *PLAIN)
        return {"certificate": base64.b64encode(chain).decode(), "key": base64.b64encode(secret).decode()}

    def _authorize(self, url: str, domain: str, tokens: dict[str, str]) -> None:
        authorization = self._post(url, None)[0]
        if authorization["status"] == "valid":
            return
        challenge = next(each for each in authorization["challenges"] if each["type"] == "http-01")
        print_of_key = hashlib.sha256(json.dumps(self._jwk(), sort_keys=True, separators=(",", ":")).encode()).digest()
        tokens[challenge["token"]] = f"{challenge['token']}.{encoded(print_of_key)}"
        try:
            self._post(challenge["url"], {})
            authorization = self._until(url, ("valid", "invalid"))
        finally:
            del tokens[challenge["token"]]
        if authorization["status"] != "valid":
            failed: Json = next((each["error"] for each in authorization["challenges"] if each.get("error")), {})
            raise AcmeError(f"error: one or more domains had a problem:\n[{domain}] {_problem(failed)}\n")

    def _until(self, url: str, states: tuple[str, ...]) -> Json:
        for _try in range(POLLS):
            found = self._post(url, None)[0]
            if found["status"] in states:
                return found
            time.sleep(POLL_SECONDS)
        raise AcmeError("time limit exceeded")

    def _register(self) -> None:
        # lego's variable, as Traefik reads it (createClientTLSConfig): these instead of the system's.
        self._context = ssl.create_default_context(cafile=os.environ.get("LEGO_CA_CERTIFICATES") or None)
        with self._open(self._directory_url) as answer:
            self._directory = json.load(answer)
        wanted = {"termsOfServiceAgreed": True, "contact": [f"mailto:{self._email}"]}
        self._account = self._post(self._directory["newAccount"], wanted)[1]

    def _jwk(self) -> Json:
        numbers = self._key.public_key().public_numbers()
        return {
            "crv": "P-256",
            "kty": "EC",
            "x": encoded(numbers.x.to_bytes(32, "big")),
            "y": encoded(numbers.y.to_bytes(32, "big")),
        }

    def _post(self, url: str, payload: Json | None, raw: bool = False) -> tuple[Json, str]:
        """The answer and its Location. Without a payload it only reads (POST-as-GET). A nonce may be refused (6.5)."""
        for _try in range(NONCES):
            try:
                return self._post_once(url, payload, raw)
            except AcmeError as error:
                if "badNonce" not in str(error):
                    raise
        return self._post_once(url, payload, raw)

    def _post_once(self, url: str, payload: Json | None, raw: bool) -> tuple[Json, str]:
        if not self._nonce:
            with self._open(urllib.request.Request(self._directory["newNonce"], method="HEAD")) as answer:
                self._nonce = answer.headers["Replay-Nonce"]
        who = {"kid": self._account} if self._account else {"jwk": self._jwk()}
        head = encoded(json.dumps({"alg": "ES256", "nonce": self._nonce, "url": url, **who}).encode())
        body = "" if payload is None else encoded(json.dumps(payload).encode())
        r, s = decode_dss_signature(self._key.sign(f"{head}.{body}".encode(), ec.ECDSA(hashes.SHA256())))
        signature = encoded(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        data = json.dumps({"protected": head, "payload": body, "signature": signature}).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/jose+json"})
        with self._open(request) as answer:
            self._nonce = answer.headers["Replay-Nonce"]
            text = answer.read()
            return {"raw": text} if raw else json.loads(text), answer.headers.get("Location") or ""

    @contextlib.contextmanager
    def _open(self, request: urllib.request.Request | str) -> Iterator[Any]:
        try:
            with urllib.request.urlopen(request, timeout=30, context=self._context) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            self._nonce = error.headers.get("Replay-Nonce") or ""
            raise AcmeError(_problem({"status": error.code, **json.loads(error.read() or b"{}")})) from error


def _problem(said: Json) -> str:
    return f"acme: error: {said.get('status', 0)} :: {said.get('type', '')} :: {said.get('detail', '')}"


class Proxy:
    """The two entry points, and the certificates."""

    def __init__(self, static: Json, dynamic: Json) -> None:
        self.ports = {name: int(one["address"].rpartition(":")[2]) for name, one in static["entryPoints"].items()}
        self.resolver, found = next(iter(static["certificatesResolvers"].items()))
        self.acme: Json = found["acme"]
        routers = dynamic["http"]["routers"].values()
        self.domains = [each["main"] for router in routers for each in (router.get("tls") or {}).get("domains", [])]
        self.strict = bool(dynamic["tls"]["options"]["default"].get("sniStrict"))
        backend = dynamic["http"]["services"]["default"]["loadBalancer"]["servers"][0]["url"]
        self.backend = urllib.parse.urlsplit(backend)
        self.storage = Path(self.acme["storage"])
        self.tokens: dict[str, str] = {}
        self.contexts: dict[str, ssl.SSLContext] = {}
        self.authority = Authority(self.acme["caServer"], self.acme["email"])

    # Certificates

    def stored(self) -> Json:
        """``acme.json``, in Traefik's form."""
        if not self.storage.exists() or not self.storage.read_text():
            return {self.resolver: {"Account": None, "Certificates": None}}
        if self.storage.stat().st_mode & 0o177:
            sys.exit(f"the ACME resolve is skipped: permissions of {self.storage} are too open, please use 600")
        found: Json = json.loads(self.storage.read_text())
        return found

    def load(self) -> None:
        for one in self.stored()[self.resolver]["Certificates"] or []:
            self.contexts[one["domain"]["main"]] = _context(one)

    def ask(self) -> None:
        """Ask for what is missing, once."""
        for domain in self.domains:
            if domain not in self.contexts:
                self._ask(domain, "Unable to obtain ACME certificate for domains")

    def renew(self) -> None:
        """Ask again for what ends soon."""
        for one in self.stored()[self.resolver]["Certificates"] or []:
            shown = x509.load_pem_x509_certificate(base64.b64decode(one["certificate"]))
            if shown.not_valid_after_utc < _now() + RENEW_BEFORE:
                self._ask(one["domain"]["main"], "Error renewing certificate from LE")

    def _ask(self, domain: str, failure: str) -> None:
        try:
            got = {**self.authority.obtain(domain, self.tokens), "domain": {"main": domain}, "Store": "default"}
            self.contexts[domain] = _context(got)
        except Exception as error:  # there is no end to what an authority, or a page in its place, may answer
            text = f"unable to generate a certificate for the domains [{domain}]: {str(error) or repr(error)}"
            log_error(failure, text, acmeCA=self.acme["caServer"], domains=json.dumps([domain]))
            return
        everything = self.stored()
        mine = everything[self.resolver]
        others = [one for one in mine["Certificates"] or [] if one["domain"]["main"] != domain]
        mine |= {"Account": {"Email": self.acme["email"]}, "Certificates": [*others, got]}
        with os.fdopen(os.open(self.storage, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            json.dump(everything, stream, indent=2)

    # Connections

    def serve(self) -> None:
        """Answer until the end. In threads: asyncio keeps the alert of a refused handshake to itself."""
        self.load()
        secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secure.sni_callback = self._choose
        for name, answer, context in (("http", self._plain, None), ("https", self._secure, secure)):
            listener = socket.create_server(("", self.ports[name]))
            threading.Thread(target=_accept, args=(listener, context, answer), daemon=True).start()
        self.ask()
        while True:
            self.renew()
            time.sleep(RENEW_EVERY)

    def _choose(self, connection: Any, name: str | None, _context: ssl.SSLContext) -> int | None:
        found = self.contexts.get(name or "")
        if found is None and self.strict:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = found or connection.context
        return None

    def _plain(self, channel: socket.socket) -> None:
        first, rest = _head(channel)
        method, path, _version = first.decode().split(" ")
        if path.startswith(CHALLENGE):
            known = self.tokens.get(path.removeprefix(CHALLENGE).rstrip("/"), "")
            channel.sendall(_answer("200 OK" if known else "404 Not Found", known))
            return
        lines = (line.partition(":") for line in rest.decode().split("\r\n"))
        host = next((value.strip() for name, _colon, value in lines if name.lower() == "host"), "")
        status = "301 Moved Permanently" if method == "GET" else "308 Permanent Redirect"
        channel.sendall(_answer(status, "", f"Location: https://{host.partition(':')[0]}{path}\r\n"))

    def _secure(self, channel: socket.socket) -> None:
        first, rest = _head(channel)
        # One request a connection, unless it becomes a websocket: what follows a request is then all its own.
        kept = [line for line in rest.split(b"\r\n") if not line.lower().startswith((b"connection:", b"x-scheme:"))]
        upgrade = any(line.lower().startswith(b"upgrade:") for line in kept)
        how = b"Connection: Upgrade" if upgrade else b"Connection: close"
        with socket.create_connection((self.backend.hostname, self.backend.port)) as far:
            far.sendall(b"\r\n".join([first, b"X-Scheme: https", b"X-Forwarded-Proto: https", how, *kept]))
            other = threading.Thread(target=_pump, args=(channel, far), daemon=True)
            other.start()
            _pump(far, channel)


def _accept(listener: socket.socket, context: ssl.SSLContext | None, answer: Callable[[socket.socket], None]) -> None:
    while True:
        channel, _address = listener.accept()
        threading.Thread(target=_serve, args=(channel, context, answer), daemon=True).start()


def _serve(channel: socket.socket, context: ssl.SSLContext | None, answer: Callable[[socket.socket], None]) -> None:
    with channel, contextlib.suppress(OSError, ValueError):
        channel.settimeout(HEAD_SECONDS)
        with context.wrap_socket(channel, server_side=True) if context else channel as ready:
            answer(ready)


def _head(channel: socket.socket) -> tuple[bytes, bytes]:
    """A request's first line, and what has come after it. ValueError for what is no request."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = channel.recv(HEAD_BYTES)
        if not more or len(data) > HEAD_BYTES:
            raise ValueError("no request")
        data += more
    channel.settimeout(None)
    first, _break, rest = data.partition(b"\r\n")
    return first, rest


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(HEAD_BYTES):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def _answer(status: str, body: str, more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{more}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode()


def _context(one: Json) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as file:
        file.write(base64.b64decode(one["certificate"]) + base64.b64decode(one["key"]))
        file.flush()
        context.load_cert_chain(file.name)
    return context


def main() -> None:
    static = yaml.safe_load(STATIC.read_text())
    dynamic = yaml.safe_load(Path(static["providers"]["file"]["filename"]).read_text())
    Proxy(static, dynamic).serve()


if __name__ == "__main__":
    main()
