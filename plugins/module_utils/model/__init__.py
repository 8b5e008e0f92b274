# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The only source of the two files' keys: type, unit, default, description, example, choices and rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..plain import plain
from ..written import Finding, Path, show_path
from . import rules
from .convert import UNKNOWN, Context, Converter, Deferred
from .jupyterhub import JUPYTERHUB
from .keys import REQUIRED, File, Key
from .openstack import OPENSTACK

FILES = (OPENSTACK, JUPYTERHUB)

__all__ = (
    "FILES",
    "JUPYTERHUB",
    "OPENSTACK",
    "REQUIRED",
    "UNKNOWN",
    "Context",
    "Converter",
    "Deferred",
    "File",
    "Finding",
    "Key",
    "ModelError",
    "Path",
    "check",
    "defaults",
    "finish",
    "normalise",
    "partial",
    "show_path",
)


class ModelError(ValueError):
    """Values that do not follow the model; ``findings`` says where and why."""

    def __init__(self, findings: Iterable[Finding], values: Mapping[str, Any]) -> None:
        self.findings = list(findings)
        lines = []
        for finding in self.findings:
            hint = f"; {finding.hint}" if finding.hint else ""
            lines.append(f"{show_path(finding.path, values)}: {finding.message}{hint}")
        super().__init__("\n".join(lines))


def check(
    values: Mapping[str, Any], files: Iterable[File] = FILES, context: Context | None = None
) -> tuple[dict[str, Any], list[Finding]]:
    """Convert the merged values of ``files`` and apply every rule.

    The values come back with wrong ones UNKNOWN; they are whole when no finding is an error (then see ``finish``).
    """
    converter = Converter(context)
    converted = converter.files(files, values)
    return converted, [*converter.findings, *rules.check(converted)]


def finish(values: Mapping[str, Any]) -> dict[str, Any]:
    """What the roles get, from converted values without errors.

    Disabled groups and profiles are left out, and defaults that are another key's value are filled in: a profile's
    ``image``, ``display_name`` and ``memory_guarantee``, ``hub_shared_memory`` stays null, a group's ``min``,
    the kernels' ``idle_timeout``. A server cannot be idle for longer than it may run.
    """
    result: dict[str, Any] = plain(values)
    if "cluster_node_groups" in result:
        groups = [group for group in result["cluster_node_groups"] if group["enabled"]]
        for group in groups:
            if group["max"] is not None and group["min"] is None:
                group["min"] = 1
        result["cluster_node_groups"] = groups
    if "hub_profiles" in result:
        profiles = [profile for profile in result["hub_profiles"] if profile["enabled"]]
        for profile in profiles:
            profile["image"] = profile["image"] or result["hub_image"]
            profile["display_name"] = profile["display_name"] or profile["name"]
            if profile["memory_guarantee"] is None:
                profile["memory_guarantee"] = profile["memory"]
        if len(profiles) == 1:
            profiles[0]["default"] = True
        result["hub_profiles"] = profiles
    if "hub_culling" in result:
        culling = result["hub_culling"]
        if culling["max_age"] is not None:
            culling["idle_timeout"] = min(culling["idle_timeout"], culling["max_age"])
        kernels = result["hub_culling"]["kernels"]
        if kernels["idle_timeout"] is None:
            kernels["idle_timeout"] = result["hub_culling"]["idle_timeout"]
    return result


def partial(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is known from converted values some of which are wrong: wrong ones are left out, at every depth.

    Disabled groups and profiles are left out, too. Nothing else is filled in.
    """
    result: dict[str, Any] = _known(dict(values))
    for name in ("cluster_node_groups", "hub_profiles"):
        if name in result:
            result[name] = [each for each in result[name] if isinstance(each, dict) and each.get("enabled", True)]
    return result


def normalise(values: Mapping[str, Any], files: Iterable[File] = FILES) -> dict[str, Any]:
    """Values of one or both files as the roles get them, whether written (``1.5G``) or loaded before (1610612736).

    Names that are not keys of ``files`` are ignored: ``values`` may be all variables of a play, and text given with
    ``-e`` stands for a truth value or a number as it does where files are loaded. The same as before when called on
    its own result. Raises ModelError, a ValueError, with everything that is wrong.
    """
    files = tuple(files)
    known = {key.name for file in files for key in file.keys}
    given = {name: value for name, value in values.items() if name in known}
    converted, findings = check(given, files, Context(loose=lambda path: len(path) == 1))
    errors = [finding for finding in findings if finding.severity == "error"]
    if errors:
        raise ModelError(errors, given)
    return finish(converted)


def defaults(file: File) -> dict[str, Any]:
    """The default of every key that has one, as the roles get it: integers of bytes and seconds, objects filled in.

    Keys of an object that its ``type`` makes necessary have no default and are left out.
    """
    result: dict[str, Any] = {}
    for key in file.keys:
        if not key.required:
            value = Converter().value(key, key.default, (key.name,)) if key.default is not None else None
            result[key.name] = _known(value)
    result = finish(result)
    for profile in result.get("hub_profiles", ()):
        profile["image"] = None  # follows hub_image, which may be given without the profiles
    return result


def _known(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _known(member) for name, member in value.items() if member is not UNKNOWN}
    if isinstance(value, list):
        return [_known(member) for member in value if member is not UNKNOWN]
    return value
