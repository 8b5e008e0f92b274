"""Kubeconfigs: kept, renewed, never readable by others."""

from __future__ import annotations

import datetime
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum import kubeconfig
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.errors import MagnumError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NOW = datetime.datetime(2026, 6, 1, tzinfo=datetime.timezone.utc)
SERVER = "https://192.0.2.10:6443"
SUBJECT = ("admin", ["system:masters"])


class Authority:
    """A CA that signs requests, as Magnum does."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ca")])

    def sign(self, request: str, days: int = 365) -> str:
        csr = x509.load_pem_x509_csr(request.encode())
        builder = (
            x509.CertificateBuilder()
            .subject_name(csr.subject)
            .issuer_name(self.name)
            .public_key(csr.public_key())
            .serial_number(1)
            .not_valid_before(NOW)
            .not_valid_after(NOW + datetime.timedelta(days=days))
        )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def made(days: int = 365, user: str = "admin") -> tuple[str, str]:
    key, request = kubeconfig.new_request(user, ["system:masters"])
    certificate = Authority().sign(request, days)
    return kubeconfig.render("hub", SERVER, "CA\n", certificate, key, user), key


def reason(text: str, **changes: Any) -> str | None:
    given: dict[str, Any] = {"server": SERVER, "ca": " CA\n\n", "days": 30, "now": NOW, "subject": SUBJECT, **changes}
    return kubeconfig.reason_to_renew(kubeconfig.read(text), **given)


def test_one_that_fits_is_kept() -> None:
    assert reason(made()[0]) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"server": "https://192.0.2.11:6443"}, "names the server"),
        ({"ca": "OTHER"}, "another CA"),
        ({"now": NOW + datetime.timedelta(days=340)}, "ends on 2027-06-01"),
        ({"subject": ("viewer", ["system:masters"])}, "another user"),
        ({"subject": ("admin", ["viewers"])}, "another user or other groups"),
    ],
)
def test_one_that_does_not_fit_is_made_anew(changes: dict[str, Any], said: str) -> None:
    assert said in str(reason(made()[0], **changes))


@pytest.mark.parametrize("text", ["", "[]", "a: [", "current-context: x\ncontexts: []\n", "just words"])
def test_one_that_cannot_be_read_is_made_anew(text: str) -> None:
    assert kubeconfig.read(text) is None
    assert reason(text) == "there is none that can be read"


def test_nothing_secret_is_shown() -> None:
    text, key = made()
    shown = str(kubeconfig.masked(kubeconfig.read(text)))
    assert "2027-06-01" in shown
    assert not [line for line in key.splitlines()[1:-1] if line in shown]


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config"
    kubeconfig.write(str(path), "one")
    kubeconfig.write(str(path), "two")
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [p.name for p in path.parent.iterdir()] == ["config"]


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MagnumError, match="writing the kubeconfig"):
        kubeconfig.write(str(tmp_path / "file" / "config"), "text")


def test_a_server_that_does_not_answer_says_nothing_about_the_certificate() -> None:
    identity = kubeconfig.read(made()[0])
    assert identity is not None
    assert kubeconfig.authenticates(kubeconfig.Identity("http://192.0.2.1", "", "", "", 1)) is None
    assert kubeconfig.authenticates(identity, timeout=0.1) is False  # "CA" is no certificate
