# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What a deployment would create, change, remove and leave.

The cluster's part is the plan that ``coe_preflight`` makes and the role ``cluster`` carries out. The hub's part
compares what would be released with what is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..hub_values import hub_values, placeholders, storage_class_name
from ..hub_values.chart import SECRETS_ANNOTATION

Json = dict[str, Any]

MOST_DIFFERENCES = 8
"""Values named one by one; of more only the number is said."""


def deployment(
    service: Mapping[str, Any], cloud: Mapping[str, Any], hub: Mapping[str, Any], facts: Mapping[str, Any]
) -> Json:
    """Sentences under ``create``, ``change``, ``remove``, ``leave``; ``known``: {cluster, hub}, whether each was seen.

    ``cloud`` is what ``coe_preflight`` answered, empty if it could not; ``hub`` {namespace, storage_classes, release,
    stateful_sets} as found on the cluster, empty if it could not be asked. Raises HubValuesError.
    """
    result: Json = {"create": [], "change": [], "remove": [], "leave": [], "known": {}}
    planned = "actions" in cloud
    result["known"] = {"cluster": planned, "hub": planned and (not cloud["exists"] or bool(hub))}
    if planned:
        _cluster(service, cloud, result)
    if result["known"]["hub"]:
        _hub(service, facts, hub, result)
    return result


def _cluster(service: Mapping[str, Any], cloud: Mapping[str, Any], result: Json) -> None:
    for sentence in cloud["actions"]:
        verb, _other, what = sentence.partition(" ")
        if verb == "create":
            result["create"].append(what)
        elif verb == "delete":
            result["remove"].append(what)
        else:
            result["change"].append(sentence)
    if not cloud["exists"]:
        return
    if not cloud["cluster"]["changes"]:
        result["leave"].append(f"cluster {service['cluster_name']}")
    busy = {group["name"] for group in cloud["node_groups"]}
    result["leave"] += [f"node group {g['name']}" for g in service["cluster_node_groups"] if g["name"] not in busy]


def _hub(service: Mapping[str, Any], facts: Mapping[str, Any], hub: Mapping[str, Any], result: Json) -> None:
    _object(result, f"namespace {service['hub_namespace']}", bool(hub.get("namespace")))
    if not service["hub_storage"].get("class_name"):
        name = storage_class_name(service)
        _object(result, f"storage class {name}", name in (hub.get("storage_classes") or ()))
    release = hub.get("release") or {}
    wanted = f"{service['hub_chart_ref']} {service['hub_chart_version'] or ''}".strip()
    what = f"release {service['hub_release']}"
    if not release:
        result["create"].append(f"{what} of chart {wanted}")
    else:
        why = _release_changes(service, facts, release)
        if why:
            result["change"].append(f"{what}: {why}")
        else:
            result["leave"].append(f"{what}, revision {release.get('revision')}")
    _placeholders(service, facts, hub, result)


def _object(result: Json, what: str, there: bool) -> None:
    result["leave" if there else "create"].append(what)


def _release_changes(service: Mapping[str, Any], facts: Mapping[str, Any], release: Mapping[str, Any]) -> str:
    """Why the chart would be released again; "" when it would not. Secrets are not compared."""
    reasons = []
    if release.get("status") not in (None, "deployed"):
        reasons.append(f"it is {release['status']}")
    version, has = service["hub_chart_version"], str(release.get("app_chart") or release.get("chart") or "")
    local = "/" in service["hub_chart_ref"] or service["hub_chart_ref"].endswith(".tgz")
    if version and not local and has and not has.endswith(f"-{version}"):
        reasons.append(f"chart {has} becomes {service['hub_chart_ref']}-{version}")
    # Newer releases of kubernetes.core call them release_values, and will leave the other name out.
    found = release.get("release_values") or release.get("values") or {}
    wanted = hub_values(_with_kept_address(service, found), facts)
    different = sorted(_differences(_without_secrets(found), _without_secrets(wanted)))
    if len(different) > MOST_DIFFERENCES:
        reasons.append(f"{len(different)} values change, among them {', '.join(different[:MOST_DIFFERENCES])}")
    elif different:
        reasons.append(f"values change: {', '.join(different)}")
    return "; ".join(reasons)


def _with_kept_address(service: Mapping[str, Any], values: Mapping[str, Any]) -> Mapping[str, Any]:
    """A release keeps the address that it has, where the files name none."""
    address = service["hub_address"]
    kept = ((values.get("proxy") or {}).get("service") or {}).get("loadBalancerIP")
    if not kept or address["floating_ip"] or address["internal"]:
        return service
    return {**service, "hub_address": {**address, "floating_ip": kept}}


def _without_secrets(values: Mapping[str, Any]) -> Json:
    """Without what stands for the content of Secrets."""
    result = dict(values)
    for part in ("hub", "proxy"):
        if isinstance(result.get(part), Mapping):
            inner = dict(result[part])
            notes = {k: v for k, v in (inner.pop("annotations", None) or {}).items() if k != SECRETS_ANNOTATION}
            result[part] = inner | ({"annotations": notes} if notes else {})
    return result


def _differences(has: Any, wants: Any, path: str = "") -> Iterator[str]:
    """Paths at which two values differ. A number that Helm wrote as a float is the same number."""
    if isinstance(has, Mapping) and isinstance(wants, Mapping):
        for name in {*has, *wants}:
            yield from _differences(has.get(name), wants.get(name), f"{path}.{name}" if path else str(name))
    elif isinstance(has, list) and isinstance(wants, list) and len(has) == len(wants):
        for index, (one, other) in enumerate(zip(has, wants, strict=True)):
            yield from _differences(one, other, f"{path}[{index}]")
    elif has != wants and not (has in (None, {}, []) and wants in (None, {}, [])):
        yield path


def _placeholders(service: Mapping[str, Any], facts: Mapping[str, Any], hub: Mapping[str, Any], result: Json) -> None:
    there = {item["metadata"]["name"]: item for item in hub.get("stateful_sets") or ()}
    for wanted in placeholders(service, facts):
        name, count = wanted["metadata"]["name"], wanted["spec"]["replicas"]
        found = there.pop(name, None)
        if found is None:
            result["create"].append(f"placeholders {name}: {count}")
        elif found["spec"].get("replicas") != count:
            result["change"].append(f"placeholders {name}: {found['spec'].get('replicas')} become {count}")
        else:
            result["leave"].append(f"placeholders {name}: {count}")
    result["remove"] += [f"placeholders {name}" for name in sorted(there)]
