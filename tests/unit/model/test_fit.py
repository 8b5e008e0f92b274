"""Whether profiles and placeholders fit on nodes, with the sizes that a cloud has."""

from __future__ import annotations

from typing import Any

from ansible_collections.stfc.jupyterhub.plugins.module_utils.capacity.fit import fit
from ansible_collections.stfc.jupyterhub.plugins.module_utils.model import UNKNOWN, Finding
from ansible_collections.stfc.jupyterhub.plugins.module_utils.reserves import (
    GIB,
    MIB,
    Resources,
    allocatable,
    usual_daemons,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.support.service_files import Files

FLAVORS: dict[str, Any] = {"c3.medium": {"vcpus": 8, "memory": 16 * GIB}}


def service(**profile: Any) -> dict[str, Any]:
    """As much of both files as the rule looks at."""
    group = {"name": "default-worker", "flavor": "c3.medium", "min": 1, "max": 3, "count": None, "gpus": 0}
    usual = {"name": "default", "cpu": 1, "cpu_guarantee": 0.05, "memory": GIB, "memory_guarantee": None}
    profile = {**usual, "node_group": "default-worker", "placeholders": 0, **profile}
    return {"cluster_network_driver": "calico", "cluster_node_groups": [group], "hub_profiles": [profile]}


def found(values: dict[str, Any], family: str = "cluster-api", **more: Any) -> list[Finding]:
    return list(fit(values, FLAVORS, family, **more))


@given(st.integers(64 * MIB, 20 * GIB))
def test_a_profile_is_refused_only_when_it_certainly_does_not_fit(memory: int) -> None:
    flavor, daemons = FLAVORS["c3.medium"], usual_daemons("cluster-api", "calico")
    expected = allocatable(flavor).minus(daemons).memory
    most = allocatable(flavor, most=True).minus(daemons).memory
    severities = [finding.severity for finding in found(service(memory=memory))]
    assert severities == ([] if memory <= expected else ["warning"] if memory <= most else ["error"])


@given(st.integers(64 * MIB, 8 * GIB), st.integers(1, 200))
def test_placeholders_that_a_group_holds_are_never_refused(memory: int, places: int) -> None:
    each = allocatable(FLAVORS["c3.medium"], most=True).minus(usual_daemons("cluster-api", "calico")).memory // memory
    refused = [f for f in found(service(memory=memory, placeholders=places)) if f.path[-1] == "placeholders"]
    if places <= 3 * min(each, 110):
        assert refused == []
    elif places * memory > 3 * FLAVORS["c3.medium"]["memory"]:
        assert [finding.severity for finding in refused] == ["error"]


def test_what_is_measured_goes_before_what_is_usual() -> None:
    values = service(cpu_guarantee=7)
    assert found(values) == []
    (finding,) = found(values, measured={"default-worker": Resources(6500, 15 * GIB)})
    assert (finding.path, finding.severity) == (("hub_profiles", 0, "cpu_guarantee"), "error")
    assert "has 6.5 CPUs: 0.5 CPUs short" in finding.message


def test_only_the_heat_driver_hands_its_options_to_kubelet() -> None:
    values = service(memory=12 * GIB) | {"cluster_labels": {"kubelet_options": "--kube-reserved=memory=8Gi"}}
    assert found(values) == []
    assert [finding.severity for finding in found(values, "heat")] == ["error"]


def test_what_is_not_known_is_not_looked_at() -> None:
    for key in ("cpu_guarantee", "memory", "placeholders", "node_group", "gpus"):
        assert found(service(**{key: UNKNOWN})) == []
    bare = {"hub_profiles": [{"name": "a", "node_group": "default-worker"}], "cluster_node_groups": [{"name": "x"}]}
    assert found(bare) == found({}) == []
    values = service(memory=64 * GIB)
    values["cluster_node_groups"][0]["flavor"] = "another"
    assert found(values) == []


def test_a_service_that_is_loaded_can_be_looked_at(files: Files) -> None:
    files.change("memory: 1.5G", "memory: 15.9G")
    values = files.load().values
    assert [finding.path for finding in found(values)] == [("hub_profiles", 0, "memory")]
