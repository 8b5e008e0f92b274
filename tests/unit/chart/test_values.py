"""Every value that the stand-in chart reads is one of the real chart's, and every value that the product sets too."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import yaml

from .conftest import CHART, Values

Schema = dict[str, Any]
OURS: Schema = json.loads((CHART / "values.schema.json").read_text())


def read_by_templates() -> set[str]:
    """Dotted paths after ``.Values`` in the templates."""
    text = "\n".join(path.read_text() for path in CHART.glob("templates/**/*") if path.is_file())
    return set(re.findall(r"\.Values\.([A-Za-z0-9_.]*[A-Za-z0-9_])", text))


def read_by_the_hub() -> set[str]:
    """Dotted paths that the hub's configuration asks for, as far as they are written out."""
    text = (CHART / "files" / "hub" / "jupyterhub_config.py").read_text()
    asked = set(re.findall(r'get_config\("([\w.]+)"', text)) | set(
        re.findall(r', "((?:hub|singleuser)\.[\w.]+)"\)', text)
    )
    asked |= {f"singleuser.{key}" for key in re.findall(r'^    "\w+": "([\w.]+)",$', text, re.MULTILINE)}
    return {path for path in asked if not path.startswith(("Chart.", "Release."))}


def find(schema: Schema, path: str | tuple[str, ...]) -> Schema | None:
    """The schema of a path (dotted, or in parts); None when the path is not allowed. {} stands for anything."""
    root = schema
    for part in path.split(".") if isinstance(path, str) else path:
        schema = resolve(schema, root)
        patterns = schema.get("patternProperties", {})
        if part in schema.get("properties", {}):
            schema = schema["properties"][part]
        elif matching := [further for pattern, further in patterns.items() if re.search(pattern, part)]:
            schema = matching[0]
        else:
            further = schema.get("additionalProperties", True)
            if further is False:
                return None
            schema = further if isinstance(further, dict) else {}
    return resolve(schema, root)


def resolve(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    return schema


def closed(schema: Schema, root: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every path that a schema writes out, with its schema."""
    schema = resolve(schema, root)
    if path:
        yield path, schema
    for key, value in schema.get("properties", {}).items():
        yield from closed(value, root, f"{path}.{key}".strip("."))


def leaves(values: Values, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key))
        else:
            yield (*path, key), value


def present(values: Any, path: str) -> bool:
    for part in path.split("."):
        if not isinstance(values, dict) or part not in values:
            return False
        values = values[part]
    return True


def types(schema: Schema) -> set[str]:
    """JSON types that a schema allows; all of them when it names none."""
    every = {"string", "number", "integer", "boolean", "object", "array", "null"}
    if "enum" in schema:
        names = {str: "string", bool: "boolean", int: "integer", type(None): "null"}
        return {names[type(value)] for value in schema["enum"]}
    given = schema.get("type", every)
    found = {given} if isinstance(given, str) else set(given)
    return found | {"integer"} if "number" in found else found


def test_the_search_for_paths_finds_them() -> None:
    assert {"hub.db.pvc.storageClassName", "proxy.service.loadBalancerIP"} <= read_by_templates()
    assert {"singleuser.memory.limit", "cull.enabled", "singleuser.storage.dynamic.storageClass"} <= read_by_the_hub()


def test_what_is_read_is_allowed_and_has_a_default() -> None:
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    read = read_by_templates() | read_by_the_hub()
    assert not {path for path in read if find(OURS, path) is None}, "refused by values.schema.json"
    assert not {path for path in read if not present(defaults, path)}, "missing in values.yaml"


def test_what_is_read_the_real_chart_knows(real_schema: Schema) -> None:
    assert not {path for path in read_by_templates() | read_by_the_hub() if find(real_schema, path) is None}


def test_what_is_allowed_the_real_chart_allows(real_schema: Schema) -> None:
    refused = set()
    for path, ours in closed(OURS, OURS):
        theirs = find(real_schema, path)
        if theirs is None or not types(ours) & types(theirs):
            refused.add(path)
    assert not refused


def test_what_the_product_sets_both_allow(real_schema: Schema, product_values: Values) -> None:
    jsonschema.Draft7Validator(OURS).validate(product_values)
    for path, value in leaves(product_values):
        theirs = find(real_schema, path)
        assert theirs is not None, f"the real chart refuses {path}"
        kind = next(
            name
            for name in ("null", "boolean", "integer", "number", "string", "array", "object")
            if jsonschema.Draft7Validator.TYPE_CHECKER.is_type(value, name)
        )
        assert kind in types(theirs), f"{path}: {kind} is set, the real chart takes {types(theirs)}"


def test_defaults_are_allowed() -> None:
    jsonschema.Draft7Validator(OURS).validate(yaml.safe_load((CHART / "values.yaml").read_text()))
