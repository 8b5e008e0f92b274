# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Labels of the objects that we make beside the chart's. The chart's own selectors match none of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MANAGER = "stfc.jupyterhub"
PROFILE = "jupyterhub.stfc.ac.uk/profile"
"""Names the profile of a placeholder."""


def ours(service: Mapping[str, Any], component: str) -> dict[str, str]:
    """Labels by which our objects are found and obsolete ones removed."""
    return {
        "app.kubernetes.io/managed-by": MANAGER,
        "app.kubernetes.io/instance": service["hub_release"],
        "app.kubernetes.io/component": component,
    }
