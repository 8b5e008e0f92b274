# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What of the cluster is looked at, and what there is to say of it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from ..kubernetes_lists import METADATA, lists
from ..proxies import hint
from .cluster import Seen, check_cluster
from .finding import Finding
from .reading import together

try:
    import kubernetes
    from urllib3.exceptions import HTTPError

    MISSING = ""
except ImportError as error:
    MISSING = str(error)


def read(kubeconfig: str, service: dict[str, Any]) -> Seen:
    """Everything that is looked at, at the same time. Raises what ``kubernetes_lists.lists`` raises."""
    paths = {
        "nodes": "/api/v1/nodes",
        "storage_classes": "/apis/storage.k8s.io/v1/storageclasses",
        "csi_drivers": "/apis/storage.k8s.io/v1/csidrivers",
        "daemon_sets": "/apis/apps/v1/daemonsets",
        "deployments": "/apis/apps/v1/namespaces/kube-system/deployments",
    }
    namespace, release = service.get("hub_namespace"), service.get("hub_release")
    with lists(kubeconfig) as of:
        parts = {name: functools.partial(of.get, path) for name, path in paths.items()}
        if namespace and release:
            path = f"/api/v1/namespaces/{namespace}/secrets?labelSelector=owner%3Dhelm%2Cname%3D{release}"
            # Helm's Secrets hold the chart's values.
            parts["releases"] = functools.partial(of.get, path, METADATA)
        found, failures = together(parts)
    for failure in failures.values():
        raise failure
    return Seen(**found)


def look(service: dict[str, Any], kubeconfig: str) -> tuple[list[Finding], str, Seen]:
    """Findings, why nothing was looked at, and what was seen."""
    try:
        seen = read(kubeconfig, service)
    except (kubernetes.config.ConfigException, OSError, ValueError) as error:
        message = f"the kubeconfig {kubeconfig} cannot be used: {_line(error)}"
        return (
            [Finding("cluster_kubeconfig", message, "remove it; deploy.yml writes a new one", "warning")],
            message,
            Seen(),
        )
    except kubernetes.client.ApiException as error:
        if error.status not in (401, 403):
            message = f"the cluster's API answered {error.status} {error.reason}"
            return [Finding("cluster_kubeconfig", message, "look at the cluster's state", "warning")], message, Seen()
        message = f"the cluster refuses the kubeconfig {kubeconfig}: {error.status} {error.reason}"
        return (
            [Finding("cluster_kubeconfig", message, "remove it; deploy.yml writes a new one", "warning")],
            message,
            Seen(),
        )
    except HTTPError as error:
        message = f"the cluster's API does not answer: {_line(error)}"
        advice = hint(error).strip() or "look at the cluster's state, and at whether this machine may reach its API"
        return [Finding("cluster_kubeconfig", message, advice, "warning")], message, Seen()
    return check_cluster(service, seen), "", seen


def _line(error: object) -> str:
    return " ".join(str(error).split())


def settled(node: Mapping[str, Any]) -> dict[str, Any]:
    """A node without what nobody after us reads: annotations, images, heartbeats."""
    metadata, status = node["metadata"], node.get("status") or {}
    conditions = [{key: each[key] for key in ("type", "status")} for each in status.get("conditions") or ()]
    info = {"kubeletVersion": (status.get("nodeInfo") or {}).get("kubeletVersion")}
    return {
        "metadata": {"name": metadata["name"], "labels": metadata.get("labels") or {}},
        "spec": {"taints": (node.get("spec") or {}).get("taints") or []},
        "status": {"allocatable": status.get("allocatable"), "conditions": conditions, "nodeInfo": info},
    }
