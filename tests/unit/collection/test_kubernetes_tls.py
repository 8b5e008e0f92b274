"""Certificates as Magnum's own CA makes them, met by a TLS library as strict as Python 3.13's."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import urllib3
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release.client import Kubernetes, KubernetesError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.kubernetes_lists import lists
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum import kubeconfig
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NODES = {"kind": "NodeList", "apiVersion": "v1", "items": [{"metadata": {"name": "node-0"}}]}
DAY = datetime.timedelta(days=1)
ROOT = Path(__file__).resolve().parents[3]


ANSWERS = {
    "/version": {"major": "1", "minor": "34"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "groups": []},
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [{"name": "nodes", "singularName": "", "namespaced": False, "kind": "Node", "verbs": ["list"]}],
    },
    "/api/v1/nodes": NODES,
}


class Api(BaseHTTPRequestHandler):
    """As much of the Kubernetes API as finds nodes."""

    def do_GET(self) -> None:
        text = json.dumps(ANSWERS.get(self.path.split("?")[0], {})).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class Cluster:
    """An API server, its CA, and kubeconfigs for it. The extensions are those of Magnum's ``x509/operations.py``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca_key = ec.generate_private_key(ec.SECP256R1())
        self.ca = self._certificate("ca", self.ca_key, own=True)
        key = ec.generate_private_key(ec.SECP256R1())
        self._write("server.pem", self._pem(key) + self._certificate("server", key))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem")
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def _certificate(self, name: str, key: ec.EllipticCurvePrivateKey, own: bool = False) -> bytes:
        now = datetime.datetime.now(datetime.timezone.utc)
        usage = dict.fromkeys(
            ("content_commitment", "data_encipherment", "key_agreement", "crl_sign", "encipher_only", "decipher_only"),
            False,
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ca")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
            .add_extension(x509.BasicConstraints(ca=own, path_length=0 if own else None), critical=True)
            .add_extension(
                x509.KeyUsage(digital_signature=not own, key_encipherment=not own, key_cert_sign=own, **usage),
                critical=True,
            )
        )
        if not own:
            address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
            builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
        return builder.sign(self.ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    @staticmethod
    def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
        kind = serialization.PrivateFormat.PKCS8
        return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption())

    def _write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def kubeconfig(self, ca: bytes | None = None, host: str = "127.0.0.1") -> str:
        """A kubeconfig's path; ``ca`` in place of the cluster's own, none where it is empty."""
        key = ec.generate_private_key(ec.SECP256R1())
        cluster = {"server": f"https://{host}:{self.server.server_address[1]}"}
        if trusted := self.ca if ca is None else ca:
            cluster["certificate-authority-data"] = base64.b64encode(trusted).decode()
        user = {
            "client-certificate-data": base64.b64encode(self._certificate("admin", key)).decode(),
            "client-key-data": base64.b64encode(self._pem(key)).decode(),
        }
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "it",
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": cluster}],
            "users": [{"name": "it", "user": user}],
        }
        return str(self._write(f"{host}-{bool(ca)}.json", json.dumps(content).encode()))


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Cluster(tmp_path)
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(autouse=True)
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every TLS context verifies as Python 3.13's do; the Kubernetes client is as it was imported."""

    def strictly(make: Any) -> Any:
        def made(*args: Any, **kwargs: Any) -> ssl.SSLContext:
            context: ssl.SSLContext = make(*args, **kwargs)
            context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
            return context

        return made

    monkeypatch.setattr(ssl, "create_default_context", strictly(ssl.create_default_context))
    for module in (urllib3.util.ssl_, urllib3.connection):
        monkeypatch.setattr(module, "create_urllib3_context", strictly(urllib3.util.ssl_.create_urllib3_context))
    transport = kubernetes.client.rest.RESTClientObject
    monkeypatch.setattr(transport, "__init__", getattr(transport.__init__, "__wrapped__", transport.__init__))


