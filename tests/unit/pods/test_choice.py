"""Which pods run for real."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from rehearsal.pods import choice, images
from rehearsal.pods.images import ImageTable

KNOWN = {"quay.io/jupyterhub/k8s-hub:4.4.0", "registry.k8s.io/pause:3.10"}


def pod(*names: str, init: tuple[str, ...] = (), **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "x", "ownerReferences": spec.pop("owners", [])},
        "spec": {
            "containers": [{"name": f"c{n}", "image": name} for n, name in enumerate(names)],
            "initContainers": [{"name": f"i{n}", "image": name} for n, name in enumerate(init)],
            **spec,
        },
    }


HUB = "quay.io/jupyterhub/k8s-hub:4.4.0"
PAUSE = "registry.k8s.io/pause:3.10"


@pytest.mark.parametrize(
    ("given", "used", "runs", "why"),
    [
        (pod(HUB), 0, "real", ""),
        (pod(HUB, PAUSE), 23, "real", ""),
        (pod(PAUSE), 0, "played", "only pauses"),
        (pod(PAUSE, init=(HUB,)), 0, "played", "only pauses"),
        (pod(HUB, owners=[{"kind": "DaemonSet"}]), 0, "played", "DaemonSets"),
        (pod(HUB, owners=[{"kind": "ReplicaSet"}]), 0, "real", ""),
        (pod(HUB, "example.org/nothing:1"), 0, "played", "unknown image example.org/nothing:1"),
        (pod(HUB, init=("example.org/tool",)), 0, "played", "unknown image example.org/tool"),
        (pod(HUB, hostNetwork=True), 0, "played", "node's network"),
        (pod(HUB, volumes=[{"name": "v", "hostPath": {"path": "/"}}]), 0, "played", "hostPath"),
        (pod(HUB), 24, "played", "budget: 24 of 24"),
    ],
)
def test_choose(given: dict[str, Any], used: int, runs: str, why: str) -> None:
    found = choice.choose(given, KNOWN.__contains__, used, 24)
    assert found.runs == runs
    assert why in found.why
    assert (choice.WHY in found.annotations()) == bool(why)
    # Nobody waits for what a puller or a placeholder would do.
    assert found.missed == (bool(why) and why not in ("only pauses", "DaemonSets"))


def test_a_choice_that_was_made_is_read_back() -> None:
    given = pod(HUB)
    assert choice.made(given) == ""
    given["metadata"]["annotations"] = choice.Choice("played", "because").annotations()
    assert choice.made(given) == "played"


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("quay.io/a/b:1.2", "quay.io/a/b"),
        ("quay.io/a/b", "quay.io/a/b"),
        ("localhost:5000/b", "localhost:5000/b"),
        ("localhost:5000/b:1", "localhost:5000/b"),
        ("quay.io/a/b:1@sha256:0a1b", "quay.io/a/b"),
        ("quay.io/a/b@sha256:0a1b", "quay.io/a/b"),
    ],
)
def test_without_tag(reference: str, name: str) -> None:
    assert images.without_tag(reference) == name


def test_the_table_prefers_the_exact_tag_and_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "images.json"
    table = ImageTable(path)
    assert table.find("a/b:1") is None
    path.write_text(json.dumps({"a/b": {"cmd": ["any"], "user": 7}, "a/b:2": {"cmd": ["two"], "workdir": "/w"}}))
    any_tag, exact = table.find("a/b:1"), table.find("a/b:2")
    assert any_tag is not None and exact is not None
    assert (any_tag.cmd, any_tag.user, any_tag.group) == (("any",), 7, 7)
    assert (exact.cmd, exact.workdir) == (("two",), "/w")
    path.write_text("{")
    os.utime(path, (1, 1))
    assert table.find("a/b:1") == any_tag, "a table that cannot be read changes nothing"
    path.write_text("{}")
    os.utime(path, (2, 2))
    assert table.find("a/b:1") is None
