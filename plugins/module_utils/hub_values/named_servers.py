# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""How many servers, and so volumes, a user may have. From ``hub_values``, the chart's way or JupyterHub's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SWITCHES = ("hub.allowNamedServers", "hub.config.JupyterHub.allow_named_servers")
LIMITS = ("hub.namedServerLimitPerUser", "hub.config.JupyterHub.named_server_limit_per_user")


def limit(given: Any) -> int | None:
    """Named servers that a user may have beside the first one; None where nothing limits them."""
    if not any(_at(given, path) is True for path in SWITCHES):
        return 0
    found = [value for value in (_at(given, path) for path in reversed(LIMITS)) if isinstance(value, int) and value > 0]
    return found[0] if found else None


def volumes(given: Any) -> int:
    """Volumes of a user who has every server; of two where nothing limits them."""
    most = limit(given)
    return 2 if most is None else 1 + most


def _at(values: Any, path: str) -> Any:
    for name in path.split("."):
        values = values.get(name) if isinstance(values, Mapping) else None
    return values
