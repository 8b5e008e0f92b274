"""Events about objects of a cluster, as its controllers write them."""

from __future__ import annotations

import datetime
import logging
import uuid

from rehearsal.cluster.kube import CORE, Kube, Object, key_of

LOG = logging.getLogger(__name__)


def tell(kube: Kube, kind: str, item: Object, source: str, reason: str, message: str, event: str = "Warning") -> None:
    """Write an Event of the type ``event`` about ``item`` (its ``metadata`` is read) of this kind of the core API."""
    namespace, name = key_of(item)
    if event == "Warning":
        LOG.warning("%s %s/%s: %s", kind, namespace, name, message)
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name[:200]}.{uuid.uuid4().hex[:16]}", "namespace": namespace},
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
