"""No secret is in what a run prints, whatever the verbosity and the callback; nor where others on the machine look.

Every secret of the files is a canary, a random text; it is looked for as it is, escaped and encoded. Where one has to
be: the Secrets `hub-secrets` and `hub-tls` in the cluster (so also its etcd, and the pods' own mounts of them),
and the file with the keys, which is the operator's (mode 0600). Runs last: the hub is another one afterwards.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import kubernetes
import pytest
import yaml

from tests.support.canaries import canary, coded, found_in, lines
from tests.support.certificates import pair
from tests.support.playbooks import Run, deploy, playbook

AS_JSON = {"ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json", "ANSIBLE_VERBOSITY": "3"}


class Service:
    """The rehearsal's service with another way to log in; every secret in its file is a canary."""

    def __init__(self, state: Path, folder: Path, auth: dict[str, Any], secret: str) -> None:
        written = (state / "overlay.yml").read_text()
        port = int(written.partition("HTTPS has port ")[2].partition(":")[0])
        certificate, key = pair("jupyter.localhost")
        self.canaries = {f"hub_auth.{secret}": canary(), "hub_https.private_key": key}
        keys = {
            "hub_auth": {**auth, secret: self.canaries[f"hub_auth.{secret}"]},
            "hub_https": {"type": "manual", "certificate": certificate, "private_key": key},
            "hub_address": {"port": port, "reach": f"127.0.0.1:{port}"},
        }
        file = folder / f"{auth['type']}.yml"
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump(keys, allow_unicode=True))
        self.overlays = [str(state / "overlay.yml"), str(file)]
        self.canaries["the overlay's client secret"] = yaml.safe_load(written)["hub_auth"]["client_secret"]

    def says_nothing(self, run: Run) -> None:
        assert found_in(run.text, self.canaries) == []


LDAP = {
    "type": "ldap",
    "server_address": "ldap.example.org",
    "lookup_dn": True,
    "lookup_dn_search_user": "cn=hub,dc=example,dc=org",
    "user_search_base": "ou=people,dc=example,dc=org",
    "user_attribute": "uid",
    "allowed_users": ["ada"],
}


@contextlib.contextmanager
def watched_processes() -> Iterator[set[str]]:
    """Command lines of all processes of this machine meanwhile."""
    seen: set[str] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    seen.add(process.read_bytes().replace(b"\0", b" ").decode(errors="replace"))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield seen
    finally:
        over.set()
        watching.join()


def open_to_others(root: Path, since: float) -> Iterator[Path]:
    """Files below that were written since and that another user of this machine can read."""
    for folder, names, files in os.walk(root) if _mode(root) & 0o001 else ():
        # Without x for others nobody comes to what is inside, whatever its own mode is.
        names[:] = [name for name in names if _mode(Path(folder, name)) & 0o001]
        for name in files:
            path = Path(folder, name)
            with contextlib.suppress(OSError):  # gone again
                if path.is_file() and not path.is_symlink() and _mode(path) & 0o004 and path.stat().st_mtime >= since:
                    yield path


