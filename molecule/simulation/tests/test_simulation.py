"""The plan's simulation agrees with the real scheduler: the same users on the same nodes wait as long.

Four nodes like those of the deployed group are added for this alone. Users' pods are made as the
hub would make them, straight through Kubernetes: what a placeholder of their profile asks for, at users' priority, for
the chart's own scheduler. They come within nine seconds and stay for thirty; the last ones find no room.
"""

from __future__ import annotations

import copy
import dataclasses
import random
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes
import pytest
from kubernetes.client import ApiException, AppsV1Api, CoreV1Api

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / ".collections"))

from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder  # noqa: E402

_AnsibleCollectionFinder(paths=[str(ROOT / ".collections")])._install()

from ansible_collections.stfc.jupyterhub.plugins.module_utils.capacity.amount import Amount  # noqa: E402
from ansible_collections.stfc.jupyterhub.plugins.module_utils.quantity import (  # noqa: E402
    kubernetes_to_bytes,
    kubernetes_to_number,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.simulation.day import simulate  # noqa: E402
from ansible_collections.stfc.jupyterhub.plugins.module_utils.simulation.scenario import (  # noqa: E402
    Arrival,
    Group,
    Kind,
    Scenario,
    Timing,
)
from ansible_collections.stfc.jupyterhub.plugins.module_utils.simulation.study import percentile  # noqa: E402

GROUP_LABEL = "node.cluster.x-k8s.io/nodegroup"
MARK = "simulation-test"
NODES = 4
USERS = 36
PLACEHOLDERS = 4
COMING = 9.0
STAYING = 30.0
AT_ONCE = 3.0
"""Seconds: who has a place by then did not wait for another to leave."""

SHARE_TOLERANCE = 0.1
SECONDS_TOLERANCE = 5.0
"""The scheduler tries again up to some seconds after room has come; machines that are busy add theirs."""

GIB = 2**30
SIZES = {"small": 3 * GIB // 2, "large": 15 * GIB // 2}
"""Memory of the shipped profiles ``default`` and ``large``."""


@dataclasses.dataclass
class User:
    """One pod: when it was asked for and when it had a node, in seconds since the beginning."""

    name: str
    kind: str
    time: float
    asked: float = 0.0
    placed: float | None = None

    @property
    def wait(self) -> float:
        return STAYING + COMING if self.placed is None else self.placed - self.asked


@pytest.fixture
def template(kube: kubernetes.client.ApiClient, summary: dict[str, Any]) -> dict[str, Any]:
    """The pod of a placeholder of the default profile, as it is there."""
    item = AppsV1Api(kube).read_namespaced_stateful_set("user-placeholder-default", summary["hub"]["namespace"])
    found: dict[str, Any] = kube.sanitize_for_serialization(item.spec.template)
    return found


@pytest.fixture
def nodes(core: CoreV1Api) -> Iterator[dict[str, Any]]:
    """Nodes for this test alone; answers what each gives to pods."""
    items = core.api_client.sanitize_for_serialization(core.list_node(label_selector=f"{GROUP_LABEL}=default-worker"))
    pattern = items["items"][0]
    status = {key: pattern["status"][key] for key in ("capacity", "allocatable")}
    kept = {key: value for key, value in pattern["metadata"]["annotations"].items() if "kwok" in key or "boot" in key}
    names = [f"{MARK}-{number}" for number in range(NODES)]
    try:
        for name in names:
            labels = {MARK: "yes", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}
            taint = {"key": MARK, "value": "yes", "effect": "NoSchedule"}
            metadata = {"name": name, "labels": labels, "annotations": kept}
            core.create_node({"metadata": metadata, "spec": {"taints": [taint]}})
            core.patch_node_status(name, {"status": status})
        end = time.monotonic() + 60
        while any(item.spec.taints[1:] for item in _ours(core)) or not all(map(_ready, _ours(core))):
            assert time.monotonic() < end, "the nodes did not become ready"
            time.sleep(0.3)
        yield status["allocatable"]
    finally:
        core.delete_collection_node(label_selector=f"{MARK}=yes")


def _ours(core: CoreV1Api) -> list[Any]:
    return list(core.list_node(label_selector=f"{MARK}=yes").items)


def _ready(node: Any) -> bool:
    return any(item.type == "Ready" and item.status == "True" for item in node.status.conditions or [])


def _spec(template: dict[str, Any], kind: str, priority: str | None) -> dict[str, Any]:
    spec = copy.deepcopy(template["spec"])
    spec["nodeSelector"] = {MARK: "yes"}
    spec["tolerations"] = [{"key": MARK, "operator": "Exists"}]
    spec["containers"][0]["resources"]["requests"]["memory"] = str(SIZES[kind])
    if priority is not None:
        spec["priorityClassName"] = priority
    return spec


@pytest.fixture
def placeholders(
    kube: kubernetes.client.ApiClient,
    core: CoreV1Api,
    summary: dict[str, Any],
    template: dict[str, Any],
    nodes: dict[str, Any],
) -> Iterator[None]:
    """Placeholders as ours, on the test's nodes."""
    apps, namespace = AppsV1Api(kube), summary["hub"]["namespace"]
    labels = {MARK: "placeholder"}
    body = {
        "metadata": {"name": MARK},
        "spec": {
            "replicas": PLACEHOLDERS,
            "serviceName": MARK,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": _spec(template, "small", None)},
        },
    }
    apps.create_namespaced_stateful_set(namespace, body)
    try:
        end = time.monotonic() + 60
        while sum(bool(pod.spec.node_name) for pod in _pods(core, namespace, "placeholder")) < PLACEHOLDERS:
            assert time.monotonic() < end, "the placeholders got no places"
            time.sleep(0.3)
        yield
    finally:
        apps.delete_namespaced_stateful_set(MARK, namespace)
        for kind in ("user", "placeholder"):
            core.delete_collection_namespaced_pod(
                namespace, label_selector=f"{MARK}={kind}", grace_period_seconds=0, propagation_policy="Background"
            )


def _pods(core: CoreV1Api, namespace: str, role: str) -> list[Any]:
    return list(core.list_namespaced_pod(namespace, label_selector=f"{MARK}={role}").items)


def _users() -> list[User]:
    """The same each time: mostly small servers, every sixth a large one."""
    chance = random.Random(5)
    times = sorted(chance.uniform(0, COMING) for _other in range(USERS))
    return [User(f"{MARK}-user-{n}", "large" if n % 6 == 5 else "small", moment) for n, moment in enumerate(times)]


def _live(core: CoreV1Api, namespace: str, template: dict[str, Any], release: str) -> list[User]:
    """Let the users come, stay and go; who waits when all first ones have left is not waited for any longer."""
    users = _users()
    by_name = {user.name: user for user in users}
    began = time.monotonic()
    over = threading.Event()

    def watch() -> None:
        stream = kubernetes.watch.Watch()
        for event in stream.stream(
            core.list_namespaced_pod, namespace, label_selector=f"{MARK}=user", timeout_seconds=120
        ):
            user = by_name[event["object"].metadata.name]
            if event["object"].spec.node_name and user.placed is None:
                user.placed = time.monotonic() - began
            if over.is_set():
                return

    # A client of its own: a watch holds its connection.
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    todo = [(user.time, "come", user) for user in users] + [(user.time + STAYING, "go", user) for user in users]
    for moment, what, user in sorted(todo, key=lambda each: each[0]):
        time.sleep(max(0.0, began + moment - time.monotonic()))
        if what == "come":
            body = {
                "metadata": {"name": user.name, "labels": {MARK: "user"}},
                "spec": _spec(template, user.kind, f"{release}-default-priority"),
            }
            user.asked = time.monotonic() - began
            core.create_namespaced_pod(namespace, body)
        elif user.placed is not None:
            try:
                core.delete_namespaced_pod(user.name, namespace, grace_period_seconds=0)
            except ApiException as error:
                if error.status != 404:
                    raise
    over.set()
    return users


def _simulated(users: list[User], allocatable: dict[str, str], cpu: int) -> dict[str, float]:
    """Waiting of each user by name, on the same nodes."""
    room = Amount(
        int(kubernetes_to_number(allocatable["cpu"]) * 1000),
        kubernetes_to_bytes(allocatable["memory"]),
        0,
        int(allocatable["pods"]),
        NODES * USERS,
    )
    kinds = tuple(
        Kind(name, "test", Amount(cpu, size, 0, 1, 0), PLACEHOLDERS if name == "small" else 0)
        for name, size in SIZES.items()
    )
    timing = Timing(boot=600, preemption=0, start_timeout=1200, cull_timeout=None)
    scenario = Scenario((Group("test", room, NODES, NODES),), kinds, timing, horizon=3600)
    # Each in turn is somebody whose start has a time of its own, by which it is found again.
    arrivals = [Arrival(user.asked, user.name, user.kind, user.asked + STAYING, True) for user in users]
    outcome = simulate(scenario, arrivals)
    waits = {wait.time: wait.seconds for wait in outcome.waits}
    return {user.name: waits[user.asked] for user in users}


def test_users_wait_as_long_as_the_simulation_says(
    core: CoreV1Api,
    summary: dict[str, Any],
    template: dict[str, Any],
    nodes: dict[str, Any],
    placeholders: None,
) -> None:
    namespace, release = summary["hub"]["namespace"], summary["hub"]["release"]
    users = _live(core, namespace, template, release)
    cpu = int(kubernetes_to_number(template["spec"]["containers"][0]["resources"]["requests"]["cpu"]) * 1000)
    expected = _simulated(users, nodes, cpu)
    real = [user.wait for user in users]
    simulated = [expected[user.name] for user in users]
    shares = [sum(wait <= AT_ONCE for wait in waits) / USERS for waits in (real, simulated)]
    numbers = {share: [percentile(waits, share) or 0.0 for waits in (real, simulated)] for share in (0.5, 0.95)}
    found = f"at once {shares}, p50 {numbers[0.5]}, p95 {numbers[0.95]} (real, simulated)"
    print(found)
    assert 0.5 < shares[1] < 0.95, "the scenario has to have both"
    assert abs(shares[0] - shares[1]) <= SHARE_TOLERANCE, found
    assert all(abs(one - other) <= SECONDS_TOLERANCE for one, other in numbers.values()), found
