# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What must hold between keys. Each rule looks at converted values and yields findings.

Values that are wrong in themselves, or not rendered yet, are UNKNOWN: no rule draws conclusions from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeGuard

from ..quantity import format_duration, format_size
from .convert import UNKNOWN, Finding, Path, nearest
from .keys import is_address

Values = Mapping[str, Any]
Rule = Callable[[Values], Iterator[Finding]]

DEFAULT_GROUP = "default-worker"
"""Magnum's name for the node group that it makes with the cluster (magnum/conductor/handlers/cluster_conductor.py)."""

RESERVED_GROUPS = ("default-master",)
"""Magnum's name for the control plane's group."""

OLDEST_KUBERNETES = {4: (1, 28), 5: (1, 32)}
"""Oldest Kubernetes of each major version of the chart (``kubeVersion`` in its Chart.yaml)."""

OLDEST_CHART = (4, 3)
"""Before 4.3 the chart accepts values that it refuses later, and the other way round; ours are for 4.3 and later."""

NEWEST_HEAT = (1, 28)
"""The newest Kubernetes that Magnum's Heat driver was tested with."""

USUAL_NODE_START = 600
"""Seconds that a new node often takes on a real cloud, its images pulled."""

NO_PUBLIC_CERTIFICATE = ("localhost", "local", "internal", "test", "example", "invalid", "lan", "home.arpa", "corp")
"""Ends of names for which no public authority gives a certificate (RFC 2606, 6761, 6762, 8375; CA/B BR 7.1.2.7)."""


def check(values: Values) -> list[Finding]:
    """Everything that the rules find in converted values of both files, or of one."""
    return [finding for rule in RULES for finding in rule(values)]


def control_plane(values: Values) -> Iterator[Finding]:
    """An odd number of control plane nodes."""
    count = _get(values, "cluster_control_plane", "count")
    if _number(count) and count % 2 == 0:
        hint = f"write {count - 1} or {count + 1}"
        yield Finding(("cluster_control_plane", "count"), f"{count} is even; Magnum wants an odd number", hint)


def node_groups(values: Values) -> Iterator[Finding]:
    """Each group's bounds; the group that must be there."""
    groups = _get(values, "cluster_node_groups")
    if not isinstance(groups, list):
        return
    for index, group in enumerate(groups):
        if isinstance(group, dict):
            yield from _bounds(("cluster_node_groups", index), group)
            if group.get("name") in RESERVED_GROUPS:
                path: Path = ("cluster_node_groups", index, "name")
                yield Finding(path, f"{group['name']} is Magnum's name for the control plane", "give it another name")
    names = [_get(group, "name") for group in groups]
    if UNKNOWN in names:
        return
    if DEFAULT_GROUP not in names:
        near = nearest(DEFAULT_GROUP, [name for name in names if isinstance(name, str)])
        hint = f"rename {near}" if near else f"add a group with name: {DEFAULT_GROUP}"
        yield Finding(("cluster_node_groups",), f"has no {DEFAULT_GROUP}, the group that Magnum makes first", hint)
    else:
        index = names.index(DEFAULT_GROUP)
        if _get(groups[index], "enabled") is False:
            path = ("cluster_node_groups", index, "enabled")
            yield Finding(path, f"Magnum always makes {DEFAULT_GROUP}", "remove this line")


def _bounds(path: Path, group: Values) -> Iterator[Finding]:
    low, high, count = (group.get(name) for name in ("min", "max", "count"))
    if count is not None and (low is not None or high is not None):
        there = " and ".join(name for name in ("min", "max") if group.get(name) is not None)
        yield Finding(
            (*path, "count"), f"fixes the number of nodes, and {there} says otherwise", "keep one or the other"
        )
    elif count is None and high is None:
        given = "min without max" if low is not None else "neither max nor count"
        yield Finding((*path, "max"), f"is missing: there is {given}", "write min and max, or count")
    if _number(low) and _number(high) and low > high:
        yield Finding((*path, "min"), f"{low} is more than max, {high}", f"write {high} or less")
    if low == 0 and group.get("gpus"):
        message = "autoscalers start GPU nodes from none unreliably: they cannot know that a new node will have GPUs"
        yield Finding((*path, "min"), message, "write 1, or expect users to wait", "warning")


