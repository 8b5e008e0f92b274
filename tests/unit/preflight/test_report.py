"""The one report: what people and programs read, and when it stops a run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.finding import Finding, located, missing
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.questions import questions
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.report import FailOn, Layer, Report

PLACES = {
    "cluster_node_groups": "vars/openstack.yml:8",
    "cluster_node_groups[gpu].flavor": "vars/openstack.yml:9",
    "cluster_image": "extra variables (-e)",
}


def problem(**changes: Any) -> dict[str, Any]:
    found = {
        "severity": "error",
        "file": "vars/openstack.yml",
        "line": 9,
        "key": "cluster_image",
        "message": "is wrong",
    }
    return {**found, "hint": "write another", **changes}


def test_the_table() -> None:
    layers = [
        Layer("files", [problem(key="", line=0, hint="")]),
        Layer("cloud", [problem(severity="warning")], notes=["the DNS zone"]),
        Layer("cluster", skipped="there is none yet"),
    ]
    assert Report(layers).text().splitlines() == [
        "Preflight: 1 error and 1 warning (not checked: cluster). Nothing was touched.",
        "",
        "files     1 error",
        "cloud     1 warning",
        "          not checked: the DNS zone",
        "cluster   skipped: there is none yet",
        "",
        "severity  where                key",
        "--------  -------------------- ------------------------------",
        "error     vars/openstack.yml",
        "          is wrong",
        "warning   vars/openstack.yml:9 cluster_image",
        "          is wrong",
        "          -> write another",
    ]


def test_nothing_wrong_is_said_in_few_lines() -> None:
    assert Report([Layer("files")]).text() == "Preflight: no problems. Nothing was touched.\n\nfiles     no problems"


def test_json_has_every_field() -> None:
    report = json.loads(Report([Layer("files", [problem()]), Layer("cloud", skipped="no network")]).json())
    assert (report["errors"], report["warnings"]) == (1, 0)
    assert report["problems"] == [{"layer": "files", **problem()}]
    assert report["layers"]["files"] == {"checked": True, "skipped": "", "not_checked": []}
    assert report["layers"]["cloud"] == {"checked": False, "skipped": "no network", "not_checked": []}


def test_a_report_without_what_is_needed_is_no_success() -> None:
    layers = [Layer("files"), Layer("cloud", skipped="no network.", needed=True), Layer("cluster", skipped="no file")]
    report = Report(layers)
    headline = report.text().splitlines()[0]
    assert headline == "Preflight: not complete, cloud, cluster not checked; no problems in files. Nothing was touched."
    assert [report.fails(on) for on in ("error", "warning", "never")] == [True, True, False]
    assert json.loads(report.json())["complete"] is False
    refused = Report([Layer("files"), Layer("cloud", [problem()], skipped="it does not let us in", needed=True)])
    assert refused.text().startswith("Preflight: not complete, cloud not checked; 1 error. Nothing was touched.")


def test_a_report_may_do_without_what_is_not_there_yet() -> None:
    report = Report([Layer("files"), Layer("cloud", needed=True), Layer("cluster", skipped="there is none yet")])
    assert report.text().startswith("Preflight: no problems (not checked: cluster). Nothing was touched.")
    assert not report.fails("warning")
    assert json.loads(report.json())["complete"] is True


@pytest.mark.parametrize(
    ("severities", "on", "fails"),
    [
        ([], "warning", False),
        (["warning"], "error", False),
        (["warning"], "warning", True),
        (["error"], "error", True),
        (["error"], "warning", True),
        (["error", "warning"], "never", False),
    ],
)
def test_it_fails_by_severity(severities: list[str], on: FailOn, fails: bool) -> None:
    assert Report([Layer("files", [problem(severity=each) for each in severities])]).fails(on) is fails


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("cluster_node_groups[gpu].flavor", ("vars/openstack.yml", 9)),
        ("cluster_node_groups[gpu].min", ("vars/openstack.yml", 8)),
        ("cluster_image", ("extra variables (-e)", 0)),
        ("cluster_keypair", ("openstack.yml", 0)),
        ("hub_release", ("jupyterhub.yml", 0)),
    ],
)
def test_a_finding_stands_where_its_key_was_written(key: str, place: tuple[str, int]) -> None:
    (row,) = located([Finding(key, "no")], "openstack.yml", PLACES)
    assert (row["file"], row["line"]) == place


def test_a_name_that_is_not_there() -> None:
    assert missing("k", "flavor", "c3.smal", "prod", ["c3.small", None]).hint == "write c3.small"
    assert missing("k", "flavor", "zz", "prod", ["b", "a"]).hint == "there are: a, b"
    assert missing("k", "flavor", "zz", "prod", []).hint == "this project sees no flavor at all"


def test_no_secret_is_among_the_questions() -> None:
    values = {
        "cluster_name": "hub",
        "hub_domain": "hub.example.org",
        "hub_auth": {"client_secret": "s3cret"},
        "hub_https": {"type": "manual", "private_key": "s3cret"},
        "hub_profiles": [{"name": "default", "cpu": 2, "environment": {"TOKEN": "s3cret"}}],
    }
    asked = questions(values)
    assert "s3cret" not in str(asked)
    assert asked["hub_profiles"] == [{"name": "default", "cpu": 2}]
    assert asked["cluster_name"] == "hub"
