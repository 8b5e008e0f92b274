"""Reading, merging and rendering: whole reports, lines, layers, secrets."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from ansible_collections.stfc.jupyterhub.plugins.module_utils import model, service

from tests.support.service_files import SECRET, Files, read, renderer

ROOT = Path(__file__).parents[3]
FIXTURES = ROOT / "tests" / "fixtures" / "model"


def test_a_whole_pair_of_wrong_files_in_one_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(FIXTURES / "wrong")
    began = time.monotonic()
    with pytest.raises(service.ServiceError) as raised:
        service.load("openstack.yml", "jupyterhub.yml", read=read, renderer=renderer)
    assert time.monotonic() - began < 5
    assert str(raised.value) + "\n" == (FIXTURES / "wrong" / "report.txt").read_text()
    assert "correct-horse" not in str(raised.value)


def test_the_shipped_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_OAUTH_CLIENT_ID", "the-hub")
    monkeypatch.setenv("HUB_OAUTH_CLIENT_SECRET", SECRET)
    files = (str(ROOT / "vars" / "openstack.yml"), str(ROOT / "vars" / "jupyterhub.yml"))
    loaded = service.load(*files, read=read, renderer=renderer)
    assert loaded.warnings == ()
    assert loaded.files == files
    assert loaded.values == yaml.safe_load((FIXTURES / "shipped" / "loaded.yml").read_text())


def test_the_shipped_files_need_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUB_OAUTH_CLIENT_ID", raising=False)
    monkeypatch.delenv("HUB_OAUTH_CLIENT_SECRET", raising=False)
    files = (str(ROOT / "vars" / "openstack.yml"), str(ROOT / "vars" / "jupyterhub.yml"))
    with pytest.raises(service.ServiceError) as raised:
        service.load(*files, read=read, renderer=renderer)
    assert [(problem.line, problem.hint) for problem in raised.value.problems] == [
        (12, "set HUB_OAUTH_CLIENT_ID in the environment"),
        (13, "set HUB_OAUTH_CLIENT_SECRET in the environment"),
    ]


def test_loading_what_is_loaded_changes_nothing(files: Files) -> None:
    values = files.load().values
    assert model.normalise(values) == values


def test_a_role_may_get_written_values() -> None:
    written = {
        "hub_domain": "hub.example.org",
        "hub_https": {"type": "none"},
        "hub_auth": {"type": "dummy", "password": SECRET, "allowed_users": ["ada"]},
        "hub_storage": {"capacity": "2G"},
        "ansible_version": {"full": "2.19"},
    }
    values = model.normalise(written, (model.JUPYTERHUB,))
    assert values["hub_storage"]["capacity"] == 2 * 1024**3
    assert "cluster_name" not in values
    assert "ansible_version" not in values
    with pytest.raises(model.ModelError) as raised:
        model.normalise({**written, "hub_storage": {"capacity": "2Gb"}}, (model.JUPYTERHUB,))
    assert str(raised.value).startswith("hub_storage.capacity: '2Gb' has no unit")
    assert SECRET not in str(raised.value)


# Layers


def test_overlays_merge_objects_and_replace_lists(files: Files) -> None:
    files.write("one.yml", "hub_culling: {idle_timeout: 2h}\nhub_profiles: [{name: one, cpu: 1, memory: 1G}]\n")
    files.write("two.yml", "hub_culling: {every: 5m}\nhub_domain: two.example.org\n")
    values = files.load("one.yml", "two.yml").values
    assert (values["hub_culling"]["idle_timeout"], values["hub_culling"]["every"]) == (7200, 300)
    assert [profile["name"] for profile in values["hub_profiles"]] == ["one"]
    assert values["hub_domain"] == "two.example.org"
    assert values["hub_auth"]["allowed_groups"] == ["team"]


def test_an_overlay_may_choose_another_type(files: Files) -> None:
    files.write("local.yml", "hub_https: {type: none}\nhub_domain: hub.localhost\n")
    assert files.load("local.yml").values["hub_https"] == {"type": "none"}


def test_a_problem_is_reported_where_its_value_was_written(files: Files) -> None:
    files.write("overlay.yml", "# first line\nhub_storage:\n  capacity: 5Gb\n")
    (problem,) = files.problems("overlay.yml")
    assert (problem.file, problem.line, problem.key) == ("overlay.yml", 3, "hub_storage.capacity")


def test_a_mistake_under_an_overlay_is_reported_too(files: Files) -> None:
    files.change("memory: 1.5G", "memory: 1.5Gb")
    files.write("overlay.yml", "hub_profiles: [{name: one, cpu: 1, memory: 1G}]\n")
    (problem,) = files.problems("overlay.yml")
    assert (problem.file, problem.line) == ("jupyterhub.yml", 12)


def test_a_contradiction_across_the_files(files: Files) -> None:
    files.write("overlay.yml", "hub_core_node_group: core\n")
    (problem,) = files.problems("overlay.yml")
    assert (problem.file, problem.message) == ("overlay.yml", "there is no node group core")


def test_disabled_groups_and_profiles_are_left_out(files: Files) -> None:
    files.change("max: 20\n", "max: 20\n  - {name: gpu, flavor: g, gpus: 1, count: 1, enabled: false}\n")
    files.change(
        "memory: 1.5G\n",
        "memory: 1.5G\n  - {name: gpu, cpu: 1, memory: 1G, gpus: 1, node_group: gpu, enabled: false}\n",
    )
    values = files.load().values
    assert [group["name"] for group in values["cluster_node_groups"]] == ["default-worker"]
    assert [(profile["name"], profile["default"]) for profile in values["hub_profiles"]] == [("default", True)]


# Extra variables


def test_extra_variables_win_and_are_checked(files: Files) -> None:
    assert files.load(hub_domain="other.example.org").values["hub_domain"] == "other.example.org"
    (problem,) = files.problems(hub_domain="other")
    assert (problem.file, problem.line, problem.key) == (service.COMMAND_LINE, 0, "hub_domain")


def test_extra_variables_are_text_on_the_command_line(files: Files) -> None:
    values = files.load(cluster_auto_healing="false", hub_start_timeout="1800").values
    assert (values["cluster_auto_healing"], values["hub_start_timeout"]) == (False, 1800)


@pytest.mark.parametrize(
    ("extra", "hint"),
    [
        ({"hub_start_timeout": "30m"}, "write -e hub_start_timeout=1800"),
        ({"hub_storage": {"capacity": "2G"}}, "put it in a file, and name that with -e service_overlays=FILE"),
    ],
)
def test_extra_variables_that_loading_would_change(files: Files, extra: dict[str, object], hint: str) -> None:
    (problem,) = files.problems(**extra)
    assert (problem.message, problem.hint) == ("would reach the roles as it is written here, not as loaded", hint)


def test_other_extra_variables_are_nobodys_business(files: Files) -> None:
    assert files.problems(confirm="jupyterhub", ansible_user="me") == []


# YAML


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("a: 1\n\tb: 2\n", 2, "a tab is used to indent", "indent with spaces"),
        ("hub_domain: {{ domain }}\n", 1, None, 'a template needs quotes around it: "{{ … }}"'),
        ("a: b: c\n", 1, "there is a second colon in this line, or its indentation is wrong", None),
        ("a: [1, 2\nb: 3\n", 2, None, None),
        ("- a\n- b\n", 1, "the file is not made of keys with values", None),
        ("just text\n", 1, "the file is not made of keys with values", None),
        ("a: &a [*a]\n", 1, "contains itself by an alias", None),
        ("a: !!python/object:os.system x\n", 1, None, "write a plain value"),
        ("a: 1\n---\nb: 2\n", 2, None, None),
    ],
)
def test_what_is_not_right_yaml(files: Files, text: str, line: int, message: str | None, hint: str | None) -> None:
    files.write("jupyterhub.yml", text)
    problem = next(problem for problem in files.problems() if problem.file == "jupyterhub.yml")
    assert problem.line == line
    assert message in (None, problem.message)
    assert hint in (None, problem.hint)


def test_a_file_that_cannot_be_read_is_not_asked_for_its_keys(files: Files) -> None:
    files.write("openstack.yml", "a: [\n")
    problems = files.problems()
    assert [problem.file for problem in problems] == ["openstack.yml"]


def test_the_other_file_is_still_checked(files: Files) -> None:
    files.write("openstack.yml", "a: [\n")
    files.change("hub.example.org", "hub")
    assert [problem.file for problem in files.problems()] == ["openstack.yml", "jupyterhub.yml"]


def test_a_missing_file(files: Files) -> None:
    (files.folder / "openstack.yml").unlink()
    (problem,) = files.problems("none.yml")[:1]
    assert (problem.file, problem.message) == ("openstack.yml", "there is no such file")
    assert [problem.file for problem in files.problems("none.yml")] == ["openstack.yml", "none.yml"]


def test_an_empty_openstack_file_is_a_service_of_defaults(files: Files) -> None:
    files.write("openstack.yml", "")
    assert files.load().values["cluster_name"] == "jupyterhub"


def test_aliases_and_merges(files: Files) -> None:
    files.write(
        "openstack.yml",
        """\
        cluster_node_groups:
          - &group {name: default-worker, flavor: c3.medium, min: 1, max: 2}
          - {<<: *group, name: more}
        """,
    )
    groups = files.load().values["cluster_node_groups"]
    assert [(group["name"], group["flavor"]) for group in groups] == [
        ("default-worker", "c3.medium"),
        ("more", "c3.medium"),
    ]


def test_keys_with_nothing_below_them_have_their_defaults(files: Files) -> None:
    files.change("  admin_groups: [leads]\n", "  admin_users: [grace]\n  admin_groups:\n  scopes:\n")
    files.change("max: 20\n", "max: 20\n    labels:\ncluster_labels:\ncluster_control_plane:\n")
    values = files.load().values
    assert values["hub_auth"]["admin_groups"] == []
    assert values["hub_auth"]["scopes"] == ["openid", "profile", "email"]
    assert values["cluster_labels"] == values["cluster_node_groups"][0]["labels"] == {}
    assert values["cluster_control_plane"]["count"] == 3


def test_many_aliases_of_aliases(files: Files) -> None:
    lines = ["cluster_labels:", "  a: &a {x: 1, y: 2, z: 3}"]
    lines += [
        f"  {new}: &{new} {{x: *{old}, y: *{old}, z: *{old}}}"
        for old, new in zip("abcdefghijk", "bcdefghijkl", strict=True)
    ]
    files.write("openstack.yml", "\n".join(lines) + "\n")
    (problem,) = files.problems()
    assert problem.message == "has more than 20000 values"


def test_dates_and_truth_values_are_what_they_look_like(files: Files) -> None:
    files.change("max: 20\n", "max: 20\n    enabled: on\ncluster_labels: {since: 2026-01-02, on: yes}\n")
    values = files.load().values
    assert values["cluster_labels"] == {"since": "2026-01-02", "on": "yes"}
    assert values["cluster_node_groups"][0]["enabled"] is True


# Templates and secrets


def test_a_template_may_give_a_whole_list(files: Files) -> None:
    files.change("[team]", '"{{ no_groups }}"')
    (problem,) = files.problems()
    assert problem.message == "uses no_groups, which is not defined"


def test_unsafe_text_is_left_alone(files: Files) -> None:
    files.change("memory: 1.5G\n", 'memory: 1.5G\n    description: !unsafe "{{ left }}"\n')
    assert files.load().values["hub_profiles"][0]["description"] == "{{ left }}"


def test_a_vault_without_its_password(files: Files) -> None:
    files.change('"{{ secret }}"', "!vault |\n    $ANSIBLE_VAULT;1.1;AES256\n    6162")
    (problem,) = files.problems()
    assert (problem.key, problem.message) == ("hub_auth.client_secret", "cannot be decrypted")


@pytest.mark.parametrize(
    "value",
    [
        SECRET,
        f"[{SECRET}]",
        f"{{a: {SECRET}}}",
        f"\"{{{{ '{SECRET}' + 1 }}}}\"",
        f"!!binary {SECRET}",
        "12345678901234",
    ],
)
def test_a_secret_is_never_shown(files: Files, value: str) -> None:
    files.change('"{{ secret }}"', value)
    text = service.report(files.problems())
    assert "hub_auth.client_secret" in text
    assert SECRET not in text
    assert "12345678901234" not in text


def test_an_overlay_with_secrets_must_be_private(files: Files) -> None:
    files.write("overlay.yml", f"hub_auth: {{client_secret: {SECRET}}}\n")
    (files.folder / "overlay.yml").chmod(0o644)
    (problem,) = files.problems("overlay.yml")
    assert (problem.severity, problem.hint) == ("warning", "chmod 600 overlay.yml")
    (files.folder / "overlay.yml").chmod(0o600)
    assert files.problems("overlay.yml") == []


def test_everything_wrong_in_hub_values_is_in_one_report(files: Files) -> None:
    wrong = """\
