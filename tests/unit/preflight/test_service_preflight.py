"""The one look at everything: what follows on what, and what is not told. The layers have tests of their own."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_probe import ProbeError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release import balancer
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release.client import KubernetesError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import JUPYTERHUB, normalise
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight import cluster_side
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.cloud_module import CoePreflight
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.cluster import Seen
from ansible_collections.stfc.jupyterhub.plugins.modules.service_preflight import ServicePreflight

Json = dict[str, Any]

PASSWORD = "s3cret-of-the-client"

HUB = normalise(
    {
        "hub_domain": "hub.example.org",
        "hub_https": {"type": "none"},
        "hub_auth": {"type": "github", "client_id": "hub", "client_secret": PASSWORD, "allowed_users": ["a"]},
        "hub_profiles": [{"name": "default", "cpu": 1, "memory": "1G", "placeholders": 1}],
    },
    [JUPYTERHUB],
)

SERVICE: Json = {
    "cluster_name": "hub",
    "cluster_network_driver": "calico",
    "cluster_template": None,
    "cluster_labels": {},
    "cluster_node_groups": [{"name": "default-worker", "flavor": "m", "min": 1, "max": 2}],
}

PLAN: Json = {
    "changed": False,
    "problems": [],
    "skipped_because": "",
    "notes": [],
    "exists": True,
    "current": {"name": "hub", "uuid": "u", "api_address": "https://192.0.2.1:6443"},
    "external_network": "n1",
    "cluster": {"changes": False},
    "node_groups": [],
    "remove": [],
    "unused_templates": [],
    "locked": False,
    "kubeconfig_reason": "",
    "family": {"name": "cluster-api"},
    "flavors": {"m": {"vcpus": 8, "memory": 16 * 1024**3}},
}

FOUND: Json = {"work": [], "address": "192.0.2.7", "revision": 3}


class LeftError(Exception):
    """The module has ended with this answer."""


class World:
    """What the module finds, and what it asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.plan: Json = {**PLAN}
        self.release: Json | Exception = {**FOUND}
        self.answer: tuple[Json, str, str] | Exception = ({"version": "5.5.0"}, "", "")
        self.skipped = ""
        self.asked: list[str] = []
        self.steward: Any = None
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.touch()
        monkeypatch.setattr(CoePreflight, "act", lambda _module: self.plan)
        monkeypatch.setattr(cluster_side.cluster_reading, "look", self._look)
        monkeypatch.setattr(cluster_side, "Kubernetes", lambda parameters, namespace: (parameters, namespace))
        monkeypatch.setattr(cluster_side, "survey", self._survey)
        monkeypatch.setattr(cluster_side, "probe", self._probe)

    def module(self, hub: str | None = None, **parameters: Any) -> ServicePreflight:
        made = object.__new__(ServicePreflight)
        made.params = {
            "cloud": "c",
            "service": SERVICE,
            "file": "openstack.yml",
            "places": {},
            "kubeconfig": str(self.kubeconfig),
            "hub": base64.b64encode(json.dumps(HUB).encode()).decode() if hub is None else hub,
            **parameters,
        }
        made.balancing = balancer.Cloud([], [], [])
        made.ansible = SimpleNamespace(fail_json=self._leave)
        made.exit_json = self._leave
        return made

    def answers(self, **parameters: Any) -> Json:
        made = self.module(**parameters)
        made.keep_hub()
        return made.act()

    @staticmethod
    def _leave(**result: Any) -> None:
        raise LeftError(result)

    def _look(self, _service: Json, _kubeconfig: str) -> tuple[list[Any], str, Seen]:
        self.asked.append("cluster")
        return [], self.skipped, Seen()

    def _survey(self, steward: Any, beside: Any, _grace: float, groups: Json) -> Json:
        self.asked.append("release")
        self.steward = steward
        assert list(groups) == ["default-worker"]
        assert {item["kind"] for item in beside.objects} == {"Namespace", "StorageClass", "Secret", "StatefulSet"}
        assert list(beside.secrets) == ["hub-secrets"]
        return _given(self.release)

    def _probe(self, parameters: Json, _sleep: Any, inside: Any) -> tuple[Json, str, str]:
        self.asked.append("hub")
        assert parameters["name"] == "hub.example.org"
        return _given(self.answer)


