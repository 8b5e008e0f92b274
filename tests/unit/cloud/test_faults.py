"""Faults: which request is hit, what it is answered, and that it is taken back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from rehearsal import cli
from rehearsal.cloud import faults
from rehearsal.cloud.fault_injection import ConnectionCutError, FaultInjection, error_body
from rehearsal.cloud.faults import Fault
from rehearsal.settings import Settings
from tests.support.faults import capped, fault


class Site:
    """An application behind the middleware, and what it was asked."""

    def __init__(self, state: Path, service: str = "magnum", pid_of: Callable[[str], int | None] = lambda _: None):
        self.asked: list[str] = []
        self.injection = FaultInjection(self.application, service, state, pid_of)

    def application(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.asked.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        body = b'{"versions": [{"max_version": "1.14"}]}'
        headers = [("Content-Length", str(len(body))), ("OpenStack-API-Maximum-Version", "container-infra 1.14")]
        start_response("200 OK", headers)
        return [body]

    def ask(self, method: str, path: str, token: str = "t", version: str = "") -> tuple[int, Any, dict[str, str]]:
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", "HTTP_X_AUTH_TOKEN": token}
        if version:
            environ["HTTP_OPENSTACK_API_VERSION"] = f"container-infra {version}"
        got: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]]) -> None:
            got.update(status=int(status.split()[0]), headers=dict(headers))

        body = b"".join(self.injection(environ, start))
        assert int(got["headers"]["Content-Length"]) == len(body)
        kind = got["headers"].get("Content-Type", "application/json")
        return got["status"], json.loads(body) if kind == "application/json" else body.decode(), got["headers"]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    Settings.load(tmp_path / "state")
    return tmp_path / "state"


def test_nothing_is_touched_without_a_fault(state: Path) -> None:
    assert Site(state).ask("POST", "/v1/clusters")[0] == 200
    assert not (state / "faults").exists()


def test_only_the_requests_that_are_meant_are_hit(state: Path) -> None:
    site = Site(state)
    with fault(state, "magnum", "POST", "^/v1/clusters$", status=500, message="oops", after=1, times=2) as rule:
        others = [
            site.ask("GET", "/v1/clusters"),
            site.ask("POST", "/v1/clusters/x"),
            Site(state, "nova").ask("POST", "/"),
        ]
        assert [status for status, *_other in others] == [200, 200, 200]
        assert [site.ask("POST", "/v1/clusters")[0] for _other in range(4)] == [200, 500, 500, 200]
        assert rule.hits() == 2
    assert rule.hits() == 0
    assert site.ask("POST", "/v1/clusters")[0] == 200


def test_a_late_fault_strikes_after_the_deed(state: Path) -> None:
    site = Site(state)
    with fault(state, "magnum", "POST", status=500, message="oops", late=True):
        status, body, _other = site.ask("POST", "/v1/clusters")
    assert (status, body["errors"][0]["detail"]) == (500, "oops")
    assert site.asked == ["POST /v1/clusters"]
    with fault(state, "magnum", "POST", status=503, message="<h1>503</h1>"):
        assert site.ask("POST", "/v1/clusters")[:2] == (503, "<h1>503</h1>")
    assert len(site.asked) == 1


def test_a_token_that_expires_is_refused_until_there_is_another(state: Path) -> None:
    site = Site(state)
    with fault(state, "magnum", path="/clusters/", expire=True) as rule:
        assert site.ask("GET", "/v1/clusters/x", "old")[0] == 401
        assert site.ask("GET", "/v1/clusters", "old")[0] == 401
        assert site.ask("GET", "/v1/clusters/x", "new")[0] == 200
        assert rule.hits() == 1


def test_a_cap_is_offered_and_kept(state: Path) -> None:
    site = Site(state)
    with capped(state, "1.9"):
        status, body, headers = site.ask("GET", "/", version="1.9")
        assert (status, headers["OpenStack-API-Maximum-Version"]) == (200, "container-infra 1.9")
        assert body["versions"][0]["max_version"] == "1.9"
        status, body, headers = site.ask("GET", "/v1/clusters", version="1.10")
        assert status == 406
        assert headers["OpenStack-API-Maximum-Version"].endswith(" 1.9")
        assert body["errors"][0]["detail"].startswith("Version 1.10 was requested but")
        with fault(state, "magnum", status=500):
            assert [site.ask("GET", "/v1/clusters")[0] for _other in range(2)] == [500, 200]
    assert site.ask("GET", "/v1/", version="1.10")[2]["OpenStack-API-Maximum-Version"] == "container-infra 1.14"


def test_a_connection_is_cut_before_or_after_the_deed(state: Path) -> None:
    site = Site(state)
    for late in (False, True):
        with fault(state, "magnum", reset=True, late=late), pytest.raises(ConnectionCutError):
            site.ask("POST", "/v1/clusters")
    assert len(site.asked) == 1


def test_a_process_is_killed(state: Path) -> None:
    victim = subprocess.Popen(["sleep", "60"])
    site = Site(state, "keystone", {"magnum": victim.pid}.get)
    with fault(state, "keystone", kill="magnum", late=True):
        assert site.ask("POST", "/v3/x")[0] == 200
    assert victim.wait(5) == -signal.SIGKILL


@pytest.mark.parametrize("service", ["keystone", "nova", "neutron", "octavia", "placement"])
def test_errors_are_written_as_the_service_does(service: str) -> None:
    assert "no more" in json.dumps(error_body(service, 403, "no more"))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            Fault("magnun", status=500),
            "there is no service magnun; choose one of: cinder, designate, glance, keystone, magnum",
        ),
        (Fault("magnum"), "given: none"),
        (Fault("magnum", status=500, reset=True), "given: status, reset"),
        (Fault("magnum", status=200), "status 200 is no error"),
        (Fault("magnum", path="(", status=500), r"path \( is no regular expression"),
        (Fault("nova", cap="1.9"), "only magnum has one"),
        (Fault("nova", kill="placement"), "no process placement to kill"),
        (Fault("nova", status=500, times=-1), "not below zero"),
    ],
)
def test_what_cannot_be_is_refused(state: Path, wrong: Fault, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        faults.add(state, wrong)
    assert faults.listed(state) == []


def test_the_commands(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*words: str) -> Any:
        assert cli.main(["--state", str(state), "faults", *words]) == 0
        return json.loads(capsys.readouterr().out)

    assert run("list") == {"changed": False, "faults": []}
    assert run("add", "magnum", "--method", "POST", "--status", "503", "--times", "0") == {
        "changed": True,
        "id": "0001",
    }
    assert run("add", "magnum", "--cap", "1.9")["id"] == "0002"
    Site(state).ask("POST", "/v1/clusters")
    assert run("list")["faults"] == [
        {"id": "0001", "hits": 1, "service": "magnum", "method": "POST", "status": 503, "times": 0},
        {"id": "0002", "hits": 0, "service": "magnum", "cap": "1.9"},
    ]
    assert run("clear", "0001") == {"changed": True, "cleared": 1}
    assert run("clear") == {"changed": True, "cleared": 1}
    assert os.listdir(state / "faults") == []
    assert cli.main(["--state", str(state), "faults", "clear", "0009"]) == 1
    assert "there is no fault 0009" in capsys.readouterr().err
    assert cli.main(["--state", str(state), "faults", "add", "magnum"]) == 1
    assert "given: none" in capsys.readouterr().err


def test_there_is_nothing_to_break_without_a_rehearsal(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--state", str(tmp_path / "none"), "faults", "list"])
