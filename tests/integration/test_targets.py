"""The modules against a real Magnum, and what they return against what they document."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.targets import SIDES, VERSIONS, Runs, command

TARGETS = sorted(target for side in SIDES for target in side)

ANSIBLES = frozenset({"changed", "diff", "failed", "invocation", "warnings", "failed_when_result", "deprecations"})
"""Keys of a result that are Ansible's own."""

ANSIBLES_OF_FILES = frozenset({"uid", "gid", "owner", "group", "mode", "state", "size", "secontext"})
"""Keys that Ansible adds to a result that has ``path``."""

TYPES: dict[str, Any] = {"str": str, "int": int, "bool": bool, "list": list, "dict": dict}

ONLY_NEWER = {"cluster_id": "stack_id", "node_labels": None, "node_taints": None}
"""Documented keys that an old API does not have, and what it has instead."""


@pytest.fixture(scope="module")
def documented() -> dict[str, Any]:
    """What each module says that it returns, by module."""
    names = [f"stfc.jupyterhub.{target}" for target in TARGETS]
    done = subprocess.run([command("ansible-doc"), "--json", *names], capture_output=True, text=True, check=True)
    return {name.rpartition(".")[2]: answer["return"] for name, answer in json.loads(done.stdout).items()}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("version", VERSIONS)
def test_target(runs: Runs, version: str, target: str) -> None:
    """Every task's ``changed`` is asserted in the target; what it made is deleted even when it fails."""
    outcome = runs.of(version, target)
    assert outcome.status == 0, outcome.output
    assert "PRIVATE KEY" not in outcome.output
    assert "Traceback" not in outcome.output


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_returned_is_what_is_documented(
    runs: Runs, documented: Mapping[str, Any], version: str, target: str
) -> None:
    returned = runs.of(version, target).returned
    if target not in returned:
        pytest.skip("the target did not come to it")
    own = ANSIBLES | (ANSIBLES_OF_FILES if "path" in returned[target] else set())
    result = {key: value for key, value in returned[target].items() if key not in own}
    old = ONLY_NEWER if version != "newest" else {}
    assert list(differences("", documented[target], result, old)) == []


def differences(path: str, said: Mapping[str, Any], real: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[str]:
    """Keys that are only documented or only returned, values of another type; all the way down."""
    for key in sorted({*said, *real}):
        if key not in said:
            if key not in old.values():
                yield f"{path}{key} is only returned"
            continue
        if key not in real:
            sometimes = said[key].get("returned", "success") not in ("success", "always") and "state" not in said[key]
            if not (sometimes or key in old):
                yield f"{path}{key} is only documented"
            continue
        value, kind = real[key], said[key]["type"]
        if value is None:
            continue
        if not isinstance(value, TYPES[kind]) or (kind == "int" and isinstance(value, bool)):
            yield f"{path}{key} is {type(value).__name__}, documented {kind}"
            continue
        inner = said[key].get("contains")
        if inner and kind == "dict" and value:
            yield from differences(f"{path}{key}.", inner, value, old)
        for item in value if kind == "list" else ():
            if not isinstance(item, TYPES[said[key]["elements"]]):
                yield f"{path}{key} has {type(item).__name__}, documented {said[key]['elements']}"
            elif inner:
                yield from differences(f"{path}{key}[].", inner, item, old)


def test_an_unknown_cloud_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    done = subprocess.run(
        [command("ansible"), "localhost", "-m", "stfc.jupyterhub.coe_cluster_info", "-a", "cloud=rehearsall"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    said = " ".join((done.stdout + done.stderr).split())
    assert "Cloud rehearsall is not in" in said
    assert "Traceback" not in said
