# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Lists of named things in ``hub_values``, and what becomes of them beside ours.

The chart takes volumes, mounts and variables as lists or as mappings, and KubeSpawner merges mappings and replaces
lists. So what a team gives as a list is made a mapping by name before it is merged with ours, as
``jupyterhub_config.py`` of the chart does afterwards. Tolerations and instances stay lists, and are joined.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..plain import plain

SHARED_MEMORY = "shm"
"""Name of our volume, and of its mount."""

SHARED_MEMORY_PATH = "/dev/shm"  # noqa: S108 (in a pod)

PROFILES = ("singleuser", "profileList")

Values = dict[str, Any]
Path = tuple[str, ...]


def by_name(given: Mapping[str, Any]) -> Values:
    """A copy of ``hub_values`` in which every list that the chart or KubeSpawner also takes as a mapping is one.

    A thing in a mapping gets its key for a name where it has none.
    """
    result: Values = plain(given)
    single = result.get("singleuser")
    if not isinstance(single, dict):
        return result
    storage = single.get("storage")
    if isinstance(storage, dict):
        _each_by_name(storage, {"extraVolumes": volumes, "extraVolumeMounts": mounts})
    _each_by_name(single, {"extraEnv": variables})
    for override in overrides(single.get("profileList") or []):
        _each_by_name(override, {"volumes": volumes, "volume_mounts": mounts, "environment": variables})
        # What adds to a volume of everybody's by its key keeps that one's name.
        _names_of(override.get("volumes"), (storage or {}).get("extraVolumes"))
        _names_of(override.get("volume_mounts"), (storage or {}).get("extraVolumeMounts"))
    return result


def _names_of(given: Any, everybody: Any) -> None:
    for key, each in (given or {}).items():
        base = (everybody or {}).get(key)
        if isinstance(each, dict) and isinstance(base, dict) and each.get("name") == key:
            each["name"] = base.get("name", key)


def _each_by_name(values: Values, kinds: Mapping[str, Callable[[Any], Any]]) -> None:
    for name, kind in kinds.items():
        if isinstance(values.get(name), (list, dict)):
            values[name] = kind(values[name])


def volumes(given: Any) -> Values:
    """Volumes by name."""
    if isinstance(given, list):
        return {str(each["name"]): each for each in given}
    return {key: {"name": key, **each} if isinstance(each, dict) else each for key, each in given.items()}


def mounts(given: Any) -> Values:
    """Mounts by their paths, of which a container has each once; a mapping keeps its keys."""
    if isinstance(given, list):
        return {str(each["mountPath"]).rstrip("/") or "/": each for each in given}
    return {key: {"name": key, **each} if isinstance(each, dict) else each for key, each in given.items()}


def variables(given: Any) -> Values:
    """Variables by name, as KubeSpawner takes them: text, or where it comes from."""
    if not isinstance(given, list):
        return dict(given)
    return {str(each["name"]): each.get("value", each) for each in given}


def overrides(profiles: Sequence[Any]) -> Iterator[Values]:
    """Every ``kubespawner_override`` in a list of instances: of each, and of what each lets its users choose."""
    for profile in profiles:
        if isinstance(profile, dict):
            yield from _override(profile)
            for option in _members(profile.get("profile_options")):
                for choice in (*_members(option.get("choices")), option.get("unlisted_choice")):
                    yield from _override(choice)


def default_overrides(profile: Mapping[str, Any]) -> Iterator[Values]:
    """What KubeSpawner sets for who chooses an instance and leaves its options alone, in its order."""
    yield from _override(profile)
    for option in _members(profile.get("profile_options")):
        choices = list(_members(option.get("choices")))
        yield from _override(next((each for each in choices if each.get("default")), choices[0] if choices else None))


def _override(owner: Any) -> Iterator[Values]:
    found = owner.get("kubespawner_override") if isinstance(owner, Mapping) else None
    if isinstance(found, dict):
        yield found


def _members(value: Any) -> Iterator[Values]:
    for each in value.values() if isinstance(value, Mapping) else ():
        if isinstance(each, dict):
            yield each


def slug(profile: Mapping[str, Any]) -> str:
    """The slug by which KubeSpawner knows an instance; it makes one of the title where there is none."""
    found = profile.get("slug") or re.sub(r"[^a-z0-9]+", "-", str(profile.get("display_name") or "").lower())
    return str(found).strip("-")


