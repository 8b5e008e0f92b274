# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""``hub_values``: what Kubernetes or KubeSpawner would refuse when a user starts a server, after a green deployment.

Sources: kubespawner 7 (``objects.py``), zero-to-jupyterhub 4.4 (``jupyterhub_config.py``), Kubernetes' validation of
pods (names of volumes, mounts at one path, variables that are text).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..hub_values import named, named_servers, volumes
from ..hub_values.notebooks import CULLING_FILE, SERVER_CONFIG
from ..kubespawner import size
from ..quantity import format_size
from ..written import Finding, Path, Values, is_number
from .convert import UNKNOWN
from .looking import at, get, overrides, owners

LISTS: dict[str, tuple[str, ...]] = {
    "hub.extraContainers": ("name",),
    "hub.extraVolumeMounts": ("name", "mountPath"),
    "hub.extraVolumes": ("name",),
    "hub.initContainers": ("name",),
    "hub.tolerations": (),
    "prePuller.extraTolerations": (),
    "proxy.chp.tolerations": (),
    "proxy.traefik.extraVolumeMounts": ("name", "mountPath"),
    "proxy.traefik.extraVolumes": ("name",),
    "proxy.traefik.tolerations": (),
    "scheduling.corePods.tolerations": (),
    "scheduling.userPods.tolerations": (),
    "scheduling.userScheduler.tolerations": (),
    "singleuser.extraContainers": ("name",),
    "singleuser.extraTolerations": (),
    "singleuser.initContainers": ("name",),
    "singleuser.profileList": (),
    "singleuser.storage.extraVolumeMounts": ("name", "mountPath"),
    "singleuser.storage.extraVolumes": ("name",),
}
"""Lists of objects among the chart's values, and what each object has to have."""

MAPPINGS = ("singleuser.storage.extraVolumeMounts", "singleuser.storage.extraVolumes")
"""Those that may be mappings too; their keys are names then."""

VARIABLES = ("hub.extraEnv", "proxy.chp.extraEnv", "proxy.traefik.extraEnv", "singleuser.extraEnv")
"""Variables, as a mapping or a list of objects with names."""

OVERRIDE_GROUPS = ("environment", "extra_resource_guarantees", "extra_resource_limits", "node_selector")

OURS_IN_OVERRIDES = {
    "cpu_guarantee": "cpu_guarantee",
    "cpu_limit": "cpu",
    "image": "image",
    "mem_guarantee": "memory_guarantee",
    "mem_limit": "memory",
    "node_selector": "node_group",
}
"""What an instance of ours says itself, by KubeSpawner's names."""

OURS_FOR_EVERYBODY = "JUPYTERHUB_ACTIVITY_INTERVAL"
"""The variable that every server gets from us."""

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def named_lists(given: Values) -> Iterator[Finding]:
    """Lists that are none, and things in them that are none."""
    for path, needs in LISTS.items():
        if _given(given, path):
            yield from _things(("hub_values", *path.split(".")), at(given, path), needs, path in MAPPINGS)
    for path in VARIABLES:
        if isinstance(at(given, path), list):
            yield from _things(("hub_values", *path.split(".")), at(given, path), ("name",), False)
        elif _given(given, path) and not isinstance(at(given, path), Mapping):
            yield Finding(("hub_values", *path.split(".")), *_no_group(at(given, path)))
    profiles = at(given, "singleuser.profileList")
    for index, profile in enumerate(profiles) if isinstance(profiles, list) else ():
        if isinstance(profile, Mapping):
            yield from _profile(("hub_values", *named.PROFILES, index), profile)


def _given(given: Values, path: str) -> bool:
    owner, _dot, name = path.rpartition(".")
    group = at(given, owner)
    return isinstance(group, Mapping) and name in group and group[name] is not UNKNOWN


def _things(path: Path, value: Any, needs: tuple[str, ...], may_be_mapping: bool) -> Iterator[Finding]:
    if value is None:
        message = "has no value, which takes away what the chart and we write there"
        yield Finding(path, message, "remove the line, or write a list")
        return
    if isinstance(value, Mapping) and may_be_mapping:
        pairs: list[tuple[Any, Any]] = list(value.items())
        needs = tuple(need for need in needs if need != "name")
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    else:
        yield Finding(path, "is a list in the chart", "write a list: a line that begins with '- ' for each")
        return
    for step, each in pairs:
        if each is UNKNOWN:
            continue
        if not isinstance(each, Mapping):
            yield Finding((*path, step), "is not an object", f"write {_example(needs)}")
            continue
        for need in needs:
            if not isinstance(each.get(need), str) and each.get(need) is not UNKNOWN:
                yield Finding((*path, step, need), "is missing, or no text", f"write {_example(needs)}")


