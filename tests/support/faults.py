"""Faults of the rehearsal's services, from a test: for as long as a block runs, and counted."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "roles/rehearsal/files"))

from rehearsal.cloud import faults
from rehearsal.cloud.faults import Fault, Rule


@contextlib.contextmanager
def fault(state: Path, service: str, method: str = "", path: str = "", **what: Any) -> Iterator[Rule]:
    """``what``: fields of ``rehearsal.cloud.faults.Fault``, as in
    ``fault(state, "magnum", "POST", "^/v1/clusters$", status=500, late=True)``.

    Gives the rule, whose ``hits()`` says how many requests it hit.
    """
    rule = faults.add(state, Fault(service, method, path, **what))
    try:
        yield rule
    finally:
        with contextlib.suppress(ValueError):  # a test that cleared it itself
            faults.clear(state, rule.id)


@contextlib.contextmanager
def capped(state: Path, version: str) -> Iterator[None]:
    """Magnum offers and takes no microversion above ``version``, as an older release does."""
    with fault(state, "magnum", cap=version):
        yield
