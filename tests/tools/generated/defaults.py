"""``defaults/main.yml`` of a role: the default of every key, as it is once the files are loaded."""

from __future__ import annotations

import textwrap
from typing import Any

from ansible_collections.stfc.jupyterhub.plugins.module_utils import model
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import Key
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model.roles import Role

from . import yaml_text

HEADER = "# Written by `make generate` from plugins/module_utils/model. Change it there.\n"

ELSEWHERE = ("openstack_cloud",)
"""Keys that several roles share. A default would have to bear one role's name, so the roles require them."""


def role_defaults(role: Role) -> dict[str, Any]:
    """The default of every variable of ``role`` that has one."""
    if role.written:
        return {key.name: key.default for key in role.file.keys if not key.required}
    result = model.defaults(role.file)
    result.update({key.name: key.default for key in _inputs(role) if not key.required})
    return result


def _inputs(role: Role) -> list[Key]:
    return [*role.inputs, *(key for entry in role.entry_points for key in entry.inputs)]


def text(role: Role) -> str:
    """The whole file."""
    known = role_defaults(role)
    blocks = []
    for key in (*role.file.keys, *_inputs(role)):
        if key.name not in known or key.name in ELSEWHERE:
            continue
        words = key.description.replace("V(false)", "false")
        if key.unit and not role.written:
            words += f" In {key.unit}" + (f" ({key.default})." if key.default is not None else ".")
        comment = textwrap.fill(words, yaml_text.WIDTH - 2, initial_indent="# ", subsequent_indent="# ")
        blocks.append(f"{comment}\n{yaml_text.dump({key.name: known[key.name]})}")
    return f"---\n{HEADER}\n" + "\n".join(blocks)
