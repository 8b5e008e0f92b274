# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Whether Octavia does what a Service of type LoadBalancer asks for: what is asked, what is there, what went wrong.

What turns the one into the other is cloud-provider-openstack (1.34: ``pkg/openstack/loadbalancer.go``, ``events.go``)
under Kubernetes' service controller (k8s.io/cloud-provider, ``controllers/service/controller.go``). It tells what it
cannot do by Warning events of the Service, and by nothing else. Pure functions over plain data.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

Object = Mapping[str, Any]

PREFIX = "loadbalancer.openstack.org/"
INTERNAL = "service.beta.kubernetes.io/openstack-internal-load-balancer"
RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
"""Annotation for who may come in, with commas. It counts where the spec says nothing."""
ASKED_AGAIN = "jupyterhub.stfc.ac.uk/asked-again"
"""Annotation of ours: that it changes has the cloud provider look at the whole Service again, at once."""

TIMEOUTS = ("timeout_client_data", "timeout_member_connect", "timeout_member_data", "timeout_tcp_inspect")
"""Attributes of a listener, milliseconds. The annotations have dashes."""

OVN = "ovn"
"""The provider that has no time-outs, so that none are asked of it. Neither has it ranges, which some do ask for."""

STARTED, DONE, UPDATED = "EnsuringLoadBalancer", "EnsuredLoadBalancer", "UpdatedLoadBalancer"

RESOLVED_BY = {
    "SyncLoadBalancerFailed": (DONE,),
    "UpdateLoadBalancerFailed": (DONE, UPDATED),
    "UnAvailableLoadBalancer": (DONE, UPDATED),
}
"""Warnings of what is tried again (after 5 s, then ever later, up to 5 minutes), and the events that end them."""

_NUMBER = re.compile("[+-]?[0-9]{1,18}")
"""What Go's ``Atoi`` takes; the cloud provider leaves its default where an annotation is anything else."""

_STATUS = re.compile(r"but got (\d{3}) instead")
_OLDER_WORDS = {"Bad request with": 400, "Request forbidden": 403}
"""How gophercloud before 2.0 told two statuses."""

REFUSALS = (400, 403, 501)
"""Statuses of what will be refused the next time as well: not understood, not allowed or beyond a quota, not there."""

CONFLICT = 409
PASSING_CONFLICTS = ("immutable", "PENDING_")
"""Of conflicts these pass: Octavia is at work on the balancer. Others are Neutron's quotas and exhausted pools."""

FINAL_WORDS = ("is not available", "invalid loadbalancer class", "doesn't belong to the network")
"""What the cloud provider itself refuses."""

SHORTEST_CUT = 500
"""Characters of an event's message that are told in full. The middle of a longer one is what was asked for, as JSON."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a Service asks of its balancer.

    ``balancer``: Octavia's id of it, "" before there is one. ``ports``: protocol and number. ``ranges``: who may come
    in, none for everybody. ``timeouts``: milliseconds by a listener's attribute. ``address``: the floating IP that is
    asked for by name, "" for any.
    """

    service: str
    balancer: str
    ports: tuple[tuple[str, int], ...]
    ranges: tuple[str, ...]
    timeouts: Mapping[str, int]
    address: str
    internal: bool


@dataclasses.dataclass(frozen=True)
class Trouble:
    """What the service controller says of a Service. ``final``: it will not come right by itself."""

    words: str
    final: bool


@dataclasses.dataclass(frozen=True)
class Cloud:
    """What Octavia and Neutron have, as openstacksdk names it.

    ``balancers``: {id, provider, vip_port_id}; ``listeners``: {balancers (ids), protocol, protocol_port, allowed_cidrs,
    and TIMEOUTS}; ``floating_ips``: {address, port_id}.
    """

    balancers: Sequence[Object]
    listeners: Sequence[Object]
    floating_ips: Sequence[Object]


IGNORED: Mapping[str, Callable[[Asked], bool]] = {
    "LoadBalancerSourceRangesIgnored": lambda wanted: bool(wanted.ranges),
    "LoadBalancerForcedInternal": lambda wanted: not wanted.internal,
    "LoadBalancerFloatingIPSkipped": lambda wanted: bool(wanted.address),
}
"""Warnings that come whether or not anything was asked for, and when something was."""


