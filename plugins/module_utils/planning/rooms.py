# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What the nodes of each group have for users, and how many users of each profile that is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import reserves
from ..capacity.amount import NOTHING, Amount
from ..hub_values import hub_values, requests
from ..hub_values.labels import PROFILE
from ..quantity import kubernetes_to_bytes, kubernetes_to_number
from ..simulation.fleet import Fleet, nodes_for
from ..simulation.scenario import Group, Kind

Json = dict[str, Any]

USUAL_DAEMON_PODS = 4
"""Pods of daemons on a node: network plugin, kube-proxy, CSI node plugin, the hub's image puller."""

USER_SCHEDULERS = 2
"""Replicas of the chart's user scheduler (z2jh 4.4, ``scheduling.userScheduler.replicas``)."""

SERVER_LABEL = ("component", "singleuser-server")
"""Label of users' servers (KubeSpawner's ``component_label``)."""


@dataclasses.dataclass(frozen=True)
class Live:
    """What the cluster shows, as Kubernetes' objects: all empty where it is not there or cannot be reached."""

    nodes: Sequence[Mapping[str, Any]] = ()
    pods: Sequence[Mapping[str, Any]] = ()
    csi_nodes: Sequence[Mapping[str, Any]] = ()


@dataclasses.dataclass(frozen=True)
class Room:
    """One group: ``node`` is what one node gives to pods, ``daemons`` take theirs of it, ``core`` of the first one.

    ``sources`` says where each number is from; ``node`` is None where the flavor's size is not known.
    """

    name: str
    flavor: str
    low: int
    high: int
    fixed: bool
    node: Amount | None
    daemons: Amount
    core: Amount
    sources: Mapping[str, str]

    @property
    def free(self) -> Amount:
        """What one node has for users and placeholders."""
        return (self.node or NOTHING).minus(self.daemons)

    def group(self) -> Group:
        """The same for a simulation."""
        return Group(self.name, self.free, self.low, self.high, self.core)


def kinds(service: Mapping[str, Any], cluster: Mapping[str, Any]) -> dict[str, Kind]:
    """What a server of each profile takes, by profile. Raises HubValuesError."""
    asked = requests(service, cluster)
    volumes = 1 if service["hub_storage"]["type"] == "dynamic" else 0
    result = {}
    for profile in service["hub_profiles"]:
        group = cluster["node_groups"][profile["node_group"]]
        wanted = asked[profile["name"]]
        result[profile["name"]] = Kind(
            name=profile["name"],
            group=profile["node_group"],
            user=Amount(
                cpu=_milli(wanted.get("cpu", 0)),
                memory=kubernetes_to_bytes(wanted.get("memory", 0)),
                gpu=int(wanted.get(group["gpu_resource"], 0)),
                pods=1,
                volumes=volumes,
            ),
            placeholders=profile["placeholders"],
            image=profile["image"],
        )
    return result


def rooms(
    service: Mapping[str, Any],
    cluster: Mapping[str, Any],
    live: Live,
    flavor_source: str,
    volumes_per_node: int,
    daemons: Mapping[str, Any] | None,
) -> dict[str, Room]:
    """The room of each group by its name.

    ``cluster`` is the fact ``cluster_facts``; ``flavor_source`` says who told the flavors' sizes; ``daemons``
    ({cpu, memory}) replaces what is known of them.
    """
    result = {}
    for name, facts in cluster["node_groups"].items():
        written = next(group for group in service["cluster_node_groups"] if group["name"] == name)
        sample = next((node for node in live.nodes if _selected(node, facts["selector"])), None)
        sources: dict[str, str] = {}
        node = _node(facts, sample, live, volumes_per_node, flavor_source, sources)
        taken = _daemons(facts, daemons, sources)
        core = NOTHING
        if name == service["hub_core_node_group"]:
            core = _core(service, cluster, live, facts["selector"], sources)
        low, high = facts["min"], facts["max"]
        if node is not None and facts["gpus"] and not node.gpu:
            node = node._replace(gpu=facts["gpus"])
        result[name] = Room(
            name, facts["flavor"]["name"], low, high, written.get("max") is None, node, taken, core, sources
        )
    return result


def _node(
    facts: Mapping[str, Any],
    sample: Mapping[str, Any] | None,
    live: Live,
    volumes_per_node: int,
    flavor_source: str,
    sources: dict[str, str],
) -> Amount | None:
    allocatable, flavor = facts["allocatable"], facts["flavor"]
    pods, gpus, volumes = reserves.MAX_PODS, facts["gpus"], volumes_per_node
    sources["volumes"] = "plan_volumes_per_node"
    sources["pods"] = "kubelet's default maxPods (110)"
    sources["gpu"] = "cluster_node_groups, gpus"
    if sample is not None:
        name = sample["metadata"]["name"]
        given = (sample.get("status") or {}).get("allocatable") or {}
        sources["cpu"] = sources["memory"] = sources["pods"] = f"allocatable of the live node {name}"
        pods = int(given.get("pods") or pods)
        if facts["gpu_resource"] in given:
            gpus = int(given[facts["gpu_resource"]])
            sources["gpu"] = sources["cpu"]
        limit = _attach_limit(live, name)
        if limit is not None and limit < volumes:
            volumes, sources["volumes"] = limit, f"limit of the CSI driver on the live node {name}"
    elif flavor["memory"] and flavor["vcpus"]:
        rule = "less what kernel and kubelet keep (plugins/module_utils/reserves.py)"
        sources["cpu"] = sources["memory"] = f"flavor {flavor['name']} as {flavor_source} says, {rule}"
    else:
        return None
    return Amount(round(allocatable["cpu"] * 1000), allocatable["memory"], gpus, pods, volumes)


