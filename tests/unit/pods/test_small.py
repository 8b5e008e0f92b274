"""Quantities, addresses, probes' counting, memory figures, /etc/hosts."""

from __future__ import annotations

import os

import pytest

from rehearsal import quantity
from rehearsal.pods import memory, pod, probes
from rehearsal.pods.network import Addresses


@pytest.mark.parametrize(
    ("text", "number"),
    [("1Gi", 2**30), ("1.5G", 1.5e9), ("500m", 0.5), ("1e3", 1000), ("2", 2), ("100Ki", 102400), (3, 3), (".5", 0.5)],
)
def test_quantity(text: str, number: float) -> None:
    assert float(quantity.parse(text)) == number


@pytest.mark.parametrize("text", ["", "1gb", "Gi", "1 Gi", "x"])
def test_no_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        quantity.parse(text)


def test_in_units_of_rounds_up() -> None:
    assert quantity.in_units_of("100m") == 1
    assert quantity.in_units_of("1025Mi", "1Gi") == 2


def test_addresses_are_unique_and_an_old_one_comes_last() -> None:
    pool = Addresses("10.88.0.0/22")
    first = pool.take("a")
    assert pool.take("a") == first
    second = pool.take("b")
    assert first != second
    pool.give_back("a")
    others = [pool.take(f"p{n}") for n in range(500)]
    assert first not in others and len(set(others)) == 500


def test_an_address_can_be_kept_for_a_pod() -> None:
    pool = Addresses("10.88.0.0/22")
    assert pool.reserve("10.88.1.0", "a")
    assert not pool.reserve("10.88.1.0", "b")
    assert not pool.reserve("10.99.0.1", "b")
    assert not pool.reserve("nonsense", "b")
    assert pool.take("a") == "10.88.1.0"
    assert pool.take("b") != "10.88.1.0"


def test_a_network_can_be_full() -> None:
    pool = Addresses("10.88.0.0/23")
    taken = {pool.take(str(n)) for n in range(255)}
    assert len(taken) == 255
    with pytest.raises(OSError, match="no free pod address"):
        pool.take("one too many")


def test_a_probe_counts_answers_in_a_row() -> None:
    counter = probes.Counter(probes.Timing.of({"failureThreshold": 3, "successThreshold": 2}))
    assert [counter.add(good) for good in (True, True, False, False, True, False, False, False, False)] == [
        None, True, None, None, None, None, None, False, False,
    ]  # fmt: skip


def test_probe_defaults() -> None:
    assert probes.Timing.of({}) == probes.Timing(0, 10, 1, 1, 3)


def test_ports_by_name() -> None:
    container = {"name": "hub", "ports": [{"name": "http", "containerPort": 8081}]}
    assert probes.port_number(container, "http") == 8081
    assert probes.port_number(container, 80) == 80
    assert probes.port_number(container, "81") == 81
    with pytest.raises(ValueError, match="no port named web"):
        probes.port_number(container, "web")


def test_memory_of_a_process() -> None:
    page = os.sysconf("SC_PAGE_SIZE")
    assert memory.private(b"900 500 100 1 0 400 0\n") == 400 * page
    rollup = b"00400000-7ffd rollup\nRss: 900 kB\nPss: 500 kB\nPss_Anon:    300 kB\nPss_Shmem:  20 kB\n"
    assert memory.proportional(rollup) == (300 * 1024, 20 * 1024)


def test_the_process_table_knows_this_process() -> None:
    table = memory.ProcessTable()
    table.scan()
    assert os.getpid() in table.below(os.getppid())


def test_hosts_file_names_services_short_in_their_own_namespace() -> None:
    services = [
        {"metadata": {"namespace": "jhub", "name": "hub"}, "spec": {"clusterIP": "10.96.0.8"}},
        {"metadata": {"namespace": "jhub", "name": "headless"}, "spec": {"clusterIP": "None"}},
        {"metadata": {"namespace": "default", "name": "kubernetes"}, "spec": {"clusterIP": "10.96.0.1"}},
    ]
    spec = {"hostAliases": [{"ip": "198.51.100.10", "hostnames": ["login.example.org"]}]}
    assert pod.hosts_file(spec, "jupyter-ada", "jhub", "10.88.1.9", services).splitlines() == [
        "127.0.0.1\tlocalhost",
        "10.88.1.9\tjupyter-ada",
        "10.96.0.1\tkubernetes.default kubernetes.default.svc kubernetes.default.svc.cluster.local",
        "10.96.0.8\thub hub.jhub hub.jhub.svc hub.jhub.svc.cluster.local",
        "198.51.100.10\tlogin.example.org",
    ]
