"""Make the collection importable as ansible_collections.stfc.jupyterhub, and the rehearsal's package as rehearsal."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[2]

for path in (ROOT, ROOT / ".collections", ROOT / "roles" / "rehearsal" / "files"):
    sys.path.insert(0, str(path))

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder

_AnsibleCollectionFinder(paths=[str(ROOT / ".collections")])._install()

from rehearsal.settings import Settings

# How fast a machine is decides no test.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def sockets_go(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The folders for sockets, which are outside of the tests' own folders for their short names, go with the test."""
    made: set[Path] = set()
    sockets = Settings.sockets.fget
    assert sockets is not None

    def remembered(settings: Settings) -> Path:
        path: Path = sockets(settings)
        made.add(path)
        return path

    monkeypatch.setattr(Settings, "sockets", property(remembered))
    yield
    for path in made:
        shutil.rmtree(path, ignore_errors=True)