def driver_limits(values: Values) -> Iterator[Finding]:
    """What the drivers of Magnum refuse or do not do."""
    driver = values.get("cluster_driver")
    version = _version(values.get("cluster_kubernetes_version"))
    plugin = values.get("cluster_network_driver")
    if plugin == "flannel":
        if driver == "cluster-api":
            message = "the cluster-api driver accepts only calico and cilium"
            yield Finding(("cluster_network_driver",), message, "write calico")
        else:
            message = "flannel does not enforce network policies: users can reach each other's servers"
            yield Finding(("cluster_network_driver",), message, "write calico", "warning")
    if driver == "heat" and version and version[:2] > NEWEST_HEAT:
        message = "the heat driver was never tested beyond v1.28"
        yield Finding(("cluster_kubernetes_version",), message, "write v1.28.9", "warning")
    groups = _get(values, "cluster_node_groups")
    for index, group in enumerate(groups if isinstance(groups, list) else []):
        if driver == "capi-helm" and _get(group, "min") == 0 and _get(group, "max") is not None:
            path: Path = ("cluster_node_groups", index, "min")
            yield Finding(path, "the capi-helm driver refuses an autoscaled group with no nodes", "write 1")
    for label in ("kubelet_options", "container_infra_prefix"):
        if driver == "capi-helm" and label in (_get(values, "cluster_labels") or {}):
            yield Finding(("cluster_labels", label), "the capi-helm driver ignores this label", "remove it", "warning")


def subnet_of_network(values: Values) -> Iterator[Finding]:
    """A subnet without its network."""
    if isinstance(values.get("cluster_fixed_subnet"), str) and values.get("cluster_fixed_network", "") is None:
        hint = "write cluster_fixed_network too"
        yield Finding(("cluster_fixed_subnet",), "is the subnet of a network that is not given", hint)


def chart_and_kubernetes(values: Values) -> Iterator[Finding]:
    """Versions of the chart and of Kubernetes that go together."""
    chart = _version(values.get("hub_chart_version"))
    kubernetes = _version(values.get("cluster_kubernetes_version"))
    if chart and chart[:2] < OLDEST_CHART:
        message = f"{values['hub_chart_version']} is older than the values that we write for it"
        yield Finding(("hub_chart_version",), message, "write 4.4.0")
    oldest = OLDEST_KUBERNETES.get(chart[0]) if chart else None
    if oldest and kubernetes and kubernetes[:2] < oldest:
        message = f"chart {values['hub_chart_version']} needs Kubernetes {oldest[0]}.{oldest[1]} or later"
        hint = f"write v{oldest[0]}.{oldest[1]}.0 or later"
        yield Finding(("cluster_kubernetes_version",), message, hint)


def https(values: Values) -> Iterator[Finding]:
    """A certificate that can be had."""
    kind = _get(values, "hub_https", "type")
    domain = values.get("hub_domain")
    if kind == "letsencrypt" and isinstance(domain, str):
        end = next((end for end in NO_PUBLIC_CERTIFICATE if domain == end or domain.endswith(f".{end}")), "")
        if end:
            message = f"Let's Encrypt gives no certificate for a name that ends in .{end}"
            yield Finding(("hub_https", "type"), message, "write manual, secret or none")
        if _get(values, "hub_address", "internal") is True:
            message = "Let's Encrypt must reach the hub from outside, and hub_address.internal is true"
            yield Finding(("hub_https", "type"), message, "write manual or secret")
        if _get(values, "hub_address", "allowed_cidrs"):
            # It asks from several places at once and does not say which: https://letsencrypt.org/docs/faq/
            message = "Let's Encrypt asks from addresses that it does not name; allowed_cidrs shuts them out"
            hint = "write manual or secret, or leave allowed_cidrs out"
            yield Finding(("hub_https", "type"), message, hint, "warning")
    if kind == "none" and isinstance(domain, str) and not domain.endswith("localhost"):
        message = "without HTTPS, passwords and notebooks cross the network in the clear"
        hint = "write letsencrypt, or offload if something in front does it"
        yield Finding(("hub_https", "type"), message, hint, "warning")


def address(values: Values) -> Iterator[Finding]:
    """One kind of address."""
    if _get(values, "hub_address", "internal") is True and isinstance(_get(values, "hub_address", "floating_ip"), str):
        message = "is given, and internal: true says that there is none"
        yield Finding(("hub_address", "floating_ip"), message, "keep one or the other")


