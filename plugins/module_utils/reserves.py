# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What of a machine is left for pods: what its kernel keeps, what kubelet reserves, what daemons on every node ask for.

``allocatable = capacity - kube-reserved - system-reserved - hard eviction threshold`` (k8s.io/kubernetes 1.34,
``pkg/kubelet/cm/node_container_manager_linux.go``, GetNodeAllocatableReservation), and a node's capacity is what its
kernel reports, which is less than the flavor has. A live node knows both better: these rules are for before there is
one.

Sizes are integers of bytes, CPU integers of thousandths of a core.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from .quantity import QuantityError, kubernetes_to_number

Json = Mapping[str, Any]

MIB = 1024**2
GIB = 1024**3

MAX_PODS = 110
"""Pods on one node: kubelet's maxPods (``pkg/kubelet/apis/config/v1beta1/defaults.go``)."""

EVICTION = {"memory.available": "100Mi", "nodefs.available": "10%"}
"""kubelet's hard eviction thresholds, as far as they are reserves (``pkg/kubelet/eviction/defaults_linux.go``)."""

PAGE = 4096
PAGE_RECORD = 64
"""Bytes of Linux's ``struct page``, of which there is one for each page of memory."""

HASH_TABLES = Fraction(8, 8192) + Fraction(8, 16384)
"""Share of memory in the tables of directory entries and inodes: a pointer for each 8 and 16 KiB (Linux,
``fs/dcache.c`` and ``fs/inode.c``, alloc_large_system_hash with scales 13 and 14)."""

KERNEL = 64 * MIB
"""The kernel's own code and data, firmware, small tables. Measured: 50 MiB (Linux 6, a virtual machine of 24 GiB)."""

BOUNCE_BUFFERS = 64 * MIB
"""Linux's swiotlb (``include/linux/swiotlb.h``, IO_TLB_DEFAULT_SIZE), on machines with addresses beyond 4 GiB."""


class Resources(NamedTuple):
    """Thousandths of a CPU, bytes of memory."""

    cpu: int = 0
    memory: int = 0

    def plus(self, other: Resources) -> Resources:
        """Both together."""
        return Resources(self.cpu + other.cpu, self.memory + other.memory)

    def minus(self, other: Resources) -> Resources:
        """What is left, at least nothing."""
        return Resources(max(0, self.cpu - other.cpu), max(0, self.memory - other.memory))


DAEMONS: dict[str, dict[str, Resources]] = {
    # magnum stable/2025.2, drivers/common/templates/kubernetes/fragments: calico-service-v3-26-x.sh,
    # flannel-service.sh; the probe beside the CSI node plugin, enable-cinder-csi.sh; kube-proxy runs outside pods.
    "heat": {"calico": Resources(250 + 20), "flannel": Resources(100 + 20, 50 * MIB)},
    # azimuth-cloud/capi-helm-charts, cluster-addons: the network plugins, the CSI node plugin and the problem detector
    # ask for nothing; node feature discovery 0.18's worker does (worker.resources of its chart).
    "capi-helm": {"calico": Resources(5, 64 * MIB), "cilium": Resources(5, 64 * MIB)},
    # vexxhost/magnum-cluster-api 0.38: manifests/calico/*.yaml; the charts of cilium and of the CSI ask for nothing.
    "cluster-api": {"calico": Resources(250), "cilium": Resources()},
}
"""Requests of the pods that each driver puts on every worker, by network plugin. kubeadm's kube-proxy has none."""


def reported_memory(memory: int) -> int:
    """Memory that the kernel of a machine with ``memory`` bytes reports: what it keeps for itself is left out.

    Errs by some tens of MiB towards too little. Measured: 24105 MiB of 24576 (no bounce buffers); this gives 24028.
    """
    buffers = BOUNCE_BUFFERS if memory > 3 * GIB else 0
    return max(0, most_memory(memory) - int(memory * HASH_TABLES) - KERNEL - buffers)


def most_memory(memory: int) -> int:
    """What the kernel can report at most: it always keeps a record of each page."""
    return memory - memory // PAGE * PAGE_RECORD


def kubelet_reserve(reported: int, options: str = "") -> Resources:
    """What kubelet keeps from pods on a node whose kernel reports so much memory.

    No driver of Magnum sets reserves: neither the Heat templates (magnum stable/2025.2,
    ``configure-kubernetes-minion.sh``), nor capi-helm-charts (``charts/openstack-cluster/values.yaml``,
    kubeadmConfigSpec), nor magnum-cluster-api 0.38 (``src/features/mod.rs``). So kubelet's defaults hold: nothing but
    the eviction threshold. With the Heat driver the label ``kubelet_options`` may say otherwise: ``options``.
    """
    flags = dict(re.findall(r"--([a-z-]+)[= ]([^\s]+)", options))
    reserve = Resources(0, _threshold(flags.get("eviction-hard"), reported))
    for flag in ("kube-reserved", "system-reserved"):
        given = dict(part.partition("=")[::2] for part in flags.get(flag, "").strip("'\"").split(","))
        reserve = reserve.plus(Resources(_milli(given.get("cpu")), _bytes(given.get("memory"))))
    return reserve


