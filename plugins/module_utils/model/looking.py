# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""How rules look at converted values, in which what is wrong or not rendered yet is UNKNOWN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .convert import UNKNOWN
from .keys import is_address


def get(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name, UNKNOWN) if isinstance(value, Mapping) else UNKNOWN
    return value


def at(values: Any, path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    for name in path.split("."):
        values = values.get(name) if isinstance(values, Mapping) else None
    return values


def version_of(value: Any) -> tuple[int, ...]:
    """``v1.34.4`` as (1, 34, 4); () when it is not known."""
    if not isinstance(value, str) or is_address(value):
        return ()
    numbers = value.lstrip("v").split("-")[0].split("+")[0].split(".")
    return tuple(int(number) for number in numbers) if all(number.isdigit() for number in numbers) else ()
