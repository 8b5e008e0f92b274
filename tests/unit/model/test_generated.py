"""What is generated from the model is whole, and agrees with what loading makes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.stfc.jupyterhub.plugins.module_utils import model
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model.roles import ROLES, Role

from tests.support.service_files import Files

ROOT = Path(__file__).parents[3]
MISTAKES: list[dict[str, str]] = yaml.safe_load((ROOT / "tests/fixtures/model/mistakes.yml").read_text())

SEEN_BY_EDITORS = (
    "a key is misspelt",
    "another tool's name",
    "a unit that does not exist",
    "a unit in full",
    "a number with words",
    "a number in quotes",
    "a version as a number",
    "text for a list",
    "a duration in words",
    "another type's key",
    "Let's Encrypt without a contact",
)
"""Mistakes that can be seen in one file without knowing what its values mean."""


def every_key(keys: tuple[model.Key, ...]) -> list[model.Key]:
    below = [(*key.options, *([key.member] if key.member else [])) for key in keys]
    return [found for key, inner in zip(keys, below, strict=True) for found in (key, *every_key(inner))]


def options(role: Role) -> dict[str, Any]:
    specs = yaml.safe_load((ROOT / "roles" / role.name / "meta" / "argument_specs.yml").read_text())
    found: dict[str, Any] = specs["argument_specs"]["main"]["options"]
    return found


def schema(file: model.File) -> dict[str, Any]:
    role = next(role for role in ROLES if role.file is file)
    name = file.name.replace(".yml", ".schema.json")
    found: dict[str, Any] = json.loads((ROOT / "roles" / role.name / "files" / name).read_text())
    return found


def test_generated_files_are_current_and_a_difference_is_shown(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tests" / "tools" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("file", model.FILES, ids=lambda file: file.name)
def test_every_key_is_described_and_its_default_and_example_are_right(file: model.File) -> None:
    for key in every_key(file.keys):
        assert key.description.endswith("."), key.name
        shown = key.choices or key.options or key.example is not None or key.default not in (None, "", [], {})
        assert shown and (key.example is not None or not key.required or key.options), f"{key.name} has no example"
        for value in [key.default, key.example, *key.default_for.values()]:
            if value in (None, model.REQUIRED) or (isinstance(value, str) and "{{" in value):
                continue
            converter = model.Converter(partial=True)
            converter.value(key, value, (key.name,))
            assert converter.findings == [], key.name


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_specification_and_defaults_agree(role: Role) -> None:
    defaults = yaml.safe_load((ROOT / "roles" / role.name / "defaults" / "main.yml").read_text())
    for name, option in options(role).items():
        assert option.get("required", False) == (name not in defaults)
        assert option.get("default") == defaults.get(name)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_a_loaded_service_follows_the_specification(role: Role, files: Files) -> None:
    values = files.load().values
    given = {name: values[name] for name in options(role) if name in values}
    if role.name == "hub":
        given["cluster_facts"] = {"kubeconfig": "/k"}
    assert ArgumentSpecValidator(options(role)).validate(given).error_messages == []


def test_a_misspelt_member_does_not_follow_it(files: Files) -> None:
    values = files.load().values
    values["hub_profiles"][0]["memmory"] = 1
    role = next(role for role in ROLES if role.name == "hub")
    given = {name: values[name] for name in options(role) if name in values} | {"cluster_facts": {}}
    (message,) = ArgumentSpecValidator(options(role)).validate(given).error_messages
    assert "hub_profiles.memmory" in message


@pytest.mark.parametrize("file", model.FILES, ids=lambda file: file.name)
def test_the_schema_is_one_and_takes_the_shipped_file(file: model.File) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(file))
    shipped = yaml.safe_load((ROOT / "vars" / file.name).read_text())
    jsonschema.Draft202012Validator(schema(file)).validate(shipped)
    first = (ROOT / "vars" / file.name).read_text().splitlines()[0]
    assert (ROOT / "vars" / first.partition("$schema=")[2]).is_file()


@pytest.mark.parametrize("name", SEEN_BY_EDITORS)
def test_the_schema_refuses_what_an_editor_can_see(name: str, files: Files) -> None:
    mistake = next(mistake for mistake in MISTAKES if mistake["mistake"] == name)
    before = {file.name: yaml.safe_load((files.folder / file.name).read_text()) for file in model.FILES}
    files.change(mistake["replace"], mistake["by"])
    after = {file.name: yaml.safe_load((files.folder / file.name).read_text()) for file in model.FILES}
    refused = []
    for file in model.FILES:
        validator = jsonschema.Draft202012Validator(schema(file))
        assert validator.is_valid(before[file.name])
        refused += [file.name] * (not validator.is_valid(after[file.name]))
    assert len(refused) == 1


def test_a_secret_is_not_logged() -> None:
    hub = next(role for role in ROLES if role.name == "hub")
    secrets = {key.name for key in every_key(model.JUPYTERHUB.keys) if key.secret}
    assert {"client_secret", "private_key", "password"} <= secrets
    for option in options(hub).values():
        for name, member in option.get("options", {}).items():
            assert member.get("no_log", False) == (name in secrets)