def cloud(balancers: Iterable[Any], listeners: Iterable[Any], floating_ips: Iterable[Any]) -> Cloud:
    """From openstacksdk's objects."""
    return Cloud(
        [{"id": one.id, "provider": one.provider, "vip_port_id": one.vip_port_id} for one in balancers],
        [
            {
                "balancers": [each["id"] for each in one.load_balancers or ()],
                **{name: getattr(one, name) for name in ("protocol", "protocol_port", "allowed_cidrs", *TIMEOUTS)},
            }
            for one in listeners
        ],
        [{"address": one.floating_ip_address, "port_id": one.port_id} for one in floating_ips],
    )


def asked(service: Object) -> Asked:
    """What the Service asks for."""
    metadata, spec = service["metadata"], service.get("spec") or {}
    annotations = metadata.get("annotations") or {}
    given = {name: annotations.get(PREFIX + name.replace("_", "-"), "") for name in TIMEOUTS}
    ranges = spec.get("loadBalancerSourceRanges") or str(annotations.get(RANGES) or "").split(",")
    protocol = ""
    if annotations.get(PREFIX + "default-tls-container-ref"):
        protocol = "TERMINATED_HTTPS"
    elif annotations.get(PREFIX + "x-forwarded-for") == "true":
        protocol = "HTTP"
    return Asked(
        service=metadata["name"],
        balancer=annotations.get(PREFIX + "load-balancer-id") or "",
        ports=tuple((protocol or port.get("protocol") or "TCP", port["port"]) for port in spec.get("ports") or ()),
        ranges=tuple(filter(None, map(str.strip, ranges))),
        timeouts={name: int(text) for name, text in given.items() if _NUMBER.fullmatch(text)},
        address=spec.get("loadBalancerIP") or "",
        internal=annotations.get(INTERNAL) == "true",
    )


def differences(wanted: Asked, there: Cloud) -> list[str]:
    """What Octavia and Neutron do not have as the Service asks for it. One without an id is not theirs: nothing."""
    if not wanted.balancer:
        return []
    balancer = next((one for one in there.balancers if one["id"] == wanted.balancer), None)
    if balancer is None:
        return [f"Octavia has no load balancer {wanted.balancer}"]
    listeners = {
        (one["protocol"], one["protocol_port"]): one for one in there.listeners if balancer["id"] in one["balancers"]
    }
    found = []
    for protocol, port in wanted.ports:
        if (protocol, port) in listeners:
            found += _of_listener(wanted, balancer, f"the listener of port {port}", listeners[protocol, port])
        else:
            found.append(f"there is no listener for {protocol} port {port}")
    return found + _of_address(wanted, balancer, there.floating_ips)


def _of_listener(wanted: Asked, balancer: Object, name: str, listener: Object) -> list[str]:
    found = []
    if _ranges(listener["allowed_cidrs"]) != _ranges(wanted.ranges):
        lets_in = ", ".join(sorted(listener["allowed_cidrs"] or ())) or "everybody"
        should = ", ".join(wanted.ranges) or "everybody"
        found.append(f"{name} lets in {lets_in}, and is to let in {should}")
    if balancer["provider"] != OVN:
        found += [
            f"{name} has {attribute} {listener[attribute]} ms, and is to have {milliseconds} ms"
            for attribute, milliseconds in wanted.timeouts.items()
            if listener[attribute] != milliseconds
        ]
    return found


def _of_address(wanted: Asked, balancer: Object, floating_ips: Iterable[Object]) -> list[str]:
    has = next((one["address"] for one in floating_ips if one["port_id"] == balancer["vip_port_id"]), "")
    if wanted.internal:
        return [f"it is to be internal, and the floating IP {has} leads to it"] if has else []
    if wanted.address and has != wanted.address:
        return [f"it has {f'the floating IP {has}' if has else 'no floating IP'}, and is to have {wanted.address}"]
    return []


def _ranges(texts: Iterable[str] | None) -> frozenset[str]:
    """Ranges in one form; none at all where everybody may come in."""
    found = {str(ipaddress.ip_network(text, strict=False)) for text in texts or ()}
    return frozenset() if found & {"0.0.0.0/0", "::/0"} else frozenset(found)


