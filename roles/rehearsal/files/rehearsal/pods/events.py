"""Events about a pod; the same one again is counted instead of repeated, as the kubelet's recorder does."""

from __future__ import annotations

import logging

from rehearsal.pods import timestamps
from rehearsal.pods.kube import UNREACHABLE, ApiError, Kube, Object

log = logging.getLogger(__name__)

COMPONENT = "rehearsal-pod-runner"


class Recorder:
    """Writes the events of one pod."""

    def __init__(self, kube: Kube, pod: Object) -> None:
        meta = pod["metadata"]
        self._kube = kube
        self._path = f"/api/v1/namespaces/{meta['namespace']}/events"
        self._namespace = meta["namespace"]
        self._name = meta["name"]
        self._node = pod["spec"].get("nodeName", "")
        self._about = {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": meta["namespace"],
            "name": meta["name"],
            "uid": meta["uid"],
        }
        self._init = {one["name"] for one in pod["spec"].get("initContainers") or []}
        self._written: dict[tuple[str, str], tuple[str, int]] = {}

    async def record(self, kind: str, reason: str, message: str, container: str = "") -> None:
        """Write an event (``kind``: Normal or Warning). One that cannot be written is logged and forgotten."""
        message = message[:1000]
        now = timestamps.now()
        if kind == "Warning":
            log.info("%s/%s: %s: %s", self._namespace, self._name, reason, message)
        try:
            if known := self._written.get((reason, message)):
                name, count = known[0], known[1] + 1
                await self._kube.patch(f"{self._path}/{name}", {"count": count, "lastTimestamp": now})
            else:
                count = 1
                group = "initContainers" if container in self._init else "containers"
                place = {"fieldPath": f"spec.{group}{{{container}}}"} if container else {}
                event = {
                    "metadata": {"generateName": f"{self._name}.", "namespace": self._namespace},
                    "involvedObject": self._about | place,
                    "type": kind,
                    "reason": reason,
                    "message": message,
                    "source": {"component": COMPONENT, "host": self._node},
                    "reportingComponent": COMPONENT,
                    "reportingInstance": self._node,
                    "firstTimestamp": now,
                    "lastTimestamp": now,
                    "count": count,
                }
                name = (await self._kube.create(self._path, event))["metadata"]["name"]
            self._written[reason, message] = (name, count)
        except (ApiError, *UNREACHABLE) as error:
            self._written.pop((reason, message), None)
            # A namespace that is going takes no events any more.
            if not (isinstance(error, ApiError) and error.status in (403, 404)):
                log.warning("event %s of %s/%s: %s", reason, self._namespace, self._name, error)
