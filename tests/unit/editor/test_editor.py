"""What somebody sees who edits the two files: the real yaml-language-server, with no network but our own schemas."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils import model

from tests.support.editor import Editor

ROOT = Path(__file__).resolve().parents[3]
OPENSTACK, JUPYTERHUB = ROOT / "vars" / "openstack.yml", ROOT / "vars" / "jupyterhub.yml"
COPIES = [ROOT / "roles" / "cluster" / "files" / "openstack.yml", ROOT / "roles" / "hub" / "files" / "jupyterhub.yml"]


def head(file: Path) -> str:
    """The line that names the schema."""
    return file.read_text().splitlines(keepends=True)[0]


def plain(text: str) -> str:
    return " ".join(text.replace("`", "").replace("\\", "").split())


@pytest.mark.parametrize("file", [OPENSTACK, JUPYTERHUB, *COPIES], ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_marked_in_the_shipped_files(editor: Editor, file: Path) -> None:
    assert editor.marks_of(file, file.read_text()) == []


@pytest.mark.parametrize(
    ("path", "file"), [(OPENSTACK, model.OPENSTACK), (JUPYTERHUB, model.JUPYTERHUB)], ids=["openstack", "jupyterhub"]
)
def test_every_key_is_offered_with_its_description(editor: Editor, path: Path, file: model.File) -> None:
    offered = editor.completion(path, f"{head(path)}|\n")
    for key in file.keys:
        documentation = offered[key.name].documentation
        text = documentation if isinstance(documentation, str) else getattr(documentation, "value", "")
        assert plain(key.description) in plain(text), key.name


@pytest.mark.parametrize(
    ("path", "text", "labels"),
    [
        (
            OPENSTACK,
            "cluster_node_groups:\n  - name: default-worker\n    |\n",
            {key.name for key in model.OPENSTACK.key("cluster_node_groups").options} - {"name"},
        ),
        (
            OPENSTACK,
            "cluster_flavors_known:\n  c3.medium:\n    |\n",
            {"vcpus", "memory", "disk", "gpus"},
        ),
        (OPENSTACK, "cluster_driver: |\n", {"auto", "heat", "capi-helm", "cluster-api"}),
        (JUPYTERHUB, "hub_https:\n  type: |\n", {"letsencrypt", "secret", "manual", "offload", "none"}),
        (JUPYTERHUB, "hub_culling:\n  kernels:\n    |\n", {"enabled", "idle_timeout", "connected", "busy"}),
    ],
)
def test_members_and_choices_are_offered(editor: Editor, path: Path, text: str, labels: set[str]) -> None:
    assert labels <= editor.completion(path, head(path) + text).keys()


@pytest.mark.parametrize(
    ("path", "old", "new", "words"),
    [
        (JUPYTERHUB, "hub_domain:", "hub_domian:", "hub_domian"),
        (JUPYTERHUB, "    memory: 7.5G", "    memry: 7.5G", "memry"),
        (JUPYTERHUB, "  capacity: 1G", "  capacity: 1Gb", "Write a number and K, M, G or T"),
        (JUPYTERHUB, "    cpu: 8", "    cpu: many", "number"),
        (JUPYTERHUB, "    placeholders: 4", "    placeholders: 1.5", "integer"),
        (JUPYTERHUB, "  internal: false", "  internal: perhaps", "boolean"),
        (JUPYTERHUB, "hub_start_timeout: 20m", "hub_start_timeout: 20 min", "such as 90s, 20m or 1h30m"),
        (OPENSTACK, "    max: 20", "    max: [20]", "integer"),
        (OPENSTACK, "cluster_network_driver: calico", "cluster_network_driver: calcio", "calico"),
        (OPENSTACK, "cluster_labels: {}", "cluster_labels: none", "object"),
    ],
)
def test_a_wrong_key_and_a_wrong_value_are_marked_where_they_are(
    editor: Editor, path: Path, old: str, new: str, words: str
) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    marks = [mark for mark in editor.marks_of(path, text.replace(old, new)) if words in mark.message]
    line = text[: text.index(old)].count("\n")
    assert {mark.range.start.line for mark in marks} == {line}, marks
    assert "schema" in (marks[0].source or "")


def test_a_key_that_is_missing_is_marked(editor: Editor) -> None:
    text = head(JUPYTERHUB) + "hub_domain: hub.example.org\n"
    assert any("hub_auth" in mark.message for mark in editor.marks_of(JUPYTERHUB, text))


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        (OPENSTACK, "cluster_net|work_driver: calico\n", "Network plugin of the cluster."),
        (OPENSTACK, "cluster_create_tim|eout: 1h\n", "How long to wait for the cluster to be made. Default: 60m."),
        (JUPYTERHUB, "hub_profiles:\n  - name: a\n    mem|ory: 1G\n", "Counted in 1024: 1.5G is 1.5 GiB."),
        (JUPYTERHUB, "hub_auth:\n  allow_|all: true\n", "everybody who can log in there may use the hub."),
    ],
)
def test_a_key_tells_what_it_is(editor: Editor, path: Path, text: str, words: str) -> None:
    assert words in plain(editor.hover(path, head(path) + text))


def test_a_template_is_right_anywhere(editor: Editor) -> None:
    text = (
        JUPYTERHUB.read_text().replace("cpu: 8", 'cpu: "{{ cpus }}"').replace("internal: false", 'internal: "{{ x }}"')
    )
    assert editor.marks_of(JUPYTERHUB, text) == []