def _daemons(facts: Mapping[str, Any], given: Mapping[str, Any] | None, sources: dict[str, str]) -> Amount:
    found = facts["daemons"]
    if given is not None:
        found, sources["daemons"] = given, "plan_daemons"
    elif found.get("measured"):
        sources["daemons"] = "requests of the live cluster's DaemonSets"
    else:
        sources["daemons"] = "what the driver's daemons usually ask for (plugins/module_utils/reserves.py)"
    return Amount(_milli(found["cpu"]), int(found["memory"]), 0, USUAL_DAEMON_PODS, 0)


def _core(
    service: Mapping[str, Any],
    cluster: Mapping[str, Any],
    live: Live,
    selector: Mapping[str, str],
    sources: dict[str, str],
) -> Amount:
    """What the hub's own pods and the cluster's take of the group: all of it is counted against its first node."""
    ours = {node["metadata"]["name"] for node in live.nodes if _selected(node, selector)}
    pods = [pod for pod in live.pods if (pod.get("spec") or {}).get("nodeName") in ours and _is_core(pod)]
    if any(_labels(pod).get("component") == "hub" for pod in pods):
        sources["core"] = "requests of the live cluster's pods that are neither daemons nor users'"
        each = [reserves.pod_requests(pod["spec"]) for pod in pods]
        volumes = sum(
            "persistentVolumeClaim" in volume for pod in pods for volume in (pod["spec"].get("volumes") or [])
        )
        return Amount(sum(one.cpu for one in each), sum(one.memory for one in each), 0, len(pods), volumes)
    sources["core"] = "requests in the chart's values as they would be released"
    values = hub_values(service, cluster)
    parts = [
        (values["hub"], 1),
        (values["proxy"]["chp"], 1),
        (values["scheduling"]["userScheduler"], USER_SCHEDULERS),
        *([(values["proxy"]["traefik"], 1)] if service["hub_https"]["type"] == "letsencrypt" else []),
    ]
    total = NOTHING
    for part, count in parts:
        asked = (part.get("resources") or {}).get("requests") or {}
        one = Amount(_milli(asked.get("cpu", 0)), kubernetes_to_bytes(asked.get("memory", 0)), 0, 1, 0)
        total = total.plus(one.times(count))
    return total.plus(Amount(volumes=1))  # the hub's database


def _is_core(pod: Mapping[str, Any]) -> bool:
    owners = [owner.get("kind") for owner in pod["metadata"].get("ownerReferences") or []]
    phase = (pod.get("status") or {}).get("phase")
    name, value = SERVER_LABEL
    labels = _labels(pod)
    others = labels.get(name) == value or PROFILE in labels
    return "DaemonSet" not in owners and phase not in ("Succeeded", "Failed") and not others


def _attach_limit(live: Live, node: str) -> int | None:
    for item in live.csi_nodes:
        if item["metadata"]["name"] != node:
            continue
        for driver in (item.get("spec") or {}).get("drivers") or []:
            if driver.get("name") == "cinder.csi.openstack.org":
                count = (driver.get("allocatable") or {}).get("count")
                return None if count is None else int(count)
    return None


# How many users


def held(room: Room, kind: Kind, nodes: int) -> int:
    """How many servers of one kind so many nodes hold, the first with the hub's own pods."""
    if nodes <= 0:
        return 0
    return kind.user.how_many(room.free.minus(room.core))[0] + (nodes - 1) * kind.user.how_many(room.free)[0]


def standing(room: Room, kinds_there: Iterable[Kind]) -> tuple[int, dict[str, int]]:
    """Nodes of a quiet group, when its placeholders have their nodes; placeholders without a place, by kind."""
    fleet = Fleet(room.group(), kinds_there)
    for _turn in range(room.low):
        fleet.add(0)
    fleet.settle_spares()
    for _turn in range(nodes_for(fleet.wanted(), room.free, 0, room.high - room.low)):
        fleet.add(0)
    fleet.settle_spares()
    return fleet.size, {name: count for name, count in fleet.spares_waiting.items() if count}


def _selected(node: Mapping[str, Any], selector: Mapping[str, str]) -> bool:
    labels = _labels(node)
    return all(labels.get(key) == value for key, value in selector.items())


def _labels(item: Mapping[str, Any]) -> Mapping[str, str]:
    return item["metadata"].get("labels") or {}


def _milli(value: Any) -> int:
    number = kubernetes_to_number(value) * 1000
    return -(-number.numerator // number.denominator)
