"""Faults of the rehearsal's services, from a test: for as long as a block runs, and counted."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "roles/rehearsal/files"))

from rehearsal.cloud import credentials, faults
from rehearsal.cloud.faults import Fault, Rule
from rehearsal.cloud.layout import Cloud
from rehearsal.settings import Settings


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


def stuck_balancer(state: Path, identifier: str, status: str = "PENDING_UPDATE") -> None:
    """Have Octavia believe that it works on a balancer (or, with ``ACTIVE``, that it has ended)."""
    _write(state, "octavia", "UPDATE load_balancer SET provisioning_status = ? WHERE id = ?", status, identifier)


def made_long_ago(state: Path, uuid: str) -> None:
    """Have Magnum believe that a cluster was asked for a year ago."""
    _write(state, "magnum", "UPDATE cluster SET created_at = datetime('now', '-1 year') WHERE uuid = ?", uuid)


def _write(state: Path, service: str, statement: str, *values: str) -> None:
    database = sqlite3.connect(state / "cloud/db" / f"{service}.db", timeout=30)
    with contextlib.closing(database), database:
        assert database.execute(statement, values).rowcount == 1


@contextlib.contextmanager
def quota(state: Path, **limits: int) -> Iterator[None]:
    """Nova's quotas of the project are these (``instances=2``) for as long as the block runs."""
    admin = administrator(state)
    project = admin.identity.find_project(credentials.PROJECT).id
    before = admin.compute.get_quota_set(project)
    admin.compute.update_quota_set(project, **limits)
    try:
        yield
    finally:
        admin.compute.update_quota_set(project, **{name: getattr(before, name) for name in limits})


def administrator(state: Path) -> Any:
    """The cloud, as its administrators see it."""
    return credentials.as_admin(Cloud(Settings.load(state)))
