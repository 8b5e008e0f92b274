"""Events about objects of a cluster, as its controllers write them."""

from __future__ import annotations

import datetime
import logging
import uuid

from rehearsal.cluster.kube import CORE, MERGE, Kube, Object, key_of

LOG = logging.getLogger(__name__)


def tell(kube: Kube, kind: str, item: Object, source: str, reason: str, message: str, event: str = "Warning") -> str:
    """Write an Event of the type ``event`` about ``item`` (its ``metadata`` is read) of this kind of the core API.

    Answers the Event's name.
    """
    namespace, name = key_of(item)
    if event == "Warning":
        LOG.warning("%s %s/%s: %s", kind, namespace, name, message)
    now, told = _now(), f"{name[:200]}.{uuid.uuid4().hex[:16]}"
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": told, "namespace": namespace},
        "involvedObject": {
            "apiVersion": "v1",
            "kind": kind,
            "namespace": namespace,
            "name": name,
            "uid": item["metadata"]["uid"],
        },
        "reason": reason,
        "message": message[:1024],
        "type": event,
        "count": 1,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "source": {"component": source},
    }
    kube.create(f"{CORE}/namespaces/{namespace}/events", body)
    return told


def again(kube: Kube, namespace: str, name: str, count: int) -> bool:
    """Count an Event that came again, as client-go does. False when Kubernetes has forgotten it."""
    change = {"count": count, "lastTimestamp": _now()}
    return kube.patch(f"{CORE}/namespaces/{namespace}/events/{name}", change, MERGE) is not None


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
