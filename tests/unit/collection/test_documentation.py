"""What modules say of themselves is what they take. ``ansible-doc`` joins the fragments, as readers get them."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.openstack.cloud.plugins.module_utils.openstack import openstack_full_argument_spec
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.module import MagnumModule

ROOT = Path(__file__).parents[3]
PLUGINS = "ansible_collections.stfc.jupyterhub.plugins"
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))

USUAL: dict[str, Any] = {"type": "str", "elements": None, "required": False, "default": None}


@pytest.fixture(scope="module")
def documented() -> dict[str, Any]:
    """``ansible-doc``'s answer by module."""
    command = [sys.executable, "-m", "ansible", "doc", "--json", *(f"stfc.jupyterhub.{name}" for name in MODULES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.rpartition(".")[2]: answer for name, answer in json.loads(done.stdout).items()}


def specification(name: str) -> dict[str, Any]:
    """The options that a module takes: its own, or those of the action plugin that does its work."""
    module = importlib.import_module(f"{PLUGINS}.modules.{name}")
    if hasattr(module, "argument_spec"):
        found: dict[str, Any] = module.argument_spec()
        return found
    kinds = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, MagnumModule)]
    if kinds:
        own = max(kinds, key=lambda kind: len(kind.__mro__))  # it may have imported those that it is made from
        full: dict[str, Any] = openstack_full_argument_spec(**own.argument_spec)
        return full
    arguments: dict[str, Any] = importlib.import_module(f"{PLUGINS}.action.{name}").ARGUMENTS
    return arguments


def differences(path: str, documented: Mapping[str, Any], taken: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*documented, *taken}):
        if name not in documented or name not in taken:
            yield f"{path}{name} is only {'taken' if name in taken else 'documented'}"
            continue
        said, real = documented[name], taken[name]
        for aspect, usual in USUAL.items():
            if said.get(aspect, usual) != real.get(aspect, usual):
                yield f"{path}{name}: {aspect} is {real.get(aspect, usual)}, documented {said.get(aspect, usual)}"
        for aspect in ("choices", "aliases"):
            if sorted(said.get(aspect) or []) != sorted(real.get(aspect) or []):
                yield f"{path}{name}: {aspect} are {real.get(aspect)}, documented {said.get(aspect)}"
        yield from differences(f"{path}{name}.", said.get("suboptions") or {}, real.get("options") or {})


@pytest.mark.parametrize("name", MODULES)
def test_options_are_documented_as_they_are(name: str, documented: Mapping[str, Any]) -> None:
    assert list(differences("", documented[name]["doc"]["options"], specification(name))) == []


def test_who_runs_helm_takes_its_path(documented: Mapping[str, Any]) -> None:
    assert [name for name in MODULES if "binary_path" in documented[name]["doc"]["options"]] == ["hub_release"]


@pytest.mark.parametrize("name", MODULES)
def test_examples_and_results_are_documented(name: str, documented: Mapping[str, Any]) -> None:
    assert f"stfc.jupyterhub.{name}:" in documented[name]["examples"]
    assert documented[name]["return"]
    assert {"check_mode", "diff_mode"} <= set(documented[name]["doc"]["attributes"])


def test_what_several_modules_return_is_documented_alike(documented: Mapping[str, Any]) -> None:
    """Fragments cannot hold results, so the same fields are written in each module."""
    returned = {name: answer["return"] for name, answer in documented.items()}
    told = returned["coe_cluster_info"]["clusters"]["contains"]
    cluster = returned["coe_cluster"]["cluster"]["contains"]
    assert {key: told[key] for key in cluster} == cluster
    group = returned["coe_nodegroup"]["nodegroup"]["contains"]
    assert returned["coe_nodegroup_info"]["nodegroups"]["contains"] == group
    assert told["node_groups"]["contains"] == group
    assert told["cluster_template"]["contains"] == returned["coe_cluster_template"]["cluster_template"]["contains"]
