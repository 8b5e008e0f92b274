"""Services and a cluster to make values from: the shipped files, with what only a team can know filled in."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values.merge import merged
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import JUPYTERHUB, normalise

from tests.support.name_server import NameServer

ROOT = Path(__file__).resolve().parents[3]

CLUSTER: dict[str, Any] = {
    "name": "jupyterhub",
    "family": "cluster-api",
    "kubeconfig": "/nowhere",
    "network_driver": "calico",
    "node_groups": {
        "default-worker": {
            "selector": {"node.cluster.x-k8s.io/nodegroup": "default-worker"},
            "taints": [],
            "gpus": 0,
            "gpu_resource": "nvidia.com/gpu",
        },
        "core": {
            "selector": {"node.cluster.x-k8s.io/nodegroup": "core"},
            "taints": [{"key": "core", "value": None, "effect": "NoSchedule"}],
            "gpus": 0,
            "gpu_resource": "nvidia.com/gpu",
        },
        "gpu": {
            "selector": {"node.cluster.x-k8s.io/nodegroup": "gpu"},
            "taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}],
            "gpus": 1,
            "gpu_resource": "nvidia.com/gpu",
        },
    },
}


class Builder:
    """Makes a loaded service from the shipped files and some changes, written as a team writes them."""

    def __init__(self) -> None:
        self.shipped = yaml.safe_load((ROOT / "vars" / "jupyterhub.yml").read_text())
        self.shipped["hub_auth"] |= {"client_id": "the-hub", "client_secret": "not-in-the-values"}

    def __call__(self, **changes: Any) -> dict[str, Any]:
        return normalise(merged(self.shipped, changes), [JUPYTERHUB])

    def with_auth(self, **auth: Any) -> dict[str, Any]:
        """With another way to log in: nothing is left of the shipped one."""
        return normalise(self.shipped | {"hub_auth": auth}, [JUPYTERHUB])

    def with_gpu(self, **changes: Any) -> dict[str, Any]:
        """With the GPU profile on offer."""
        profiles = copy.deepcopy(self.shipped["hub_profiles"])
        profiles[-1] |= {"enabled": True, "placeholders": 1}
        return self(hub_profiles=profiles, **changes)


@pytest.fixture
def service() -> Builder:
    return Builder()


@pytest.fixture
def cluster() -> dict[str, Any]:
    return copy.deepcopy(CLUSTER)


@pytest.fixture
def name_server() -> Iterator[Callable[[Mapping[str, Sequence[str]]], str]]:
    """Starts a name server that knows these names' addresses, and answers ``host:port``."""
    started = []

    def start(names: Mapping[str, Sequence[str]]) -> str:
        started.append(NameServer(names))
        return started[-1].where

    yield start
    for server in started:
        server.shutdown()
        server.server_close()
