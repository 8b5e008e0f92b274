"""What the hub's configuration hands to JupyterHub and KubeSpawner, loaded by the hub's own environment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import golden
from tests.support.pod_builder import PodBuilder

from .conftest import CHART, Released, Values

Configuration = dict[str, dict[str, Any]]
Load = Callable[..., list[Configuration]]


@pytest.fixture
def load(released: Released, builder: PodBuilder) -> Load:
    """``load((values, chart), ...)``: the configurations that the charts' hubs start with."""

    def load(*releases: tuple[Values, Path]) -> list[Configuration]:
        answers = [builder.ask(released(*release), users=()) for release in releases]
        assert not [answer for answer in answers if "error" in answer], answers
        return [answer["config"] for answer in answers]

    return load


def test_values_reach_kubespawner(load: Load) -> None:
    values: Values = {
        "singleuser": {
            "image": {"name": "quay.io/jupyter/scipy-notebook", "tag": "python-3.12"},
            "cmd": None,
            "cpu": {"limit": 2, "guarantee": 0.05},
            "memory": {"limit": 1610612736, "guarantee": 1610612736},
            "profileList": [{"slug": "default", "display_name": "D", "kubespawner_override": {"cpu_limit": 2}}],
            "startTimeout": 1200,
            "storage": {"capacity": "1073741824", "dynamic": {"storageClass": "retain"}},
            "extraFiles": {"cull": {"mountPath": "/etc/jupyter/a.json", "data": {}, "mode": 292}},
            "cloudMetadata": {"blockWithIptables": True},
            "networkTools": {"image": {"name": "tools", "tag": "1"}},
        },
        "scheduling": {"podPriority": {"enabled": True}},
    }
    values["singleuser"]["extraFiles"]["cull"]["data"] = {"a": 1}
    spawner = load((values, CHART))[0]["KubeSpawner"]
    assert spawner["image"] == "quay.io/jupyter/scipy-notebook:python-3.12"
    assert (spawner["cpu_limit"], spawner["cpu_guarantee"]) == (2, 0.05)
    assert (spawner["mem_limit"], spawner["mem_guarantee"]) == (1610612736, 1610612736)
    assert [profile["slug"] for profile in spawner["profile_list"]] == ["default"]
    assert spawner["start_timeout"] == 1200
    assert (spawner["storage_capacity"], spawner["storage_class"]) == ("1073741824", "retain")
    assert spawner["priority_class_name"] == "jupyterhub-default-priority"
    assert spawner["scheduler_name"] == "jupyterhub-user-scheduler"
    assert spawner["volumes"]["files"]["secret"]["items"] == [{"key": "cull", "path": "cull", "mode": 292}]
    assert spawner["volume_mounts"]["0-files"]["mountPath"] == "/etc/jupyter/a.json"
    (block,) = spawner["init_containers"]
    assert block["image"] == "tools:1"
    assert block["command"][0] == "iptables"
    assert "169.254.169.254" in block["command"]


def test_the_values_own_code_comes_last_and_in_order(load: Load) -> None:
    code = {
        "20": "c.JupyterHub.template_vars['b'] = get_config('custom.b')",
        "10": "from z2jh import get_config\nc.JupyterHub.template_vars = {'a': 1}",
    }
    values = {"hub": {"extraConfig": code, "templateVars": {"z": 0}}, "custom": {"b": 2}}
    (loaded,) = load((values, CHART))
    assert loaded["JupyterHub"]["template_vars"] == {"a": 1, "b": 2}


def test_both_charts_hand_over_the_same(load: Load, real_chart: Path) -> None:
    services = [golden.values(path) for path in golden.GOLDEN]
    for values in services:
        values.setdefault("proxy", {})["https"] = {"enabled": False}  # not of the hub; no ACME here
    loaded = load(*((values, chart) for values in services for chart in (CHART, real_chart)))
    for path, ours, theirs in zip(golden.GOLDEN, loaded[::2], loaded[1::2], strict=True):
        assert comparable(ours) == comparable(theirs), path.stem


def comparable(loaded: Configuration) -> Configuration:
    """A configuration without what is made up, the chart's version, and traits that say nothing."""
    loaded["JupyterHub"].pop("cookie_secret")
    loaded["CryptKeeper"].pop("keys")
    loaded.get("GenericOAuthenticator", {}).pop("auth_state_groups_key", None)  # a function of the same code
    for name in ("chart", "helm.sh/chart"):
        assert loaded["KubeSpawner"]["common_labels"].pop(name).startswith("jupyterhub-")
    for service in loaded["JupyterHub"]["services"]:
        service.pop("api_token", None)
        service["command"] = service.get("command", [""])[1:]  # the interpreter's name
    # The real chart's is an object of the client's, with names in Python's style.
    loaded["KubeSpawner"]["init_containers"] = [each["name"] for each in loaded["KubeSpawner"]["init_containers"]]
    empty: tuple[Any, ...] = ([], {}, None)
    return {
        section: {trait: value for trait, value in traits.items() if value not in empty}
        for section, traits in loaded.items()
        if traits
    }