def _given(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    return World(monkeypatch, tmp_path)


def test_everything_as_described_is_read_in_one_go(world: World) -> None:
    found = world.answers()
    assert world.asked == ["cluster", "release", "hub"]
    assert (found["release"], found["answer"]) == (FOUND, {"version": "5.5.0"})
    assert found["facts"]["node_groups"]["default-worker"]["max"] == 2
    assert found["changed"] is False


def test_the_hub_s_secrets_stay_here(world: World) -> None:
    module = world.module()
    module.keep_hub()
    assert module.params["hub"] is None
    assert PASSWORD not in json.dumps([module.act(), {**module.params}])


@pytest.mark.parametrize(
    "change",
    [
        {"cluster": {"changes": True}},
        {"node_groups": [{"name": "gpu"}]},
        {"remove": ["gpu"]},
        {"unused_templates": ["t"]},
        {"locked": True},
        {"kubeconfig_reason": "it ends tomorrow"},
        {"problems": [{"severity": "error"}]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_cluster_that_is_to_change_is_looked_at_and_no_further(world: World, change: Json) -> None:
    world.plan |= change
    found = world.answers()
    assert world.asked == ["cluster"]
    assert (found["facts"], found["release"], found["answer"]) == ({}, {}, {})


def test_a_warning_is_no_reason_to_stop(world: World) -> None:
    world.plan["problems"] = [{"severity": "warning"}]
    assert world.answers()["release"]


def test_files_with_errors_have_no_plan_and_no_release(world: World) -> None:
    del world.plan["cluster"]
    assert world.answers(hub="")["cluster"]["skipped_because"] == ""
    assert world.asked == ["cluster"]


def test_there_is_no_cluster_yet(world: World) -> None:
    world.plan |= {"exists": False, "current": {}}
    found = world.answers()
    assert found["cluster"]["skipped_because"] == "there is no cluster hub yet"
    assert (world.asked, found["facts"]) == ([], {})


def test_there_is_no_kubeconfig(world: World) -> None:
    world.kubeconfig.unlink()
    assert "deploy.yml writes one" in world.answers()["cluster"]["skipped_because"]
    assert world.asked == []


def test_a_cluster_that_does_not_answer_is_told_and_nothing_more_asked(world: World) -> None:
    world.skipped = "the cluster's API does not answer"
    found = world.answers()
    assert (found["cluster"]["skipped_because"], found["facts"]) == (world.skipped, {})
    assert world.asked == ["cluster"]


def test_without_a_cloud_the_cluster_is_looked_at(world: World) -> None:
    with pytest.raises(LeftError) as left:
        world.module(cloud=None).openstack_cloud_from_module()
    (found,) = left.value.args
    assert found["cloud"]["skipped_because"] == "openstack_cloud does not say which one"
    assert world.asked == ["cluster"]


def test_a_cloud_that_does_not_answer_hides_nothing_of_the_cluster(world: World) -> None:
    module = world.module()
    module.keep_hub()
    with pytest.raises(LeftError) as left:
        module._collect_failure("Cloud c cannot be reached", status=503)
    (found,) = left.value.args
    assert found["cloud"]["skipped_because"] == "Cloud c cannot be reached"
    assert (world.asked, found["release"]) == (["cluster"], {})


def test_a_release_that_cannot_be_read_is_left_to_the_role(world: World) -> None:
    world.release = KubernetesError("listing Secrets: forbidden", 403)
    found = world.answers()
    assert (found["release"], found["answer"]) == ({}, {})


def test_a_release_with_work_to_do_is_not_asked_to_answer(world: World) -> None:
    world.release = {**FOUND, "work": ["Deployment hub is not as released"]}
    assert world.answers()["answer"] == {}
    assert world.asked == ["cluster", "release"]


@pytest.mark.parametrize(
    "answer", [ProbeError("no"), ({"version": "5"}, "expired", ""), ({"version": "5"}, "", "untrusted")]
)
def test_an_answer_with_something_to_be_said_is_left_to_the_role(world: World, answer: Any) -> None:
    world.answer = answer
    found = world.answers()
    assert (found["release"], found["answer"]) == (FOUND, {})


def test_the_balancers_that_were_read_are_compared(world: World) -> None:
    """In the same look: an unchanged run notices what is not in force, and asks nobody once more."""
    wanted = balancer.Asked("proxy-public", "b", (("TCP", 80),), ("192.0.2.0/24",), {}, "", internal=False)
    module = world.module()
    module.keep_hub()
    listener = {"balancers": ["b"], "protocol": "TCP", "protocol_port": 80, "allowed_cidrs": None}
    there = [{"id": "b", "provider": "amphora", "vip_port_id": "p"}]
    module.balancing = balancer.Cloud(there, [listener], [])
    module.act()
    assert world.steward.in_cloud(wanted) == [
        "the listener of port 80 lets in everybody, and is to let in 192.0.2.0/24"
    ]


def test_a_release_whose_balancers_could_not_be_read_is_left_to_the_role(world: World) -> None:
    """Otherwise nobody would compare who may come in: the role goes by what was looked at here."""
    module = world.module()
    module.keep_hub()
    module.balancing = None
    found = module.act()
    assert world.asked == ["cluster"]
    assert (found["release"], found["answer"]) == ({}, {})
