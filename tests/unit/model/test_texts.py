"""Values are the text that was written: numbers of YAML 1.1, white space, braces, text of extra variables."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils import model

from tests.support.service_files import Files

WRITTEN = (
    "0022", "12:30", "8:00", "1.10", "1_000", "0x1F", "0b11", "1.0e+3", "+5", ".5", "190:20:30.15", "-.inf", ".nan",
    "yes", "no", "on", "Off", "TRUE", "2026-01-02", "2026-01-02 03:04:05", "y", "1e3", "0o17", "007",
)  # fmt: skip
"""What YAML 1.1 takes for numbers, truth values and dates."""


@pytest.mark.parametrize("text", WRITTEN)
def test_text_is_what_was_written(files: Files, text: str) -> None:
    files.change("memory: 1.5G\n", f"memory: 1.5G\n    display_name: {text}\n    environment: {{X: {text}}}\n")
    files.change("[team]", f"[{text}, team]")
    files.change("client_id: hub", f"client_id: {text}")
    files.change("max: 20\n", f"max: 20\n    labels: {{x: {text}}}\ncluster_labels: {{x: {text}}}\n")
    loaded = files.load()
    values = loaded.values
    assert loaded.warnings == ()
    (profile,) = values["hub_profiles"]
    assert (profile["display_name"], profile["environment"]) == (text, {"X": text})
    assert values["hub_auth"]["allowed_groups"] == [text, "team"]
    assert values["hub_auth"]["client_id"] == text
    assert values["cluster_labels"] == values["cluster_node_groups"][0]["labels"] == {"x": text}


def test_so_it_is_in_an_overlay_by_an_alias_and_in_a_template(files: Files) -> None:
    files.write(
        "overlay.yml",
        """\
        x-mask: &mask 0022
        cluster_keypair: 0123
        hub_auth: {admin_users: [no, 0123]}
        hub_profiles:
          - {name: one, cpu: 1, memory: 1G, environment: {MASK: *mask, KEY: "{{ cluster_keypair }}"}}
        """,
    )
    values = files.load("overlay.yml").values
    assert values["hub_auth"]["admin_users"] == ["no", "0123"]
    assert values["hub_profiles"][0]["environment"] == {"MASK": "0022", "KEY": "0123"}


def test_a_number_for_a_secret_is_its_text_and_is_told_of_as_a_secret(files: Files) -> None:
    files.change('"{{ secret }}"', "012345678901234")
    loaded = files.load()
    assert loaded.values["hub_auth"]["client_secret"] == "012345678901234"
    (problem,) = loaded.warnings
    assert (problem.key, problem.message[:11]) == ("hub_auth.client_secret", "is a secret")


def test_values_of_the_chart_are_as_yaml_has_them(files: Files) -> None:
    files.change("memory: 1.5G\n", "memory: 1.5G\nhub_values: {custom: {a: 0022, b: yes, mode: 0644}}\n")
    loaded = files.load()
    assert loaded.values["hub_values"] == {"custom": {"a": 18, "b": True, "mode": 0o644}}
    assert loaded.warnings == ()


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ("{singleuser: {image: {tag: 3.10}}}", "singleuser.image.tag"),
        ("{singleuser: {extraEnv: {A: {name: A, value: no}}}}", "singleuser.extraEnv.A.value"),
        ("{hub: {labels: {a: 1}}}", "hub.labels.a"),
        ("{hub: {config: {Authenticator: {admin_users: [007]}}}}", "hub.config.Authenticator.admin_users[#1]"),
    ],
)
def test_where_the_chart_wants_text_a_number_is_told_of(files: Files, values: str, key: str) -> None:
    files.change("memory: 1.5G\n", f"memory: 1.5G\nhub_values: {values}\n")
    (problem,) = [problem for problem in files.problems() if problem.severity == "warning"]
    written = re.search(r"(3\.10|no|1|007)[\]}]", values)
    assert written
    assert (problem.severity, problem.key) == ("warning", f"hub_values.{key}")
    assert problem.hint == f'write "{written[1]}" in quotes'


@pytest.mark.parametrize("text", ["null", "~", "Null", ""])
def test_nothing_is_not_the_word_none(files: Files, text: str) -> None:
    files.change("memory: 1.5G\n", f"memory: 1.5G\n    environment:\n      X: {text}\n")
    (problem,) = files.problems()
    assert (problem.key, problem.message) == ("hub_profiles[default].environment.X", "has no value")


def test_a_number_whose_text_is_not_known_is_not_guessed() -> None:
    hub = {"hub_domain": "hub.example.org", "hub_https": {"type": "none"}}
    auth: dict[str, Any] = {"type": "dummy", "password": "p", "allowed_users": [83]}
    with pytest.raises(model.ModelError) as raised:
        model.normalise({**hub, "hub_auth": auth}, [model.JUPYTERHUB])
    assert str(raised.value) == "hub_auth.allowed_users[#1]: is a number, not text; write it in quotes"


# Numbers


@pytest.mark.parametrize("text", ["010", "8:00", "1_000", "0x1F", "0b11", "+5", ".inf", "1:30:00"])
@pytest.mark.parametrize(
    ("old", "key"),
    [
        ("min: 1", "min: "),
        ("cpu: 2", "cpu: "),
        ("memory: 1.5G", "memory: "),
        ("memory: 1.5G", "memory: 1.5G\nhub_timeout: "),
        ("memory: 1.5G", "memory: 1.5G\nhub_storage:\n  capacity: "),
    ],
)
def test_a_number_that_yaml_reads_otherwise_is_an_error_with_its_text(
    files: Files, text: str, old: str, key: str
) -> None:
    files.change(old, f"{key}{text}")
    (problem,) = [problem for problem in files.problems() if problem.severity == "error"]
    assert problem.message.startswith(f"{text} is not a ")
    assert problem.hint.startswith("write ")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("8:00", "write 8h, or 8m"),
        ("1:30", "write 1h30m, or 1m30s"),
        ("1:30:15", "write 1h30m15s"),
        ("0:45", "write 45m, or 45s"),
        ("'8:00'", "write 8h, or 8m"),
        ("0100", "write 100, or 64 if that is meant"),
        ("1_800", "write 1800"),
    ],
)
def test_what_to_write_for_a_duration(files: Files, text: str, hint: str) -> None:
    files.change("memory: 1.5G", f"memory: 1.5G\nhub_timeout: {text}")
    (problem,) = [problem for problem in files.problems() if problem.severity == "error"]
    assert problem.hint == hint


@pytest.mark.parametrize("text", ["0", "1800", "1.8e+3"])
def test_plain_numbers_are_taken(files: Files, text: str) -> None:
    files.change("cpu: 2", f"cpu: 2\n    cpu_guarantee: {text if text != '1800' else 2}")
    messages = [problem.message for problem in files.problems()]
    assert all("YAML" not in message for message in messages)


@pytest.mark.parametrize(("text", "cpu"), [("500m", 0.5), ("2000m", 2), ("1500m", 1.5)])
def test_thousandths_of_a_cpu(files: Files, text: str, cpu: float) -> None:
    files.change("cpu: 2", f"cpu: {text}\n    cpu_guarantee: 100m")
    (profile,) = files.load().values["hub_profiles"]
    assert (profile["cpu"], profile["cpu_guarantee"]) == (cpu, 0.1)


@pytest.mark.parametrize(("text", "size"), [("2Gi", 2 << 30), ("1.5Gi", 3 << 29), ("512Mi", 1 << 29), ("2G", 2 << 30)])
def test_binary_units_are_what_they_are(files: Files, text: str, size: int) -> None:
    files.change("memory: 1.5G", f"memory: {text}")
    assert files.load().values["hub_profiles"][0]["memory"] == size


def test_a_server_is_not_idle_for_longer_than_it_may_run(files: Files) -> None:
    files.change("memory: 1.5G", "memory: 1.5G\nhub_culling: {max_age: 12h}")
    culling = files.load().values["hub_culling"]
    assert (culling["idle_timeout"], culling["kernels"]["idle_timeout"], culling["max_age"]) == (43200, 43200, 43200)


def test_keys_of_the_file_itself_are_nobodys_business(files: Files) -> None:
    files.write(
        "openstack.yml",
        """\
        x-groups: {group: &group {flavor: c3.medium, min: 1, max: 2}, other: "{{ not_defined }}"}
        cluster_node_groups:
          - {<<: *group, name: default-worker}
        """,
    )
    assert files.load().values["cluster_node_groups"][0]["max"] == 2


# White space


SECRETS = [
    "client_secret: |\n    text\n",
    "client_secret: |+\n    text\n\n",
    '''client_secret: "{{ 'te' + 'xt' }}\\n"''',
]


@pytest.mark.parametrize("written", SECRETS)
def test_line_breaks_at_the_end_go(files: Files, written: str) -> None:
    files.change('client_secret: "{{ secret }}"', written.rstrip("\n") if "|+" not in written else written)
    files.change("[team]", '["team\\n"]')
    files.change("client_id: hub", 'client_id: "hub\\r\\n"')
    values = files.load().values["hub_auth"]
    assert (values["client_secret"], values["allowed_groups"], values["client_id"]) == ("text", ["team"], "hub")


@pytest.mark.parametrize(
    "text",
    [" team", "team ", "\tteam", "te\nam", "\u201cteam\u201d", "'team'", "team\u00a0", "\ufeffteam", "te\u200bam"],
)
@pytest.mark.parametrize("old", ["[team]", "[leads]", "team@example.org", "client_id: hub", "c3.medium"])
def test_what_nobody_sees_around_a_name_is_an_error(files: Files, text: str, old: str) -> None:
    quoted = '"' + text.replace("\n", "\\n").replace("\t", "\\t") + '"'
    files.change(
        old, {"[": f"[{quoted}]", "c": f"client_id: {quoted}"}.get(old[0], quoted) if old != "c3.medium" else quoted
    )
    (problem,) = files.problems()
    assert problem.severity == "error"
    assert re.match(r"(begins|ends|has a character|has quotes)", problem.message)


@pytest.mark.parametrize("text", [" s3cret", "s3cret ", "\u201cs3cret\u201d", "s3\u200bcret"])
def test_a_secret_with_a_blank_is_told_of_and_never_shown(files: Files, text: str) -> None:
    files.change('"{{ secret }}"', f'"{{{{ secret[:0] }}}}{text}"')
    loaded = files.load()
    assert loaded.values["hub_auth"]["client_secret"] == text
    (problem,) = loaded.warnings
    assert problem.key == "hub_auth.client_secret"
    assert "3" not in problem.message + problem.hint.replace("U+200B", "")


def test_free_text_may_begin_and_end_as_it_likes(files: Files) -> None:
    files.change(
        "memory: 1.5G\n", 'memory: 1.5G\n    description: "\u201cBig\u201d "\n    environment: {PS1: "$ ", N: "a\\n"}\n'
    )
    (profile,) = files.load().values["hub_profiles"]
    assert profile["description"] == "\u201cBig\u201d "
    assert profile["environment"] == {"PS1": "$ ", "N": "a\n"}


# Templates that are none


@pytest.mark.parametrize("text", ["ab{{cd", "ab{#cd", "ab{%cd", "f'{{x}}'"])
def test_text_with_braces_is_told_how_to_be_written(files: Files, text: str) -> None:
    files.change("memory: 1.5G\n", f'memory: 1.5G\nhub_values: {{hub: {{extraConfig: {{a: "{text}"}}}}}}\n')
    (problem,) = files.problems()
    assert 'write !unsafe "…"' in problem.hint
    files.change('a: "', 'a: !unsafe "')
    assert files.load().values["hub_values"] == {"hub": {"extraConfig": {"a": text}}}


# Extra variables


LOADED_AS = {
    "boolean": ("false", False),
    "integer": ("7", 7),
    "duration": ("3600", 3600),
    "size": ("1073741824", 2**30),
}
KEYS = [(file, key) for file in model.FILES for key in file.keys if key.type in LOADED_AS]


@pytest.mark.parametrize(("file", "key"), KEYS, ids=lambda each: each.name)
def test_text_of_an_extra_variable_reaches_the_role_as_it_was_checked(
    files: Files, file: model.File, key: model.Key
) -> None:
    text, value = LOADED_AS[key.type]
    loaded = files.load(**{key.name: text}).values
    assert loaded[key.name] == value
    assert model.normalise({**loaded, key.name: text}, [file])[key.name] == value


@pytest.mark.parametrize("text", ["no", "off", "0", "FALSE", "False", "false"])
def test_words_for_false(files: Files, text: str) -> None:
    problems = files.problems(hub_image_prepull=text)
    if text.lower() == "false":
        assert problems == []
    else:
        assert [problem.hint for problem in problems] == ["write -e hub_image_prepull=false"]


# YAML


END = ("there is a tab at the end of this line", "remove it")
INDENT = ("a tab is used to indent", "indent with spaces")
BETWEEN = ("there is a tab in this line where only spaces may be", "write spaces")


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("hub_domain: x\t\n", 1, END),
        ("a:\t\n  b: 1\n", 1, END),
        ("a: 'x'\t\nb: 1\n", 1, END),
        ("a:\n\tb: 2\n", 2, INDENT),
        ("a:\n \tb: 2\n", 2, INDENT),
        ('a: "x"\t# c\n', 1, BETWEEN),
    ],
)
def test_tabs(files: Files, text: str, line: int, told: tuple[str, str]) -> None:
    files.write("jupyterhub.yml", text)
    (problem,) = [problem for problem in files.problems() if problem.file == "jupyterhub.yml"]
    assert (problem.line, (problem.message, problem.hint)) == (line, told)
