"""What a node of a flavor has, and what of it Kubernetes may give to pods."""

from __future__ import annotations

import dataclasses
from typing import Any

MIB = 1024**2
GIB = 1024**3

GPU_RESOURCE = "nvidia.com/gpu"
GPU_EXTRA_SPEC = "rehearsal:gpus"
"""Extra spec of a flavor: how many GPUs a server of it has. A simulated server has none to pass through."""

MAX_PODS = 110
"""kubelet's maxPods."""

KUBE_RESERVED_CPU = 100
"""Thousandths of a core that a node keeps from pods (see `allocatable`)."""

EVICTION_MIB = 100
"""kubelet's default hard eviction threshold, memory.available<100Mi."""

SYSTEM_MIB = 200
"""What the firmware and the kernel take of a virtual machine's RAM before /proc/meminfo counts it."""

EPHEMERAL_SHARE = 0.9
"""Share of the root disk that pods may use: kubelet's default nodefs.available<10%."""


@dataclasses.dataclass(frozen=True)
class Flavor:
    """``ram`` in MiB and ``disk`` in GiB, as Nova gives them."""

    name: str
    vcpus: int
    ram: int
    disk: int = 40
    gpus: int = 0

    @classmethod
    def from_nova(cls, flavor: Any) -> Flavor:
        """From an openstacksdk flavor that carries its extra specs."""
        specs = flavor.extra_specs or {}
        return cls(flavor.name, int(flavor.vcpus), int(flavor.ram), int(flavor.disk), int(specs.get(GPU_EXTRA_SPEC, 0)))

    @classmethod
    def parse(cls, text: str) -> Flavor:
        """From ``vcpus=8,ram=16384[,disk=40][,gpus=1]``; ValueError for anything else."""
        numbers = {key: int(value) for key, _sep, value in (part.partition("=") for part in text.split(","))}
        if not {"vcpus", "ram"} <= numbers.keys() <= {"vcpus", "ram", "disk", "gpus"}:
            raise ValueError(f"not a flavor: {text!r}; write vcpus=8,ram=16384[,disk=40][,gpus=1]")
        return cls("standalone", **numbers)


def capacity(flavor: Flavor) -> dict[str, str]:
    """``status.capacity`` of a node: what its kubelet would find on the server."""
    return _resources(
        cpu=f"{flavor.vcpus}",
        memory=(flavor.ram - SYSTEM_MIB) * MIB,
        disk=flavor.disk * GIB,
        gpus=flavor.gpus,
    )


def allocatable(flavor: Flavor) -> dict[str, str]:
    """``status.allocatable`` of a node: its capacity less a reserve.

    A node of the Cluster API family runs kubeadm's kubelet, whose defaults reserve nothing (kubeReserved and
    systemReserved empty) but 100 MiB of memory and a tenth of the root disk for hard eviction (kubelet's
    evictionHard, https://kubernetes.io/docs/tasks/administer-cluster/reserve-compute-resources/). The server itself
    reports less RAM than its flavor: about 200 MiB go to firmware and kernel. To this comes a tenth of a core, for the
    DaemonSets that a real node runs (network driver, CSI node plugin, kube-proxy) and that nobody plays here.
    """
    return _resources(
        cpu=f"{flavor.vcpus * 1000 - KUBE_RESERVED_CPU}m",
        memory=(flavor.ram - SYSTEM_MIB - EVICTION_MIB) * MIB,
        disk=int(flavor.disk * GIB * EPHEMERAL_SHARE),
        gpus=flavor.gpus,
    )


def _resources(cpu: str, memory: int, disk: int, gpus: int) -> dict[str, str]:
    resources = {
        "cpu": cpu,
        "memory": f"{memory // 1024}Ki",
        "ephemeral-storage": f"{disk // 1024}Ki",
        "pods": str(MAX_PODS),
    }
    if gpus:
        resources[GPU_RESOURCE] = str(gpus)
    return resources