def _mode(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_mode
    return 0


@pytest.fixture(scope="module")
def began() -> float:
    return time.time()


@pytest.fixture(scope="module")
def service(state: Path, tmp_path_factory: pytest.TempPathFactory, began: float) -> Service:
    auth = {"type": "dummy", "allowed_users": ["ada"], "admin_users": ["grace"]}
    return Service(state, tmp_path_factory.mktemp("dummy"), auth, "password")


def test_a_run_that_changes_tells_none(service: Service) -> None:
    with watched_processes() as seen:
        # A proxy that leads nowhere, which nothing here has to do with.
        away = dict.fromkeys(("http_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
        run = deploy("-vvv", "--diff", service_overlays=service.overlays, environment=away)
    assert run.ok, run.text
    assert run.changed > 0
    service.says_nothing(run)
    assert any("helm" in line for line in seen), "the processes were not seen"
    assert found_in("\n".join(seen), service.canaries) == []


def test_a_run_that_changes_nothing_tells_none(service: Service) -> None:
    run = deploy(service_overlays=service.overlays, environment=AS_JSON)
    assert run.ok, run.text
    service.says_nothing(run)
    assert '"changed": true' not in run.text


def test_the_other_playbooks_tell_none(service: Service, state: Path, tmp_path: Path) -> None:
    """Runs that only look, at the same time; the hub's other secrets, too."""
    ldap = Service(state, tmp_path, LDAP, "lookup_dn_search_password")
    github = {"type": "github", "client_id": "hub", "allowed_users": ["ada"]}
    other = Service(state, tmp_path, github, "client_secret")
    report, page = tmp_path / "report.json", tmp_path / "plan.html"
    runs = {
        "check": (ldap, lambda: deploy("--check", "--diff", "-vvv", service_overlays=ldap.overlays)),
        "preflight": (
            other,
            lambda: playbook(
                "preflight", service_overlays=other.overlays, preflight_report=str(report), environment=AS_JSON
            ),
        ),
        "plan": (
            ldap,
            lambda: playbook("plan", "-vvv", service_overlays=ldap.overlays, plan_report=str(page)),
        ),
        "destroy": (
            service,
            lambda: playbook("destroy", "--check", "-vvv", service_overlays=service.overlays, confirm="jupyterhub"),
        ),
        "rehearse": (service, lambda: playbook("rehearse", "--check", "--diff", "-vvv")),
    }
    with ThreadPoolExecutor(2) as pool:
        done = {name: pool.submit(run) for name, (_service, run) in runs.items()}
    for name, (asked, _run) in runs.items():
        run = done[name].result()
        assert run.ok, f"{name}: {run.text}"
        assert found_in(run.text, asked.canaries) == [], name
    for file in (report, page):
        assert found_in(file.read_text(), {**ldap.canaries, **other.canaries}) == []


def test_a_description_with_mistakes_tells_none(service: Service, tmp_path: Path) -> None:
    edited = tmp_path / "edited.yml"
    wrong = {"hub_auth": {"type": "dummy", "password": [service.canaries["hub_auth.password"]], "admins": ["ada"]}}
    edited.write_text(yaml.safe_dump(wrong, allow_unicode=True))
    run = playbook("preflight", "-vvv", service_overlays=[*service.overlays, str(edited)])
    assert "hub_auth.password" in run.text
    assert "is a list, not text" in run.text
    service.says_nothing(run)


def test_helm_s_records_have_none(service: Service, core: kubernetes.client.CoreV1Api, summary: dict[str, Any]) -> None:
    namespace = summary["hub"]["namespace"]
    records = core.list_namespaced_secret(namespace, label_selector="owner=helm").items
    assert records
    for record in records:
        release = base64.b64decode(base64.b64decode(record.data["release"]))
        content = gzip.decompress(release).decode()
        assert '"manifest"' in content
        assert found_in(content, service.canaries) == [], record.metadata.name
    for each in core.list_namespaced_config_map(namespace).items:
        assert found_in(json.dumps(each.data), service.canaries) == [], each.metadata.name
    for pod in core.list_namespaced_pod(namespace).items:
        assert found_in(json.dumps(pod.to_dict(), default=str), service.canaries) == [], pod.metadata.name
    # They are here, and only here.
    held = core.read_namespaced_secret("hub-secrets", namespace)
    assert found_in(json.dumps(held.data), service.canaries) == ["hub_auth.password"]


def test_no_file_that_others_can_read_has_one(service: Service, state: Path, began: float) -> None:
    roots = [state, Path.home() / ".ansible", Path.home() / ".kube", Path(tempfile.gettempdir())]
    texts = [line for secret in service.canaries.values() for line in lines(secret)]
    wanted = [form.encode() for text in texts for form in (text, json.dumps(text)[1:-1], *coded(text))]
    found = []
    for root in roots:
        for path in open_to_others(root, began):
            with contextlib.suppress(OSError):
                content = path.read_bytes()
                found += [str(path) for form in wanted if form in content]
    assert sorted(set(found)) == []
    # Others come to nothing of the rehearsal; its files with secrets are the owner's besides.
    assert _mode(state) & 0o077 == 0
    for name in ("overlay.yml", "users.json", "summary.json", "clouds.yaml", "kubeconfig"):
        assert _mode(state / name) & 0o077 == 0, name
