# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The cluster's part of module ``service_preflight``: the cluster, the release, the hub's answer."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Mapping
from typing import Any

from .. import hub_values
from ..hub_inside import within
from ..hub_probe import ProbeError, probe
from ..hub_release import balancer
from ..hub_release.client import Kubernetes, KubernetesError
from ..hub_release.steward import ReleaseError, Steward
from ..hub_release.survey import Beside, survey
from ..lock.locking import LockError
from ..magnum.facts import cluster_facts
from . import cluster_reading
from .cluster import notes
from .cluster_reading import MISSING
from .finding import located

PENDING_GRACE = 60
"""As ``hub_release`` has it by default."""

Json = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class ClusterSide:
    """``service``: the keys that cloud and cluster are asked about; ``hub``: all of the hub's, or none.

    ``balancing``: the project's load balancers, None where they could not be read. The release is not looked at then.
    """

    service: Json
    kubeconfig: str
    hub: Json
    balancing: balancer.Cloud | None = None

    def look(self, cloud: Json, file: str, places: Mapping[str, str]) -> Json:
        """What the module returns as ``cluster``, ``facts``, ``release`` and ``answer``.

        ``cloud``: what ``coe_preflight`` answers; ``file`` and ``places``: where the keys were written.
        """
        cluster = self._cluster(cloud, file, places)
        facts = self._facts(cloud, cluster)
        release = self._release(facts)
        return {"cluster": cluster, "facts": facts, "release": release, "answer": self._answer(release)}

    def _cluster(self, cloud: Json, file: str, places: Mapping[str, str]) -> Json:
        if cloud.get("exists") is False:
            return _skipped(f"there is no cluster {self.service.get('cluster_name')} yet")
        if not os.path.exists(self.kubeconfig):
            return _skipped(f"there is no kubeconfig {self.kubeconfig} on this machine; deploy.yml writes one")
        findings, skipped, seen = cluster_reading.look(self.service, self.kubeconfig)
        return {
            "problems": located(findings, file, places),
            "skipped_because": skipped,
            "notes": [] if skipped else notes(seen),
            "nodes": [cluster_reading.settled(node) for node in seen.nodes],
        }

    def _facts(self, cloud: Json, cluster: Json) -> Json:
        """As the role makes them from the same plan and nodes."""
        if cluster["skipped_because"] or _anything_to_do(cloud):
            return {}
        return cluster_facts(
            cloud["current"],
            self.service["cluster_node_groups"],
            cluster["nodes"],
            flavors=cloud["flavors"],
            family=cloud["family"]["name"],
            kubeconfig=self.kubeconfig,
            network_driver=self.service["cluster_network_driver"],
            site_template=self.service.get("cluster_template"),
            kubelet_options=(self.service.get("cluster_labels") or {}).get("kubelet_options") or "",
            cloud=self.service.get("openstack_cloud") or "",
            external_network=cloud["external_network"],
        )

    def _release(self, facts: Json) -> Json:
        if not facts or not self.hub or not self.balancing:
            return {}  # the role looks itself, at the balancer as well
        there = self.balancing
        try:
            plan = hub_values.hub_plan(self.hub, facts)
            beside = Beside(
                plan["before"] + plan["secrets"] + plan["placeholders"],
                plan["placeholder_labels"],
                {secret["metadata"]["name"]: secret["data"] for secret in hub_values.secrets(self.hub)},
                plan["reads"],
            )
            kubernetes = Kubernetes({"kubeconfig": self.kubeconfig}, self.hub["hub_namespace"])
            steward = Steward(self.hub["hub_release"], kubernetes, _no_helm, check_mode=True)
            steward.in_cloud = lambda wanted: balancer.differences(wanted, there)
            return survey(steward, beside, PENDING_GRACE, facts["node_groups"])
        except (ReleaseError, KubernetesError, LockError, ValueError):
            return {}  # the role's own look says why

    def _answer(self, release: Json) -> Json:
        if not release or release["work"]:
            return {}
        way_in = hub_values.way_in(self.hub)
        if way_in == "balancer" and not release["address"]:
            return {}
        asked = {
            "way_in": way_in,
            "address": release["address"],
            "name": hub_values.host_name(self.hub),
            "https": self.hub["hub_https"]["type"],
            "reach": self.hub["hub_address"].get("reach"),
            "name_server": self.hub["hub_address"].get("name_server"),
            "timeout": 0,
        }
        inside = within({"kubeconfig": self.kubeconfig}, self.hub["hub_namespace"], asked["https"])
        try:
            answer, problem, warning = probe(asked, time.sleep, inside=inside)
        except ProbeError:
            return {}
        return {} if problem or warning else answer


def _anything_to_do(cloud: Mapping[str, Any]) -> bool:
    """Whether the role cluster has work, or whether that is unknown: without a plan, or with a refusal."""
    if "cluster" not in cloud or any(problem["severity"] == "error" for problem in cloud["problems"]):
        return True
    return bool(
        cloud["locked"]
        or cloud["kubeconfig_reason"]
        or cloud["cluster"]["changes"]
        or cloud["node_groups"]
        or cloud["remove"]
        or cloud["unused_templates"]
    )


def _no_helm(_arguments: list[str]) -> tuple[int, str]:
    raise AssertionError("who only looks runs no Helm")


def _skipped(reason: str) -> Json:
    return {"problems": [], "skipped_because": reason, "notes": [], "nodes": []}


__all__ = ["MISSING", "ClusterSide"]