def _example(needs: tuple[str, ...]) -> str:
    examples = {"name": "name: data", "mountPath": "mountPath: /data"}
    return ", ".join(examples[need] for need in needs) if needs else "keys with values"


def _no_group(value: Any) -> tuple[str, str]:
    if value is None:
        return "has no value, which takes away what the chart and we write there", "remove the line"
    return "is a group of values in the chart", "write keys with values below it"


def _may_be_group(value: Any) -> bool:
    return value is None or value is UNKNOWN or isinstance(value, Mapping)


def _profile(path: Path, profile: Values) -> Iterator[Finding]:
    for name in ("slug", "display_name", "description"):
        if name in profile and not isinstance(profile[name], str) and profile[name] is not UNKNOWN:
            yield Finding((*path, name), "is not text", "put it in quotes")
    options = profile.get("profile_options")
    if not _may_be_group(options):
        yield Finding((*path, "profile_options"), *_no_group(options))
    for option, choices in options.items() if isinstance(options, Mapping) else ():
        found = choices.get("choices") if isinstance(choices, Mapping) else choices
        if not _may_be_group(found):
            yield Finding((*path, "profile_options", option, "choices"), *_no_group(found))
    for where, owner in owners(path, profile):
        if owner is UNKNOWN:
            continue
        if not isinstance(owner, Mapping):
            yield Finding(where, *_no_group(owner))
        elif (override := owner.get("kubespawner_override", {})) is not UNKNOWN:
            yield from _override((*where, "kubespawner_override"), override)


def _override(path: Path, override: Any) -> Iterator[Finding]:
    if not isinstance(override, Mapping):
        yield Finding(path, *_no_group(override))
        return
    for name in OVERRIDE_GROUPS:
        value = override.get(name, {})
        if isinstance(value, list) and name == "environment":
            yield from _things((*path, name), value, ("name",), False)
        elif not isinstance(value, Mapping) and value is not UNKNOWN:
            yield Finding((*path, name), *_no_group(value))
    if "tolerations" in override:
        yield from _things((*path, "tolerations"), override["tolerations"], (), False)
    for name, needs in (("volumes", ("name",)), ("volume_mounts", ("name", "mountPath"))):
        if name in override:
            yield from _things((*path, name), override[name], needs, True)
    for name in ("mem_limit", "mem_guarantee"):
        yield from _size((*path, name), override.get(name))
    for name in ("cpu_limit", "cpu_guarantee"):
        value = override.get(name)
        if value is not None and value is not UNKNOWN and not (is_number(value) and math.isfinite(value)):
            yield Finding((*path, name), "is not a number", "write one such as 0.5")


def _size(path: Path, value: Any) -> Iterator[Finding]:
    if value is not None and value is not UNKNOWN and "{value}" not in str(value) and _bytes(value) is None:
        message = "is no size that KubeSpawner knows: the hub would refuse to start"
        yield Finding(path, message, "write a number with K, M, G or T, such as 1.5G (1024-based)")


def _bytes(value: Any) -> int | None:
    try:
        return size(value)
    except ValueError:
        return None


def servers(values: Values, given: Values) -> Iterator[Finding]:
    """What would keep users' servers from starting. ``given`` has passed ``named_lists``."""
    for name in ("limit", "guarantee"):
        yield from _size(("hub_values", "singleuser", "memory", name), at(given, f"singleuser.memory.{name}"))
    yield from _variables(("hub_values", "singleuser", "extraEnv"), at(given, "singleuser.extraEnv"))
    yield from _mounts(values, given)
    yield from _volumes(given, _charts(values, given))
    yield from _profiles(values, given)
    yield from _resources(values, given)
    if named_servers.limit(given) is None:
        switches = list(zip(named_servers.SWITCHES, named_servers.LIMITS, strict=True))
        ((switch, limit), *_others) = [each for each in switches if at(given, each[0]) is True]
        message = "every server of a user has a volume of its own, and nothing limits their number"
        hint = f"write {limit}: 2 (or the like) beside it"
        yield Finding(("hub_values", *switch.split(".")), message, hint, "warning")


