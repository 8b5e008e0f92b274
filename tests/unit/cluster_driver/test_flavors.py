"""Capacity and reserve of nodes."""

from __future__ import annotations

import types

import pytest

from rehearsal.cluster.flavors import Flavor, allocatable, capacity

MEDIUM = Flavor("c3.medium", vcpus=8, ram=16384, disk=80)


def test_capacity_is_the_flavor_less_what_the_machine_takes() -> None:
    assert capacity(MEDIUM) == {
        "cpu": "8",
        "memory": f"{(16384 - 200) * 1024}Ki",
        "ephemeral-storage": f"{80 * 1024 * 1024}Ki",
        "pods": "110",
    }


def test_allocatable_keeps_the_documented_reserve() -> None:
    assert allocatable(MEDIUM) == {
        "cpu": "7900m",
        "memory": f"{(16384 - 200 - 100) * 1024}Ki",
        "ephemeral-storage": f"{80 * 1024 * 1024 * 9 // 10}Ki",
        "pods": "110",
    }


def test_gpus_are_never_reserved() -> None:
    flavor = Flavor("g", vcpus=8, ram=32768, gpus=2)
    assert capacity(flavor)["nvidia.com/gpu"] == allocatable(flavor)["nvidia.com/gpu"] == "2"
    assert "nvidia.com/gpu" not in capacity(MEDIUM)


def test_from_nova_reads_the_extra_spec() -> None:
    nova = types.SimpleNamespace(name="g", vcpus=8, ram=32768, disk=120, extra_specs={"rehearsal:gpus": "1"})
    assert Flavor.from_nova(nova) == Flavor("g", 8, 32768, 120, 1)
    nova.extra_specs = None
    assert Flavor.from_nova(nova).gpus == 0


@pytest.mark.parametrize("text", ["", "vcpus=8", "vcpus=8,ram=1,colour=2", "vcpus=x,ram=1"])
def test_parse_refuses_what_is_no_flavor(text: str) -> None:
    with pytest.raises(ValueError):
        Flavor.parse(text)


def test_parse() -> None:
    assert Flavor.parse("vcpus=4,ram=8192,gpus=1") == Flavor("standalone", 4, 8192, gpus=1)
