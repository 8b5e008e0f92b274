"""A release can go from the stand-in to the real chart and back: what cannot change is the same in both."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from .conftest import CHART, Objects, Values

Render = Callable[..., Objects]


def fixed(manifest: dict[str, Any]) -> dict[str, Any]:
    """What Kubernetes never lets change in an object, and what others find it by."""
    spec = manifest.get("spec", {})
    labels = {key: value for key, value in manifest["metadata"]["labels"].items() if "chart" not in key}
    pod = spec.get("template", {}).get("metadata", {}).get("labels")
    found = {"version": manifest["apiVersion"], "labels": labels, "pod labels": pod, "selector": spec.get("selector")}
    match manifest["kind"]:
        case "PersistentVolumeClaim":
            found["claim"] = {key: spec.get(key) for key in ("accessModes", "storageClassName", "resources")}
        case "StatefulSet":
            found["set"] = {key: spec.get(key) for key in ("serviceName", "podManagementPolicy")}
        case "RoleBinding" | "ClusterRoleBinding":
            found["binding"] = [manifest["roleRef"], manifest["subjects"]]
        case "PriorityClass":
            found["priority"] = [manifest["value"], manifest["globalDefault"]]
        case "Service":
            found["ports"] = sorted((str(port.get("name")), port["port"], port["targetPort"]) for port in spec["ports"])
            found["type"] = spec.get("type")
        case "Secret":
            found["type"] = manifest["type"]
            found["kept"] = sorted(key for key in manifest.get("data", {}) if key.startswith("hub."))
        case "NetworkPolicy":
            found["rules"] = [spec["podSelector"], *(as_set(spec[way]) for way in ("ingress", "egress"))]
        case "Deployment" | "DaemonSet":
            found["place"] = place(spec["template"]["spec"])
    return found


def as_set(rules: list[Any]) -> set[str]:
    return {yaml.safe_dump(rule) for rule in rules}


def place(pod: dict[str, Any]) -> dict[str, Any]:
    """Where a pod may run, as whom, and how long it has to end."""
    keys = ("affinity", "tolerations", "priorityClassName", "serviceAccountName", "schedulerName", "securityContext")
    found = {key: pod.get(key) for key in (*keys, "terminationGracePeriodSeconds")}
    return {**found, "nodeSelector": pod.get("nodeSelector") or {}}


def test_both_make_the_same_objects(render: Render, real_chart: Path, product_values: Values) -> None:
    if product_values.get("proxy", {}).get("https", {}).get("type") == "letsencrypt":
        product_values["proxy"]["https"] = {"enabled": True, "type": "offload"}  # the stand-in has no ACME client
    ours, theirs = render(product_values), render(product_values, real_chart)
    assert set(ours) == set(theirs)
    for key in sorted(ours):
        assert fixed(ours[key]) == fixed(theirs[key]), key


def test_both_run_the_same_commands(render: Render, real_chart: Path) -> None:
    ours, theirs = render({}), render({"prePuller": {"hook": {"enabled": False}}}, real_chart)
    for key in (("Deployment", "hub"), ("Deployment", "user-scheduler")):
        one, other = (objects[key]["spec"]["template"]["spec"]["containers"][0] for objects in (ours, theirs))
        assert one.get("command") == other.get("command")
        assert one.get("args") == other.get("args")
        assert one["image"].split(":")[0] == other["image"].split(":")[0]
        mounts = [{(m["mountPath"], m["name"], m.get("subPath")) for m in c["volumeMounts"]} for c in (one, other)]
        assert mounts[0] == mounts[1]


def test_both_call_the_same_secrets_the_same(render: Render, real_chart: Path) -> None:
    values: Values = {"hub": {"services": {"monitor": {}}}}
    kept = [
        sorted(key for key in render(values, chart)["Secret", "hub"]["data"] if key.startswith("hub."))
        for chart in (CHART, real_chart)
    ]
    assert kept[0] == kept[1]
    assert "hub.services.monitor.apiToken" in kept[0]
