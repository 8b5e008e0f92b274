"""A cluster's kubeconfig: made with a key of our own and a certificate that Magnum signs; checked; kept or renewed."""

from __future__ import annotations

import base64
import datetime
import http.client
import os
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .. import private_file
from ..kubernetes_tls import without_key_identifiers
from ..proxies import Proxy, proxy_of
from .errors import MagnumError

try:
    import yaml
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    MISSING: str | None = None
except ImportError as error:
    MISSING = str(error)

Json = dict[str, Any]

KEY_BITS = 2048
MODE = 0o600
DAYS_LEFT = 30
"""A certificate that ends sooner is replaced."""

ADMIN = ("admin", ("system:masters",))
"""Kubernetes user and groups of an operator's certificate."""

REACHED_WITHIN = 10.0
"""Seconds that the API server has for an answer."""


UNKNOWN_CLIENT = "the API server does not know its certificate"


@dataclass(frozen=True)
class Identity:
    """What a kubeconfig holds, decoded. ``certificate`` and ``key`` are PEM, empty when it has none."""

    server: str
    ca: str
    certificate: str
    key: str
    contexts: int
    cluster: str = ""


def new_request(user: str, groups: Sequence[str]) -> tuple[str, str]:
    """A new private key and a certificate request for that Kubernetes user and its groups, both PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    names = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
    names += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(key, hashes.SHA256())
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return key_pem.decode(), request.public_bytes(serialization.Encoding.PEM).decode()


def render(cluster: str, server: str, ca: str, certificate: str, key: str, user: str) -> str:
    """The kubeconfig as YAML."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": cluster, "cluster": {"server": server, "certificate-authority-data": _b64(ca)}}],
        "users": [
            {
                "name": f"{user}@{cluster}",
                "user": {"client-certificate-data": _b64(certificate), "client-key-data": _b64(key)},
            }
        ],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": f"{user}@{cluster}"}}],
        "current-context": cluster,
        "preferences": {},
    }
    return str(yaml.safe_dump(content, sort_keys=False))


def read(text: str) -> Identity | None:
    """The current context of a kubeconfig; None when it cannot be understood (then it is made anew)."""
    try:
        content = yaml.safe_load(text)
        contexts = {c["name"]: c["context"] for c in content.get("contexts") or []}
        context = contexts[content["current-context"]]
        cluster = {c["name"]: c["cluster"] for c in content["clusters"]}[context["cluster"]]
        user = {u["name"]: u["user"] for u in content["users"]}[context["user"]]
        return Identity(
            server=cluster["server"],
            ca=_unb64(cluster.get("certificate-authority-data")),
            certificate=_unb64(user.get("client-certificate-data")),
            key=_unb64(user.get("client-key-data")),
            contexts=len(contexts),
            cluster=str(context["cluster"]),
        )
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError):
        return None


def found_at(path: str) -> Identity | None:
    """What the file at ``path`` holds; None without one that can be understood. Raises MagnumError."""
    try:
        with open(path, encoding="utf-8") as stream:
            text = stream.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise MagnumError(f"The kubeconfig {path} cannot be read: {error}.") from None
    found = read(text)
    if found is not None and found.contexts > 1:
        raise MagnumError(
            f"The kubeconfig {path} holds {found.contexts} contexts, so it is not ours alone. Give another path."
        )
    return found


def mode_reason(path: str) -> str | None:
    """Why the mode of the file has to be set; None when it need not."""
    mode = os.stat(path).st_mode & 0o777
    return None if mode == MODE else f"its mode was {mode:04o}"


def expiry(certificate: str) -> datetime.datetime | None:
    """When a certificate (PEM) ends, in UTC; None when it is none."""
    try:
        parsed = x509.load_pem_x509_certificate(certificate.encode())
    except ValueError:
        return None
    try:
        return parsed.not_valid_after_utc
    except AttributeError:  # cryptography < 42
        return parsed.not_valid_after.replace(tzinfo=datetime.timezone.utc)


def fingerprint(certificate: str) -> str:
    """SHA-256 of a certificate (the first one of a PEM text), hexadecimal. Raises ValueError."""
    return x509.load_pem_x509_certificate(certificate.encode()).fingerprint(hashes.SHA256()).hex()


def plain_fingerprint(text: str) -> str | None:
    """A SHA-256 fingerprint as people write it (colons, capitals, ``SHA256``) as ``fingerprint`` gives it, or None."""
    plain = re.sub(r"^sha-?256(?: fingerprint)?[:= ]+|[:\s]", "", text.strip().lower())
    return plain if re.fullmatch(r"[0-9a-f]{64}", plain) else None


def moment(certificate: str) -> str | None:
    """When a certificate ends, as results show it; None when it is none."""
    ends = expiry(certificate) if certificate else None
    return ends.strftime("%Y-%m-%dT%H:%M:%SZ") if ends else None


