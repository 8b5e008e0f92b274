# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Text in ``hub_values`` that would not arrive as it is: what YAML reads otherwise, what KubeSpawner formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .. import kubespawner
from ..written import Finding, Path, Values
from .looking import at, overrides

_SPAWNER = (
    "environment", "extra_annotations", "extra_containers", "extra_labels", "extra_pod_config", "init_containers",
    "storage_extra_annotations", "storage_extra_labels", "volume_mounts", "volumes", "working_dir",
)  # fmt: skip

FILLED = (
    *(f"singleuser.{name}" for name in ("extraEnv", "extraAnnotations", "extraLabels", "initContainers")),
    *(f"singleuser.{name}" for name in ("extraContainers", "extraPodConfig")),
    *(f"singleuser.storage.{name}" for name in ("extraVolumes", "extraVolumeMounts", "extraLabels", "homeMountPath")),
    *(f"hub.config.KubeSpawner.{name}" for name in _SPAWNER),
)
"""Values in whose texts KubeSpawner fills names in."""

TEXTS = {"annotations", "environment", "extraAnnotations", "extraEnv", "extraLabels", "labels", "nodeSelector"}
"""Groups of the chart's values whose members are text."""

NAMES = {"admin_groups", "admin_users", "allowed_groups", "allowed_users", "blocked_users"}
"""Lists of text."""


def misread(values: Values, texts: Mapping[Path, str]) -> Iterator[Finding]:
    """Values of the chart that YAML takes for something else than what stands there.

    ``texts``: how the numbers and truth values of ``hub_values`` in one file's ``values`` were written, by path.
    """
    for path, text in texts.items():
        value: Any = values
        for step in path:
            value = value[step] if _has(value, step) else None
        if value is None:
            continue  # of a key given twice
        wants_text = (
            any(str(step) in TEXTS | NAMES for step in path[-2:-1])
            or path[-1] == "tag"
            or (path[-1] == "value" and {"extraEnv", "env"} & set(path))
        )
        if not wants_text and ":" not in text:
            continue
        shown = str(value).lower() if isinstance(value, bool) else str(value)
        message = f"{text} is {shown} to YAML" if text != shown else f"{text} is {_kind(value)} to YAML"
        message += ", and text is wanted here" if wants_text else ""
        yield Finding(path, message, f'write "{text}" in quotes', "warning")


def _has(values: Any, step: str | int) -> bool:
    if isinstance(values, list):
        return isinstance(step, int) and step < len(values)
    return isinstance(values, Mapping) and step in values


def _kind(value: Any) -> str:
    return "a truth value" if isinstance(value, bool) else "a number"


def filled(given: Values) -> Iterator[Finding]:
    """Braces that KubeSpawner cannot fill a name into: no server would start."""
    places: list[tuple[Path, Any]] = [(tuple(path.split(".")), at(given, path)) for path in FILLED]
    for path, override, _beside in overrides(given):
        if "unlisted_choice" not in path:  # in which braces stand for what the user writes, too
            places += [((*path[1:], name), override.get(name)) for name in _SPAWNER]
    for place, value in places:
        for path, wrong in kubespawner.unfilled(value):
            message = f"KubeSpawner fills names into this text and stumbles over {wrong}: no server would start"
            yield Finding(("hub_values", *place, *path), message, "write braces that stay twice, in !unsafe text")
