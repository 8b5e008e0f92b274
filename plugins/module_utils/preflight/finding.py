# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""One thing that a check found, and where the key it is about was written."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from ..written import Severity


@dataclasses.dataclass(frozen=True)
class Finding:
    """``key`` as the report shows it, what is wrong, what to write or do instead."""

    key: str
    message: str
    hint: str = ""
    severity: Severity = "error"


def missing(key: str, kind: str, name: str, cloud: str, known: Iterable[str | None]) -> Finding:
    """Nothing of that name is there; the nearest name, or what there is."""
    names = sorted({each for each in known if each})
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if near:
        hint = f"write {near[0]}"
    else:
        hint = f"there are: {', '.join(names[:12])}" if names else f"this project sees no {kind} at all"
    return Finding(key, f"the cloud {cloud} has no {kind} '{name}'", hint)


def place(key: str, file: str, places: Mapping[str, str]) -> tuple[str, int]:
    """File and line (0: no line) where ``key``, or what it is in, was written.

    Where nobody knows: ``file``, and for the hub's keys the other file's usual name.
    """
    usual = "jupyterhub.yml" if key.startswith("hub_") else file
    while key:
        if key in places:
            name, _other, line = places[key].rpartition(":")
            return (name, int(line)) if name and line.isdigit() else (places[key], 0)
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return usual, 0


def located(findings: Iterable[Finding], file: str, places: Mapping[str, str]) -> list[dict[str, Any]]:
    """Findings as the report has them: {severity, file, line, key, message, hint}."""
    rows = []
    for finding in findings:
        name, line = place(finding.key, file, places)
        rows.append({**dataclasses.asdict(finding), "file": name, "line": line})
    return rows
