# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What Helm keeps of a release, and what to do when it was left half done.

Helm 3 keeps each revision in a Secret ``sh.helm.release.v1.<release>.v<revision>``, its status in a label and the
revision itself as JSON, gzipped and base64-encoded (``helm.sh/helm/v3/pkg/storage/driver``: secrets.go, util.go).
"""

from __future__ import annotations

import base64
import dataclasses
import gzip
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

PENDING = ("pending-install", "pending-upgrade", "pending-rollback", "uninstalling")
COMPLETED = ("deployed", "superseded")


@dataclasses.dataclass(frozen=True)
class Revision:
    """One revision. ``touched``: when Helm last wrote it, seconds since 1970."""

    number: int
    status: str
    touched: float
    record: str
    """Name of its Secret."""


@dataclasses.dataclass(frozen=True)
class Cure:
    """What makes a release usable again, and why.

    ``wait``: somebody may be at it, ``seconds`` more; ``rollback``: to ``target``; ``forget``: remove
    Helm's ``records``, so that the next release starts afresh and adopts the objects that are there.
    """

    action: Literal["none", "wait", "rollback", "forget"]
    reason: str = ""
    target: int = 0
    seconds: float = 0
    records: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Release:
    """Content of a revision."""

    manifest: str
    chart: dict[str, Any]
    """Chart.yaml."""
    values: dict[str, Any]
    """As they were given, without the chart's own."""


def revisions(secrets: Iterable[Mapping[str, Any]]) -> list[Revision]:
    """Revisions in Helm's Secrets, oldest first."""
    found = []
    for secret in secrets:
        labels = secret["metadata"].get("labels") or {}
        touched = labels.get("modifiedAt") or labels.get("createdAt") or "0"
        found.append(Revision(int(labels["version"]), labels["status"], float(touched), secret["metadata"]["name"]))
    return sorted(found, key=lambda revision: revision.number)


def decode(secret: Mapping[str, Any]) -> Release:
    """The revision inside Helm's Secret. Raises ValueError when it is not one."""
    try:
        packed = base64.b64decode(base64.b64decode(secret["data"]["release"]))
        content = json.loads(gzip.decompress(packed) if packed[:2] == b"\x1f\x8b" else packed)
        return Release(content["manifest"], content["chart"]["metadata"], content.get("config") or {})
    except (KeyError, TypeError, ValueError, OSError) as error:
        name = (secret.get("metadata") or {}).get("name")
        raise ValueError(f"the Secret {name} does not hold a release as Helm 3 writes it ({error})") from error


def digest(values: Mapping[str, Any]) -> str:
    """SHA-256 of values. Helm keeps them as JSON, where 2 and 2.0 are one number; so they are here."""
    return hashlib.sha256(json.dumps(_plain(values), sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


def cure(history: list[Revision], now: float, grace: float) -> Cure:
    """What to do before releasing again.

    A pending revision means that Helm is at work, or was interrupted: there is no telling but by time, so nothing is
    done for ``grace`` seconds. A failed one has to be rolled back *before* the next upgrade, because Helm compares
    that with the last revision that was deployed: fields which only the failed one set would stay for ever.
    """
    if not history:
        return Cure("none")
    last = history[-1]
    if last.status in ("deployed", "uninstalled"):
        return Cure("none")
    if last.status in PENDING and now - last.touched < grace:
        reason = f"revision {last.number} is {last.status}: another Helm may be at work"
        return Cure("wait", reason, seconds=grace - (now - last.touched))
    reason = f"revision {last.number} was left {last.status}"
    completed = [revision for revision in history if revision.status in COMPLETED]
    deployed = [revision for revision in completed if revision.status == "deployed"]
    if deployed or completed:
        return Cure("rollback", reason, target=(deployed or completed)[-1].number)
    if last.status == "uninstalling":
        return Cure("rollback", reason, target=last.number)
    return Cure("forget", reason, records=tuple(revision.record for revision in history))


def last_good(history: list[Revision], proven: int, before: int) -> int:
    """The revision to go back to: the last one proven to work, or else the one before; 0 if there is none."""
    numbers = {revision.number for revision in history[:-1] if revision.status in COMPLETED}
    return next((number for number in (proven, before) if number in numbers), 0)