def joined_profiles(ours: Sequence[Values], theirs: Sequence[Values], merge: Callable[..., Values]) -> list[Values]:
    """Our instances, each merged with theirs of the same slug, then the rest of theirs.

    Where one of theirs is the default, ours is not.
    """
    given = {slug(profile): profile for profile in theirs}
    if any(profile.get("default") for profile in theirs):
        ours = [{key: value for key, value in profile.items() if key != "default"} for profile in ours]
    result = [merge(profile, given.pop(slug(profile), {})) for profile in ours]
    return [*result, *(plain(profile) for profile in given.values())]


def joined(ours: Sequence[Any], theirs: Sequence[Any]) -> list[Any]:
    """What is in either, ours first. What has a name replaces ours of that name."""
    names = {name for name in map(_name, theirs) if name}
    kept = [each for each in ours if _name(each) not in names]
    return [*kept, *(plain(each) for each in theirs if each not in kept)]


def _name(value: Any) -> str:
    return str(value.get("name") or "") if isinstance(value, Mapping) else ""


def yield_shared_memory(ours: Values, theirs: Mapping[str, Any]) -> None:
    """Take our shared memory out of ``ours`` where a team has its own: a volume of its name, or a mount at its path.

    ``theirs`` is by name. Sizes that our instances give it go with it.
    """
    single = theirs.get("singleuser") or {}
    storage = single.get("storage") or {}
    given, mounted = storage.get("extraVolumes") or {}, storage.get("extraVolumeMounts") or {}
    own = ours["singleuser"]["storage"]
    other_mount = any(_at(each, SHARED_MEMORY_PATH) for each in mounted.values())
    uses_ours = any(_named(each, SHARED_MEMORY) for each in mounted.values())
    other_volume = any(_named(each, SHARED_MEMORY) for each in given.values())
    if other_mount:
        own["extraVolumeMounts"].pop(SHARED_MEMORY, None)
    if other_volume or (other_mount and not uses_ours):
        sizes = own["extraVolumes"]
        if not _refines(given.get(SHARED_MEMORY)):
            sizes.pop(SHARED_MEMORY, None)
        for profile in ours["singleuser"]["profileList"]:
            profile["kubespawner_override"].pop("volumes", None)
    for override in overrides(single.get("profileList") or []):
        _yield_in_profile(override)
    _one_source(ours, theirs)


def _yield_in_profile(override: Values) -> None:
    """KubeSpawner merges an instance's mappings into everybody's; null takes a key away."""
    given = override.get("volumes") or {}
    for key in [key for key, each in given.items() if _named(each, SHARED_MEMORY)]:
        given[SHARED_MEMORY] = given.pop(key)
    mounted = override.get("volume_mounts") or {}
    if any(_at(each, SHARED_MEMORY_PATH) for each in mounted.values()):
        override["volume_mounts"] = {SHARED_MEMORY: None, **mounted}


def _one_source(ours: Values, theirs: Mapping[str, Any]) -> None:
    """Let an instance's volume take the source away of everybody's, or of another choice's, that it is merged into."""
    single = theirs.get("singleuser") or {}
    own = ours["singleuser"]
    given = [each["volumes"] for each in overrides(single.get("profileList") or []) if each.get("volumes")]
    known = [*given, own["storage"]["extraVolumes"], (single.get("storage") or {}).get("extraVolumes") or {}]
    known += [each.get("volumes") or {} for each in overrides(own["profileList"])]
    for volumes_given in given:
        for key, volume in volumes_given.items():
            sources = {name for each in known for name in each.get(key) or {}} - {"name"}
            volume.update(dict.fromkeys(sorted(sources - set(volume))) if set(volume) - {"name"} else {})


def _refines(volume: Any) -> bool:
    """Whether a volume gives ours another size, and is no volume of its own."""
    if not isinstance(volume, Mapping) or not set(volume) <= {"name", "emptyDir"}:
        return False
    return "medium" not in (volume.get("emptyDir") or {"medium": ""})


def _named(value: Any, name: str) -> bool:
    return isinstance(value, Mapping) and value.get("name") == name


def _at(mount: Any, path: str) -> bool:
    return isinstance(mount, Mapping) and str(mount.get("mountPath")).rstrip("/") == path
