"""Each check against the cluster, one at a time: what the report says of it, and of nothing else."""

from __future__ import annotations

import base64
import json
import tempfile
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.stfc.jupyterhub.plugins.module_utils.kubernetes_lists import lists
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight import cluster_reading
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.cluster import Seen, check_cluster, notes

Json = dict[str, Any]

CASES: list[Json] = yaml.safe_load((Path(__file__).parents[2] / "fixtures" / "preflight" / "cluster.yml").read_text())

SERVICE: Json = {
    "cluster_node_groups": [{"name": "default-worker", "min": 1, "max": 10, "gpus": 0}],
    "hub_storage": {"type": "dynamic", "class_name": None},
    "hub_release": "jupyterhub",
    "hub_namespace": "hub",
}

CLUSTER: Json = {
    "nodes": [{"name": "hub-worker-1"}],
    "csi_drivers": ["cinder.csi.openstack.org"],
    "daemon_sets": ["calico-node", "kube-proxy"],
    "autoscaler": None,
    "releases": ["superseded", "deployed"],
}


def named(*names: str) -> list[Json]:
    return [{"metadata": {"name": name}} for name in names]


def node(given: Mapping[str, Any]) -> Json:
    label = given.get("label", "node.cluster.x-k8s.io/nodegroup")
    return {
        "metadata": {"name": given["name"], "labels": {label: "default-worker"}},
        "status": {
            "conditions": [{"type": "Ready", "status": str(given.get("ready", True))}],
            "capacity": {"cpu": "8", "memory": "16Gi"},
            "allocatable": {"cpu": "7910m", "memory": "15Gi", "nvidia.com/gpu": given.get("gpus", "0")},
        },
    }


def daemon(name: str) -> Json:
    """One that runs on every node and asks for a quarter of a CPU and 256 MiB."""
    container = {"resources": {"requests": {"cpu": "250m", "memory": "256Mi"}}}
    pod = {"containers": [container], "tolerations": [{"operator": "Exists"}]}
    return {"metadata": {"name": name}, "spec": {"template": {"spec": pod}}}


def deployment(given: Mapping[str, Any]) -> Json:
    container = {"command": ["./cluster-autoscaler", "--cloud-provider=magnum", f"--nodes={given['nodes']}"]}
    return {
        "metadata": {"name": "cluster-autoscaler", "namespace": "kube-system"},
        "spec": {"template": {"spec": {"containers": [container]}}},
        "status": {"availableReplicas": given["available"]},
    }


def release(number: int, status: str) -> Json:
    labels = {"version": str(number), "status": status, "modifiedAt": "1700000000"}
    return {"metadata": {"name": f"sh.helm.release.v1.jupyterhub.v{number}", "labels": labels}}


def seen(changes: Mapping[str, Any]) -> Seen:
    given = {**CLUSTER, **changes}
    return Seen(
        nodes=[node(each) for each in given["nodes"]],
        storage_classes=[
            {"metadata": {"name": "csi-cinder"}},
            {"metadata": {"name": "jupyterhub-retain"}, "reclaimPolicy": "Retain"},
        ],
        csi_drivers=named(*given["csi_drivers"]),
        daemon_sets=[daemon(name) for name in given["daemon_sets"]],
        deployments=[deployment(given["autoscaler"])] if given["autoscaler"] else named("coredns"),
        releases=[release(number, status) for number, status in enumerate(given["releases"], 1)],
    )


def test_the_base_is_right() -> None:
    assert check_cluster(SERVICE, seen({})) == []
    assert check_cluster({}, seen({})) == []
    retained = {**SERVICE, "hub_storage": {"type": "dynamic", "class_name": "jupyterhub-retain"}}
    assert check_cluster(retained, seen({})) == []
    assert notes(seen({})) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["check"])
def test_check(case: Json) -> None:
    (finding,) = check_cluster({**SERVICE, **case.get("service", {})}, seen(case.get("cluster", {})))
    assert (finding.severity, finding.key, finding.message) == (case["severity"], case["key"], case["message"])
    assert finding.hint == (case.get("hint") or "")


