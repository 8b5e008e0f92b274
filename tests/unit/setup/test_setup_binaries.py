"""Where programs come from, in which order, and when the cache is good enough."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import threading
import urllib.error
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rehearsal.setup import __main__ as command
from rehearsal.setup import binaries, programs, sources, toolchains
from rehearsal.setup.commands import SetupError
from rehearsal.setup.programs import Program

KUBECTL = "kubectl"

Served = tuple[str, dict[str, bytes], list[str]]


def script(path: Path, output: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def no_sources(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All sources empty; what they were asked for, in order."""
    asked: list[str] = []

    def nothing(source: str) -> Callable[..., None]:
        return lambda program, *_: asked.append(f"{source} {program.name}")

    monkeypatch.setattr(sources, "on_this_machine", nothing("machine"))
    monkeypatch.setattr(sources.Publisher, "fetch", lambda _self, program, *_: nothing("publisher")(program))

    def build(group: list[Program], folder: Path, go: Path) -> dict[str, Path]:
        asked.extend(f"build {program.name}" for program in group)
        return {program.name: script(folder / program.name, program.version) for program in group}

    monkeypatch.setattr(sources, "build", build)
    monkeypatch.setattr(toolchains, "go", lambda _: Path("go"))
    return asked


# The table


def required_by(module: Path) -> dict[str, str]:
    """The versions that a ``go.mod`` requires."""
    text = (module / "go.mod").read_text()
    lines = [line.split("//")[0].removeprefix("require").split() for line in text.splitlines()]
    return {line[0]: line[1] for line in lines if len(line) == 2 and line[1].startswith("v")}


def test_versions_of_the_table_are_those_of_the_go_modules() -> None:
    for program in programs.all_programs().values():
        module = (program.module / "go.mod").read_text()
        # k8s.io/kubernetes, sigs.k8s.io/kwok, …: the requirement that the package belongs to.
        required = required_by(program.module)
        owners = {path: version for path, version in required.items() if f"{program.package}/".startswith(f"{path}/")}
        assert owners[max(owners, key=len)] == program.version, program.name
        assert f"tool {program.package}\n" in module or f"\t{program.package}\n" in module


def test_what_the_modules_share_is_compiled_once() -> None:
    table = programs.all_programs()
    older, newer = required_by(table["kube-scheduler-1.30"].module), required_by(table["kubectl"].module)
    other = {path for path in older.keys() & newer.keys() if older[path] != newer[path]}
    kubernetes = {
        path for path in other if path.startswith("k8s.io/") and path not in ("k8s.io/klog/v2", "k8s.io/utils")
    }
    instrumentation = "go.opentelemetry.io/contrib/instrumentation"
    assert other - kubernetes == {
        "github.com/google/cel-go",
        "github.com/google/gnostic-models",
        "go.etcd.io/etcd/api/v3",
        "go.etcd.io/etcd/client/pkg/v3",
        "go.etcd.io/etcd/client/v3",
        f"{instrumentation}/google.golang.org/grpc/otelgrpc",
        f"{instrumentation}/net/http/otelhttp",
    }


def test_templates_are_filled_in() -> None:
    table = programs.read(json.loads(programs.TABLE.read_text()), "arm64")
    assert not [p for p in table.values() if "{" in p.archive + p.checksum + "".join(p.ldflags) + (p.member or "")]
    scheduler = table["kube-scheduler-1.30"]
    assert scheduler.archive == "https://dl.k8s.io/release/v1.30.14/bin/linux/arm64/kube-scheduler"
    assert scheduler.minor == (1, 30)
    assert scheduler.key == "kube-scheduler-1.30-v1.30.14-linux-arm64"
    assert "-X=k8s.io/component-base/version.gitMinor=30" in scheduler.ldflags
    assert table["etcd"].built_as == "server"  # .../server/v3: the last element is a major version
    assert table["helm"].built_as == "helm"


