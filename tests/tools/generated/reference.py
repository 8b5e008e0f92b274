"""``docs/reference.md``: every key of both files, for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from ansible_collections.stfc.jupyterhub.plugins.module_utils.kubespawner import FIELDS
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import File, Key
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model.convert import written
from ansible_collections.stfc.jupyterhub.plugins.module_utils.quantity import format_duration, format_size

TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "size": "size",
    "duration": "duration",
    "mapping": "keys and values",
}

OPENING = """\
# Reference of the two files

<!-- Written by `make generate` from plugins/module_utils/model. Change it there. -->

Every key has a default unless it says *required*. Any value may be a Jinja template. A **size** is a number and
`K`, `M`, `G` or `T`, counted in 1024: `1.5G` is 1.5 GiB, so is `1.5Gi`. A **duration** is numbers with `w`, `d`, `h`,
`m` or `s`: `90s`, `20m`, `1h30m`, `1d`. Roles get sizes as integers of bytes and durations as integers of seconds.
CPUs may be thousandths: `500m`. Keys at the top that begin with `x-` are the file's own: a place for YAML anchors.

**Text** is what stands there, though YAML would read it otherwise: `0022`, `1.10`, `12:30`, `no` need no quotes. Line
breaks at its end are taken off, except from free text (variables, labels, descriptions, certificates). Other blanks
around a name, quotes that belong to it, and characters that cannot be seen are errors, and around a secret warnings.
Numbers and durations that YAML reads otherwise (`010`, `8:00`) are errors. `hub_values` are as YAML has them, with a
warning where the chart wants text.

**Braces.** `{{`, `{%` and `{#` begin a Jinja template. Text that has them and is none, such as a password or Python in
`hub_values.hub.extraConfig`, is written `!unsafe "p{{q"`. In `environment` and `hub_storage.mount_path`, KubeSpawner
fills in @@FIELDS@@. All other braces, and `$`, arrive as they are written: `'{"a": 1}'`, `${USER}`, `$(date)`.
"""


def page(files: Iterable[File]) -> str:
    """The whole page."""
    names = "".join(f"`{{{name}}}`, " for name in FIELDS[:-1]) + f"`{{{FIELDS[-1]}}}`"
    opening = OPENING.replace("@@FIELDS@@", "\n".join(textwrap.wrap(names, 118)))
    return "\n".join([opening, *(_file(file) for file in files)])


def _file(file: File) -> str:
    parts = [f"## {file.name}: {file.title[0].lower()}{file.title[1:]}\n", f"{file.description}\n", _table(file.keys)]
    for key in file.keys:
        parts += _sections(key, key.name)
    return "\n".join(parts)


def _sections(key: Key, path: str) -> list[str]:
    options = key.member.options if key.member else key.options
    if not options:
        return []
    each = {"list": "Each member of the list has these keys.\n", "mapping": "Each value has these keys.\n"}
    said = [each[key.type]] if key.type in each else []
    parts = [f"### {path}\n", f"{key.description}\n", *said, _table(options)]
    for option in options:
        parts += _sections(option, f"{path}.{option.name}")
    return parts


def _table(keys: Iterable[Key]) -> str:
    rows = ["| key | type | default | what it is |", "|---|---|---|---|"]
    rows += [f"| `{key.name}` | {_type(key)} | {_default(key)} | {_words(key)} |" for key in keys]
    return "\n".join(rows) + "\n"


def _type(key: Key) -> str:
    if key.choices:
        return ", ".join(f"`{choice}`" for choice in key.choices)
    if key.type == "list":
        return "list" if key.options else "list of text"
    return "see below" if key.type == "object" else TYPES[key.type]


def _default(key: Key) -> str:
    if key.must_be_given:
        return "*required*"
    if key.needed_for:
        return f"*required* for {_codes(key.needed_for)}"
    if key.default_for:
        return (
            "by type"
            if len({str(value) for value in key.default_for.values()}) > 1
            else _code(next(iter(key.default_for.values())))
        )
    if key.type == "object":
        return "" if key.default is None else "as below"
    if key.type == "list" and key.options:
        return "one, see below" if key.default else "none"
    return _code(key.default)


def _words(key: Key) -> str:
    words = [key.description]
    if key.null not in ("", "none"):
        words.append(f"Null: {key.null}.")
    show = {"size": format_size, "duration": format_duration}.get(key.type, str)
    bounds = {"At least": key.minimum, "At most": key.maximum}
    words += [f"{word} {_code(show(bound))}." for word, bound in bounds.items() if bound]  # type: ignore[arg-type]
    if key.only:
        words.append(f"For {_codes(key.only)}.")
    if key.default_for:
        defaults = ", ".join(f"{_code(value)} for `{kind}`" for kind, value in key.default_for.items())
        words.append(f"Default: {defaults}.")
    if key.example is not None and key.type not in ("object",):
        words.append(f"Example: {_code(key.example)}.")
    return " ".join(words).replace("|", "\\|")


def _codes(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _code(value: object) -> str:
    return f"`{written(value)}`"