def _threshold(given: str | None, reported: int) -> int:
    """Bytes of the threshold ``memory.available``. One that is given replaces all defaults, this one too."""
    text = EVICTION["memory.available"]
    if given is not None:
        signals = dict(re.findall(r"([a-zA-Z.]+)<([0-9.A-Za-z%]+)", given))
        text = signals.get("memory.available", "0")
    if text.endswith("%"):
        return int(reported * Fraction(text[:-1] or "0") / 100)
    return _bytes(text)


def allocatable(flavor: Json, kubelet_options: str = "", *, most: bool = False) -> Resources:
    """What a node of ``flavor`` ({vcpus, memory}) may give to pods, daemons among them.

    ``most``: what it can give in the best case; more is certainly too much.
    """
    memory = int(flavor.get("memory") or 0)
    reported = most_memory(memory) if most else reported_memory(memory)
    return Resources(int(flavor.get("vcpus") or 0) * 1000, reported).minus(kubelet_reserve(reported, kubelet_options))


def usual_daemons(family: str, network_driver: str) -> Resources:
    """What the daemons on a worker ask for before there is one. An unknown family: the least of all families."""
    found = [plugins[network_driver] for plugins in _of(family) if network_driver in plugins]
    if not found:
        return Resources()
    return Resources(min(daemon.cpu for daemon in found), min(daemon.memory for daemon in found))


def _of(family: str) -> Iterable[dict[str, Resources]]:
    return [DAEMONS[family]] if family in DAEMONS else DAEMONS.values()


def daemons(daemon_sets: Iterable[Json], labels: Mapping[str, str], taints: Iterable[Json] = ()) -> Resources:
    """What the DaemonSets of a live cluster (Kubernetes' objects) ask for on a node with these labels and taints."""
    total, held_against = Resources(), list(taints)
    for daemon_set in daemon_sets:
        pod = daemon_set["spec"]["template"]["spec"]
        if _goes_to(pod, labels) and all(_tolerates(pod, taint) for taint in held_against):
            total = total.plus(pod_requests(pod))
    return total


def pod_requests(pod: Json) -> Resources:
    """What the scheduler counts for a pod's ``spec``: containers together, or an init container if it asks for more.

    Init containers that stay (``restartPolicy: Always``) count with the containers and with those that start after
    them; the runtime's overhead comes on top (``k8s.io/component-helpers/resource``, PodRequests).
    """
    running = Resources()
    for container in pod.get("containers") or []:
        running = running.plus(_requests(container))
    starting, staying = Resources(), Resources()
    for container in pod.get("initContainers") or []:
        if container.get("restartPolicy") == "Always":
            staying = staying.plus(_requests(container))
            now = staying
        else:
            now = staying.plus(_requests(container))
        starting = _larger(starting, now)
    overhead = pod.get("overhead") or {}
    most = _larger(running.plus(staying), starting)
    whole = (pod.get("resources") or {}).get("requests") or {}  # of the pod as a whole, where they are given
    most = Resources(
        _milli(whole["cpu"]) if "cpu" in whole else most.cpu,
        _bytes(whole["memory"]) if "memory" in whole else most.memory,
    )
    return most.plus(Resources(_milli(overhead.get("cpu")), _bytes(overhead.get("memory"))))


def _requests(container: Json) -> Resources:
    """A container's requests; a limit without a request is the request."""
    resources = container.get("resources") or {}
    asked = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return Resources(_milli(asked.get("cpu")), _bytes(asked.get("memory")))


def _larger(one: Resources, other: Resources) -> Resources:
    return Resources(max(one.cpu, other.cpu), max(one.memory, other.memory))


def _goes_to(pod: Json, labels: Mapping[str, str]) -> bool:
    if any(labels.get(name) != value for name, value in (pod.get("nodeSelector") or {}).items()):
        return False
    affinity = ((pod.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if not affinity:
        return True
    terms = affinity.get("nodeSelectorTerms") or []
    return any(all(_matches(rule, labels) for rule in term.get("matchExpressions") or []) for term in terms)


def _matches(rule: Json, labels: Mapping[str, str]) -> bool:
    value, given, operator = labels.get(rule["key"]), rule.get("values") or [], rule["operator"]
    if operator in ("Exists", "DoesNotExist"):
        return (value is not None) == (operator == "Exists")
    if operator == "NotIn":
        return value not in given
    if operator == "In":
        return value in given
    try:
        return int(value or "") > int(given[0]) if operator == "Gt" else int(value or "") < int(given[0])
    except (ValueError, IndexError):
        return False


def _tolerates(pod: Json, taint: Json) -> bool:
    if taint.get("effect") == "PreferNoSchedule":
        return True
    return any(
        (not toleration.get("key") or toleration["key"] == taint["key"])
        and (toleration.get("operator") == "Exists" or (toleration.get("value") or "") == (taint.get("value") or ""))
        and (not toleration.get("effect") or toleration["effect"] == taint.get("effect"))
        for toleration in pod.get("tolerations") or []
    )


def _milli(value: Any) -> int:
    """Thousandths of a CPU, rounded up as Kubernetes does; 0 for what it would not understand."""
    try:
        number = kubernetes_to_number(value or 0) * 1000
    except QuantityError:
        return 0
    return max(0, -(-number.numerator // number.denominator))


def _bytes(value: Any) -> int:
    try:
        number = kubernetes_to_number(value or 0)
    except QuantityError:
        return 0
    return max(0, -(-number.numerator // number.denominator))
