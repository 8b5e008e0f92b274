# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""What must hold between the keys of ``jupyterhub.yml``, but for ``hub_values`` (chart_rules.py)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..in_hub.names import is_path_segment
from ..quantity import format_duration, format_size
from ..written import Finding, Path, Values, is_number
from .convert import UNKNOWN
from .looking import get

DOCKER_HUB = "docker.io"
"""The registry of an image that names none."""

USUAL_NODE_START = 600
"""Seconds that a new node often takes on a real cloud, its images pulled."""

NO_PUBLIC_CERTIFICATE = ("localhost", "local", "internal", "test", "example", "invalid", "lan", "home.arpa", "corp")
"""Ends of names for which no public authority gives a certificate (RFC 2606, 6761, 6762, 8375; CA/B BR 7.1.2.7)."""


def https(values: Values) -> Iterator[Finding]:
    """A certificate that can be had."""
    kind = get(values, "hub_https", "type")
    domain = values.get("hub_domain")
    if kind == "letsencrypt" and isinstance(domain, str):
        end = next((end for end in NO_PUBLIC_CERTIFICATE if domain == end or domain.endswith(f".{end}")), "")
        if end:
            message = f"Let's Encrypt gives no certificate for a name that ends in .{end}"
            yield Finding(("hub_https", "type"), message, "write manual, secret or none")
        if get(values, "hub_address", "internal") is True:
            message = "Let's Encrypt must reach the hub from outside, and hub_address.internal is true"
            yield Finding(("hub_https", "type"), message, "write manual or secret")
        if get(values, "hub_address", "allowed_cidrs"):
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
    if get(values, "hub_address", "internal") is True and isinstance(get(values, "hub_address", "floating_ip"), str):
        message = "is given, and internal: true says that there is none"
        yield Finding(("hub_address", "floating_ip"), message, "keep one or the other")


def who_may_log_in(values: Values) -> Iterator[Finding]:
    """Somebody may log in, somebody administers, and not everybody does."""
    auth = get(values, "hub_auth")
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
        hint = "write one such as [grace]" if admins[0] == "admin_users" else "write one such as [our-admins]"
        yield Finding(("hub_auth", admins[0]), message, hint, "warning")
    if auth["allow_all"] and any(auth[name] for name in rules):
        given = next((name for name in rules if auth[name]), "allow_all")
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


def user_names(values: Values) -> Iterator[Finding]:
    """Names that a user can have. JupyterHub does not start with one that it refuses (``app.py``, ``init_users``)."""
    for key in ("allowed_users", "admin_users"):
        names = get(values, "hub_auth", key)
        for index, name in enumerate(names if isinstance(names, list) else []):
            if isinstance(name, str) and is_path_segment(name):
                message = "is no user's name: names that are path segments are refused"
            elif isinstance(name, str) and "/" in name:
                message = "is no user's name: none has a slash in it, and the hub would not start"
            else:
                continue
            yield Finding(("hub_auth", key, index), message, "remove it, or write the name with which they log in")


def login(values: Values) -> Iterator[Finding]:
    """What single kinds of login need."""
    auth = get(values, "hub_auth")
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
            if not isinstance(template, str):
                continue
            hint = "write one such as uid={username},ou=people,dc=example,dc=org"
            if "{username}" not in template:
                yield Finding(("hub_auth", "bind_dn_template", index), "has no {username} in it", hint)
            elif re.search("[{}]", template.replace("{username}", "")):
                message = "has braces beside {username}: nobody could log in"
                yield Finding(("hub_auth", "bind_dn_template", index), message, hint)
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
    found = get(values, "hub_profiles")
    if not isinstance(found, list):
        return
    for index, profile in enumerate(found):
        if not isinstance(profile, dict):
            continue
        for limit, show in (("cpu", str), ("memory", format_size)):
            most, kept = profile.get(limit), profile.get(f"{limit}_guarantee")
            if is_number(most) and is_number(kept) and kept > most:
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


def images(values: Values) -> Iterator[Finding]:
    """Images of a registry that counts pulls."""
    found = get(values, "hub_profiles")
    places: list[tuple[Path, Any]] = [(("hub_image",), values.get("hub_image"))]
    if isinstance(found, list):
        places += [(("hub_profiles", index, "image"), get(profile, "image")) for index, profile in enumerate(found)]
    if values.get("hub_image_pull_secrets") != []:
        return
    for path, image in places:
        if isinstance(image, str) and _registry(image) == DOCKER_HUB:
            message = "Docker Hub limits how often a site may pull: new nodes would wait for hours"
            hint = "write an image of another registry (quay.io/jupyter/...), or hub_image_pull_secrets"
            yield Finding(path, message, hint, "warning")


def _registry(image: str) -> str:
    first, slash, _rest = image.partition("/")
    named = slash and ("." in first or ":" in first or first == "localhost")
    return first if named and first != "index.docker.io" else DOCKER_HUB


def timeouts(values: Values) -> Iterator[Finding]:
    """Times that make sense together."""
    start = values.get("hub_start_timeout")
    if is_number(start) and start < USUAL_NODE_START:
        message = f"{format_duration(start)} is less than a new node often takes"
        yield Finding(("hub_start_timeout",), message, "write 20m", "warning")
    culling = get(values, "hub_culling")
    if get(culling, "enabled") is False:
        message = "servers then run until somebody stops them, and nodes stay for them"
        yield Finding(("hub_culling", "enabled"), message, "write true, and a long idle_timeout", "warning")
    if not isinstance(culling, dict) or culling.get("enabled") is not True:
        return
    idle, every, age = (culling.get(name) for name in ("idle_timeout", "every", "max_age"))
    if is_number(idle) and is_number(age) and age < idle:
        message = (
            f"{format_duration(age)} is shorter than idle_timeout, {format_duration(idle)}, which then counts no more"
        )
        yield Finding(("hub_culling", "max_age"), message, f"write idle_timeout: {format_duration(age)}", "warning")
        idle = age
    if is_number(idle) and is_number(every) and every > idle:
        message = f"{format_duration(every)} is longer than idle_timeout, {format_duration(idle)}"
        yield Finding(("hub_culling", "every"), message, f"write {format_duration(idle)} or less", "warning")
    kernels = culling.get("kernels")
    for name in ("enabled", "connected"):
        if get(kernels, "enabled") is not UNKNOWN and get(kernels, name) is False:
            message = "an open browser tab then keeps its server, and the server its node, for ever"
            yield Finding(("hub_culling", "kernels", name), message, "write true", "warning")
            break
