# Copyright: Science and Technology Facilities Council
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Doors onto ``module_utils/magnum``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.facts import cluster_facts, nodes_of_group


class FilterModule:
    """Filters about clusters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"cluster_facts": cluster_facts, "nodes_of_group": nodes_of_group}