def test_pinned_checksum_belongs_to_one_download() -> None:
    entry = {
        "version": "v1.2.3",
        "module": "m",
        "archive": "https://example.org/{file}-{arch}",
        "checksum": "https://example.org/sums",
        "sha256": {"https://example.org/a-amd64": "ab" * 32},
        "programs": {"a": {"package": "p/a"}, "b": {"package": "p/b"}},
    }
    table = programs.read({"g": entry}, "amd64")
    assert table["a"].sha256 == "ab" * 32
    assert table["b"].sha256 is None


def test_unknown_program_is_named_with_the_known_ones() -> None:
    with pytest.raises(SetupError, match=r"kubeclt; there are .*kubectl"):
        programs.chosen(["kubeclt"])


# On this machine


@pytest.mark.parametrize(
    ("version", "taken"),
    [("Client Version: v1.34.4", True), ("v1.34.9", True), ("v1.33.4", False), ("v11.34.4", False), ("none", False)],
)
def test_only_the_pinned_minor_version_is_taken(
    version: str, taken: bool, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = script(tmp_path / "bin" / KUBECTL, version)
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setenv("PATH", f"{own.parent}:/usr/bin:/bin")
    found = sources.on_this_machine(programs.all_programs()[KUBECTL])
    assert found == (own if taken else None)


def test_assets_come_before_path(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assets = script(tmp_path / "assets" / KUBECTL, "v1.34.1")
    other = script(tmp_path / "bin" / KUBECTL, "v1.34.2")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets.parent))
    monkeypatch.setenv("PATH", f"{other.parent}:/usr/bin:/bin")
    assert sources.on_this_machine(programs.all_programs()[KUBECTL]) == assets
    script(assets, "v1.31.0")  # wrong version: on to PATH
    assert sources.on_this_machine(programs.all_programs()[KUBECTL]) == other


def test_our_own_cache_on_path_is_not_this_machines(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = script(cache / "bin" / "path-1" / KUBECTL, "v1.34.4")
    monkeypatch.setenv("PATH", f"{own.parent}:/usr/bin:/bin")
    assert sources.on_this_machine(programs.all_programs()[KUBECTL]) is None


def test_a_program_that_fails_tells_no_version(tmp_path: Path) -> None:
    broken = script(tmp_path / "broken", "v1.34.4")
    broken.write_text("#!/bin/sh\necho v1.34.4\nexit 3\n")
    assert sources.version_of(broken, ["--version"]) is None
    assert sources.version_of(tmp_path / "absent", ["--version"]) is None


# From the publisher


@pytest.fixture
def publisher() -> Iterator[Served]:
    """A publisher on this machine: its address, its files by path, the requests that it got."""
    files: dict[str, bytes] = {}
    requests: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(f"{self.command} {self.path}")
            body = files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body or b"")

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", files, requests
    server.shutdown()
    server.server_close()


def published(address: str, **more: object) -> Program:
    entry = {
        "version": "v1.2.3",
        "module": "m",
        "archive": address + "/{file}.tar.gz",
        "checksum": address + "/{file}.sums",
        "programs": {"tool": {"package": "p/tool", "member": "linux-{arch}/tool"}},
        **more,
    }
    return programs.read({"g": entry}, "amd64")["tool"]


