"""The environment of a container, from every source that a pod can name.

Order and rules follow the kubelet (pkg/kubelet/kubelet_pods.go ``makeEnvironmentVariables`` and
third_party/forked/golang/expansion): the image's, then Services, then ``envFrom``, then ``env``; later ones win, and
``$(NAME)`` sees what was set before it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping

from rehearsal import quantity
from rehearsal.pods.kube import Object

Fetch = Callable[[str, str, bool], Awaitable[Mapping[str, bytes] | None]]
"""``fetch("configmaps" | "secrets", name, optional)``: the data, or None when optional and missing."""

_REFERENCE = re.compile(r"\$(?:\$|\(([^()]*)\))")
_SUBSCRIPT = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")


class ConfigError(Exception):
    """The container cannot be configured as the pod asks (kubelet: CreateContainerConfigError)."""


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace ``$(NAME)``; ``$$`` is a dollar, an unknown name stays as it is written."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else values.get(match[1], match[0])

    return _REFERENCE.sub(value, text)


def service_variables(services: Iterable[Object], namespace: str, links: bool) -> dict[str, str]:
    """``*_SERVICE_HOST`` and the older Docker-link variables: of ``default/kubernetes``, and with ``links`` of every
    Service of the namespace that has a cluster address."""
    found: dict[str, str] = {}
    for service in services:
        meta, spec = service["metadata"], service["spec"]
        master = (meta["namespace"], meta["name"]) == ("default", "kubernetes")
        address, ports = spec.get("clusterIP", "None"), spec.get("ports") or []
        if address in ("", "None") or not ports or not (master or (links and meta["namespace"] == namespace)):
            continue
        name = _variable(meta["name"])
        first = ports[0]
        found[f"{name}_SERVICE_HOST"] = address
        found[f"{name}_SERVICE_PORT"] = str(first["port"])
        found[f"{name}_PORT"] = f"{first.get('protocol', 'TCP').lower()}://{address}:{first['port']}"
        for port in ports:
            protocol = port.get("protocol", "TCP")
            if port.get("name"):
                found[f"{name}_SERVICE_PORT_{_variable(port['name'])}"] = str(port["port"])
            prefix = f"{name}_PORT_{port['port']}_{protocol}"
            found[prefix] = f"{protocol.lower()}://{address}:{port['port']}"
            found[f"{prefix}_PROTO"] = protocol.lower()
            found[f"{prefix}_PORT"] = str(port["port"])
            found[f"{prefix}_ADDR"] = address
    return found


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")


def field(pod: Object, path: str, *, address: str, node_address: str) -> str:
    """One ``fieldRef`` of the downward API. ConfigError for a path that it does not have."""
    meta, spec = pod["metadata"], pod["spec"]
    if match := _SUBSCRIPT.fullmatch(path):
        return str((meta.get(match[1]) or {}).get(match[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        values = meta.get(path.split(".")[1]) or {}
        return "\n".join(f"{key}={json.dumps(value)}" for key, value in sorted(values.items()))
    known = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta["namespace"],
        "metadata.uid": meta["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.hostIP": node_address,
        "status.hostIPs": node_address,
        "status.podIP": address,
        "status.podIPs": address,
    }
    if path not in known:
        raise ConfigError(f"unsupported fieldPath: {path}")
    return str(known[path])


def resource(pod: Object, reference: Object, container: str, allocatable: Mapping[str, str]) -> str:
    """One ``resourceFieldRef``. A limit that is not set is the node's allocatable amount, a request the limit or 0."""
    name = reference.get("containerName") or container
    everyone = [*(pod["spec"].get("initContainers") or []), *pod["spec"]["containers"]]
    spec = next((one for one in everyone if one["name"] == name), None)
    kind, _sep, what = reference["resource"].partition(".")
    if spec is None or kind not in ("limits", "requests") or not what:
        raise ConfigError(f"resourceFieldRef {reference['resource']} of container {name} does not exist")
    resources = spec.get("resources") or {}
    value = (resources.get(kind) or {}).get(what)
    if value is None and kind == "requests":
        value = (resources.get("limits") or {}).get(what, "0")
    if value is None:
        value = allocatable.get(what, "0")
    return str(quantity.in_units_of(value, reference.get("divisor") or "1"))


async def build(
    container: Object,
    base: Mapping[str, str],
    fetch: Fetch,
    downward: Callable[[Object], str],
) -> dict[str, str]:
    """All of a container's environment.

    ``base`` is the image's environment with the Services' variables; ``downward`` answers a ``valueFrom`` with a
    ``fieldRef`` or ``resourceFieldRef``. Raises ConfigError for a key or object that is missing and not optional.
    """
    found = dict(base)
    for source in container.get("envFrom") or []:
        kind = "configMapRef" if "configMapRef" in source else "secretRef"
        data = await fetch(_plural(kind), source[kind]["name"], bool(source[kind].get("optional")))
        for key, value in (data or {}).items():
            found[source.get("prefix", "") + key] = value.decode(errors="replace")
    for variable in container.get("env") or []:
        origin = variable.get("valueFrom")
        if not origin:
            found[variable["name"]] = expand(variable.get("value") or "", found)
        elif "configMapKeyRef" in origin or "secretKeyRef" in origin:
            kind = "configMapKeyRef" if "configMapKeyRef" in origin else "secretKeyRef"
            reference = origin[kind]
            optional = bool(reference.get("optional"))
            data = await fetch(_plural(kind), reference["name"], optional)
            if data is not None and reference["key"] in data:
                found[variable["name"]] = data[reference["key"]].decode(errors="replace")
            elif not optional:
                raise ConfigError(f"couldn't find key {reference['key']} in {_plural(kind)} {reference['name']}")
        else:
            found[variable["name"]] = downward(origin)
    return found


def _plural(kind: str) -> str:
    return "configmaps" if kind.startswith("configMap") else "secrets"
