"""Which cloud the targets run against."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.targets import Runs, state


@pytest.fixture(scope="session", autouse=True)
def cloud() -> None:
    """Name the rehearsal's cloud, unless the environment names another. Skips without any."""
    rehearsal = state()
    if rehearsal and "OS_CLOUD" not in os.environ:
        os.environ.update(OS_CLIENT_CONFIG_FILE=str(rehearsal / "clouds.yaml"), OS_CLOUD="rehearsal")
    if not os.environ.get("OS_CLOUD"):
        pytest.skip("OS_CLOUD names no cloud (. .rehearsal/env)")


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tmp_path_factory)
