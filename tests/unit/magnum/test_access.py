"""What ``coe_kubeconfig`` keeps, writes, mends and replaces."""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum import access, kubeconfig
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.access import KubeconfigModule
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.client import Magnum
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.errors import CloudTooOldError, MagnumError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.progress import Progress
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.waiter import Waiter
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .fakes import Answer, Clock, Proxy, error

Json = dict[str, Any]

UUID = "6d0c4b3a-19f5-4d3b-8a7e-6a4f1f0f6c11"
NOW = datetime.datetime.now(datetime.timezone.utc)


class Authority:
    """A CA as Magnum keeps one for each cluster."""

    def __init__(self, days: int = 1800) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub")])
        self._days = days
        self.pem = self._sign(self._name, self._key.public_key())

    def sign(self, request: str) -> str:
        csr = x509.load_pem_x509_csr(request.encode())
        return self._sign(csr.subject, csr.public_key())

    def _sign(self, subject: x509.Name, key: Any) -> str:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(NOW - datetime.timedelta(days=1))
        builder = builder.not_valid_after(NOW + datetime.timedelta(days=self._days))
        made = builder.sign(self._key, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM).decode()


class Cloud:
    """Magnum with one cluster, whose CA can be replaced. ``rotation`` is what it answers to that."""

    def __init__(self) -> None:
        self.authority = Authority()
        self.template: Json = {"uuid": "t", "driver": "rehearsal"}
        self.cluster: Json | None = {
            "uuid": UUID,
            "name": "hub",
            "status": "CREATE_COMPLETE",
            "api_address": "https://203.0.113.10:6443",
            "cluster_template_id": "t",
            "user_id": "u-owner",
        }
        self.rotation = Answer(202, {"uuid": UUID})
        self.rotates = True
        self.owned = True
        self.rotations = 0

    def __call__(self, method: str, path: str, body: Any) -> Answer:
        if path.startswith("/clustertemplates/"):
            return Answer(200, self.template)
        if path.endswith("/nodegroups"):
            return Answer(200, {"nodegroups": []})
        if path.startswith("/clusters/"):
            return Answer(200, self.cluster) if self.cluster else error(404, "no such cluster")
        if not self.owned:
            return error(403, "Policy doesn't allow certificate:get to be performed.")
        if method == "POST":
            return Answer(201, {"pem": self.authority.sign(body["csr"])})
        if method == "PATCH":
            self.rotations += 1
            if self.rotates:
                self.authority = Authority()
                assert self.cluster is not None
                self.cluster["updated_at"] = str(self.rotations)
            return self.rotation
        return Answer(200, {"pem": self.authority.pem})


class Module(KubeconfigModule):
    """Without Ansible and without a connection."""

    def __init__(self, cloud: Cloud, path: Path, newest: str = "1.14", **params: Any) -> None:
        self.clock = Clock()
        self.magnum = Magnum(Proxy(cloud, newest), sleep=self.clock.sleep, clock=self.clock)
        self.check_mode = params.pop("check_mode", False)
        self.progress = Progress()
        self.warnings: list[str] = []
        self.warn = self.warnings.append
        self.params = {
            "cluster": "hub",
            "path": str(path),
            "state": "present",
            "user": "admin",
            "groups": ["system:masters"],
            "days_left": 30,
            "check_api": True,
            "replace_ca": None,
            "wait": True,
            "timeout": 60,
            **params,
        }

    def waiter(self, uuid: str, name: str) -> Waiter:
        return Waiter(self.magnum, uuid, name, 60, self.progress, sleep=self.clock.sleep, clock=self.clock)


@pytest.fixture(autouse=True)
def api_server(monkeypatch: pytest.MonkeyPatch) -> list[bool | None]:
    """What the API server says of a client: the first answer, then the next, the last one for ever."""
    answers: list[bool | None] = [True]
    monkeypatch.setattr(kubeconfig, "authenticates", lambda _f: answers.pop(0) if len(answers) > 1 else answers[0])
    monkeypatch.setattr(access, "API_POLL", 0.0)
    return answers


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def path(tmp_path: Path, cloud: Cloud) -> Path:
    """A kubeconfig that was just written."""
    file = tmp_path / "kube" / "config"
    assert Module(cloud, file).act()["changed"]
    return file


