# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What of a service the cloud and the cluster are asked about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..hub_values import named_servers
from ..model import OPENSTACK

PROFILE = (
    "name",
    "enabled",
    "cpu",
    "cpu_guarantee",
    "memory",
    "memory_guarantee",
    "gpus",
    "node_group",
    "placeholders",
)
HUB = (
    "hub_domain",
    "hub_address",
    "hub_https",
    "hub_storage",
    "hub_database",
    "hub_core_node_group",
    "hub_namespace",
    "hub_release",
)


def questions(values: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a service's values that the cloud and the cluster are asked about. No secret is among them.

    ``values`` may lack any key.
    """
    asked = {key.name: values[key.name] for key in OPENSTACK.keys if key.name in values}
    asked |= {name: values[name] for name in HUB if name in values}
    for name, member in (("hub_https", "type"), ("hub_database", "capacity")):
        if name in asked:
            asked[name] = {member: asked[name].get(member)}
    if "hub_profiles" in values:
        asked["hub_profiles"] = [{k: p[k] for k in PROFILE if k in p} for p in values["hub_profiles"]]
    if "hub_storage" in asked:
        asked["volumes_of_a_user"] = named_servers.volumes(values.get("hub_values"))
    return asked