def test_the_client_alone_refuses_the_certificate(cluster: Cluster) -> None:
    client = kubernetes.config.new_client_from_config(cluster.kubeconfig())
    client.configuration.retries = False
    with pytest.raises(urllib3.exceptions.MaxRetryError, match="Missing Authority Key Identifier"):
        kubernetes.client.CoreV1Api(client).list_node()


def test_lists_are_read(cluster: Cluster) -> None:
    with lists(cluster.kubeconfig()) as found:
        assert found.get("/api/v1/nodes") == NODES["items"]


@pytest.mark.parametrize("detached", [False, True])
def test_objects_are_found(cluster: Cluster, detached: bool) -> None:
    client = Kubernetes({"kubeconfig": cluster.kubeconfig()}, "default")
    if detached:
        client.detach()
    assert [item["metadata"]["name"] for item in client.find("v1", "Node")] == ["node-0"]


def test_a_kubeconfig_is_known_to_work(cluster: Cluster) -> None:
    found = kubeconfig.read(Path(cluster.kubeconfig()).read_text())
    assert found is not None
    assert kubeconfig.authenticates(found) is True


@pytest.mark.parametrize("detached", [False, True])
def test_who_the_system_trusts_needs_no_authority_in_the_kubeconfig(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, detached: bool
) -> None:
    mute = cluster.kubeconfig(ca=b"")
    with pytest.raises(KubernetesError, match="certificate verify failed"):
        Kubernetes({"kubeconfig": mute}, "default")
    monkeypatch.setenv("SSL_CERT_FILE", str(cluster._write("ca.pem", cluster.ca)))
    client = Kubernetes({"kubeconfig": mute}, "default")
    if detached:
        client.detach()
    assert [item["metadata"]["name"] for item in client.find("v1", "Node")] == ["node-0"]
    with lists(mute) as found:
        assert found.get("/api/v1/nodes") == NODES["items"]


def test_another_authority_is_still_refused(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Cluster(tmp_path / "other")
    try:
        mistaken = cluster.kubeconfig(ca=other.ca)
        with pytest.raises(kubernetes.client.ApiException, match="certificate verify failed"), lists(mistaken) as found:
            found.get("/api/v1/nodes")
        with pytest.raises(KubernetesError, match="certificate verify failed"):
            Kubernetes({"kubeconfig": mistaken}, "default")
    finally:
        other.server.shutdown()
        other.server.server_close()


def test_another_name_is_still_refused(cluster: Cluster) -> None:
    mistaken = cluster.kubeconfig(host="localhost")
    with pytest.raises(kubernetes.client.ApiException, match="mismatch"), lists(mistaken) as found:
        found.get("/api/v1/nodes")


@pytest.mark.parametrize("name", ["hub_balancer", "hub_certificate", "hub_lock", "hub_release"])
def test_a_missing_client_is_said_in_words(name: str) -> None:
    """Each module in a process of its own, in which there is no Python package kubernetes."""
    folder = str(ROOT / ".collections")
    given = {"kubeconfig": "/nowhere", "namespace": "spaces", "name": "hub.invalid", "address": "127.0.0.1"}
    taken = {"hub_lock": ["kubeconfig", "name"], "hub_balancer": ["kubeconfig", "namespace"]}
    taken["hub_release"] = [*taken["hub_lock"], "namespace"]
    arguments = {"ANSIBLE_MODULE_ARGS": {key: given[key] for key in taken.get(name, given)}}
    program = (
        "import runpy, sys; from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder;"
        f"sys.path.insert(0, {folder!r}); _AnsibleCollectionFinder(paths=[{folder!r}])._install();"
        f"sys.modules['kubernetes'] = None; sys.argv = ['module', {json.dumps(arguments)!r}];"
        f"runpy.run_module('ansible_collections.stfc.jupyterhub.plugins.modules.{name}', run_name='__main__')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "the Python package kubernetes is missing for" in json.loads(ended.stdout)["msg"], ended.stderr
