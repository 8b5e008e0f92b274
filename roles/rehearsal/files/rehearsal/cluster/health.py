"""A cluster's health as Magnum's API tells it; loaded in Magnum's process."""

from __future__ import annotations

from typing import Any

from magnum.conductor import monitors
from magnum.objects.fields import ClusterHealthStatus

from rehearsal.cluster.desired import Status


class Monitor(monitors.MonitorBase):
    """A cluster's health, from what its controller reports."""

    def __init__(self, context: Any, cluster: Any, status: Status) -> None:
        super().__init__(context, cluster)
        self.data: dict[str, Any] = {}
        self._status = status

    @property
    def metrics_spec(self) -> dict[str, Any]:
        return {}

    def pull_data(self) -> None:
        """There are no metrics."""

    def poll_health_status(self) -> None:
        """Called by Magnum every minute."""
        if self._status.generation:
            self.data["health_status"], self.data["health_status_reason"] = health(self._status)


def health(status: Status) -> tuple[str, dict[str, str]]:
    """Magnum's health_status and its reasons, with the keys that its Kubernetes monitor uses."""
    nodes = [node for members in status.groups.values() for node in members]
    reasons = {"api": "ok" if status.api else "The API server does not answer"}
    reasons.update({f"{node.name}.Ready": str(node.ready) for node in nodes})
    well = status.api and all(node.ready for node in nodes)
    return (ClusterHealthStatus.HEALTHY if well else ClusterHealthStatus.UNHEALTHY), reasons