def _variables(path: Path, given: Any) -> Iterator[Finding]:
    """Kubernetes takes text only, and KubeSpawner hands on what it is given."""
    pairs: Iterable[tuple[Any, Any]] = given.items() if isinstance(given, Mapping) else ()
    if isinstance(given, list):
        pairs = [(index, get(each, "value")) for index, each in enumerate(given)]
    for name, value in pairs:
        if is_number(value) or isinstance(value, (bool, list)):
            yield Finding((*path, name), "is not text: no server would start", "write the text in quotes")


def _mounts(values: Values, given: Values) -> Iterator[Finding]:
    """Paths at which two things are mounted: Kubernetes refuses such a pod."""
    hub = at(given, "hub.extraVolumeMounts")
    yield from _twice(
        [
            *_file_mounts(("hub_values", "hub", "extraFiles"), at(given, "hub.extraFiles")),
            *_volume_mounts(("hub_values", "hub", "extraVolumeMounts"), hub),
        ]
    )
    fixed = [*_our_mounts(values, given)]
    fixed += _file_mounts(("hub_values", "singleuser", "extraFiles"), at(given, "singleuser.extraFiles"))
    base = at(given, "singleuser.storage.extraVolumeMounts")
    yield from _twice([*fixed, *_volume_mounts(("hub_values", "singleuser", "storage", "extraVolumeMounts"), base)])
    for path, override, beside in overrides(given):
        own = volumes.as_written(override.get("volume_mounts"))
        others = [volumes.as_written(each) for each in (base, *(each.get("volume_mounts") for each in beside))]
        rest = {key: mount for mounts in others for key, mount in mounts.items() if key not in own}
        taken = [(place, owner, ()) for place, owner, _path in (*fixed, *_volume_mounts((), rest))]
        taken = [entry for entry in taken if entry[0].rstrip("/") != volumes.SHARED_MEMORY_PATH]  # which gives way
        yield from _twice([*taken, *_volume_mounts((*path, "volume_mounts"), override.get("volume_mounts"))])


def _our_mounts(values: Values, given: Values) -> Iterator[tuple[str, str, Path]]:
    storage, culling = get(values, "hub_storage"), get(values, "hub_culling")
    home = at(given, "singleuser.storage.homeMountPath") or get(storage, "mount_path")
    if get(storage, "type") == "dynamic" and isinstance(home, str):
        yield home, "the users' homes are", ()
    theirs = at(given, f"singleuser.extraFiles.{CULLING_FILE}")
    if get(culling, "enabled") is True and get(culling, "kernels", "enabled") is True and theirs is None:
        yield SERVER_CONFIG, "the file of hub_culling.kernels is", ()


def _file_mounts(path: Path, files: Any) -> list[tuple[str, str, Path]]:
    pairs = files.items() if isinstance(files, Mapping) else ()
    return [
        (each["mountPath"], f"{path[1]}.extraFiles.{name} is", (*path, name, "mountPath"))
        for name, each in pairs
        if isinstance(each, Mapping) and isinstance(each.get("mountPath"), str)
    ]


def _volume_mounts(path: Path, given: Any) -> list[tuple[str, str, Path]]:
    pairs = given.items() if isinstance(given, Mapping) else enumerate(given or ())
    return [
        (each["mountPath"], f"the volume {each.get('name', name)} is", (*path, name, "mountPath"))
        for name, each in pairs
        if isinstance(each, Mapping) and isinstance(each.get("mountPath"), str)
    ]


