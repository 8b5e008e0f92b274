"""Certificates and kubeconfigs of one control plane.

The keys are made here; who signs them is the caller's business: Magnum's own CA of the cluster
(`magnum_driver`), or one made on the spot for experiments (`OwnCA`).
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from rehearsal.cluster.layout import API_ADDRESS, API_PORT, SERVICE_API_ADDRESS, ClusterDir
from rehearsal.settings import write_private

Signer = Callable[[bytes], bytes]
"""Takes a certificate signing request, gives the certificate; both PEM."""

MASTERS = "system:masters"

CLIENTS = {
    "runner": ("pod-runner", MASTERS),
    "controller": ("cluster-controller", MASTERS),
    "kwok": ("kwok", MASTERS),
    "launcher": ("launcher", MASTERS),
    "controller-manager": ("system:kube-controller-manager", None),
    "scheduler": ("system:kube-scheduler", None),
    "proxy": ("system:kube-proxy", None),
}
"""Kubeconfigs by name: user and group."""

ON_THE_HOST = frozenset({"controller", "admin"})
"""Kubeconfigs that go through the relay's port; the others are used inside the namespaces."""

API_SERVER_NAMES = (
    "127.0.0.1",
    API_ADDRESS,
    SERVICE_API_ADDRESS,
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)


class OwnCA:
    """A certificate authority of our own, for a control plane without Magnum."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        self._certificate = (
            _builder(subject, subject, self._key.public_key())
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def certificate(self) -> bytes:
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key(self) -> bytes:
        return _pem(self._key)

    def sign(self, request: bytes) -> bytes:
        """Certificate for ``request``, with the extensions that it asks for."""
        csr = x509.load_pem_x509_csr(request)
        builder = _builder(csr.subject, self._certificate.subject, csr.public_key())
        for extension in csr.extensions:
            builder = builder.add_extension(extension.value, extension.critical)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def make_pki(cluster: ClusterDir, ca_certificate: bytes, ca_key: bytes, sign: Signer) -> None:
    """Write ``pki/`` and the kubeconfigs of ``CLIENTS``; what is there already is made anew.

    But for the key of service accounts: with another one the tokens of running pods would be no good.

    ``ca_key`` (not encrypted) stays beside the controller manager, which signs CertificateSigningRequests with it,
    as on a control plane that kubeadm makes.
    """
    cluster.make()
    _write(cluster.pki / "ca.crt", ca_certificate)
    _write(cluster.pki / "ca.key", ca_key)
    server = [ExtendedKeyUsageOID.SERVER_AUTH]
    client = [ExtendedKeyUsageOID.CLIENT_AUTH]
    _leaf(cluster.pki, "apiserver", "kube-apiserver", None, server, sign, API_SERVER_NAMES)
    _leaf(cluster.pki, "apiserver-kubelet-client", "kube-apiserver-kubelet-client", MASTERS, client, sign)
    _leaf(cluster.pki, "kubelet", "kubelet", None, server, sign, ("kubelet", API_ADDRESS))
    if not (cluster.pki / "sa.pub").exists():
        service_accounts = rsa.generate_private_key(65537, 2048)
        _write(cluster.pki / "sa.key", _pem(service_accounts))
        public = service_accounts.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        _write(cluster.pki / "sa.pub", public)
    host = f"https://127.0.0.1:{cluster.facts()['api_port']}"
    inside = f"https://{API_ADDRESS}:{API_PORT}"
    for name, (user, group) in CLIENTS.items():
        key, certificate = _signed(user, group, client, sign, ())
        url = host if name in ON_THE_HOST else inside
        write_kubeconfig(cluster.kubeconfig(name), url, ca_certificate, certificate, key)


def write_kubeconfig(path: Path, url: str, ca: bytes, certificate: bytes, key: bytes) -> None:
    """Write a kubeconfig (JSON, which is YAML) that nobody else can read; everything PEM."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "cluster",
        "contexts": [{"name": "cluster", "context": {"cluster": "cluster", "user": "user"}}],
        "clusters": [{"name": "cluster", "cluster": {"server": url, "certificate-authority-data": _b64(ca)}}],
        "users": [
            {"name": "user", "user": {"client-certificate-data": _b64(certificate), "client-key-data": _b64(key)}}
        ],
    }
    write_private(path, json.dumps(config, indent=1) + "\n")


def _leaf(
    folder: Path,
    name: str,
    user: str,
    group: str | None,
    usages: list[x509.ObjectIdentifier],
    sign: Signer,
    names: tuple[str, ...] = (),
) -> None:
    key, certificate = _signed(user, group, usages, sign, names)
    _write(folder / f"{name}.key", key)
    _write(folder / f"{name}.crt", certificate)


def _signed(
    user: str, group: str | None, usages: list[x509.ObjectIdentifier], sign: Signer, names: tuple[str, ...]
) -> tuple[bytes, bytes]:
    """Key and certificate, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, user)]
    if group:
        subject.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name(subject))
        .add_extension(x509.KeyUsage(True, False, True, False, False, False, False, False, False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    )
    if names:
        request = request.add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
    pem = request.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    return _pem(key), sign(pem)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey | object) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)  # type: ignore[arg-type]
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=365))
    )


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _write(path: Path, data: bytes) -> None:
    write_private(path, data.decode().rstrip("\n") + "\n")
