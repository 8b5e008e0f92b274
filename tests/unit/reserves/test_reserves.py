"""What a machine, kubelet and daemons leave for pods."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils import reserves
from ansible_collections.stfc.jupyterhub.plugins.module_utils.reserves import GIB, MIB, Resources
from hypothesis import given
from hypothesis import strategies as st


def test_what_a_machine_reports_lies_between_what_we_expect_and_the_most() -> None:
    machine, reports = 24 * GIB, 24684092 * 1024  # a virtual machine's size, and its MemTotal
    assert reserves.reported_memory(machine) <= reports <= reserves.most_memory(machine)
    assert reports - reserves.reported_memory(machine) < 100 * MIB


@given(st.integers(0, 4 * 1024 * GIB))
def test_more_memory_is_never_less_for_pods(memory: int) -> None:
    flavor = {"vcpus": 1, "memory": memory}
    less, most = reserves.allocatable(flavor).memory, reserves.allocatable(flavor, most=True).memory
    assert 0 <= less <= most <= memory
    assert reserves.allocatable({"vcpus": 1, "memory": memory + GIB}).memory > less


@pytest.mark.parametrize(
    ("options", "cpu", "memory"),
    [
        ("", 0, 100 * MIB),
        ("--fail-swap-on=false", 0, 100 * MIB),
        ("--kube-reserved=cpu=100m,memory=500Mi --system-reserved cpu=0.5,memory=1Gi", 600, 1624 * MIB),
        ("--eviction-hard=memory.available<500Mi,nodefs.available<10%", 0, 500 * MIB),
        ("--eviction-hard=memory.available<5%", 0, 512 * MIB),
        ("--eviction-hard=nodefs.available<10%", 0, 0),  # what is given replaces the defaults
        ("--kube-reserved=cpu=lots", 0, 100 * MIB),
    ],
)
def test_options_of_kubelet(options: str, cpu: int, memory: int) -> None:
    assert reserves.kubelet_reserve(10 * GIB, options) == Resources(cpu, memory)


def test_usual_daemons_of_an_unknown_driver_are_the_least_of_all() -> None:
    assert reserves.usual_daemons("cluster-api", "calico") == Resources(250)
    assert reserves.usual_daemons("heat", "flannel") == Resources(120, 50 * MIB)
    assert reserves.usual_daemons("auto", "calico") == Resources(5)
    assert reserves.usual_daemons("cluster-api", "flannel") == Resources()


def container(cpu: str = "0", memory: str = "0", **more: Any) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": cpu, "memory": memory}}, **more}


@pytest.mark.parametrize(
    ("pod", "wanted"),
    [
        ({"containers": [container("100m", "1Mi"), container("0.0005", "1Mi")]}, Resources(101, 2 * MIB)),
        ({"containers": [{"resources": {"limits": {"cpu": 1}}}, {}]}, Resources(1000)),
        ({"containers": [container("1")], "initContainers": [container("500m", "1Gi")]}, Resources(1000, GIB)),
        (
            {
                "containers": [container("100m")],
                "initContainers": [container("200m", restartPolicy="Always"), container("300m")],
            },
            Resources(500),
        ),
        ({"containers": [container("100m")], "overhead": {"cpu": "50m", "memory": "10Mi"}}, Resources(150, 10 * MIB)),
        ({"containers": [container("1", "1Gi")], "resources": {"requests": {"cpu": "2"}}}, Resources(2000, GIB)),
    ],
)
def test_what_the_scheduler_counts_for_a_pod(pod: dict[str, Any], wanted: Resources) -> None:
    assert reserves.pod_requests(pod) == wanted


LABELS = {"kubernetes.io/os": "linux", "pool": "gpu", "generation": "3"}


@pytest.mark.parametrize(
    ("pod", "counts"),
    [
        ({}, False),  # the taint
        ({"tolerations": [{"operator": "Exists"}]}, True),
        ({"tolerations": [{"key": "gpu", "value": "yes", "effect": "NoSchedule"}]}, True),
        ({"tolerations": [{"key": "gpu", "value": "no"}]}, False),
        ({"tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoExecute"}]}, False),
        ({"tolerations": [{"operator": "Exists"}], "nodeSelector": {"pool": "cpu"}}, False),
        ({"tolerations": [{"operator": "Exists"}], "nodeSelector": {"kubernetes.io/os": "linux"}}, True),
    ],
)
def test_daemons_count_where_they_run(pod: dict[str, Any], counts: bool) -> None:
    daemon_set = {"spec": {"template": {"spec": {"containers": [container("10m")], **pod}}}}
    taints = [
        {"key": "gpu", "value": "yes", "effect": "NoSchedule"},
        {"key": "tired", "effect": "PreferNoSchedule"},
    ]
    assert reserves.daemons([daemon_set, daemon_set], LABELS, taints) == Resources(20 if counts else 0)


@pytest.mark.parametrize(
    ("operator", "values", "counts"),
    [
        ("In", ["cpu", "3"], True),
        ("NotIn", ["3"], False),
        ("Gt", ["2"], True),
        ("Lt", ["3"], False),
        ("Lt", ["many"], False),
        ("Exists", None, True),
        ("DoesNotExist", None, False),
    ],
)
def test_affinity_of_daemons(operator: str, values: list[str] | None, counts: bool) -> None:
    rule = {"key": "generation", "operator": operator, **({"values": values} if values else {})}
    required = {"nodeSelectorTerms": [{"matchExpressions": [rule]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    daemon_set = {"spec": {"template": {"spec": {"containers": [container("10m")], "affinity": affinity}}}}
    assert (reserves.daemons([daemon_set], LABELS) == Resources(10)) is counts
