"""JSON Schema (draft 2020-12) of a file, for editors: completion, descriptions, marks under mistakes.

An editor sees a file as it is written, so a template is accepted wherever a scalar is.
"""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.stfc.jupyterhub.plugins.module_utils import quantity
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import REQUIRED, File, Key
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model.convert import written
from ansible_collections.stfc.jupyterhub.plugins.module_utils.service import PRIVATE

TEMPLATE = {"$ref": "#/$defs/template"}
SIZE = r"^([0-9]+(\.[0-9]+)?|\.[0-9]+)[KMGT]i?$"
DURATION = r"^([0-9]+(\.[0-9]+)?[wdhms])+$"


def text(file: File) -> str:
    """The whole file."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": file.title,
        "description": file.description,
        **_object(file.keys),
        "patternProperties": {f"^{PRIVATE}": {"description": "The file's own, for what its aliases share."}},
        "$defs": {
            "template": {
                "description": "A Jinja template, checked when it is rendered.",
                "type": "string",
                "pattern": r"\{[{%#]",
            }
        },
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _object(keys: tuple[Key, ...]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": {key.name: property_of(key) for key in keys}}
    required = [key.name for key in keys if key.must_be_given]
    if required:
        schema["required"] = required
    schema["additionalProperties"] = False
    kinds = next((key for key in keys if key.name == "type"), None)
    conditions = [_when(kinds, kind, keys) for kind in kinds.choices] if kinds else []
    if any(conditions):
        schema["allOf"] = [condition for condition in conditions if condition]
    return schema


def _when(kinds: Key, kind: str, keys: tuple[Key, ...]) -> dict[str, Any]:
    """What an object of this type needs, and what means nothing to it."""
    needed = [key.name for key in keys if kind in key.needed_for]
    useless = [key.name for key in keys if key.only and kind not in key.only]
    then: dict[str, Any] = {"required": needed} if needed else {}
    if useless:
        then["properties"] = {key: {"type": "null"} for key in useless}
    if not then:
        return {}
    test: dict[str, Any] = {"properties": {"type": {"const": kind}}}
    if kinds.default != kind:
        test["required"] = ["type"]
    return {"if": test, "then": then}


def property_of(key: Key) -> dict[str, Any]:
    """The schema of one key, with all that an editor may show."""
    schema = _type(key)
    words = [key.description]
    if key.type == "size":
        words.append("Counted in 1024: 1.5G is 1.5 GiB.")
    if key.null not in ("", "none"):
        words.append(f"Null: {key.null}.")
    if key.only:
        words.append(f"For type {', '.join(key.only)}.")
    if not isinstance(key.default, (list, dict)) and key.default not in (REQUIRED, None, ""):
        words.append(f"Default: {written(key.default)}.")
    result: dict[str, Any] = {"description": " ".join(words).replace("`", ""), **schema}
    if not key.required:
        result["default"] = key.default
    if key.example is not None:
        result["examples"] = [key.example]
    return result


def _type(key: Key) -> dict[str, Any]:
    null = [{"type": "null"}] if key.null else []
    if key.type == "object":
        schema = _object(key.options)
        return {**schema, "type": ["object", "null"]} if null or not key.required else schema
    if key.type == "mapping":
        members = {"additionalProperties": property_of(key.member)} if key.member else {}
        return {"type": ["object", "null"], **members}
    if key.type == "list":
        return {"type": ["array", "null"], "items": _object(key.options) if key.options else {"type": "string"}}
    return {"anyOf": [*_scalar(key), *null, *([] if _any_text(key) else [TEMPLATE])]}


def _any_text(key: Key) -> bool:
    return key.type == "string" and not key.choices and not key.pattern


def _scalar(key: Key) -> list[dict[str, Any]]:
    if key.type == "string":
        if key.choices:
            return [{"enum": list(key.choices)}]
        if key.free and not key.secret:  # 0022 and no are the text that stands there
            return [{"type": ["string", "number", "boolean"]}]
        return [{"type": "string", "pattern": f"^({key.pattern})$"} if key.pattern else {"type": "string"}]
    if key.type == "boolean":
        return [{"type": "boolean"}]
    bounds = {"minimum": key.minimum, "maximum": key.maximum}
    limits = {name: bound for name, bound in bounds.items() if bound is not None}
    if key.type == "size":
        limits["minimum"] = max(limits.get("minimum", 0), quantity.SMALLEST_BARE_SIZE)
        return [
            _written(SIZE, "a number and K, M, G or T (or Ki, Mi, Gi, Ti), such as 1.5G"),
            {"type": "integer", **limits},
        ]
    if key.type == "duration":
        return [
            _written(DURATION, "numbers and units, such as 90s, 20m or 1h30m"),
            {"type": "integer", **limits},
        ]
    milli = [_written("^[0-9]+m$", "a number, or thousandths such as 500m")] if key.milli else []
    return [{"type": key.type, **limits}, *milli]


def _written(pattern: str, words: str) -> dict[str, Any]:
    """``patternErrorMessage`` is not of JSON Schema: editors show it in place of the pattern."""
    return {"type": "string", "pattern": pattern, "patternErrorMessage": f"Write {words}."}
