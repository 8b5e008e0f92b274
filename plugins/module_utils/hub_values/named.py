# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Lists of named things in ``hub_values``, and what becomes of them beside ours; volumes are in volumes.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..plain import plain

PROFILES = ("singleuser", "profileList")

Values = dict[str, Any]
Path = tuple[str, ...]


def variables(given: Any) -> Values:
    """Variables by name, as KubeSpawner takes them: text, or where it comes from."""
    if not isinstance(given, list):
        return dict(given or {})
    return {str(each["name"]): each.get("value", each) for each in given if isinstance(each, Mapping)}


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
