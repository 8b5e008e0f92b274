# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Arguments that modules of the hub share, as the fragments ``stfc.jupyterhub.hub`` document them."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.kubernetes.core.plugins.module_utils.helm_args_common import (
    HELM_AUTH_ARG_SPEC,
    HELM_AUTH_MUTUALLY_EXCLUSIVE,
)

Json = dict[str, Any]

HELM: Json = {"binary_path": HELM_AUTH_ARG_SPEC["binary_path"]}
"""``stfc.jupyterhub.hub.helm``: of those who run Helm."""

ADDRESS: Json = {
    "name": {"type": "str", "required": True},
    "reach": {"type": "str"},
    "release_namespace": {"type": "str", "default": "jupyterhub", "aliases": ["namespace"]},
}
"""``stfc.jupyterhub.hub.address``: of those who ask a hub at its address."""

MUTUALLY_EXCLUSIVE = HELM_AUTH_MUTUALLY_EXCLUSIVE


def auth_spec(**more: Json) -> Json:
    """How to reach the cluster, and ``more``."""
    return copy.deepcopy({**{name: each for name, each in HELM_AUTH_ARG_SPEC.items() if name not in HELM}, **more})
