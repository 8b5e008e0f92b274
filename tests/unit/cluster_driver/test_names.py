"""What the drivers call what they make."""

from __future__ import annotations

import re

import pytest

from rehearsal.cluster import janitor, names
from rehearsal.cluster.desired import Desired, Group
from rehearsal.cluster.flavors import Flavor

UUID = "6d0c4b3a-19f5-4d3b-8a7e-6a4f1f0f6c11"


def desired(family: str, name: str = "Jupyter_Hub.of-the-Institute-for-Everything") -> Desired:
    stack_id, stack = names.stack(family, name)
    assert bool(re.fullmatch("[0-9a-f-]{36}", stack_id)) is (family == "heat")
    return Desired(uuid=UUID, name=name, family=family, stack=stack)


def group(name: str, role: str = "worker") -> Group:
    return Group(name, role, 1, Flavor("c3.small", 2, 2048, 20), "f", "i", "v1.34.4")


@pytest.mark.parametrize(
    ("family", "of", "form"),
    [
        ("cluster-api", group("default-master", "master"), r"kube-[a-z0-9]{5}-[a-z2-7]{5}-[a-z0-9]{5}"),
        ("cluster-api", group("gpu"), r"kube-[a-z0-9]{5}-gpu-[a-z2-7]{5}-[a-z0-9]{5}-[a-z0-9]{5}"),
        (
            "capi-helm",
            group("default-master", "master"),
            r"jupyter-hub-of-the-institute-f-[a-z2-7]{12}-control-plane-[a-z0-9]{5}",
        ),
        ("capi-helm", group("gpu"), r"jupyter-hub-of-the-institute-f-[a-z2-7]{12}-gpu-[a-z0-9]{5}"),
        ("heat", group("default-master", "master"), r"jupyter-hub-of-the-institute-f-[a-z2-7]{12}-master-\d+"),
        ("heat", group("default-worker"), r"jupyter-hub-of-the-institute-f-[a-z2-7]{12}-node-\d+"),
        ("heat", group("large_memory"), r"jupyter-hub-of-the-i-large-mem-[a-z2-7]{12}-node-\d+"),
    ],
)
def test_servers(family: str, of: Group, form: str) -> None:
    name = names.server(desired(family), of)
    assert re.fullmatch(form, name), name
    assert len(name) <= 63


def test_what_the_providers_call_a_cluster() -> None:
    told = {family: desired(family, "hub") for family in ("heat", "capi-helm", "cluster-api")}
    assert {family: names.csi(each) for family, each in told.items()} == {
        "heat": "kubernetes",
        "capi-helm": told["capi-helm"].stack,
        "cluster-api": UUID,
    }
    assert [names.provider(told[family]) for family in told] == [UUID, told["capi-helm"].stack, UUID]


def test_one_stack_for_each_group_of_heat() -> None:
    first, second = (names.server(desired("heat", "hub"), group("gpu")).rsplit("-", 1)[0] for _turn in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("metadata", "version", "goes"),
    [
        ({"cinder.csi.openstack.org/cluster": "hub-x"}, "0.14.0", True),
        ({"cinder.csi.openstack.org/cluster": "hub-y"}, "0.14.0", False),
        ({}, "0.14.0", False),
        ({"cinder.csi.openstack.org/cluster": "hub-x", janitor.KEEP: "true"}, "0.9.0", False),
        ({"cinder.csi.openstack.org/cluster": "hub-x", janitor.KEEP: "True"}, "0.9.0", True),
        ({"cinder.csi.openstack.org/cluster": "hub-x", janitor.KEEP: "true"}, "0.8.1", True),
    ],
)
def test_what_the_janitor_takes(metadata: dict[str, str], version: str, goes: bool) -> None:
    assert janitor.goes(metadata, "hub-x", version) is goes
