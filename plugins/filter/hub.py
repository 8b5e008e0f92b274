# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Thin doors onto ``module_utils/hub_values``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.stfc.jupyterhub.plugins.module_utils import hub_values as hub
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import JUPYTERHUB, normalise


def hub_service(variables: Mapping[str, Any], floating_ip: str = "") -> dict[str, Any]:
    """The description of a hub from a play's variables, with an address to keep where it names none."""
    service = normalise(variables, [JUPYTERHUB])
    if floating_ip and not service["hub_address"]["floating_ip"] and not service["hub_address"]["internal"]:
        service["hub_address"]["floating_ip"] = floating_ip
    return service


def hub_plan(service: Mapping[str, Any], cluster: Mapping[str, Any]) -> dict[str, Any]:
    """What is made beside the release, and what is to be said."""
    before = [item for item in (hub.namespace(service), hub.storage_class(service)) if item]
    return {
        "host_name": hub.host_name(service),
        "before": before,
        "placeholders": hub.placeholders(service, cluster),
        "warnings": hub.overridden(service, cluster),
        "facts": {
            "url": hub.public_url(service),
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


def hub_chart_values(
    service: Mapping[str, Any], cluster: Mapping[str, Any], secrets: Sequence[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """The chart's values; ``secrets`` are what its pods read, as Kubernetes has them."""
    fingerprints = {item["metadata"]["name"]: hub.fingerprint(item) for item in secrets if item.get("metadata")}
    return hub.hub_values(service, cluster, fingerprints)


def _for_people(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except ValueError as error:
            raise AnsibleFilterError(str(error)) from error

    return call


class FilterModule:
    """Filters of the role hub."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "hub_service": _for_people(hub_service),
            "hub_plan": _for_people(hub_plan),
            "hub_secrets": _for_people(hub.secrets),
            "hub_chart_values": _for_people(hub_chart_values),
        }
