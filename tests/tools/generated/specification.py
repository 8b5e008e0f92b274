"""``meta/argument_specs.yml`` of a role: the shape of what it gets once the files are loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ansible_collections.stfc.jupyterhub.plugins.module_utils import model
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import Key
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model.roles import EntryPoint, Role

from . import yaml_text
from .defaults import ELSEWHERE, HEADER, role_defaults

TYPES = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "list": "list",
    "mapping": "dict",
    "object": "dict",
}


def text(role: Role) -> str:
    """The whole file."""
    specs = {"main": _entry_point(role, role, (*role.file.keys, *role.inputs))}
    for entry in role.entry_points:
        read = [key for key in role.file.keys if key.name in entry.keys]
        specs[entry.name] = _entry_point(role, entry, (*read, *entry.inputs))
    return f"---\n{HEADER}{yaml_text.dump({'argument_specs': specs})}"


def _entry_point(role: Role, described: Role | EntryPoint, keys: Iterable[Key]) -> dict[str, Any]:
    known = role_defaults(role)
    return {
        "short_description": described.short_description,
        "description": list(described.description),
        "options": {
            key.name: _as_written(key, known.get(key.name)) if role.written else _option(key, known.get(key.name), True)
            for key in keys
        },
    }


def _as_written(key: Key, default: Any) -> dict[str, Any]:
    """A variable whose value the role itself checks, so that Ansible only has to know its name."""
    description = [_markup(key.description)]
    if key.null not in ("", "none"):
        description.append(f"Null means {_markup(key.null)}.")
    if key.options:
        description.append(f"Keys: {', '.join(option.name for option in key.options)}; see docs/reference.md.")
    option: dict[str, Any] = {"description": description, "type": "str" if key.type == "string" else "raw"}
    return option | ({"default": default} if default is not None else {})


def _option(key: Key, default: Any, top: bool) -> dict[str, Any]:
    description = [_markup(key.description)]
    if key.unit:
        description.append(f"{key.unit.capitalize()}.")
    if key.null not in ("", "none"):
        description.append(f"Null means {_markup(key.null)}.")
    if key.only:
        description.append(f"For type {', '.join(f'V({kind})' for kind in key.only)}.")
    # Inside other options a quantity may have a unit: the function that makes the chart's values reads both.
    quantity = "int" if top else "str"
    option: dict[str, Any] = {"description": description, "type": TYPES.get(key.type, quantity)}
    if key.required or (top and key.name in ELSEWHERE):
        option["required"] = True
    elif default is not None:
        option["default"] = default
        if key.null:  # where there is a default, ansible-core 2.18 takes null for a value of a wrong type
            option["type"] = "raw"
    if key.choices:
        option["choices"] = list(key.choices)
    if key.secret:
        option["no_log"] = True
    if key.type == "list":
        option["elements"] = "dict" if key.options else "str"
    if key.options:
        # Members have no defaults of their own here: validation does not fill them in, loading does.
        option["options"] = {member.name: _option(member, _member_default(member), False) for member in key.options}
    return option


def _member_default(key: Key) -> Any:
    if key.required or key.only or key.default is None or key.type == "object":
        return None
    converted = model.Converter().value(key, key.default, (key.name,))
    return str(converted) if key.unit else converted


def _markup(description: str) -> str:
    """Backquotes of Markdown as Ansible's code markup."""
    return re.sub(r"`([^`]*)`", r"C(\1)", description)