def test_a_good_one_is_kept(cloud: Cloud, path: Path) -> None:
    before = path.read_text()
    result = Module(cloud, path).act()
    assert (result["changed"], result["actions"], result["reason"]) == (False, [], None)
    assert result["diff"]["before"] == result["diff"]["after"]
    assert path.read_text() == before
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_mode_that_somebody_changed_is_set_back(cloud: Cloud, path: Path) -> None:
    path.chmod(0o644)
    foreseen = Module(cloud, path, check_mode=True).act()
    assert (foreseen["changed"], foreseen["reason"]) == (True, "its mode was 0644")
    assert path.stat().st_mode & 0o777 == 0o644
    before = path.read_text()
    assert Module(cloud, path).act()["actions"] == [f"set the mode of {path} to 0600"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == before
    assert not Module(cloud, path).act()["changed"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"days_left": 2000}, "ends on"), ({"user": "other"}, "another user"), ({"groups": ["viewers"]}, "other groups")],
)
def test_a_new_one_is_signed(cloud: Cloud, path: Path, changes: Json, reason: str) -> None:
    before = path.read_text()
    assert reason in Module(cloud, path, check_mode=True, **changes).act()["reason"]
    assert path.read_text() == before
    result = Module(cloud, path, **changes).act()
    assert result["changed"]
    assert reason in result["reason"]
    assert path.read_text() != before
    assert "PRIVATE KEY" not in str(result)


def test_one_that_the_api_server_does_not_know_is_signed_anew(
    cloud: Cloud, path: Path, api_server: list[bool | None]
) -> None:
    api_server[:] = [False, True]
    result = Module(cloud, path).act()
    assert result["reason"] == "the API server does not know its certificate"
    assert result["reachable"] is True


def test_who_did_not_make_the_cluster_keeps_what_works(cloud: Cloud, path: Path, api_server: list[bool | None]) -> None:
    """Magnum answers 403 to everybody else's look at the CA."""
    cloud.owned = False
    before = path.read_text()
    module = Module(cloud, path)
    result = module.act()
    assert (result["changed"], result["reachable"], path.read_text()) == (False, True, before)
    assert "which only the user u-owner may read" in module.warnings[0]
    path.chmod(0o640)
    assert Module(cloud, path).act()["actions"] == [f"set the mode of {path} to 0600"]
    for replacing in ({}, {"replace_ca": kubeconfig.fingerprint(cloud.authority.pem)}):
        if not replacing:
            api_server[:] = [False]
        with pytest.raises(MagnumError) as raised:
            Module(cloud, path, **replacing).act()
        assert "was made by the user u-owner" in str(raised.value)
        assert f"copy the kubeconfig that a run of that user wrote to {path}" in str(raised.value)
    path.unlink()
    with pytest.raises(MagnumError, match="no kubeconfig that works"):
        Module(cloud, path).act()


@pytest.mark.parametrize("case", ["kept", "mode", "another CA", "gone", "not known", "out of reach", "not ours"])
def test_what_only_looks_says_the_same_as_what_mends(
    cloud: Cloud, path: Path, api_server: list[bool | None], case: str
) -> None:
    if case == "mode":
        path.chmod(0o640)
    elif case == "another CA":
        cloud.authority = Authority()
    elif case == "gone":
        path.unlink()
    elif case == "not ours":
        path.write_text("somebody: else")
    else:
        api_server[:] = [{"not known": False, "out of reach": None}.get(case, True)]
    assert cloud.cluster is not None
    address, ca = cloud.cluster["api_address"], cloud.authority.pem
    looked = kubeconfig.reason_to_touch(str(path), kubeconfig.found_at(str(path)), address, ca)
    assert looked == Module(cloud, path).act()["reason"]
    assert (looked is None) is (case in ("kept", "out of reach"))


def test_one_that_cannot_be_checked_is_kept_with_a_warning(
    cloud: Cloud, path: Path, api_server: list[bool | None]
) -> None:
    api_server[:] = [None]
    module = Module(cloud, path)
    assert not module.act()["changed"]
    assert "cannot be reached" in module.warnings[0]