hub_values:
  hub:
    config: {JupyterHub: {active_server_limitt: 3}, jupyterHub: {}}
    tolerations: 5
    nodeSelecter: {}
  prePuller: {hook: {enabled: true}}
  singleuser: {memory: 3, extraEnv: {A: "{x}"}}
"""
    files.change("memory: 1.5G\n", f"memory: 1.5G\n{wrong}")
    assert {problem.key.removeprefix("hub_values.") for problem in files.problems()} == {
        "hub.config.JupyterHub.active_server_limitt",
        "hub.config.jupyterHub",
        "hub.nodeSelecter",
        "hub.tolerations",
        "prePuller.hook.enabled",
        "singleuser.extraEnv.A",
        "singleuser.memory",
    }


@pytest.mark.parametrize(
    "given",
    [
        "{storage: {extraVolumes: [X], extraVolumeMounts: [X, {name: shm, mountPath: X}]}}",
        "{storage: {extraVolumes: {a: X, b: {name: X}}, extraVolumeMounts: {a: X}}}",
        "{extraEnv: [X, {name: X, value: X}]}",
        "{memory: {limit: X}, profileList: [X, {slug: X, kubespawner_override: X}]}",
        "{profileList: [{slug: default, kubespawner_override: {volumes: [X], volume_mounts: [X], environment: [X]}}]}",
        "{profileList: [{slug: default, profile_options: X}]}",
        "{profileList: [{slug: default, profile_options: {o: X, p: {choices: X}, q: {choices: {c: X}}}}]}",
        "{profileList: [{slug: default, kubespawner_override: {mem_limit: X, cpu_limit: X, tolerations: [X]}}]}",
    ],
)
def test_no_conclusions_are_drawn_from_what_cannot_be_rendered(files: Files, given: str) -> None:
    text = given.replace("X", '"{{ missing }}"')
    files.change("memory: 1.5G\n", f"memory: 1.5G\nhub_values: {{singleuser: {text}}}\n")
    messages = {problem.message for problem in files.problems() if problem.severity == "error"}
    assert messages == {"uses missing, which is not defined"}
