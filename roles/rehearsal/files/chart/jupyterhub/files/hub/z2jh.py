"""Values of the release, for the hub's configuration and for ``hub.extraConfig``, which imports this module.

The same names as the real chart's module of this name.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
"""Where the chart mounts this file, and beside it the ConfigMap and the Secrets."""

SECRETS = ("existing-secret", "secret")
"""Folders of mounted Secrets: the one that the values name, then the release's own."""


@cache
def _values() -> Any:
    values: Any = {}
    for folder in reversed(SECRETS):
        path = FOLDER / folder / "values.yaml"
        if path.exists():
            values = _merged(values, yaml.safe_load(path.read_text()) or {})
    return values


def _merged(below: Any, above: Any) -> Any:
    if not (isinstance(below, dict) and isinstance(above, dict)):
        return above
    return {key: _merged(below.get(key), above[key]) if key in above else below[key] for key in {**below, **above}}


def get_config(key: str, default: Any = None) -> Any:
    """The value at a dotted path (``singleuser.cpu.limit``), or ``default`` when some part is not there."""
    value = _values()
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return default
        value = value[part]
    return value


def set_config_if_not_none(section: Any, trait: str, key: str) -> None:
    """Set a trait of a configuration section from a value, unless that is null or missing."""
    value = get_config(key)
    if value is not None:
        setattr(section, trait, value)


def get_name(component: str) -> str:
    """An object's name in this release (``hub``, ``proxy-api``, ``user-scheduler``...)."""
    return (FOLDER / "config" / component).read_text().strip()


_NEEDED: Any = object()


def get_secret_value(key: str, default: Any = _NEEDED) -> Any:
    """A key of the mounted Secrets. Raises ``KeyError`` when none has it and there is no default."""
    for folder in SECRETS:
        path = FOLDER / folder / key
        if path.exists():
            return path.read_text()
    if default is _NEEDED:
        raise KeyError(f"{key} is in none of the hub's Secrets")
    return default
