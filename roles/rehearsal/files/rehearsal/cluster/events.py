"""Events about objects of a cluster, as its controllers write them."""

from __future__ import annotations

import datetime
import logging
import uuid

from kubernetes.client.exceptions import ApiException

from rehearsal.cluster.kube import CORE, MERGE, TOO_MANY, Kube, Object, key_of

LOG = logging.getLogger(__name__)


def tell(kube: Kube, kind: str, item: Object, source: str, reason: str, message: str, event: str = "Warning") -> str:
    """Write an Event of the type ``event`` about ``item`` (its ``metadata`` is read) of this kind of the core API.

    Answers the Event's name. One that Kubernetes does not take (its namespace is going, say) is in our log only:
    client-go's recorder does not hold up its controller either.
    """
    namespace, name = key_of(item)
    place = namespace or "default"
    if event == "Warning":
        LOG.warning("%s %s/%s: %s", kind, namespace, name, message)
    now, told = _now(), f"{name[:200]}.{uuid.uuid4().hex[:16]}"
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": told, "namespace": place},
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
    try:
        kube.create(f"{CORE}/namespaces/{place}/events", body)
    except ApiException as error:
        if not _refused(error):
            raise
        LOG.warning("event %s of %s %s/%s: %s", reason, kind, namespace, name, error.reason)
    return told


def again(kube: Kube, namespace: str, name: str, count: int) -> bool:
    """Count an Event that came again, as client-go does. False when Kubernetes has forgotten it, or does not let it."""
    change = {"count": count, "lastTimestamp": _now()}
    try:
        return kube.patch(f"{CORE}/namespaces/{namespace}/events/{name}", change, MERGE) is not None
    except ApiException as error:
        if not _refused(error):
            raise
        return False


def _refused(error: ApiException) -> bool:
    """Whether it would be the same another time."""
    return 400 <= (error.status or 0) < 500 and error.status != TOO_MANY


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
