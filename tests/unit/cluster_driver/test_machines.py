"""How often Nova is asked for a cluster's servers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from rehearsal.cluster import servers
from rehearsal.cluster.machines import NovaMachines


class Cloud:
    """Nova with one cluster's servers."""

    def __init__(self) -> None:
        self.compute = self
        self.asked = 0
        self.status = ["ACTIVE", "ACTIVE"]

    def servers(self, details: bool, status: str | None = None) -> list[Any]:
        if not details:
            return [SimpleNamespace(id=str(number)) for number, is_ in enumerate(self.status) if is_ == status]
        self.asked += 1
        return [
            SimpleNamespace(
                name=f"n{number}",
                id=str(number),
                metadata={servers.CLUSTER: "u", servers.GROUP: "g", servers.KUBE_TAG: "v1"},
                addresses={},
                created_at="",
                image=None,
                status=status,
                task_state=None,
                fault=None,
            )
            for number, status in enumerate(self.status)
        ]

    def delete_server(self, machine_id: str, ignore_missing: bool) -> None:
        del self.status[int(machine_id)]


def test_servers_that_are_all_active_are_listed_once_in_a_while() -> None:
    cloud, now = Cloud(), [0.0]
    machines = NovaMachines(cloud, clock=lambda: now[0])  # type: ignore[arg-type]
    desired: Any = SimpleNamespace(uuid="u")
    assert [len(machines.machines(desired)) for _time in range(3)] == [2, 2, 2]
    assert cloud.asked == 1
    now[0] = 3.0
    machines.machines(desired)
    assert cloud.asked == 2
    machines.delete("1")  # what was asked for is seen at once
    assert len(machines.machines(desired)) == 1


def test_servers_that_come_up_are_described_when_one_of_them_has() -> None:
    cloud = Cloud()
    cloud.status = ["ACTIVE", "BUILD", "BUILD"]
    machines = NovaMachines(cloud, clock=lambda: 0.0)  # type: ignore[arg-type]
    desired: Any = SimpleNamespace(uuid="u")
    for _time in range(3):
        assert [machine.status for machine in machines.machines(desired)] == cloud.status
    assert cloud.asked == 1
    for change in ("ACTIVE", "ERROR"):
        cloud.status[cloud.status.index("BUILD")] = change
        assert [machine.status for machine in machines.machines(desired)] == cloud.status
    assert cloud.asked == 3
    machines.machines(desired)
    assert cloud.asked == 4, "one in ERROR may be removed by whoever sees it"