def who_may_log_in(values: Values) -> Iterator[Finding]:
    """Somebody may log in, somebody administers, and not everybody does."""
    auth = _get(values, "hub_auth")
    if not isinstance(auth, dict) or not isinstance(auth.get("type"), str):
        return
    kind = auth["type"]
    rules = [name for name in ("allowed_groups", "allowed_organizations", "allowed_users") if name in auth]
    admins = [name for name in ("admin_groups", "admin_users") if name in auth]
    if any(auth[name] is UNKNOWN for name in [*rules, *admins, "allow_all"]):
        return
    allowed = auth["allow_all"] or any(auth[name] for name in rules)
    administered = any(auth[name] for name in admins)
    # Accounts of the native kind are let in one by one by an administrator: that is its allow rule.
    if kind == "native":
        if not administered:
            message = "nobody administers the hub, so nobody can let new accounts in"
            yield Finding(("hub_auth", "admin_users"), message, "write one such as [grace]")
        return
    if not allowed:
        where, example = _first_allow_rule(kind)
        if administered:
            yield Finding(("hub_auth", where), "nobody but administrators may log in", f"write {example}", "warning")
        else:
            yield Finding(("hub_auth",), "nobody may log in", f"write {where}: {example}, or allow_all: true")
    if not administered:
        message = "nobody administers the hub"
        yield Finding(("hub_auth", admins[0]), message, f"write {_first_allow_rule(kind)[1]}", "warning")
    if auth["allow_all"] and any(auth[name] for name in rules):
        given = next(name for name in rules if auth[name])
        yield Finding(("hub_auth", given), "has no effect beside allow_all: true", "remove one of the two", "warning")
    for rule, admin in (("allowed_groups", "admin_groups"), ("allowed_users", "admin_users")):
        others = [name for name in rules if name != rule and auth[name]]
        if auth.get(rule) and set(auth[rule]) <= set(auth.get(admin) or []) and not others and not auth["allow_all"]:
            message = "everybody who may log in is an administrator too, and can open everybody's files"
            yield Finding(("hub_auth", admin), message, f"leave out what is in {rule}", "warning")


def _first_allow_rule(kind: str) -> tuple[str, str]:
    if kind == "github":
        return "allowed_organizations", "[our-organisation]"
    if kind == "dummy":
        return "allowed_users", "[ada]"
    return "allowed_groups", "[our-group]"


def login(values: Values) -> Iterator[Finding]:
    """What single kinds of login need."""
    auth = _get(values, "hub_auth")
    if not isinstance(auth, dict):
        return
    if auth.get("type") == "dummy":
        message = "anybody who knows the password logs in as anybody"
        yield Finding(("hub_auth", "type"), message, "use it to try things out, never for a service", "warning")
    if auth.get("type") == "ldap":
        if not auth.get("bind_dn_template") and auth.get("lookup_dn") is False:
            message = "is missing: there is no way from a user name to a distinguished name"
            hint = "write [uid={username},ou=people,dc=example,dc=org], or lookup_dn: true"
            yield Finding(("hub_auth", "bind_dn_template"), message, hint)
        for index, template in enumerate(auth.get("bind_dn_template") or []):
            if isinstance(template, str) and "{username}" not in template:
                hint = "write one such as uid={username},ou=people,dc=example,dc=org"
                yield Finding(("hub_auth", "bind_dn_template", index), "has no {username} in it", hint)
        if auth.get("lookup_dn") is True and auth.get("user_search_base", UNKNOWN) is None:
            message = "is missing; lookup_dn: true needs it"
            yield Finding(("hub_auth", "user_search_base"), message, "write one such as ou=people,dc=example,dc=org")
        if auth.get("tls_strategy") == "insecure":
            message = "passwords cross the network in the clear"
            yield Finding(("hub_auth", "tls_strategy"), message, "write before_bind or on_connect", "warning")
    scopes = auth.get("scopes")
    if auth.get("type") in ("iris-iam", "oidc") and isinstance(scopes, list) and not {"openid", UNKNOWN} & {*scopes}:
        yield Finding(("hub_auth", "scopes"), "has no openid in it", "add openid")


def profiles(values: Values) -> Iterator[Finding]:
    """Each profile within itself; exactly one default."""
    found = _get(values, "hub_profiles")
    if not isinstance(found, list):
        return
    for index, profile in enumerate(found):
        if not isinstance(profile, dict):
            continue
        for limit, show in (("cpu", str), ("memory", format_size)):
            most, kept = profile.get(limit), profile.get(f"{limit}_guarantee")
            if _number(most) and _number(kept) and kept > most:
                path: Path = ("hub_profiles", index, f"{limit}_guarantee")
                yield Finding(path, f"{show(kept)} is more than {limit}, {show(most)}", f"write {show(most)} or less")
    if any(not isinstance(profile, dict) or UNKNOWN in (profile["enabled"], profile["default"]) for profile in found):
        return
    offered = [index for index, profile in enumerate(found) if profile["enabled"]]
    default = [index for index in offered if found[index]["default"]]
    if not offered:
        yield Finding(("hub_profiles",), "offers nothing", "add a profile, or enable one")
    elif not default and len(offered) > 1:
        off = next((index for index, profile in enumerate(found) if profile["default"]), None)
        if off is not None:
            path = ("hub_profiles", off, "default")
            yield Finding(path, "is the default and not enabled", "write default: true for one that is")
        else:
            yield Finding(("hub_profiles",), "has no default", "write default: true for one of them")
    for index in default[1:]:
        first = found[default[0]].get("name")
        first = f"{first}" if isinstance(first, str) else f"number {default[0] + 1}"
        yield Finding(("hub_profiles", index, "default"), f"{first} is the default already", "remove one of the two")


