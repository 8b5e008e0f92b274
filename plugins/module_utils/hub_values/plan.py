# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What goes with the release."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .address import host_name, public_url
from .labels import ours
from .merge import overridden
from .objects import namespace, storage_class
from .placeholders import placeholders
from .secrets import secrets
from .way_in import objections, way_in


def hub_plan(service: Mapping[str, Any], cluster: Mapping[str, Any]) -> dict[str, Any]:
    """What is made beside the release, and what is to be said."""
    before = [item for item in (namespace(service), storage_class(service)) if item]
    return {
        "host_name": host_name(service),
        "way_in": way_in(service),
        "before": before,
        "secrets": [{key: item[key] for key in item if key != "data"} for item in secrets(service)],
        "placeholders": placeholders(service, cluster),
        "placeholder_labels": ours(service, "user-placeholder"),
        # What is read of others' Secrets; ours are in the plan.
        "reads": [service["hub_https"]["secret_name"]] if service["hub_https"]["type"] == "secret" else [],
        "warnings": [*overridden(service, cluster), *objections(service)],
        "facts": {
            "url": public_url(service),
            "release": service["hub_release"],
            "namespace": service["hub_namespace"],
            "profiles": [profile["name"] for profile in service["hub_profiles"]],
            "placeholders": [
                {"profile": profile["name"], "replicas": profile["placeholders"]}
                for profile in service["hub_profiles"]
                if profile["placeholders"]
            ],
        },
    }