def trouble(service: Object, events: Iterable[Object], known: frozenset[Any] | None = None) -> Trouble | None:
    """What the service controller could not do of what the Service asks for now; None where nothing is known.

    ``events`` are those of the Service; ``known``: ``identities`` of those that were there before it was asked again.
    """
    since = changed_at(service)
    told = [(_time_of(event), event) for event in events]
    last: dict[str, str] = {}
    for when, event in told:
        last[event["reason"]] = max(when, last.get(event["reason"], ""))
    for when, event in sorted(told, key=lambda each: each[0], reverse=True):
        reason = event["reason"]
        if event.get("type") != "Warning" or last[reason] != when:
            continue
        words = f"{reason}: {_short(event.get('message') or '')}"
        if reason in RESOLVED_BY:
            # Times are whole seconds: what came in that of a change may be about what was asked before. It comes again.
            newer = when > since if known is None else when >= since and not known & identities([event])
            if newer and not any(last.get(end, "") >= when for end in RESOLVED_BY[reason]):
                return Trouble(words, _is_final(event.get("message") or ""))
        if _ignored(reason, asked(service)) and when >= max(since, last.get(STARTED, "")):
            return Trouble(words, True)
    return None


def remarks(service: Object, events: Iterable[Object]) -> list[str]:
    """Further Warnings about what the Service asks for now: nothing that was asked for is missing by them."""
    told = list(events)
    started = [_time_of(event) for event in told if event["reason"] == STARTED]
    since = max([changed_at(service), *started])
    return sorted(
        f"{event['reason']}: {_short(event.get('message') or '')}"
        for event in told
        if event.get("type") == "Warning"
        and _time_of(event) >= since
        and event["reason"] not in {*RESOLVED_BY, *IGNORED}
    )


def identities(events: Iterable[Object]) -> frozenset[Any]:
    """What tells an event from one that came again."""
    return frozenset(
        (event["metadata"].get("uid") or event["metadata"].get("name"), event.get("count"), _time_of(event))
        for event in events
    )


def settled(service: Object, events: Iterable[Object]) -> bool:
    """Whether the service controller says that it has done all that the Service asks for now."""
    return any(event["reason"] == DONE and _time_of(event) >= changed_at(service) for event in events)


def changed_at(service: Object) -> str:
    """When what the Service asks for last changed, or was last asked for again, by the cluster's own clock."""
    metadata = service["metadata"]
    times = [str(metadata.get("creationTimestamp") or "")]
    for entry in metadata.get("managedFields") or ():
        fields = entry.get("fieldsV1") or {}
        annotations = (fields.get("f:metadata") or {}).get("f:annotations") or {}
        if not entry.get("subresource") and ("f:spec" in fields or f"f:{ASKED_AGAIN}" in annotations):
            times.append(str(entry.get("time") or ""))
    return max(times)


def asking_again(service: Object, now: float) -> dict[str, Any]:
    """The patch that has the cloud provider look at the whole Service again. ``now``: seconds since the epoch."""
    stamp = datetime.fromtimestamp(now, timezone.utc).isoformat()
    metadata = {"name": service["metadata"]["name"], "annotations": {ASKED_AGAIN: stamp}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata}


def _ignored(reason: str, wanted: Asked) -> bool:
    """Whether a Warning is about something that was asked for: some come in any case."""
    return reason in IGNORED and IGNORED[reason](wanted)


def _is_final(message: str) -> bool:
    found = _STATUS.findall(message)
    status = int(found[-1]) if found else next((each for text, each in _OLDER_WORDS.items() if text in message), 0)
    if status == CONFLICT:
        return not any(text in message for text in PASSING_CONFLICTS)
    return status in REFUSALS or any(text in message for text in FINAL_WORDS)


def _time_of(event: Object) -> str:
    """``2026-01-31T09:00:00Z``: text that sorts by time."""
    series = event.get("series") or {}
    when = event.get("lastTimestamp") or series.get("lastObservedTime") or event.get("eventTime") or ""
    return re.sub(r"\.\d+", "", str(when))


def _short(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= SHORTEST_CUT else f"{line[: SHORTEST_CUT // 2]} ... {line[-SHORTEST_CUT // 2 :]}"
