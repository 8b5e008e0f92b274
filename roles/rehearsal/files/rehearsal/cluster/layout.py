"""Where one cluster's files are, and the addresses inside its namespaces (docs/architecture.md, "Processes")."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path
from typing import Any

from rehearsal.settings import Settings, make_private, write_private

API_ADDRESS = "10.88.0.1"
API_PORT = 6443
POD_CIDR = "10.88.0.0/16"
"""Addresses of the pods that run for real."""
PLAYED_POD_CIDR = "10.89.0.0/16"
"""Addresses that KWOK gives to the pods it plays: nothing answers there."""
SERVICE_CIDR = "10.96.0.0/16"
SERVICE_API_ADDRESS = "10.96.0.1"
NODE_CIDR = "10.6.0.0/22"
KUBELET_PORT = 10250
LOGIN_ADDRESS = "198.51.100.10"
HOST_PORTS = ("login", "mdns")
"""Ports of the host that pods reach at that address: the login provider, and (TCP only) the name server."""
ETCD_URL = "http://127.0.0.1:2379"
STATUS = "status.json"


@dataclasses.dataclass(frozen=True)
class ClusterDir:
    """The folder ``<state>/clusters/<uuid>/`` and the sockets that belong to it."""

    settings: Settings
    uuid: str

    @property
    def path(self) -> Path:
        return folder(self.settings) / self.uuid

    @property
    def pki(self) -> Path:
        return self.path / "pki"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def desired(self) -> Path:
        """What Magnum asks for; written by the driver."""
        return self.path / "desired.json"

    @property
    def status(self) -> Path:
        """What is there; written by the controller."""
        return self.path / STATUS

    @property
    def forwards(self) -> Path:
        """Host ports of this cluster's load balancers; written by the controller, read by the relay."""
        return self.path / "forwards.json"

    @property
    def inner_socket(self) -> Path:
        """Takes ``CONNECT host:port`` and dials inside the cluster's namespaces."""
        return self.settings.sockets / f"{self.uuid[:8]}.sock"

    def host_socket(self, name: str) -> Path:
        """Leads out of the namespaces, to one of ``HOST_PORTS`` on the host."""
        return self.settings.sockets / f"{self.uuid[:8]}-{name}.sock"

    @property
    def supervisor_socket(self) -> Path:
        return self.settings.sockets / f"{self.uuid[:8]}-supervisor.sock"

    def kubeconfig(self, name: str) -> Path:
        return self.path / f"{name}.kubeconfig"

    def make(self) -> None:
        """Make the folders, closed to others: they hold keys."""
        for path in (self.path.parent, self.path, self.pki, self.log):
            make_private(path)

    def write_facts(self, **facts: Any) -> None:
        """Write ``cluster.json``: ``uuid``, ``name``, ``api_port`` (on the host), ``node_cidr``."""
        write_json(self.path / "cluster.json", {"uuid": self.uuid, **facts})

    def facts(self) -> dict[str, Any]:
        """What ``cluster.json`` says; FileNotFoundError when there is no such cluster."""
        data: dict[str, Any] = json.loads((self.path / "cluster.json").read_text())
        return data


def folder(settings: Settings) -> Path:
    """Where the clusters' folders are."""
    return settings.state / "clusters"


def reports(settings: Settings) -> dict[Path, int]:
    """What the clusters' controllers have reported: each file, and when it was written (nanoseconds)."""
    found = {}
    for file in folder(settings).glob(f"*/{STATUS}"):
        with contextlib.suppress(FileNotFoundError):  # the cluster has just been removed
            found[file] = file.stat().st_mtime_ns
    return found


def write_json(path: Path, data: Any) -> None:
    """Write ``data`` in one step; a reader never sees half of it."""
    write_private(path, json.dumps(data, indent=1, sort_keys=True) + "\n")


def read_json(path: Path, default: Any = None) -> Any:
    """What the file holds, or ``default`` where there is none."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return default
