"""What ``hub_values`` is compared with: the tables of names, and the schema of a chart on this machine."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.stfc.jupyterhub.plugins.module_utils.chart_file import schema_of
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import JUPYTERHUB
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model.chart_rules import given_chart
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model.chart_schema import (
    mismatches,
    of_schema,
    of_table,
    table,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model.chart_values import CHART, VALUES
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model.hub_config_rules import options
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model.hub_options import OPTIONS

from rehearsal.setup import environments
from tests.support import golden
from tests.support.service_files import Files
from tests.tools import hub_tables

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "hub": {"$ref": "#/definitions/hub"},
        "extra": {"type": ["array", "null"]},
    },
    "definitions": {
        "hub": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "cookieName": {"type": "string"},
                "free": {"type": "object"},
                "ports": {"type": "object", "patternProperties": {".*": {"type": "integer"}}},
            },
        }
    },
}


def test_the_table_of_values_is_of_the_chart_that_we_pin() -> None:
    assert next(key.default for key in JUPYTERHUB.keys if key.name == "hub_chart_version") == CHART
    assert table(of_table(VALUES)) == VALUES.strip()


def test_the_table_of_values_is_the_chart_s() -> None:
    given = os.environ.get("JUPYTERHUB_CHART")
    if not given or not (Path(given) / "values.schema.yaml").is_file():
        pytest.skip("JUPYTERHUB_CHART names no chart with a values.schema.yaml")
    assert hub_tables.values(Path(given)) == VALUES.strip()


def test_the_table_of_options_is_of_the_hub_s_packages() -> None:
    environment = environments.find("hub")
    if environment is None:
        pytest.skip("the hub's environment is not here: `make rehearse` makes it")
    found = hub_tables.options(environment / "bin" / "python")
    assert " ".join(found.split()) == " ".join(OPTIONS.split())


def test_options_are_inherited() -> None:
    known = options()
    assert {"http_timeout", "pvc_name_template"} <= known["KubeSpawner"]
    assert {"userdata_url", "allow_all", "tls_verify"} <= known["GenericOAuthenticator"]
    assert "pvc_name_template" not in known["Spawner"]


@pytest.mark.parametrize("path", golden.GOLDEN, ids=lambda path: path.stem)
def test_nothing_is_said_of_our_own_values(path: Path) -> None:
    assert list(mismatches(golden.values(path), of_table(VALUES), "error", "the chart")) == []


@pytest.mark.parametrize(
    ("given", "key", "message"),
    [
        ({"hub": {"cookiename": "x"}}, "cookiename", "is not a value of the chart"),
        ({"hub": {"cookieName": ["x"]}}, "cookieName", "is a list, and the chart takes text"),
        ({"hub": {"ports": {"a": "y"}}}, "a", "is text, and the chart takes a whole number"),
        ({"hub": "x"}, "hub", "is text, and the chart takes keys with values below it"),
        ({"extra": 1.5}, "extra", "is a number, and the chart takes a list"),
    ],
)
def test_what_a_schema_does_not_take(given: dict[str, Any], key: str, message: str) -> None:
    (finding,) = given_chart({"hub_values": given}, SCHEMA)
    assert (finding.path[-1], finding.message) == (key, message)


@pytest.mark.parametrize(
    "given", [{}, {"hub": {"free": {"any": [1]}, "ports": {"a": 1}}}, {"extra": None}, {"hub": None}]
)
def test_what_a_schema_takes(given: dict[str, Any]) -> None:
    assert list(given_chart({"hub_values": given}, SCHEMA)) == []
    assert table(of_schema(SCHEMA)).split("\n")[1] == "hub object"


@pytest.mark.parametrize("kind", ["directory", "yaml", "archive"])
def test_a_chart_on_this_machine_says_what_its_values_are(files: Files, tmp_path: Path, kind: str) -> None:
    chart = tmp_path / "jupyterhub"
    chart.mkdir()
    if kind == "yaml":
        (chart / "values.schema.yaml").write_text(yaml.safe_dump(SCHEMA))
    else:
        (chart / "values.schema.json").write_text(json.dumps(SCHEMA))
    ref = chart
    if kind == "archive":
        ref = tmp_path / "jupyterhub-9.9.9.tgz"
        with tarfile.open(ref, "w:gz") as archive:
            archive.add(chart, "jupyterhub")
            archive.add(chart, "jupyterhub/charts/other")
        shutil.rmtree(chart)
    assert schema_of(str(ref)) == SCHEMA
    values = "{hub: {cookieName: x, defaultUrl: /x}}"
    files.change("    memory: 1.5G\n", f"    memory: 1.5G\nhub_chart_ref: {ref}\nhub_values: {values}\n")
    (problem,) = files.problems()
    assert (problem.key, problem.message) == ("hub_values.hub.defaultUrl", "is not a value of the chart")


def test_a_chart_that_cannot_be_read_is_not_judged(files: Files, tmp_path: Path) -> None:
    (tmp_path / "broken.tgz").write_text("no archive")
    assert schema_of(str(tmp_path)) is None
    assert schema_of(str(tmp_path / "broken.tgz")) is None
    assert schema_of(str(tmp_path / "missing.tgz")) is None


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_nor_is_an_archive_that_a_download_left_damaged(tmp_path: Path, damage: str) -> None:
    place = tmp_path / "values.schema.json"
    place.write_text(json.dumps({**SCHEMA, "description": secrets.token_hex(200_000)}))
    whole = tmp_path / "whole.tgz"
    with tarfile.open(whole, "w:gz") as archive:
        archive.add(place, "jupyterhub/values.schema.json")
    data = whole.read_bytes()
    middle = len(data) // 2
    damaged = data[:middle] if damage == "cut" else data[:middle] + b"\0" * 1000 + data[middle + 1000 :]
    (tmp_path / "damaged.tgz").write_bytes(damaged)
    assert schema_of(str(whole)) is not None
    assert schema_of(str(tmp_path / "damaged.tgz")) is None


def test_of_another_version_of_the_chart_names_are_only_doubted(files: Files) -> None:
    values = "hub_chart_version: 4.3.1\nhub_values: {singleuser: {newKey: 1}}\n"
    files.change("    memory: 1.5G\n", f"    memory: 1.5G\n{values}")
    (problem,) = files.problems()
    assert (problem.severity, problem.key) == ("warning", "hub_values.singleuser.newKey")
