"""A cache of the test's own, and lines that the set-up said."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("STFC_JUPYTERHUB_CACHE", str(folder))
    return folder


@pytest.fixture
def told() -> list[str]:
    return []