def same_ca(one: str, other: str) -> bool:
    """Whether two PEM texts have the same certificates, whatever their spaces."""
    return "".join(one.split()) == "".join(other.split())


def reason_to_renew(
    found: Identity | None, server: str, ca: str, days: int, now: datetime.datetime, subject: tuple[str, Sequence[str]]
) -> str | None:
    """Why a kubeconfig has to be made anew; None when it can stay as far as it tells by itself."""
    if found is None:
        return "there is none that can be read"
    if found.server != server:
        return f"it names the server {found.server}, the cluster has {server}"
    if not same_ca(found.ca, ca):
        return "the cluster has another CA"
    if not found.certificate or not found.key:
        return "it has no client certificate"
    ends = expiry(found.certificate)
    if ends is None:
        return "its certificate cannot be read"
    if ends - now < datetime.timedelta(days=days):
        return f"its certificate ends on {ends:%Y-%m-%d}"
    user, groups = subject
    name = x509.load_pem_x509_certificate(found.certificate.encode()).subject
    has_user = [a.value for a in name.get_attributes_for_oid(NameOID.COMMON_NAME)]
    has_groups = {a.value for a in name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)}
    if has_user != [user] or has_groups != set(groups):
        return "it is for another user or other groups"
    return None


def authenticates(found: Identity, timeout: float = REACHED_WITHIN) -> bool | None:
    """Whether the API server knows this client; None when it cannot be reached.

    ``/api`` is open to every authenticated user (``system:discovery``) and to nobody else.
    """
    parts = urlsplit(found.server)
    if parts.scheme != "https" or not parts.hostname:
        return None
    try:
        context = _client_context(found)
    except (ssl.SSLError, ValueError):
        return False
    port, proxy = parts.port or 443, proxy_of(found.server)
    try:
        connection = _connection(parts.hostname, port, proxy, timeout, context)
    except OSError:
        return None
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/api")
        return connection.getresponse().status not in (401, 403)
    except ssl.SSLCertVerificationError:
        return False
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _connection(
    host: str, port: int, proxy: Proxy | None, timeout: float, context: ssl.SSLContext
) -> http.client.HTTPSConnection:
    """Not opened yet. Raises OSError for a proxy of a strange kind."""
    if proxy is None:
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    proxy.check()
    connection = http.client.HTTPSConnection(proxy.host, proxy.port, timeout=timeout, context=context)
    connection.set_tunnel(host, port, headers=proxy.headers)
    return connection


def _client_context(found: Identity) -> ssl.SSLContext:
    context = without_key_identifiers(ssl.create_default_context(cadata=found.ca))
    with private_file.readable(found.certificate + "\n" + found.key) as path:
        context.load_cert_chain(path)
    return context


def write(path: str, text: str) -> None:
    """Write in one step, mode 0600; folders that are missing get 0700. Raises MagnumError."""
    try:
        private_file.write(path, text)
    except OSError as error:
        raise MagnumError(f"writing the kubeconfig {path}: {error.strerror or error}") from None


def reason_to_touch(path: str, found: Identity | None, server: str, ca: str) -> str | None:
    """Why ``coe_kubeconfig`` with its defaults would change the file; None when it would keep it as it is.

    Asks the API server. One that cannot be reached is no reason.
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    reason = reason_to_renew(found, server, ca, DAYS_LEFT, now, ADMIN)
    if reason or found is None:
        return reason
    return UNKNOWN_CLIENT if authenticates(found) is False else mode_reason(path)


def serves(found: Identity | None, server: str) -> bool:
    """Whether a kubeconfig can be kept by somebody who may not see the cluster's CA.

    The API server says whether it knows the certificate, and the kubeconfig's own CA whether it is that server; one
    that cannot be reached is given the benefit of the doubt.
    """
    if found is None or found.server != server or not found.certificate or not found.key:
        return False
    ends = expiry(found.certificate)
    if ends is None or ends <= datetime.datetime.now(datetime.timezone.utc):
        return False
    return authenticates(found) is not False


def warning_of_the_end(cluster: str, ca: str, days: int) -> str | None:
    """A sentence when the cluster's CA ends within so many days; None when it lasts longer."""
    ends = expiry(ca)
    if ends is None or ends - datetime.datetime.now(datetime.timezone.utc) >= datetime.timedelta(days=days):
        return None
    return f"The CA of cluster {cluster} ends on {ends:%Y-%m-%d}, and every kubeconfig with it."


def masked(found: Identity | None) -> Mapping[str, Any]:
    """A kubeconfig for people: what it is for and until when, without key or certificate."""
    if found is None:
        return {}
    return {
        "server": found.server,
        "ca": _shown_ca(found.ca),
        "certificate_ends": moment(found.certificate),
        "key": "(not shown)",
    }


def _shown_ca(pem: str) -> str | None:
    try:
        return fingerprint(pem)
    except ValueError:
        return None


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _unb64(text: Any) -> str:
    return base64.b64decode(text).decode() if text else ""
