# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Whether live objects still are what the release's manifest says.

Only fields in the manifest count. An object in which each of them stands as written has none (``stands``). Of the
others the API server says what the manifest comes to: it is sent as a strategic merge patch in a dry run, so that
defaults, the spelling of quantities and the rules for lists need no copy here. A difference between that answer and the
live object is drift.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..quantity import kubernetes_to_number

with contextlib.suppress(ImportError):  # it comes with the kubernetes client, which the module asks for
    import yaml

IGNORED_METADATA = ("generation", "managedFields", "resourceVersion", "uid", "creationTimestamp", "selfLink")
HIDDEN, HIDDEN_WANTED = "(hidden)", "(hidden) as released"
RESTART = "jupyterhub.stfc.ac.uk/restarted"
"""Annotation of a pod template: the pods had read something that was put right since."""

_MISSING = object()

QUANTITIES = frozenset({"limits", "requests"})
"""Maps of quantities, which the API server writes in a form of its own."""

UNWRITTEN_ZEROS = frozenset({"globalDefault", "initialDelaySeconds"})
"""Fields that the API server leaves out when they are zero, and never means anything else by that.

Of Kubernetes' types these are no pointers, and ``omitempty`` (scheduling/v1 ``PriorityClass``, core/v1 ``Probe``).
"""


@dataclasses.dataclass(frozen=True)
class Difference:
    """One field: as it is (``live``), as it should be (``wanted``). None stands for a field that is not there."""

    path: str
    live: Any
    wanted: Any


def objects(manifest: str, release: str, namespace: str) -> list[dict[str, Any]]:
    """Objects of a release's manifest, marked as Helm marks them when it makes them (else it would refuse them later).

    Cluster-wide ones get no namespace: that is for the caller, who knows the API.
    """
    found = []
    for item in yaml.load_all(manifest, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        if not item:
            continue
        metadata = item.setdefault("metadata", {})
        metadata["labels"] = (metadata.get("labels") or {}) | {"app.kubernetes.io/managed-by": "Helm"}
        metadata["annotations"] = (metadata.get("annotations") or {}) | {
            "meta.helm.sh/release-name": release,
            "meta.helm.sh/release-namespace": namespace,
        }
        found.append(item)
    return found


def stands(live: Any, manifest: Any) -> bool:
    """Whether a merge patch with ``manifest`` changes nothing for certain: all of it is in ``live`` as written.

    False leaves it open. Lists have to be equally long: an element more may be another's, or one that should go.
    """
    if isinstance(manifest, Mapping):
        return isinstance(live, Mapping) and all(_member_stands(live, key, manifest[key]) for key in manifest)
    if isinstance(manifest, list):
        return isinstance(live, list) and len(live) == len(manifest) and all(map(stands, live, manifest))
    return type(live) is type(manifest) and bool(live == manifest)


def _member_stands(live: Mapping[str, Any], key: str, wanted: Any) -> bool:
    if key == "stringData" and isinstance(wanted, Mapping):  # of Secrets: written once, read as data
        texts = {name: base64.b64encode(str(text).encode()).decode() for name, text in wanted.items()}
        return stands(live.get("data"), texts)
    if key not in live:
        return wanted is None or (key in UNWRITTEN_ZEROS and wanted in (False, 0))
    if key in QUANTITIES and isinstance(wanted, Mapping) and isinstance(live[key], Mapping):
        return all(name in live[key] and _same_quantity(live[key][name], wanted[name]) for name in wanted)
    return stands(live[key], wanted)


def _same_quantity(live: Any, wanted: Any) -> bool:
    """0.05 and 50m, 2 and "2"."""
    try:
        return kubernetes_to_number(live) == kubernetes_to_number(wanted)
    except ValueError:
        return False


def in_common(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Labels that all the objects have."""
    labels = [set((item["metadata"].get("labels") or {}).items()) for item in items]
    return dict(sorted(set.intersection(*labels))) if labels else {}


def differences(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Difference]:
    """Fields in which a live object differs from what it would be. Values of Secrets are hidden."""
    found = list(_compare(_plain(live), _plain(wanted), ""))
    if live.get("kind") == "Secret":
        return [
            dataclasses.replace(item, live=HIDDEN, wanted=HIDDEN_WANTED)
            if item.path.startswith(("data", "stringData"))
            else item
            for item in found
        ]
    return found


def readers(items: list[dict[str, Any]], kind: str, name: str) -> list[dict[str, Any]]:
    """Workloads among ``items`` whose pods mount or read the ConfigMap or Secret called ``name``."""
    return [item for item in items if "template" in (item.get("spec") or {}) and (kind, name) in set(_read_by(item))]


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in item["metadata"].items() if key not in IGNORED_METADATA}
    return {**{key: value for key, value in item.items() if key != "status"}, "metadata": metadata}


def _compare(live: Any, wanted: Any, path: str) -> Iterator[Difference]:
    if isinstance(live, Mapping) and isinstance(wanted, Mapping):
        for key in sorted({*live, *wanted}):
            yield from _compare(live.get(key, _MISSING), wanted.get(key, _MISSING), f"{path}.{key}" if path else key)
    elif isinstance(live, list) and isinstance(wanted, list) and len(live) == len(wanted):
        for index, (left, right) in enumerate(zip(live, wanted, strict=True)):
            yield from _compare(left, right, f"{path}[{index}]")
    elif live is not wanted and live != wanted:
        yield Difference(path, None if live is _MISSING else live, None if wanted is _MISSING else wanted)


def _read_by(workload: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    pod = workload["spec"]["template"].get("spec") or {}
    for volume in pod.get("volumes") or []:
        for source in [volume, *((volume.get("projected") or {}).get("sources") or [])]:
            if source.get("configMap"):
                yield "ConfigMap", source["configMap"].get("name", "")
            if source.get("secret"):
                yield "Secret", source["secret"].get("secretName") or source["secret"].get("name", "")
    for container in [*(pod.get("initContainers") or []), *(pod.get("containers") or [])]:
        for entry in container.get("envFrom") or []:
            yield "ConfigMap", (entry.get("configMapRef") or {}).get("name", "")
            yield "Secret", (entry.get("secretRef") or {}).get("name", "")
        for variable in container.get("env") or []:
            source = variable.get("valueFrom") or {}
            yield "ConfigMap", (source.get("configMapKeyRef") or {}).get("name", "")
            yield "Secret", (source.get("secretKeyRef") or {}).get("name", "")
