"""Users' pods as the hub's own environment builds them: one process with the real KubeSpawner, asked many times."""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values.quoted import quoted

Json = dict[str, Any]

SCRIPT = Path(__file__).with_name("hub_pods.py")
ENVIRONMENT = {"POD_NAMESPACE": "jupyterhub", "HUB_SERVICE_PORT": "8081", "PROXY_API_SERVICE_PORT": "8001"}
CONFIGURATION = "/usr/local/etc/jupyterhub"
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


class PodBuilder:
    """The process; ``with`` ends it."""

    def __init__(self, python: Path) -> None:
        self._process = subprocess.Popen(
            [python, SCRIPT],
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> PodBuilder:
        return self

    def __exit__(self, *_error: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.terminate()
        self._process.wait()

    def ask(self, folder: Path, users: Sequence[str] = ("ada",), servers: Sequence[str] = ("",)) -> Json:
        """``config`` that the hub starts with, and ``servers``: profile, choices, user, server, pod and claim of each.

        ``error`` instead where the hub would not start, or a server would not be spawned.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"folder": str(folder), "users": users, "servers": servers}) + "\n")
        self._process.stdin.flush()
        answer: Json = json.loads(self._process.stdout.readline())
        return answer

    def servers(self, folder: Path, users: Sequence[str] = ("ada",), servers: Sequence[str] = ("",)) -> list[Json]:
        """As ``ask``; fails the test where there is an error, or a pod that Kubernetes would refuse."""
        answer = self.ask(folder, users, servers)
        assert "error" not in answer, answer["traceback"]
        for server in answer["servers"]:
            reasons = list(refused(server))
            assert not reasons, f"{reasons} in {server}"
        found: list[Json] = answer["servers"]
        return found


def values_of(folder: Path, values: Json) -> None:
    """Give the hub in ``folder`` other values than Helm did, which takes a second for each: defaults filled in."""
    place = folder / "secret" / "values.yaml"
    made = yaml.safe_load(place.read_text())
    place.write_text(quoted({**values, "Chart": made["Chart"], "Release": made["Release"]}))
    for file in (values["hub"].get("extraFiles") or {}).values():
        if str(file.get("mountPath")).startswith(f"{CONFIGURATION}/") and "stringData" in file:
            path = folder / Path(file["mountPath"]).relative_to(CONFIGURATION)
            path.parent.mkdir(exist_ok=True)
            path.write_text(file["stringData"])


def refused(server: Json) -> Iterator[str]:
    """Why Kubernetes would refuse a pod or claim (``pkg/apis/core/validation``); no more than what values can cause."""
    spec = server["pod"]["spec"]
    volumes = spec.get("volumes") or []
    names = [volume.get("name") for volume in volumes]
    yield from (f"volume {name}: no name" for name in names if not isinstance(name, str) or not LABEL.fullmatch(name))
    yield from (f"volume {name}: twice" for name, count in Counter(names).items() if count > 1)
    yield from (f"volume {volume}: not one source" for volume in volumes if len(set(volume) - {"name"}) != 1)
    containers = [*spec["containers"], *(spec.get("initContainers") or [])]
    yield from (f"container {name}: twice" for name, n in Counter(each["name"] for each in containers).items() if n > 1)
    for container in containers:
        yield from _container(container, names)
    claim = server["claim"]
    if claim and not SUBDOMAIN.fullmatch(claim["metadata"]["name"]):
        yield f"claim {claim['metadata']['name']}: no name"
    for toleration in spec.get("tolerations") or []:
        if not set(toleration) <= {"key", "operator", "value", "effect", "tolerationSeconds"}:
            yield f"toleration {toleration}"


def _container(container: Json, volumes: Sequence[str]) -> Iterator[str]:
    mounts = container.get("volumeMounts") or []
    paths = Counter(str(mount.get("mountPath")).rstrip("/") for mount in mounts)
    yield from (f"{path}: mounted twice" for path, count in paths.items() if count > 1)
    yield from (f"mount {mount}: no such volume" for mount in mounts if mount.get("name") not in volumes)
    for variable in container.get("env") or []:
        if "valueFrom" not in variable and not isinstance(variable.get("value", ""), str):
            yield f"variable {variable}: not text"
    for name in ("args", "command"):
        if not all(isinstance(each, str) for each in container.get(name) or []):
            yield f"{name}: not text"
    resources = container.get("resources") or {}
    for name, request in (resources.get("requests") or {}).items():
        limit = (resources.get("limits") or {}).get(name)
        if limit is not None and float(request) > float(limit):
            yield f"{name}: more is requested than may be used"
