# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Which values a chart knows: from a JSON Schema (``values.schema.json``), or from the table of the release we pin.

A line of the table is a path and the types that a value there may have: ``singleuser.memory.limit number|string|null``.
``*`` in a path stands for any key; ``+`` after the types says that further keys may follow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from ..written import Finding, Path, Severity
from .convert import nearest

ANY = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})

WORDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "nothing",
    "number": "a number",
    "object": "keys with values below it",
    "string": "text",
}


@dataclasses.dataclass(frozen=True)
class Value:
    """One value of the chart: its JSON types, and whether keys below it may be of any name."""

    types: frozenset[str] = ANY
    open: bool = False


Known = Mapping[tuple[str, ...], Value]
"""The chart's values by path; () is the whole."""


def of_schema(schema: Mapping[str, Any]) -> dict[tuple[str, ...], Value]:
    """What a JSON Schema says of names and types.

    Conditions between values are left to Helm, and a pattern of names is taken for any name.
    """
    return dict(_walk(schema, schema, (), 0))


def of_table(text: str) -> dict[tuple[str, ...], Value]:
    """What a table says, as ``table`` writes it."""
    known: dict[tuple[str, ...], Value] = {(): Value(frozenset({"object"}))}
    for line in text.split("\n"):
        path, _blank, types = line.partition(" ")
        if path:
            known[tuple(path.split("."))] = Value(frozenset(types.rstrip("+").split("|")), types.endswith("+"))
    return known


def table(known: Known) -> str:
    """One line for each value, sorted."""
    lines = [
        f"{'.'.join(path)} {'|'.join(sorted(value.types))}{'+' if value.open else ''}"
        for path, value in known.items()
        if path
    ]
    return "\n".join(sorted(lines))


def mismatches(given: Any, known: Known, severity: Severity, chart: str) -> Iterator[Finding]:
    """Names that the chart does not know and values of the wrong type, in what ``hub_values`` holds.

    ``severity`` is that of an unknown name; ``chart`` names the chart. A null is left to other rules: for Helm it takes
    a default away.
    """
    if isinstance(given, Mapping):
        yield from _below(given, known, ("hub_values",), (), severity, chart)


def _walk(schema: Any, root: Mapping[str, Any], path: tuple[str, ...], depth: int) -> Iterator[tuple[Any, Value]]:
    schema = _resolved(schema, root)
    if not isinstance(schema, Mapping) or depth > 20:
        yield path, Value(open=True)
        return
    further = schema.get("additionalProperties", True)
    patterns = schema.get("patternProperties")
    members = [_resolved(each, root) for each in (patterns or {}).values()]
    if isinstance(further, Mapping):
        members.append(further)
    types = _types(schema)
    yield path, Value(types, "object" in types and further is True and not members)
    for name, member in (schema.get("properties") or {}).items():
        yield from _walk(member, root, (*path, str(name)), depth + 1)
    if members:
        yield from _walk(members[0], root, (*path, "*"), depth + 1)


def _resolved(schema: Any, root: Mapping[str, Any]) -> Any:
    for _step in range(20):
        if not isinstance(schema, Mapping) or "$ref" not in schema:
            return schema
        target: Any = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target.get(part) if isinstance(target, Mapping) else None
        schema = target
    return None


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    if "enum" in schema:
        return frozenset(json_type(each) for each in schema["enum"])
    given = schema.get("type")
    if given is None:
        return ANY
    return frozenset([given] if isinstance(given, str) else given)


def json_type(value: Any) -> str:
    """JSON's name of a value's type; "" for what JSON does not have, such as a value that is not rendered yet."""
    kinds = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"))
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, (list, tuple)):
        return "array"
    return next((name for kind, name in kinds if isinstance(value, kind)), "")


def _below(
    given: Mapping[str, Any], known: Known, path: Path, at: tuple[str, ...], severity: Severity, chart: str
) -> Iterator[Finding]:
    """``path`` is where ``given`` is written, ``at`` what the table calls the place."""
    siblings = {place[-1] for place in known if len(place) == len(at) + 1 and place[:-1] == at}
    for name, value in given.items():
        step = name if name in siblings else "*" if "*" in siblings else None
        here: Path = (*path, name)
        if step is None:
            if not known[at].open:
                yield Finding(here, f"is not a value of {chart}", _instead(name, at, siblings, known), severity)
            continue
        found = known[(*at, step)]
        kind = json_type(value)
        if not kind or kind == "null":
            continue
        if kind not in found.types and not (kind == "integer" and "number" in found.types):
            takes = " or ".join(words for each, words in WORDS.items() if each in found.types - {"null"})
            yield Finding(here, f"is {WORDS[kind]}, and {chart} takes {takes}", f"write {takes}")
        elif isinstance(value, Mapping):
            yield from _below(value, known, here, (*at, step), severity, chart)


def _instead(name: str, at: tuple[str, ...], siblings: set[str], known: Known) -> str:
    """What to write in place of a name that is not known."""
    dotted = tuple(name.split("."))
    if len(dotted) > 1 and (*at, *dotted) in known:
        return f"write {': { '.join(dotted)}: ... {'}' * (len(dotted) - 1)}"
    if near := nearest(name, siblings) or nearest(name.lower(), {each.lower(): each for each in siblings}):
        return f"write {next(each for each in siblings if near.lower() == each.lower())}"
    elsewhere = sorted((place for place in known if place and place[-1] == name and "*" not in place), key=len)
    if elsewhere:
        return f"{name} is at {'.'.join(elsewhere[0])}"
    return f"write one of {', '.join(sorted(siblings))}" if siblings else "remove it"
