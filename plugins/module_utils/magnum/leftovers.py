"""What belongs to a cluster in the project beside Magnum's own objects: pure functions over what the APIs list.

The OpenStack cloud provider names balancers ``kube_service_<cluster>_<namespace>_<service>`` and describes floating
IPs ``Floating IP for Kubernetes external service <namespace>/<service> from cluster <cluster>``
(cloud-provider-openstack, pkg/openstack/loadbalancer.go). ``<cluster>`` is what the driver told it: the cluster's
name, UUID or stack. Volumes are in ``volumes.py``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any


def names_of(cluster: Mapping[str, Any] | None, name: str) -> list[str]:
    """The names under which the cloud provider may know a cluster. Only UUID and stack are sure to be its alone."""
    found = [name]
    for key in ("uuid", "cluster_id", "stack_id"):
        value = (cluster or {}).get(key)
        if value and value not in found:
            found.append(str(value))
    return found


def is_balancer(name: str | None, clusters: Iterable[str]) -> bool:
    """Whether a balancer of this name serves a Service of one of these clusters."""
    # Kubernetes' names have no underscore, so two more parts follow the cluster's.
    return any(re.fullmatch(rf"kube_service_{re.escape(c)}_[a-z0-9-]+_[a-z0-9.-]+", name or "") for c in clusters)


def is_floating_ip(description: str | None, clusters: Iterable[str]) -> bool:
    """Whether a floating IP was made for a Service of one of these clusters."""
    text = description or ""
    return text.startswith("Floating IP for Kubernetes external service ") and any(
        text.endswith(f" from cluster {c}") for c in clusters
    )


def still_there(balancers: Iterable[Mapping[str, Any]], seconds: float) -> str:
    """What to say of balancers ({id, name, status}) that are not gone after so many seconds."""
    left = list(balancers)
    listed = "; ".join(f"{b['name']} ({b['id']}) is {b['status']}" for b in left)
    text = f"deleting load balancers: still there after {seconds:.0f} s: {listed}. "
    if any(b["status"].startswith("PENDING_") for b in left):
        text += (
            "Octavia takes no request for a balancer that is PENDING. If it stays so, its operators have to set it to "
            "ERROR; then run this again."
        )
    else:
        text += f"Run this again, or see what Octavia says of it: openstack loadbalancer show {left[0]['id']}"
    return text