def test_the_ca_is_replaced_once(cloud: Cloud, path: Path, api_server: list[bool | None]) -> None:
    old = Module(cloud, path).act()["ca"]["fingerprint"]
    shown = "SHA256 Fingerprint=" + ":".join(old[i : i + 2] for i in range(0, 64, 2)).upper()

    foreseen = Module(cloud, path, replace_ca=shown, check_mode=True).act()
    assert foreseen["actions"] == ["replace the CA of cluster hub", f"write the kubeconfig {path}"]
    assert cloud.rotations == 0

    api_server[:] = [None, False, True]  # it gets its new certificates
    result = Module(cloud, path, replace_ca=shown).act()
    assert result["actions"] == foreseen["actions"]
    assert result["ca"]["fingerprint"] not in (None, old)
    assert (result["reachable"], cloud.rotations) == (True, 1)
    found = kubeconfig.read(path.read_text())
    assert found is not None
    assert kubeconfig.same_ca(found.ca, cloud.authority.pem)

    again = Module(cloud, path, replace_ca=shown).act()
    assert (again["changed"], cloud.rotations) == (False, 1)


def test_a_ca_that_somebody_else_replaced_makes_a_new_kubeconfig(cloud: Cloud, path: Path) -> None:
    cloud.authority = Authority()
    assert Module(cloud, path).act()["reason"] == "the cluster has another CA"
    assert not Module(cloud, path).act()["changed"]


def test_an_answer_that_was_lost_is_no_second_rotation(cloud: Cloud, path: Path) -> None:
    old = Module(cloud, path).act()["ca"]["fingerprint"]
    cloud.rotation = error(500, "the conductor did not answer in time")
    assert Module(cloud, path, replace_ca=old).act()["changed"]
    assert cloud.rotations == 1


def test_a_rotation_that_did_not_happen_is_an_error(cloud: Cloud, path: Path) -> None:
    old = Module(cloud, path).act()["ca"]["fingerprint"]
    cloud.rotates, cloud.rotation = False, error(500, "out of order")
    with pytest.raises(MagnumError, match="replacing the CA of cluster hub: Magnum answered 500: out of order"):
        Module(cloud, path, replace_ca=old).act()


@pytest.mark.parametrize("driver", ["k8s_capi_helm_v1", "k8s_cluster_api_ubuntu"])
def test_a_driver_that_leaves_the_cluster_with_the_old_ca_is_not_asked(cloud: Cloud, path: Path, driver: str) -> None:
    old = Module(cloud, path).act()["ca"]["fingerprint"]
    cloud.template["driver"] = driver
    with pytest.raises(MagnumError, match="sign with a CA that the cluster does not know"):
        Module(cloud, path, replace_ca=old, check_mode=True).act()
    assert cloud.rotations == 0


def test_what_else_stands_against_a_rotation(cloud: Cloud, path: Path) -> None:
    with pytest.raises(MagnumError, match="no SHA-256 fingerprint"):
        Module(cloud, path, replace_ca="true").act()
    old = Module(cloud, path).act()["ca"]["fingerprint"]
    with pytest.raises(CloudTooOldError, match="Ocata"):
        Module(cloud, path, newest="1.4", replace_ca=old).act()
    cloud.template["tls_disabled"] = True
    with pytest.raises(MagnumError, match="without TLS"):
        Module(cloud, path, replace_ca=old).act()


def test_the_end_of_a_ca_is_told(cloud: Cloud, path: Path) -> None:
    cloud.authority = Authority(days=5)
    module = Module(cloud, path, days_left=10)
    module.act()
    assert "and every kubeconfig with it" in module.warnings[0]


def test_without_a_cluster(cloud: Cloud, tmp_path: Path) -> None:
    cloud.cluster = None
    module = Module(cloud, tmp_path / "config", check_mode=True)
    result = module.act()
    assert (result["changed"], result["server"]) == (True, None)
    assert "there is no cluster hub" in module.warnings[0]
    with pytest.raises(MagnumError, match="there is no cluster hub"):
        Module(cloud, tmp_path / "config").act()


def test_removing_it(cloud: Cloud, path: Path) -> None:
    other = Module(cloud, path, cluster="another", state="absent")
    assert not other.act()["changed"]
    assert "is for the cluster hub" in other.warnings[0]
    assert Module(cloud, path, state="absent", check_mode=True).act()["changed"]
    assert path.exists()
    assert Module(cloud, path, state="absent").act()["actions"] == [f"remove the kubeconfig {path}"]
    assert not os.path.exists(path)
    assert not Module(cloud, path, state="absent").act()["changed"]
