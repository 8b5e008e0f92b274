# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""How rules look at converted values, in which what is wrong or not rendered yet is UNKNOWN."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..hub_values import named
from ..written import Path, Values
from .convert import UNKNOWN
from .keys import is_address

_OPTION = len(("hub_values", *named.PROFILES, 0, "profile_options", "option"))


def get(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name, UNKNOWN) if isinstance(value, Mapping) else UNKNOWN
    return value


def at(values: Any, path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    for name in path.split("."):
        values = values.get(name) if isinstance(values, Mapping) else None
    return values


def owners(path: Path, profile: Any) -> Iterator[tuple[Path, Any]]:
    """An instance of the chart's form, at ``path``, and the choices that it gives: what may have an override."""
    yield path, profile
    options = get(profile, "profile_options")
    for option, choices in options.items() if isinstance(options, Mapping) else ():
        place: Path = (*path, "profile_options", option)
        found = get(choices, "choices")
        for name, choice in found.items() if isinstance(found, Mapping) else ():
            yield (*place, "choices", name), choice
        if isinstance(choices, Mapping) and choices.get("unlisted_choice") is not None:
            yield (*place, "unlisted_choice"), choices["unlisted_choice"]


def overrides(given: Values) -> Iterator[tuple[Path, Values, list[Values]]]:
    """Each ``kubespawner_override`` in ``hub_values``, where it is, and those that it may be merged into.

    A choice's may be merged into its instance's, and into those of another option's choices.
    """
    profiles = at(given, "singleuser.profileList")
    for index, profile in enumerate(profiles) if isinstance(profiles, list) else ():
        found: list[tuple[Path, Values]] = []
        for where, owner in owners(("hub_values", *named.PROFILES, index), profile):
            override = get(owner, "kubespawner_override")
            if isinstance(override, Mapping):
                beside = [each for place, each in found if place[:_OPTION] != where[:_OPTION]]
                yield (*where, "kubespawner_override"), override, beside
                found.append((where, override))


def version_of(value: Any) -> tuple[int, ...]:
    """``v1.34.4`` as (1, 34, 4); () when it is not known."""
    if not isinstance(value, str) or is_address(value):
        return ()
    numbers = value.lstrip("v").split("-")[0].split("+")[0].split(".")
    return tuple(int(number) for number in numbers) if all(number.isdigit() for number in numbers) else ()
