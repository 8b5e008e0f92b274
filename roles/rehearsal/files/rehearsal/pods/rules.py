"""NetworkPolicies as one nftables table.

Semantics: k8s.io/api/networking/v1 ``NetworkPolicySpec``. A pod is isolated in a direction as soon as one policy with
that type selects it; then only what some policy allows passes, and the answers to it. Traffic of the node itself
(probes, the API server's calls) is not filtered, as with every network plugin. kube-proxy translates Services'
addresses before the filter hooks, so the rules see pods' own addresses.

Each isolated pod has a chain per direction: an allowing rule returns from it, its last rule counts and drops.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rehearsal.pods.kube import Object

TABLE = "rehearsal-policies"

_OPERATORS = {
    "In": lambda value, values: value is not None and value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, _: value is not None,
    "DoesNotExist": lambda value, _: value is None,
}


@dataclasses.dataclass(frozen=True)
class PolicyPod:
    """What the policies have to know of a pod that runs for real. ``ports`` are the named ones:
    (name, protocol) to number."""

    namespace: str
    name: str
    address: str
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    ports: Mapping[tuple[str, str], int] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, pod: Object) -> PolicyPod | None:
        """None for a pod that has no address of its own (yet, any more, or because it is the node's)."""
        status = pod.get("status") or {}
        if not status.get("podIP") or pod["spec"].get("hostNetwork") or status.get("phase") in ("Succeeded", "Failed"):
            return None
        ports = {
            (port["name"], port.get("protocol") or "TCP"): int(port["containerPort"])
            for container in [*(pod["spec"].get("initContainers") or []), *pod["spec"]["containers"]]
            for port in container.get("ports") or []
            if port.get("name")
        }
        meta = pod["metadata"]
        return cls(meta["namespace"], meta["name"], status["podIP"], meta.get("labels") or {}, ports)


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector takes an object with these labels; the empty one takes all."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for one in selector.get("matchExpressions") or []:
        if not _OPERATORS[one["operator"]](labels.get(one["key"]), one.get("values") or []):
            return False
    return True


def rule_set(policies: Iterable[Object], pods: Iterable[PolicyPod], namespaces: Mapping[str, Mapping[str, str]]) -> str:
    """Input of ``nft -f -`` that replaces the table in one step. ``namespaces`` maps names to labels."""
    everyone = sorted(pods, key=lambda pod: (pod.namespace, pod.name))
    ordered = sorted(policies, key=lambda one: (one["metadata"]["namespace"], one["metadata"]["name"]))
    chains: list[str] = []
    jumps: dict[str, list[str]] = {"Egress": [], "Ingress": []}
    for pod in everyone:
        for direction in ("Egress", "Ingress"):
            isolating = [one for one in ordered if _isolates(one, direction, pod)]
            if not isolating:
                continue
            name = f"{direction.lower()}_{pod.address.replace('.', '_')}"
            rules = [
                f'{match}counter return comment "{_label(policy)}"'
                for policy in isolating
                for match in _matches(policy, direction, pod, everyone, namespaces)
            ]
            rules = list(dict.fromkeys(rules))
            rules.append(f'counter drop comment "{pod.namespace}/{pod.name}"'[:180])
            chains.append(_chain(name, rules))
            jumps[direction].append(f"{pod.address} : jump {name}")
    established = "ct state established,related accept"
    egress, ingress = (
        [f"ip {way} vmap {{ {', '.join(jumps[kind])} }}"] if jumps[kind] else []
        for way, kind in (("saddr", "Egress"), ("daddr", "Ingress"))
    )
    chains.append(_chain("forward", ["type filter hook forward priority filter", established, *egress, *ingress]))
    # What pods send to the node and the API server passes here.
    chains.append(_chain("input", ["type filter hook input priority filter", established, *egress]))
    body = "\n".join(chains)
    return f"table ip {TABLE}\ndelete table ip {TABLE}\ntable ip {TABLE} {{\n{body}\n}}\n"


def _chain(name: str, rules: Sequence[str]) -> str:
    lines = "".join(f"    {rule}\n" for rule in rules)
    return f"  chain {name} {{\n{lines}  }}"


def _label(policy: Object) -> str:
    return f"{policy['metadata']['namespace']}/{policy['metadata']['name']}"[:120]


def _isolates(policy: Object, direction: str, pod: PolicyPod) -> bool:
    spec = policy["spec"]
    types = spec.get("policyTypes") or (["Ingress", "Egress"] if "egress" in spec else ["Ingress"])
    return (
        policy["metadata"]["namespace"] == pod.namespace
        and direction in types
        and selects(spec.get("podSelector") or {}, pod.labels)
    )


def _matches(
    policy: Object,
    direction: str,
    pod: PolicyPod,
    everyone: Sequence[PolicyPod],
    namespaces: Mapping[str, Mapping[str, str]],
) -> Iterable[str]:
    """The conditions (with a space at the end) under which this policy lets a packet of ``pod`` pass."""
    incoming = direction == "Ingress"
    field = "saddr" if incoming else "daddr"
    for rule in policy["spec"].get(direction.lower()) or []:
        for match, peers in _peers(rule.get("from" if incoming else "to"), policy, field, everyone, namespaces):
            for port in rule.get("ports") or [None]:
                if port is None:
                    yield match
                elif isinstance(port.get("port"), str):
                    # A named port has the number that the receiving pod gives it.
                    receivers = [pod] if incoming else everyone if peers is None else peers
                    yield from _named(port, match, receivers, incoming)
                else:
                    yield match + _numbered(port)


def _peers(
    wanted: Sequence[Object] | None,
    policy: Object,
    field: str,
    everyone: Sequence[PolicyPod],
    namespaces: Mapping[str, Mapping[str, str]],
) -> Iterable[tuple[str, Sequence[PolicyPod] | None]]:
    """(condition, the pods it is about or None for anybody) of each peer; a peer that nobody is has none."""
    if not wanted:
        yield "", None
        return
    for peer in wanted:
        if block := peer.get("ipBlock"):
            if condition := _block(block, field):
                yield condition, None
            continue
        names = {policy["metadata"]["namespace"]}
        if (selector := peer.get("namespaceSelector")) is not None:
            names = {name for name, labels in namespaces.items() if selects(selector, labels)}
        found = [
            pod for pod in everyone if pod.namespace in names and selects(peer.get("podSelector") or {}, pod.labels)
        ]
        if found:
            yield f"ip {field} {_set(pod.address for pod in found)} ", found


def _block(block: Object, field: str) -> str:
    """An ``ipBlock``; empty for one of IPv6, of which there is none here."""
    if ipaddress.ip_network(block["cidr"], strict=False).version != 4:
        return ""
    excepted = [one for one in block.get("except") or [] if ipaddress.ip_network(one, strict=False).version == 4]
    condition = f"ip {field} {block['cidr']} " if block["cidr"] != "0.0.0.0/0" else ""
    if excepted:
        condition += f"ip {field} != {_set(excepted)} "
    # 0.0.0.0/0 without exceptions is everybody: it needs a condition all the same, to tell it from "no such peer".
    return condition or f"ip {field} 0.0.0.0/0 "


def _numbered(port: Mapping[str, Any]) -> str:
    protocol = str(port.get("protocol") or "TCP").lower()
    if port.get("port") is None:
        return f"meta l4proto {protocol} "
    last = f"-{port['endPort']}" if port.get("endPort") else ""
    return f"{protocol} dport {port['port']}{last} "


def _named(port: Mapping[str, Any], match: str, receivers: Iterable[PolicyPod], incoming: bool) -> Iterable[str]:
    protocol = str(port.get("protocol") or "TCP")
    for pod in receivers:
        number = pod.ports.get((port["port"], protocol))
        if number is not None and incoming:
            yield f"{match}{protocol.lower()} dport {number} "
        elif number is not None:
            yield f"ip daddr {pod.address} {protocol.lower()} dport {number} "


def _set(items: Iterable[str]) -> str:
    return f"{{ {', '.join(sorted(set(items)))} }}"
