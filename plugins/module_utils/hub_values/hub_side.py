# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Our code inside the hub (``module_utils/in_hub``): its files, and the line of configuration that calls it."""

from __future__ import annotations

import inspect
from typing import Any

from .. import in_hub
from ..in_hub import names, people, routes

PACKAGE = "stfc_jupyterhub"
"""Its name in the hub. A module has names of its own, which no other code of the configuration can touch."""

FOLDER = f"/usr/local/etc/jupyterhub/{PACKAGE}"
"""Beside the chart's ``jupyterhub_config.py``, which puts that folder on the path."""

LAST = f"zz-{PACKAGE}"
"""Its key in ``hub.extraConfig``: these run sorted, and it builds on what the others say."""

_FILES = {"__init__": in_hub, "names": names, "people": people, "routes": routes}


def code() -> dict[str, str]:
    """``hub.extraConfig``."""
    return {LAST: f"import {PACKAGE}\n\n{PACKAGE}.configure(c)\n"}


def files() -> dict[str, Any]:
    """``hub.extraFiles``."""
    return {
        f"{PACKAGE}.{name}": {"mountPath": f"{FOLDER}/{name}.py", "stringData": inspect.getsource(module)}
        for name, module in _FILES.items()
    }
