"""What module ``coe_cluster_info`` does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .families import recognise
from .module import MagnumModule
from .plan import label
from .versions import show

Json = dict[str, Any]

READY = ".Ready"
"""The end of a node's key in ``health_status_reason`` (magnum.drivers.common.k8s_monitor)."""


class ClusterInfoModule(MagnumModule):
    """Finds clusters, keeps those that fit, adds what belongs to them."""

    def act(self) -> Json:
        return {
            "changed": False,
            "api_version": show(self.magnum.offered),
            "clusters": [self._whole(cluster) for cluster in self._found()],
        }

    def _found(self) -> list[Json]:
        template = self.params["cluster_template"]
        if template is not None:
            found = self.magnum.find_template(template)
            if found is None:
                return []
            template = found["uuid"]
        if self.params["name"] is not None:
            one = self.find_cluster(self.params["name"])
            clusters = [one] if one else []
        else:
            clusters = self.magnum.list_clusters()
        return [c for c in clusters if fits(c, {**self.params, "cluster_template": template})]

    def _whole(self, cluster: Json) -> Json:
        if self.params["name"] is None and str(cluster.get("status")).endswith("_FAILED"):
            cluster = self.find_cluster(cluster["uuid"]) or cluster  # a list has no faults
        template = self.magnum.find_template(cluster["cluster_template_id"]) or {}
        family = recognise(cluster=cluster, template=template)
        whole = {
            **cluster,
            "family": family.name if family else None,
            "health": health(cluster.get("health_status_reason") or {}),
            "cluster_template": template,
        }
        if self.params["node_groups"]:
            whole["node_groups"] = self.magnum.list_nodegroups(cluster["uuid"])
        return whole


def fits(cluster: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a cluster passes the filters: ``status`` and ``health_status`` (lists), ``cluster_template`` (uuid),
    ``labels``. A filter that is None, or not there, passes everything."""
    for key in ("status", "health_status"):
        if wanted.get(key) is not None and cluster.get(key) not in wanted[key]:
            return False
    template = wanted.get("cluster_template")
    if template is not None and cluster.get("cluster_template_id") != template:
        return False
    has = cluster.get("labels") or {}
    return all(str(k) in has and label(has[str(k)]) == label(v) for k, v in (wanted.get("labels") or {}).items())


def health(reasons: Mapping[str, str]) -> Json:
    """``health_status_reason`` sorted: ``api``, ``nodes_ready``, ``nodes_not_ready``."""
    nodes = {key.removesuffix(READY): value for key, value in reasons.items() if key.endswith(READY)}
    return {
        "api": reasons.get("api"),
        "nodes_ready": sorted(name for name, value in nodes.items() if value == "True"),
        "nodes_not_ready": sorted(name for name, value in nodes.items() if value != "True"),
    }
