# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What is written in the two files: where a value is, and what is wrong with it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Literal, TypeGuard

Values = Mapping[str, Any]
"""Values by key, converted or loaded."""

Path = tuple["str | int", ...]
"""Where a value is: ``("hub_profiles", 1, "memory")``."""

Severity = Literal["error", "warning"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something wrong at ``path``: what, and what to write instead. Never holds a secret's value."""

    path: Path
    message: str
    hint: str = ""
    severity: Severity = "error"


def show_path(path: Path, values: Any) -> str:
    """``hub_profiles[large].memory``: members of a list by their names where they have one, else ``[#2]``.

    A key with a dot in it is in brackets too: ``cluster_flavor_prices[c3.medium]``.
    """
    text = ""
    for step in path:
        if isinstance(step, int):
            item = values[step] if isinstance(values, list) and step < len(values) else None
            name = item.get("name") if isinstance(item, dict) else None
            text += f"[{name}]" if isinstance(name, str) and re.fullmatch(r"[\w. -]{1,60}", name) else f"[#{step + 1}]"
            values = item
        else:
            shown = f"[{step}]" if "." in str(step) else f".{step}"
            text += shown if text else str(step)
            values = values.get(step) if isinstance(values, dict) else None
    return text


def is_number(value: Any) -> TypeGuard[Any]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
