"""A loaded service, and plans of it from the files alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.facts import cluster_facts
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import FILES, normalise
from ansible_collections.stfc.jupyterhub.plugins.module_utils.planning.plan import Known, make_plan
from ansible_collections.stfc.jupyterhub.plugins.module_utils.planning.settings import Settings, settings

GIB = 2**30
FLAVORS = {
    "c3.small": {"vcpus": 2, "memory": 4 * GIB},
    "c3.medium": {"vcpus": 8, "memory": 16 * GIB},
    "g1": {"vcpus": 16, "memory": 64 * GIB},
}
WRITTEN: dict[str, Any] = {
    "openstack_cloud": "here",
    "cluster_name": "hub",
    "cluster_node_groups": [
        {"name": "default-worker", "flavor": "c3.medium", "min": 1, "max": 20},
        {"name": "gpu", "flavor": "g1", "gpus": 2, "min": 0, "max": 2},
    ],
    "cluster_flavor_prices": {"c3.medium": 0.25, "g1": 2},
    "hub_domain": "hub.example.org",
    "hub_https": {"contact_email": "team@example.org"},
    "hub_auth": {
        "type": "iris-iam",
        "client_id": "hub",
        "client_secret": "no-secret-in-a-plan",
        "allowed_groups": ["team"],
        "admin_groups": ["leads"],
    },
    "hub_profiles": [
        {"name": "default", "default": True, "cpu": 2, "memory": "1.5G", "placeholders": 4},
        {"name": "large", "cpu": 8, "memory": "7.5G"},
        {"name": "gpu", "cpu": 4, "memory": "8G", "gpus": 1, "node_group": "gpu"},
    ],
}


def service_of(**changes: Any) -> dict[str, Any]:
    return normalise(WRITTEN | changes, FILES)


def known_of(service: dict[str, Any], flavors: dict[str, Any] | None = None, **more: Any) -> Known:
    sizes = FLAVORS if flavors is None else flavors
    facts = cluster_facts(
        {"name": "hub", "uuid": None},
        service["cluster_node_groups"],
        more["live"].nodes if "live" in more else [],
        flavors=sizes,
        family="cluster-api",
        kubeconfig="",
        daemon_sets=more.pop("daemon_sets", None),
    )
    return Known(service, facts, sizes, "cluster_flavors_known", **more)


def settings_of(service: dict[str, Any], **variables: Any) -> Settings:
    profiles = {profile["name"]: profile for profile in service["hub_profiles"]}
    given = {f"plan_{name}": value for name, value in variables.items()}
    return settings(given, profiles, lambda name: Path(name).read_text(encoding="utf-8"))


@pytest.fixture
def plan() -> Callable[..., dict[str, Any]]:
    """Makes a plan: ``known`` for what was found, everything else is a variable without its ``plan_``."""

    def make(
        service: dict[str, Any] | None = None, known: dict[str, Any] | None = None, **variables: Any
    ) -> dict[str, Any]:
        service = service or service_of()
        usual = {"recommend": False, "replications": 2}
        return make_plan(known_of(service, **(known or {})), settings_of(service, **(usual | variables)))

    return make
