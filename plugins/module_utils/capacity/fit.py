# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Whether what the profiles keep for users fits on the nodes of their groups, given what the flavors have.

The same rule with the sizes that a file states (``cluster_flavors_known``), before a cloud is asked, and with those of
the cloud. It never refuses what might fit: what a node has for pods is certain only once there is one (reserves.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..quantity import format_size
from ..reserves import MAX_PODS, MIB, Resources, allocatable, usual_daemons
from ..written import Finding, Path, Severity, Values, is_number


class Room(NamedTuple):
    """What a node of a group has for users' pods: as is to be expected, and at the very most."""

    expected: Resources
    most: Resources


def fit(
    values: Values,
    flavors: Mapping[str, Values],
    family: str = "",
    measured: Mapping[str, Resources] | None = None,
) -> Iterator[Finding]:
    """What of ``values`` (both files' keys, converted or loaded) does not fit.

    Keys that are missing or UNKNOWN are not looked at. ``flavors``: {vcpus, memory in bytes} by name, ``gpus`` where
    they are known; a group whose flavor is not among them is left alone. ``measured``: by group, what a live node has
    for users; else it is reckoned with what is usual for the driver ``family`` ("" where it is not known).
    """
    groups = {
        group["name"]: (index, group)
        for index, group in enumerate(_list(values, "cluster_node_groups"))
        if group.get("enabled", True) is True
        and isinstance(group.get("name"), str)
        and _size(flavors, group.get("flavor"))
    }
    room = {
        name: Room(measured[name], measured[name])
        if measured and name in measured
        else _room(values, flavors[group["flavor"]], family)
        for name, (_index, group) in groups.items()
    }
    for index, group in groups.values():
        yield from _gpus(("cluster_node_groups", index, "gpus"), group, flavors[group["flavor"]])
    offered: dict[str, list[tuple[int, Values]]] = {name: [] for name in groups}
    for index, profile in enumerate(_list(values, "hub_profiles")):
        if profile.get("enabled", True) is True and profile.get("node_group") in groups:
            offered[profile["node_group"]].append((index, profile))
    for name, profiles in offered.items():
        _index, group = groups[name]
        flavor = flavors[group["flavor"]]
        for index, profile in profiles:
            yield from _on_a_node(("hub_profiles", index), profile, group, flavor, room[name])
        yield from _placeholders(profiles, group, room[name])


def _list(values: Values, key: str) -> list[Any]:
    found = values.get(key)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def _size(flavors: Mapping[str, Values], name: Any) -> bool:
    flavor = flavors.get(name) if isinstance(name, str) else None
    return isinstance(flavor, Mapping) and is_number(flavor.get("vcpus")) and is_number(flavor.get("memory"))


def _room(values: Values, flavor: Values, family: str) -> Room:
    labels = values.get("cluster_labels")
    options = str(labels.get("kubelet_options") or "") if isinstance(labels, Mapping) and family == "heat" else ""
    network = values.get("cluster_network_driver")
    daemons = usual_daemons(family, network if isinstance(network, str) else "")
    return Room(
        allocatable(flavor, options).minus(daemons),
        allocatable(flavor, options, most=True).minus(daemons),
    )


def _gpus(path: Path, group: Values, flavor: Values) -> Iterator[Finding]:
    said, has = group.get("gpus"), flavor.get("gpus")
    if not is_number(said) or not is_number(has) or said == has:
        return
    message = f"is {said}, and a server of {group['flavor']} has {has or 'none'}"
    yield Finding(path, message, f"write {has} here, or {said} for the flavor", "warning")


def _requests(profile: Values) -> Resources | None:
    """What the scheduler counts for a user of ``profile``; None while it is not known."""
    cpu, memory = profile.get("cpu_guarantee"), profile.get("memory_guarantee")
    memory = profile.get("memory") if memory is None else memory
    if not is_number(cpu) or not is_number(memory):
        return None
    return Resources(-(-round(cpu * 1_000_000) // 1000), memory)


def _on_a_node(path: Path, profile: Values, group: Values, flavor: Values, room: Room) -> Iterator[Finding]:
    asked = _requests(profile)
    if asked is None:
        return
    vcpus = f"{flavor['vcpus']} VCPU{'s' * (flavor['vcpus'] != 1)}"
    node = f"a node of {group['name']} ({vcpus}, {_about(flavor['memory'])})"
    own = profile.get("memory_guarantee") not in (None, profile.get("memory"))
    for key, kept, most, expected, show in (
        ("cpu_guarantee", asked.cpu, room.most.cpu, room.expected.cpu, _cpus),
        ("memory_guarantee" if own else "memory", asked.memory, room.most.memory, room.expected.memory, _about),
    ):
        if kept > expected:
            severity: Severity = "error" if kept > most else "warning"
            message = f"{show(kept)} kept for each user, and {node} has {show(expected)}: {show(kept - expected)} short"
            yield Finding((*path, key), message, _or_less(show(expected)), severity)
    for key, most, expected, show in (
        ("cpu", room.most.cpu, room.expected.cpu, _cpus),
        ("memory", room.most.memory, room.expected.memory, _about),
    ):
        limit = profile.get(key)
        if not is_number(limit) or (key == "memory" and not own):
            continue
        limit = round(limit * 1000) if key == "cpu" else limit
        if limit > (flavor["vcpus"] * 1000 if key == "cpu" else most):
            message = f"{show(limit)} at most, and {node} has {show(expected)}: nobody ever gets that much"
            yield Finding((*path, key), message, _or_less(show(expected)), "warning")


def _placeholders(profiles: list[tuple[int, Values]], group: Values, room: Room) -> Iterator[Finding]:
    """Places kept free, against what a group can hold when it is as large as it may become."""
    nodes = group.get("count") if group.get("max") is None else group["max"]
    if not is_number(nodes):
        return
    together = Resources()
    before: list[str] = []
    for index, profile in profiles:
        asked, places = _requests(profile), profile.get("placeholders")
        if asked is None or not is_number(places) or not places:
            continue
        path = ("hub_profiles", index, "placeholders")
        each, limit = _how_many(asked, room.most)
        if places > each * nodes:
            if each:
                holds = f"{each} on each of {nodes} nodes, by {limit}"
                message = f"{places} are more than {group['name']} ever holds: {holds}"
                yield Finding(path, message, f"write {each * nodes} or less, or a larger max")
            continue
        together = together.plus(Resources(asked.cpu * places, asked.memory * places))
        whole = Resources(room.most.cpu * nodes, room.most.memory * nodes)
        if before and (together.cpu > whole.cpu or together.memory > whole.memory):
            names = " and ".join(before)
            message = f"with those of {names}, {places} are more than {group['name']} ever holds on {nodes} nodes"
            yield Finding(path, message, "write less, or a larger max")
        before.append(str(profile.get("name") or "others"))


def _how_many(asked: Resources, room: Resources) -> tuple[int, str]:
    """How many fit on a node, and what runs out first. GPUs are counted where no flavor is needed (rules.py)."""
    limits = [(room.cpu // asked.cpu, "CPU")] if asked.cpu else []
    limits += [(room.memory // asked.memory, "memory")] if asked.memory else []
    return min([*limits, (MAX_PODS, "pods")])


def _or_less(most: str) -> str:
    return f"write {most.split(' ')[0]} or less, or another node_group"


def _cpus(milli: int) -> str:
    return "1 CPU" if milli == 1000 else f"{milli / 1000:g} CPUs"


def _about(count: int) -> str:
    """Bytes for people: exact where that is short, else tenths of GiB or whole MiB, rounded down."""
    exact = format_size(count)
    if len(exact) <= 6 and exact.endswith(("M", "G", "T")):
        return exact
    if count >= 1024 * MIB:
        return f"{count * 10 // (1024 * MIB) / 10:g}G"
    return f"{count // MIB}M"
