"""Certificates and kubeconfigs."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from rehearsal.cluster.layout import ClusterDir
from rehearsal.cluster.pki import CLIENTS, OwnCA, make_pki
from rehearsal.settings import Settings


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> ClusterDir:
    place = ClusterDir(Settings.load(tmp_path_factory.mktemp("state")), "5dcaa89c-d048-498a-9e73-ee9ee4cfe5f4")
    place.make()
    place.write_facts(name="n", api_port=21220)
    authority = OwnCA("n")
    make_pki(place, authority.certificate, authority.key, authority.sign)
    return place


def test_everything_is_signed_by_the_given_authority(cluster: ClusterDir) -> None:
    authority = x509.load_pem_x509_certificate((cluster.pki / "ca.crt").read_bytes())
    for name in ("apiserver", "apiserver-kubelet-client", "kubelet"):
        x509.load_pem_x509_certificate((cluster.pki / f"{name}.crt").read_bytes()).verify_directly_issued_by(authority)


def test_api_server_is_known_by_its_addresses(cluster: ClusterDir) -> None:
    certificate = x509.load_pem_x509_certificate((cluster.pki / "apiserver.crt").read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"127.0.0.1", "10.88.0.1", "10.96.0.1"} <= {str(ip) for ip in names.get_values_for_type(x509.IPAddress)}
    assert "kubernetes.default.svc" in names.get_values_for_type(x509.DNSName)


@pytest.mark.parametrize("name", CLIENTS)
def test_kubeconfigs(cluster: ClusterDir, name: str) -> None:
    path = cluster.kubeconfig(name)
    config = json.loads(path.read_text())
    inside = config["clusters"][0]["cluster"]["server"]
    assert inside == ("https://127.0.0.1:21220" if name == "controller" else "https://10.88.0.1:6443")
    pem = base64.b64decode(config["users"][0]["user"]["client-certificate-data"])
    subject = x509.load_pem_x509_certificate(pem).subject
    user, group = CLIENTS[name]
    assert [item.value for item in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == [user]
    groups = [item.value for item in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    assert groups == ([group] if group else [])


def test_nothing_is_readable_by_others(cluster: ClusterDir) -> None:
    files: list[Path] = [*cluster.pki.iterdir(), *cluster.path.glob("*.kubeconfig")]
    assert len(files) > 10
    assert not [path for path in files if path.stat().st_mode & 0o077]