def test_an_unknown_network_plugin_is_noted() -> None:
    (note,) = notes(seen({"daemon_sets": ["kube-proxy"]}))
    assert note.startswith("network policies: ")


class Api(BaseHTTPRequestHandler):
    """An API server that has nothing, or refuses."""

    status = 200
    asked: list[tuple[str, str, str]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Accept"], self.headers["Authorization"]))
        body = json.dumps({"items": None if "/secrets" in self.path else []}).encode()  # as the real one answers
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def api(tmp_path: Path) -> Iterator[tuple[type[Api], str]]:
    """The handler, and a kubeconfig for it."""
    handler = type("Handler", (Api,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield handler, kubeconfig(tmp_path, server.server_port)
    server.shutdown()
    server.server_close()


def kubeconfig(folder: Path, port: int) -> str:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "c", "user": {"token": "t"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(content))
    return str(path)


def test_the_content_of_secrets_is_not_asked_for(api: tuple[type[Api], str]) -> None:
    handler, config = api
    findings, skipped, _seen = cluster_reading.look(SERVICE, config)
    assert skipped == ""
    assert [finding.key for finding in findings] == ["hub_storage"]
    (accepted,) = [accept for path, accept, _token in handler.asked if "/secrets" in path]
    assert "PartialObjectMetadata" in accepted
    assert {token for _path, _accept, token in handler.asked} == {"Bearer t"}


def test_a_refused_kubeconfig_is_told(api: tuple[type[Api], str]) -> None:
    handler, config = api
    handler.status = 401
    (finding,), skipped, _seen = cluster_reading.look(SERVICE, config)
    assert finding.key == "cluster_kubeconfig"
    assert finding.hint == "remove it; deploy.yml writes a new one"
    assert "refuses the kubeconfig" in skipped


def test_a_server_in_trouble_is_a_reason_to_skip_and_a_warning(api: tuple[type[Api], str]) -> None:
    handler, config = api
    handler.status = 500
    (finding,), skipped, _seen = cluster_reading.look(SERVICE, config)
    assert skipped.startswith("the cluster's API answered 500")
    assert (finding.severity, finding.message) == ("warning", skipped)


def test_nobody_there_is_a_reason_to_skip_and_a_warning(tmp_path: Path) -> None:
    (finding,), skipped, _seen = cluster_reading.look(SERVICE, kubeconfig(tmp_path, 9))
    assert skipped.startswith("the cluster's API does not answer")
    assert (finding.severity, finding.message) == ("warning", skipped)
    assert finding.hint.startswith("look at the cluster's state")


def test_the_proxy_between_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    config = Path(kubeconfig(tmp_path, 9))
    config.write_text(config.read_text().replace("http://127.0.0.1:9", "https://192.0.2.9:6443"))
    (finding,), _skipped, _seen = cluster_reading.look(SERVICE, str(config))
    assert finding.hint == (
        "It was asked through the proxy http://127.0.0.1:9 (HTTPS_PROXY); where that host is to be asked directly, add"
        " it to no_proxy."
    )


def test_a_file_that_is_no_kubeconfig_is_told(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("no: kubeconfig")
    (finding,), _skipped, _seen = cluster_reading.look(SERVICE, str(path))
    assert finding.key == "cluster_kubeconfig"


def test_the_client_s_copies_of_keys_are_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nothing of Python's own tidying at exit runs, as in a process that was forked."""
    config = Path(kubeconfig(tmp_path, 9))
    content = json.loads(config.read_text().replace("http://", "https://"))
    content["users"][0]["user"]["client-key-data"] = base64.b64encode(b"PRIVATE KEY").decode()
    config.write_text(json.dumps(content))
    places = tmp_path / "temporary"
    places.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(places))
    with lists(str(config)):
        assert [path.read_text() for path in places.rglob("*") if path.is_file()] == ["PRIVATE KEY"]
    assert list(places.iterdir()) == []
