# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""``hub_values.hub.config``: options of JupyterHub and its company, which go over the chart's and ours.

Names are compared with those of the packages in the chart's hub image (hub_options.py). JupyterHub itself only logs a
wrong one. An image of a team's own may hold other packages, and code of its own further options.
"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterator, Mapping

from ..written import Finding, Path, Severity, Values
from .hub_options import OPTIONS
from .looking import at

REPLACED = {
    "environment": ("replaces every variable of every server", "singleuser.extraEnv"),
    "init_containers": ("replaces the chart's own", "singleuser.initContainers"),
    "profile_list": ("replaces every instance", "hub_profiles"),
    "tolerations": ("replaces the chart's and ours", "singleuser.extraTolerations"),
    "volume_mounts": ("replaces every mount, the users' homes too", "singleuser.storage.extraVolumeMounts"),
    "volumes": ("replaces every volume, the users' homes too", "singleuser.storage.extraVolumes"),
}
"""Options of KubeSpawner that the chart fills, and that nothing merges; what to write instead."""

NO_EFFECT = {
    "cpu_guarantee": "cpu_guarantee",
    "cpu_limit": "cpu",
    "mem_guarantee": "memory_guarantee",
    "mem_limit": "memory",
}
"""Options that every instance sets for itself, and our keys."""

SPAWNERS = ("KubeSpawner", "Spawner")

OLD_GROUPS = "claim_groups_key"


def hub_config(given: Values) -> Iterator[Finding]:
    """What is wrong in ``hub.config``."""
    config = at(given, "hub.config")
    own_image = bool(at(given, "hub.image"))
    for section, settings in config.items() if isinstance(config, Mapping) else ():
        path: Path = ("hub_values", "hub", "config", section)
        if not str(section)[:1].isupper():
            message = "is not the name of a class: the hub would refuse to start"
            yield Finding(path, message, f"write hub.{section}, or the class that it belongs to")
        elif not isinstance(settings, Mapping):
            yield Finding(path, "is a class: it has settings", f"write {section}: with its settings below it")
        elif section not in options():
            yield from _class(path, str(section))
        else:
            yield from _options(path, str(section), settings, own_image)


def _class(path: Path, name: str) -> Iterator[Finding]:
    """A class that is not known may be a team's own; one letter more or less than ours is a mistake."""
    near = difflib.get_close_matches(name, options(), n=1, cutoff=0.9)
    if near and abs(len(near[0]) - len(name)) <= 1:
        yield Finding(path, "is not a class of the hub", f"did you mean {near[0]}?", "warning")


def _options(path: Path, section: str, settings: Values, own_image: bool) -> Iterator[Finding]:
    known = options()[section]
    for name in map(str, settings):
        where: Path = (*path, name)
        if name not in known:
            near = difflib.get_close_matches(_plain(name), known, n=1, cutoff=0.75)
            severity: Severity = "error" if near and not own_image else "warning"
            hint = f"did you mean {near[0]}?" if near else "look it up in the documentation of the class"
            yield Finding(where, f"is not an option of {section}, and would do nothing", hint, severity)
        elif name == OLD_GROUPS:
            yield Finding(where, "has been replaced in oauthenticator 17", "write hub_auth.groups_claim", "warning")
        elif section in SPAWNERS and name in REPLACED:
            message, instead = REPLACED[name]
            yield Finding(where, message, f"write {instead}, which goes beside them")
        elif section in SPAWNERS and name in NO_EFFECT:
            message = "has no effect: every instance of hub_profiles sets its own"
            yield Finding(where, message, f"write {NO_EFFECT[name]} in hub_profiles", "warning")


def _plain(name: str) -> str:
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).replace("-", "_").lower()


@functools.cache
def options() -> dict[str, frozenset[str]]:
    """The options of each class, what it inherits included."""
    bases: dict[str, list[str]] = {}
    own: dict[str, set[str]] = {}
    for name, parents, names in re.findall(r"^(\w+)\(([^)]*)\)((?:[ \n]+[a-z]\w*)*)", OPTIONS, re.MULTILINE):
        bases[name], own[name] = parents.split(), set(names.split())

    def whole(name: str) -> set[str]:
        return own[name].union(*(whole(base) for base in bases[name]))

    return {name: frozenset(whole(name)) for name in own}
