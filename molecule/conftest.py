"""What the scenarios' tests share: the rehearsal's own summary, cloud, cluster and users."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes
import openstack
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.hub_client import HubClient  # noqa: E402


@pytest.fixture(scope="session")
def state() -> Path:
    """The rehearsal's folder."""
    return Path(os.environ["REHEARSAL_DIRECTORY"])


@pytest.fixture(scope="session", autouse=True)
def command_lines(state: Path) -> None:
    """The rehearsal's command lines (helm, kubectl) come first, as in a shell that read its ``env``."""
    os.environ["PATH"] = f"{(state / 'path').read_text()}:{os.environ['PATH']}"


@pytest.fixture
def summary(state: Path) -> dict[str, Any]:
    """What the last deployment said of itself."""
    return json.loads((state / "summary.json").read_text())


@pytest.fixture(scope="session")
def cloud(state: Path) -> openstack.connection.Connection:
    """The cloud, as its operator sees it."""
    config = openstack.config.OpenStackConfig(config_files=[str(state / "clouds.yaml")])
    return openstack.connection.Connection(config=config.get_one("rehearsal"))


@pytest.fixture(scope="session")
def kube(state: Path) -> kubernetes.client.ApiClient:
    """The cluster, through the kubeconfig that Magnum issued."""
    return kubernetes.config.new_client_from_config(str(state / "kubeconfig"))


@pytest.fixture(scope="session")
def core(kube: kubernetes.client.ApiClient) -> kubernetes.client.CoreV1Api:
    return kubernetes.client.CoreV1Api(kube)


@pytest.fixture
def passwords(summary: dict[str, Any]) -> dict[str, str]:
    """Passwords of the login provider's users by name."""
    return {user["name"]: user["password"] for user in summary["users"]}


@pytest.fixture
def user_of(summary: dict[str, Any]) -> Callable[[str], str]:
    """The first user with a role: allowed, admin or refused."""
    return lambda role: next(user["name"] for user in summary["users"] if user["role"] == role)


@pytest.fixture
def hub(summary: dict[str, Any]) -> HubClient:
    """A browser's worth of cookies at the hub."""
    return HubClient(summary["hub"]["url"])
