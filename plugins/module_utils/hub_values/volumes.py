# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Volumes and mounts in ``hub_values``: everybody's, single instances' and choices', beside each other and ours.

The chart and KubeSpawner merge what has the same key, whatever it is called. A pod has each name of a volume and each
path of a mount once. So the name or the path is made the key, whatever key stood there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .named import Values, overrides, slug

SHARED_MEMORY = "shm"
"""Name of our volume."""

SHARED_MEMORY_PATH = "/dev/shm"  # noqa: S108 (in a pod)

EVERYBODY, INSTANCE = ("extraVolumes", "extraVolumeMounts"), ("volumes", "volume_mounts")
"""Where the chart and KubeSpawner have volumes and their mounts."""


def key_in_place(single: Values) -> None:
    """Make each list and mapping of volumes in ``singleuser`` a mapping by name, of mounts one by path.

    What adds to a thing of everybody's by its key adds to that one.
    """
    everybody = _keyed(single.get("storage"), EVERYBODY, ({}, {}))
    for profile in single.get("profileList") or []:
        below = everybody
        for override in overrides([profile]):
            written = _keyed(override, INSTANCE, below)
            if override is profile.get("kubespawner_override"):
                below = written


def _keyed(owner: Any, names: tuple[str, str], below: tuple[Values, Values]) -> tuple[Values, Values]:
    """Both kinds as they were written, over those ``below``."""
    if not isinstance(owner, dict):
        return below
    volumes, mounts = (as_written(owner.get(name), above) for name, above in zip(names, below, strict=True))
    if isinstance(owner.get(names[0]), (list, dict)):
        owner[names[0]] = {each["name"]: each for each in volumes.values()}
    if isinstance(owner.get(names[1]), (list, dict)):
        owner[names[1]] = _by_path(mounts, below[1])
    return {**below[0], **volumes}, {**below[1], **mounts}


def as_written(given: Any, below: Mapping[str, Any] | None = None) -> Values:
    """Volumes or mounts by the keys that they are written under: those of a list by path or name. Each has a name.

    ``below``: what they are merged into; the name of a thing there stays.
    """
    if isinstance(given, list):
        things = [each for each in given if isinstance(each, Mapping)]  # others are not rendered yet
        return {path(each) if "mountPath" in each else str(each["name"]): each for each in things}
    result: Values = {}
    for key, each in given.items() if isinstance(given, Mapping) else ():
        known = (below or {}).get(key)
        name = known.get("name", key) if isinstance(known, Mapping) else key
        result[key] = {"name": name, **each} if isinstance(each, Mapping) else each
    return result


def path(mount: Mapping[str, Any]) -> str:
    """Where a mount is, as Kubernetes compares it."""
    return str(mount["mountPath"]).rstrip("/") or "/"


def _by_path(mounts: Values, below: Values) -> Values:
    """Mounts by path; null at a path from which one of them moves one of ``below``, which has its key."""
    result: Values = {}
    for key, each in mounts.items():
        base = below.get(key)
        if base is not None and path(base) != path(each):
            result.setdefault(path(base), None)
            each = {**base, **each}
        result[path(each)] = each
    return result


def yield_shared_memory(ours: Values, theirs: Mapping[str, Any]) -> None:
    """Take our shared memory out of ``ours`` where a team has its own: a volume of its name, or another at its path.

    ``theirs`` is keyed. Sizes that our instances give it go with it.
    """
    single, own = theirs.get("singleuser") or {}, ours["singleuser"]
    storage = single.get("storage") or {}
    given = (storage.get("extraVolumes") or {}).get(SHARED_MEMORY)
    mounts = {**own["storage"]["extraVolumeMounts"], **(storage.get("extraVolumeMounts") or {})}
    used = [*mounts.values(), *_all(overrides(single.get("profileList") or []), "volume_mounts")]
    unused = all(each["name"] != SHARED_MEMORY for each in used if each)
    if unused or not (given is None or _refines(given)):
        own["storage"]["extraVolumes"].pop(SHARED_MEMORY)
    if unused or given is not None:
        for override in overrides(own["profileList"]):
            override.pop("volumes", None)


def _all(owners: Iterator[Values], name: str) -> Iterator[Any]:
    for owner in owners:
        yield from (owner.get(name) or {}).values()


def _refines(volume: Mapping[str, Any]) -> bool:
    """Whether a volume gives ours another size, and is no volume of its own."""
    return set(volume) <= {"name", "emptyDir"} and "medium" not in (volume.get("emptyDir") or {"medium": ""})


def replace_whole(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    """Let an instance's volume with a source, and its mount of another volume, leave nothing of what they replace.

    KubeSpawner would merge them with everybody's, or a choice's with its instance's; null takes a field away.
    """
    single, own = theirs.get("singleuser") or {}, ours["singleuser"]
    everybody = [own["storage"], single.get("storage") or {}]
    for profile in single.get("profileList") or []:
        its = list(overrides([profile]))
        instances = [*overrides([each for each in own["profileList"] if slug(each) == slug(profile)]), *its]
        for override in its:
            for name, everybodys, whole in zip(INSTANCE, EVERYBODY, (_has_source, _mounts_another), strict=True):
                known = [owner.get(everybodys) or {} for owner in everybody]
                known += [owner.get(name) or {} for owner in instances]
                for key, each in (override.get(name) or {}).items():
                    if each is not None:
                        replaced = [other[key] for other in known if other.get(key) and whole(each, other[key])]
                        fields = {field for other in replaced for field in other} - set(each)
                        each.update(dict.fromkeys(sorted(fields)))


def _has_source(volume: Mapping[str, Any], _other: Mapping[str, Any]) -> bool:
    return bool(set(volume) - {"name"})


def _mounts_another(mount: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(mount["name"] != other["name"])