def tarball(member: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe speaks https; the publisher of these tests does not."""
    monkeypatch.setattr(sources, "_answers", lambda _: True)


def test_download_is_unpacked(publisher: Served, tmp_path: Path, told: list[str], reachable: None) -> None:
    address, files, _log = publisher
    files["/tool.tar.gz"] = tarball("linux-amd64/tool", b"#!/bin/sh\n")
    files["/tool.sums"] = f"{hashlib.sha256(files['/tool.tar.gz']).hexdigest()}  tool.tar.gz\n".encode()
    path = sources.Publisher().fetch(published(address), tmp_path, told.append)
    assert path == tmp_path / "tool"
    assert path.read_bytes() == b"#!/bin/sh\n"
    assert os.access(path, os.X_OK)
    assert [entry.name for entry in tmp_path.iterdir()] == ["tool"]


def test_wrong_checksum_stops_the_setup(publisher: Served, tmp_path: Path, told: list[str], reachable: None) -> None:
    address, files, _log = publisher
    files["/tool.tar.gz"] = tarball("linux-amd64/tool", b"changed on the way")
    files["/tool.sums"] = b"0" * 64 + b"  tool.tar.gz\n"
    with pytest.raises(SetupError, match="Nothing was installed"):
        sources.Publisher().fetch(published(address), tmp_path, told.append)
    assert not (tmp_path / "tool").exists()


def test_pinned_checksum_is_not_asked_for(publisher: Served, tmp_path: Path, told: list[str], reachable: None) -> None:
    address, files, requests = publisher
    files["/tool.tar.gz"] = tarball("linux-amd64/tool", b"x")
    pinned = {f"{address}/tool.tar.gz": hashlib.sha256(files["/tool.tar.gz"]).hexdigest()}
    assert sources.Publisher().fetch(published(address, sha256=pinned), tmp_path, told.append)
    assert requests == ["GET /tool.tar.gz"]


@pytest.mark.parametrize("sums", [None, b"0" * 64 + b"  other.tar.gz\n"], ids=["no file", "not in it"])
def test_without_a_checksum_nothing_is_used(
    sums: bytes | None, publisher: Served, tmp_path: Path, told: list[str], reachable: None
) -> None:
    address, files, requests = publisher
    files["/tool.tar.gz"] = tarball("linux-amd64/tool", b"x")
    if sums:
        files["/tool.sums"] = sums
    assert sources.Publisher().fetch(published(address), tmp_path, told.append) is None
    assert requests == ["GET /tool.sums"]
    assert "next source" in told[-1]


def test_a_silent_host_is_asked_once(tmp_path: Path, told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def silent(url: str) -> bool:
        asked.append(url)
        return False

    monkeypatch.setattr(sources, "_answers", silent)
    source = sources.Publisher()
    for program in programs.all_programs().values():
        assert source.fetch(program, tmp_path, told.append) is None
    assert len(asked) == len(set(asked))
    assert "https://dl.k8s.io/" in asked


def test_any_answer_means_reachable(publisher: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    address, *_others = publisher  # which has no /: 404
    assert sources._answers(address + "/")
    monkeypatch.setattr(sources, "CONNECT", 0.5)
    assert not sources._answers("http://127.0.0.1:1/")


@pytest.mark.parametrize(
    ("text", "checksum"),
    [
        ("ab" * 32, "ab" * 32),
        ("ab" * 32 + "\n", "ab" * 32),
        ("cd" * 32 + "  other\n" + "ab" * 32 + "  tool\n", "ab" * 32),
        ("ab" * 32 + " *tool\n", "ab" * 32),
        ("cd" * 32 + "  tool.sig\n", None),
        ("<html>not found</html>", None),
        ("", None),
        (json.dumps({"assets": [{"name": "tool", "digest": "sha256:" + "ab" * 32}]}), "ab" * 32),
        (json.dumps({"assets": [{"name": "tool", "digest": None}]}), None),
        (json.dumps({"message": "rate limit"}), None),
    ],
)
def test_checksums_as_publishers_write_them(text: str, checksum: str | None) -> None:
    assert sources.find_checksum(text, "tool") == checksum


def test_a_failing_download_goes_on_to_the_next_source(
    tmp_path: Path, told: list[str], reachable: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise urllib.error.URLError("connection reset")

    monkeypatch.setattr(sources.urllib.request, "urlopen", fail)
    assert sources.Publisher().fetch(published("http://example.org"), tmp_path, told.append) is None


# Order and cache


def test_sources_are_asked_in_order_and_built_by_group(cache: Path, told: list[str], no_sources: list[str]) -> None:
    found = binaries.ensure(["kubectl", "kube-proxy"], told.append)
    assert no_sources == [
        "machine kubectl", "publisher kubectl", "machine kube-proxy", "publisher kube-proxy",
        "build kubectl", "build kube-proxy",
    ]  # fmt: skip
    assert found["kubectl"].parent == found["kube-proxy"].parent == cache / "bin" / found["kubectl"].parent.name
    assert sum("..." in line for line in told) == 1  # one build for both


def test_what_is_cached_is_not_made_again(cache: Path, told: list[str], no_sources: list[str]) -> None:
    first = binaries.ensure(["helm"], told.append)
    no_sources.clear()
    told.clear()
    assert binaries.ensure(["helm"], told.append) == first
    assert binaries.find("helm") == first["helm"]
    assert not no_sources
    assert not told


def test_manifest_tells_where_a_program_is_from(cache: Path, told: list[str], no_sources: list[str]) -> None:
    path = binaries.ensure(["helm"], told.append)["helm"]
    manifest = json.loads((path.parent / ".helm.json").read_text())
    assert manifest["source"] == "build"
    assert manifest["version"] == "v3.19.5"
    assert manifest["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_another_recipe_is_built_again(
    cache: Path, told: list[str], no_sources: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    binaries.ensure(["helm"], told.append)
    table = json.loads(programs.TABLE.read_text())
    table["helm"]["variables"]["helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor"] = "35"
    changed = programs.read(table, programs.architecture())
    monkeypatch.setattr(binaries, "all_programs", lambda: changed)
    monkeypatch.setattr(programs, "all_programs", lambda: changed)
    assert binaries.find("helm") is None
    binaries.ensure(["helm"], told.append)
    assert no_sources.count("build helm") == 2
    assert binaries.find("helm")


def test_recipe_follows_the_linker_flags() -> None:
    table = json.loads(programs.TABLE.read_text())
    before = programs.read(table, "amd64")["helm"].recipe
    table["helm"]["variables"]["helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor"] = "35"
    assert programs.read(table, "amd64")["helm"].recipe != before


def test_half_made_or_damaged_programs_are_made_again(cache: Path, told: list[str], no_sources: list[str]) -> None:
    path = binaries.ensure(["helm"], told.append)["helm"]
    path.write_text("cut short")
    assert binaries.find("helm") is None
    binaries.ensure(["helm"], told.append)
    (path.parent / ".helm.json").unlink()
    assert binaries.find("helm") is None


def test_this_machines_program_is_linked_until_it_changes(
    cache: Path, told: list[str], no_sources: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = script(tmp_path / "bin" / "helm", "v3.19.1")
    monkeypatch.setattr(sources, "on_this_machine", lambda _: own)
    path = binaries.ensure(["helm"], told.append)["helm"]
    assert path.resolve() == own
    assert not no_sources
    os.utime(own, (1, 1))
    assert binaries.find("helm") is None
    own.unlink()
    assert binaries.find("helm") is None


def test_a_failed_build_leaves_nothing_behind(
    cache: Path, told: list[str], no_sources: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise SetupError("building helm: the module proxy is gone")

    monkeypatch.setattr(sources, "build", fail)
    with pytest.raises(SetupError, match="module proxy"):
        binaries.ensure(["helm"], told.append)
    assert binaries.find("helm") is None
    assert [path.name for path in (cache / "bin").glob("helm-*/*")] == []
    assert "failed" in told[-1]


def test_search_path_has_plain_names_and_stays(cache: Path, told: list[str], no_sources: list[str]) -> None:
    found = binaries.ensure(["helm", "kube-scheduler-1.30"], told.append)
    folder = binaries.search_path(found)
    assert {path.name: path.resolve() for path in folder.iterdir()} == {n: p.resolve() for n, p in found.items()}
    assert binaries.search_path(dict(reversed(found.items()))) == folder
    assert binaries.search_path({"helm": found["helm"]}) != folder


def test_optional_programs_are_got_by_name_alone(cache: Path, told: list[str], no_sources: list[str]) -> None:
    """What was made once is used from then on."""
    usual = command._split(None)[0]
    assert usual == [name for name, program in programs.all_programs().items() if not program.optional]
    assert "pebble" not in usual
    assert command._split(["pebble"]) == (["pebble"], [])
    assert list(binaries.ensure(["pebble"], told.append)) == ["pebble"]
    assert set(command._split(None)[0]) == {*usual, "pebble"}
