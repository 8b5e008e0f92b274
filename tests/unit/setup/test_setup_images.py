"""The image table, and the program that stands in for the chart's image awaiter."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rehearsal.setup import image_awaiter, images, toolchains
from rehearsal.setup.cache import write_manifest
from rehearsal.setup.commands import SetupError
from rehearsal.setup.python_environments import COMPLETE

Api = tuple[str, list[int], list[tuple[str, str | None]]]


@pytest.fixture
def python(tmp_path: Path) -> Path:
    prefix = tmp_path / "python"
    for name in ("bin", "lib", "share"):
        (prefix / name).mkdir(parents=True)
    (prefix / "bin" / "python3.11").touch()
    return prefix / "bin" / "python3.11"


@pytest.fixture
def made(tmp_path: Path, python: Path) -> dict[str, Path]:
    folders = {name: tmp_path / "envs" / name for name in images.NEEDS}
    for folder in folders.values():
        folder.mkdir(parents=True)
        write_manifest(folder / COMPLETE, {"python": str(python)})
    return folders


@pytest.fixture
def binaries(tmp_path: Path) -> dict[str, Path]:
    return {name: tmp_path / "bin" / name for name in ("kube-scheduler", "kube-scheduler-1.30")}


@pytest.fixture
def table(made: dict[str, Path], binaries: dict[str, Path]) -> dict[str, dict[str, Any]]:
    awaiter, iptables = Path("/state/image-awaiter"), Path("/usr/sbin/xtables-nft-multi")
    return images.table(made, binaries, node=Path("/opt/node"), iptables=iptables, awaiter=awaiter)


def test_images_of_the_chart_are_there(table: dict[str, dict[str, Any]]) -> None:
    assert {
        "quay.io/jupyterhub/k8s-hub",
        "quay.io/jupyterhub/configurable-http-proxy",
        "quay.io/jupyter/scipy-notebook",
        "quay.io/jupyterhub/k8s-singleuser-sample",
        "quay.io/jupyterhub/k8s-network-tools",
        "quay.io/jupyterhub/k8s-image-awaiter",
        "quay.io/jupyterhub/k8s-secret-sync",
        "traefik",
        "registry.k8s.io/kube-scheduler",
        "registry.k8s.io/kube-scheduler:v1.30.14",
        "registry.k8s.io/pause",
    } <= set(table)


def test_keys_are_those_that_are_described(table: dict[str, dict[str, Any]]) -> None:
    described = {
        key.strip(",")
        for line in (images.__doc__ or "").splitlines()
        if line.startswith("    ")
        for key in line[4:18].split()
    }
    assert {key for entry in table.values() for key in entry} <= described


def test_schedulers_by_tag(table: dict[str, dict[str, Any]], binaries: dict[str, Path]) -> None:
    pinned, other = table["registry.k8s.io/kube-scheduler:v1.30.14"], table["registry.k8s.io/kube-scheduler"]
    assert list(pinned["binds"]) == [str(binaries["kube-scheduler-1.30"])]
    assert list(other["binds"]) == [str(binaries["kube-scheduler"])]
    assert "append" not in pinned
    assert other["append"] == ["--feature-gates=DynamicResourceAllocation=false"]


def test_environments_bring_their_python(table: dict[str, dict[str, Any]], made: dict[str, Path], python: Path) -> None:
    hub = table["quay.io/jupyterhub/k8s-hub"]
    prefix = python.parents[1]
    assert hub["paths"] == [str(made["hub"]), str(prefix / "bin"), str(prefix / "lib")]
    assert hub["env"]["PATH"].startswith(f"{made['hub']}/bin:")


def test_a_python_of_usr_is_there_already(made: dict[str, Path]) -> None:
    write_manifest(made["hub"] / COMPLETE, {"python": "/usr/bin/python-of-no-machine"})
    assert images.python_paths(made["hub"]) == []


def test_without_iptables_its_image_is_played(made: dict[str, Path], binaries: dict[str, Path]) -> None:
    table = images.table(made, binaries, node=Path("/opt/node"), iptables=None, awaiter=Path("/a"))
    assert "quay.io/jupyterhub/k8s-network-tools" not in table


def test_incomplete_environment_is_named(made: dict[str, Path], binaries: dict[str, Path]) -> None:
    (made["notebook"] / COMPLETE).unlink()
    with pytest.raises(SetupError, match=str(made["notebook"])):
        images.table(made, binaries, node=Path("/opt/node"), iptables=None, awaiter=Path("/a"))


def test_file_is_written_once(
    made: dict[str, Path], binaries: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: Path
) -> None:
    monkeypatch.setattr(toolchains, "find_node", lambda: toolchains.Node(Path("/opt/node"), Path("/opt/npm")))
    path = images.write(tmp_path / "state", made, binaries)
    entries = json.loads(path.read_text())
    awaiter = next(iter(entries["quay.io/jupyterhub/k8s-image-awaiter"]["binds"]))
    assert Path(awaiter).read_text().startswith(f"#!{python}\n")
    assert Path(awaiter).stat().st_mode & 0o777 == 0o755
    before = path.stat().st_mtime_ns, path.stat().st_ino
    images.write(tmp_path / "state", made, binaries)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


# The image awaiter


@pytest.mark.parametrize(
    ("have", "current", "desired", "strict", "ready"),
    [
        (3, 3, 3, True, True),
        (2, 2, 3, True, False),  # one node has no room for its puller yet
        (2, 2, 3, False, True),  # waited long enough for that
        (1, 2, 3, False, False),
        (0, 0, 0, True, True),
    ],
)
def test_rule_of_the_image_awaiter(have: int, current: int, desired: int, strict: bool, ready: bool) -> None:
    status = {"numberReady": have, "currentNumberScheduled": current, "desiredNumberScheduled": desired}
    assert image_awaiter.ready(status, strict) is ready


@pytest.fixture
def api() -> Iterator[Api]:
    """An API with one DaemonSet of two pods: its address, how many are ready at each look, the requests."""
    answers: list[int] = []
    requests: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append((self.path, self.headers["Authorization"]))
            if not answers:
                self.send_error(403)
                return
            status = {"numberReady": answers.pop(0), "currentNumberScheduled": 2, "desiredNumberScheduled": 2}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"kind": "DaemonSet", "status": status}).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", answers, requests
    server.shutdown()
    server.server_close()


def run_awaiter(address: str, token: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(image_awaiter.time, "sleep", lambda _: None)
    monkeypatch.setattr(image_awaiter.ssl, "create_default_context", lambda **_: None)
    arguments = [f"-auth-token-path={token}", f"-api-server-address={address}", "-namespace=jhub", "-daemonset=puller"]
    monkeypatch.setattr("sys.argv", ["image-awaiter", *arguments, "-pod-scheduling-wait-duration=10"])
    return image_awaiter.main()


def test_awaiter_waits_for_the_pullers(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address, answers, requests = api
    answers.extend([0, 1, 2])
    token = tmp_path / "token"
    token.write_text("secret\n")
    assert run_awaiter(address, token, monkeypatch) == 0
    assert requests == [("/apis/apps/v1/namespaces/jhub/daemonsets/puller", "Bearer secret")] * 3


def test_awaiter_fails_when_it_may_not_look(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    token = tmp_path / "token"
    token.write_text("secret")
    assert run_awaiter(api[0], token, monkeypatch) == 1
    said = capsys.readouterr().err
    assert "403" in said
    assert "secret" not in said