def profiles_on_groups(values: Values) -> Iterator[Finding]:
    """Each profile, and the hub's own pods, on a group that exists and can hold it."""
    groups = _get(values, "cluster_node_groups")
    if not isinstance(groups, list) or any(not isinstance(_get(group, "name"), str) for group in groups):
        return
    by_name = {group["name"]: group for group in groups}
    yield from _on_group(("hub_core_node_group",), values.get("hub_core_node_group"), by_name)
    found = _get(values, "hub_profiles")
    for index, profile in enumerate(found if isinstance(found, list) else []):
        if not isinstance(profile, dict) or profile["enabled"] is not True:
            continue
        name = profile["node_group"]
        yield from _on_group(("hub_profiles", index, "node_group"), name, by_name)
        if isinstance(name, str) and name in by_name:
            yield from _gpus(("hub_profiles", index), profile, by_name[name], by_name)


def _on_group(path: Path, name: Any, groups: Mapping[str, Values]) -> Iterator[Finding]:
    if not isinstance(name, str):
        return
    if name == DEFAULT_GROUP and name not in groups:
        return  # reported once, where the groups are
    if name not in groups:
        near = nearest(name, groups)
        hint = f"write {near}" if near else f"write one of {', '.join(groups)}"
        yield Finding(path, f"there is no node group {name}", hint)
    elif groups[name].get("enabled") is False:
        hint = f"enable {name} in cluster_node_groups too, or write another group"
        yield Finding(path, f"the node group {name} is not enabled", hint)


def _gpus(path: Path, profile: Values, group: Values, groups: Mapping[str, Values]) -> Iterator[Finding]:
    wanted, there = profile["gpus"], group["gpus"]
    if not _number(wanted) or not _number(there):
        return
    if wanted > there:
        fitting = [name for name, other in groups.items() if _number(other["gpus"]) and other["gpus"] >= wanted]
        has = "no GPUs" if not there else f"{there} on each node"
        hint = f"write node_group: {fitting[0]}" if fitting else f"write gpus: {wanted} in a node group"
        yield Finding((*path, "gpus"), f"asks for {wanted} and the node group {group['name']} has {has}", hint)
    elif there and not wanted:
        message = f"{group['name']} has GPUs, and this profile occupies its nodes without using them"
        yield Finding((*path, "node_group"), message, "write gpus: 1, or another group", "warning")
    most = group.get("max") if group.get("max") is not None else group.get("count")
    places = profile["placeholders"]
    if wanted and _number(most) and _number(places) and places * wanted > most * there:
        message = f"{places} with {wanted} GPUs each are more than {group['name']} ever has, {most * there}"
        yield Finding((*path, "placeholders"), message, f"write {most * there // wanted} or less")


def timeouts(values: Values) -> Iterator[Finding]:
    """Times that make sense together."""
    start = values.get("hub_start_timeout")
    if _number(start) and start < USUAL_NODE_START:
        message = f"{format_duration(start)} is less than a new node often takes"
        yield Finding(("hub_start_timeout",), message, "write 20m", "warning")
    culling = _get(values, "hub_culling")
    if not isinstance(culling, dict) or culling.get("enabled") is not True:
        return
    idle, every, age = (culling.get(name) for name in ("idle_timeout", "every", "max_age"))
    if _number(idle) and _number(every) and every > idle:
        message = f"{format_duration(every)} is longer than idle_timeout, {format_duration(idle)}"
        yield Finding(("hub_culling", "every"), message, f"write {format_duration(idle)} or less", "warning")
    if _number(idle) and _number(age) and age < idle:
        message = f"{format_duration(age)} is shorter than idle_timeout, {format_duration(idle)}"
        yield Finding(("hub_culling", "max_age"), message, f"write {format_duration(idle)} or more")


RULES: tuple[Rule, ...] = (
    control_plane,
    node_groups,
    driver_limits,
    subnet_of_network,
    chart_and_kubernetes,
    https,
    address,
    who_may_log_in,
    login,
    profiles,
    profiles_on_groups,
    timeouts,
)


def _get(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name, UNKNOWN) if isinstance(value, Mapping) else UNKNOWN
    return value


def _number(value: Any) -> TypeGuard[Any]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _version(value: Any) -> tuple[int, ...]:
    """``v1.34.4`` as (1, 34, 4); () when it is not known."""
    if not isinstance(value, str) or is_address(value):
        return ()
    numbers = value.lstrip("v").split("-")[0].split("+")[0].split(".")
    return tuple(int(number) for number in numbers) if all(number.isdigit() for number in numbers) else ()