def _twice(found: list[tuple[str, str, Path]]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for place, owner, path in found:
        key = place.rstrip("/")
        if key in seen and path:
            message = f"{place} is where {seen[key]} mounted already: no server would start"
            yield Finding(path, message, "write another path")
        seen.setdefault(key, owner)


def _charts(values: Values, given: Values) -> set[str]:
    """Names of volumes that the chart makes, besides those of users' claims."""
    ours = [place for place, _owner, _path in _our_mounts(values, given)]
    files = at(given, "singleuser.extraFiles") or SERVER_CONFIG in ours
    kind = at(given, "singleuser.storage.type") or get(values, "hub_storage", "type")
    return {name for name, used in (("files", files), ("home", kind == "static")) if used}


def _volumes(given: Values, charts: set[str]) -> Iterator[Finding]:
    """Names of volumes that Kubernetes does not take, and mounts of volumes that are not there."""
    everybody = at(given, "singleuser.storage.extraVolumes")
    mounts = at(given, "singleuser.storage.extraVolumeMounts")
    place: Path = ("hub_values", "singleuser", "storage")
    elsewhere = bool(at(given, "singleuser.extraPodConfig"))
    yield from _names((*place, "extraVolumes"), everybody, charts)
    if not elsewhere:
        yield from _mounted((*place, "extraVolumeMounts"), mounts, {}, _known([everybody]) | charts)
    instances: dict[Path, list[Values]] = {}
    for path, override, _beside in overrides(given):
        instances.setdefault(path[:4], []).append(override)
    for path, override, beside in overrides(given):
        yield from _names((*path, "volumes"), override.get("volumes"), charts)
        its = instances[path[:4]]
        if not elsewhere and not any("extra_pod_config" in each for each in its):
            known = _known([everybody, *(each.get("volumes") for each in its)]) | charts
            below = [volumes.as_written(each) for each in (mounts, *(each.get("volume_mounts") for each in beside))]
            merged = {key: mount for each in below for key, mount in each.items()}
            yield from _mounted((*path, "volume_mounts"), override.get("volume_mounts"), merged, known)


def _known(given: list[Any]) -> set[str]:
    names = {str(get(each, "name")) for members in given for each in volumes.as_written(members).values()}
    return names | {volumes.SHARED_MEMORY}


def _pairs(given: Any) -> Iterable[tuple[Any, Any]]:
    return given.items() if isinstance(given, Mapping) else enumerate(given or ())


def _names(path: Path, given: Any, charts: set[str]) -> Iterator[Finding]:
    seen: set[str] = set()
    for step, each in _pairs(given):
        name = each.get("name", step) if isinstance(each, Mapping) else None
        if not isinstance(name, str):
            continue
        where: Path = (*path, step, "name") if "name" in each else (*path, step)
        if "{" not in name and not LABEL.fullmatch(name):
            yield Finding(where, f"{name} is no name for a volume", "write small letters, digits and dashes")
        elif name in charts:
            yield Finding(where, f"{name} is a volume of the chart's", "write another name")
        elif name in seen:
            yield Finding(where, f"the volume {name} is there already", "write another name")
        seen.add(name)


def _mounted(path: Path, given: Any, below: Values, known: set[str]) -> Iterator[Finding]:
    """``below``: mounts that ``given`` adds to, and whose names stay."""
    for step, each in _pairs(given if isinstance(given, list) else volumes.as_written(given, below)):
        name = get(each, "name")
        if isinstance(name, str) and "{" not in name and not name.startswith("volume-") and name not in known:
            message = f"there is no volume {name}: no server would start"
            yield Finding((*path, step), message, f"add {name} to extraVolumes")


def _profiles(values: Values, given: Values) -> Iterator[Finding]:
    """Instances of the chart's form beside ours."""
    found = at(given, "singleuser.profileList")
    ours = get(values, "hub_profiles")
    if not isinstance(found, list) or not isinstance(ours, list):
        return
    names = [each["name"] for each in ours if isinstance(get(each, "name"), str) and get(each, "enabled") is True]
    seen: set[str] = set()
    for index, profile in enumerate(found):
        path: Path = ("hub_values", *named.PROFILES, index)
        if not isinstance(profile, Mapping) or UNKNOWN in (profile.get("slug"), profile.get("display_name")):
            continue
        slug = named.slug(profile)
        if not slug:
            yield Finding((*path, "slug"), "is missing", f"write one of {', '.join(names)}, or a display_name")
        elif slug in seen:
            yield Finding((*path, "slug"), f"{slug} is given twice", "keep one of the two")
        elif slug not in names:
            message = f"{slug} is none of hub_profiles, so it has neither node group nor placeholders"
            hint = f"describe it in hub_profiles, or write slug: {names[0]} to add to that one" if names else ""
            yield Finding(path, message, hint, "warning")
            if "display_name" not in profile:
                yield Finding((*path, "display_name"), "is missing", "write what users see")
        else:
            override = profile.get("kubespawner_override")
            for name in override if isinstance(override, Mapping) else ():
                if name in OURS_IN_OVERRIDES:
                    message, hint = (
                        f"replaces what hub_profiles says of {slug}",
                        f"write {OURS_IN_OVERRIDES[name]} there",
                    )
                    yield Finding((*path, "kubespawner_override", name), message, hint, "warning")
        seen.add(slug)
    for path, override, beside in overrides(given):
        yield from _variables((*path, "environment"), override.get("environment"))
        everybody = [at(given, "singleuser.extraEnv"), *(each.get("environment") for each in beside)]
        known = {OURS_FOR_EVERYBODY, *(name for each in everybody for name in named.variables(each))}
        for name, each in named.variables(override.get("environment")).items():
            if isinstance(each, Mapping) and name in known:
                message = "is given to everybody already, and KubeSpawner cannot put an object in its place"
                yield Finding((*path, "environment"), f"{name} {message}", "write another name")


Asked = dict[str, tuple[int, Any, Path]]
"""CPUs and sizes by KubeSpawner's names: how late each is set (0: by us), what it is, and where in ``hub_values``."""

KINDS = {"mem": "memory", "cpu": "cpu"}
"""What KubeSpawner and the chart call what is limited."""


def _resources(values: Values, given: Values) -> Iterator[Finding]:
    """Guarantees above their limits: Kubernetes refuses such a pod."""
    found = get(values, "hub_profiles")
    ours = [each for each in found if get(each, "enabled") is True] if isinstance(found, list) else []
    everybody = _ours(next((each for each in ours if get(each, "default") is True), ours[0] if ours else None))
    for kind, group in KINDS.items():
        names = {f"{kind}_{name}": name for name in ("limit", "guarantee")}
        everybody |= _asked(1, ("hub_values", "singleuser", group), at(given, f"singleuser.{group}"), names)
    options = at(given, "hub.config.KubeSpawner")
    everybody |= _asked(2, ("hub_values", "hub", "config", "KubeSpawner"), options)
    reported: set[Path] = set()
    profiles = at(given, "singleuser.profileList")
    for index, profile in enumerate(profiles) if isinstance(profiles, list) else ():
        name = named.slug(profile) if isinstance(profile, Mapping) else ""
        its = everybody | _ours(next((each for each in ours if get(each, "name") == name), None))
        for path, owner in owners(("hub_values", *named.PROFILES, index), profile):
            override = get(owner, "kubespawner_override")
            asked = its | _asked(3 if owner is profile else 4, (*path, "kubespawner_override"), override)
            its = asked if owner is profile else its
            for finding in _above(asked):
                if finding.path not in reported:
                    yield finding
                reported.add(finding.path)


def _cpus(value: Any) -> float | None:
    return value if is_number(value) else None


def _ours(profile: Any) -> Asked:
    """What we set for an instance of ours."""
    if not isinstance(profile, Mapping):
        return {}
    memory, kept = get(profile, "memory"), get(profile, "memory_guarantee")
    found = {"mem_limit": memory, "mem_guarantee": memory if kept is None else kept}
    found |= {"cpu_limit": get(profile, "cpu"), "cpu_guarantee": get(profile, "cpu_guarantee")}
    return {name: (0, value, ()) for name, value in found.items()}


def _asked(late: int, path: Path, group: Any, names: Mapping[str, str] | None = None) -> Asked:
    """What ``group``, at ``path``, sets. ``names``: its names for what KubeSpawner calls otherwise."""
    if not isinstance(group, Mapping):
        return {}
    names = names or {name: name for kind in KINDS for name in (f"{kind}_limit", f"{kind}_guarantee")}
    return {name: (late, group[own], (*path, own)) for name, own in names.items() if own in group}


def _above(asked: Asked) -> Iterator[Finding]:
    nothing: tuple[int, Any, Path] = (0, None, ())
    for kind in KINDS:
        limit, guarantee = (asked.get(f"{kind}_{name}", nothing) for name in ("limit", "guarantee"))
        most, kept = (_bytes(each[1]) if kind == "mem" else _cpus(each[1]) for each in (limit, guarantee))
        show: Callable[[Any], str] = format_size if kind == "mem" else str
        if not most or not kept or kept <= most:
            continue
        if guarantee[0] >= limit[0] and guarantee[2]:
            message = f"{show(kept)} is more than the limit, {show(most)}: no server would start"
            yield Finding(guarantee[2], message, f"write {show(most)} or less")
        elif limit[2]:
            message = f"{show(most)} is less than the guarantee, {show(kept)}: no server would start"
            beside = str(limit[2][-1]).replace("limit", "guarantee")
            yield Finding(limit[2], message, f"write {show(kept)} or more, or {beside}: {show(most)} beside it")
