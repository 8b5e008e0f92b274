"""Small scenarios to simulate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.capacity.amount import Amount
from ansible_collections.stfc.jupyterhub.plugins.module_utils.simulation.scenario import Group, Kind, Scenario, Timing

GIB = 2**30

TEN = Amount(10_000, 10 * GIB, 0, 110, 25)
"""A node that holds ten servers."""

ONE = Amount(1000, GIB, 0, 1, 1)
"""A server."""


def one_group(low: int = 1, high: int = 1, placeholders: int = 0, horizon: float = 86400, **timing: Any) -> Scenario:
    """A group of nodes that hold ten servers each, a minute and a half to boot."""
    group = Group("workers", TEN, low, high)
    kind = Kind("default", "workers", ONE, placeholders)
    return Scenario((group,), (kind,), Timing(**({"boot": 90.0, "cull_timeout": None} | timing)), horizon)


@pytest.fixture
def scenario() -> Callable[..., Scenario]:
    return one_group
