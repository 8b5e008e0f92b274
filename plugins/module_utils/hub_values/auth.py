# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""Who may log in, and how. From ``hub_auth``.

Sources: oauthenticator 17.4 (``oauth2.py``, ``generic.py``, ``github.py``), nativeauthenticator 1.3,
ldapauthenticator 2.0, JupyterHub 5.5 (``auth.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import group_claim
from .address import public_url

Config = dict[str, dict[str, Any]]
"""Options of JupyterHub by the class they belong to."""


def authentication(service: Mapping[str, Any]) -> Config:
    """``hub.config`` of the authenticator, secrets left out."""
    auth = service["hub_auth"]
    config = _TYPES[auth["type"]](auth, f"{public_url(service)}/hub/oauth_callback")
    config.setdefault("Authenticator", {}).update(_rules(auth))
    return config


def secret_authentication(service: Mapping[str, Any]) -> Config:
    """The secret part of ``hub.config``: only what the type in use needs."""
    auth = service["hub_auth"]
    section, option, key = _SECRETS.get(auth["type"], ("", "", ""))
    return {section: {option: auth[key]}} if section and auth.get(key) else {}


def code(service: Mapping[str, Any]) -> dict[str, str]:
    """``hub.extraConfig``: what options alone cannot say."""
    auth = service["hub_auth"]
    if _TYPES[auth["type"]] is not _openid:
        return {}
    return {"groupsClaim": group_claim.code(auth["groups_claim"], auth["username_claim"], _groups_key(auth))}


def _groups_key(auth: Mapping[str, Any]) -> str:
    return f"oauth_user.{auth['groups_claim']}"


def _rules(auth: Mapping[str, Any]) -> dict[str, Any]:
    """Nobody is let in by default (JupyterHub 5). Whom an administrator let in with ``native`` is let in by the hub.

    Who was in once is not in for that (``allow_existing_users``): the lists say who is.
    """
    users, admins = list(auth.get("allowed_users") or []), list(auth.get("admin_users") or [])
    allow_all = bool(auth.get("allow_all")) or (auth["type"] == "native" and not users)
    rules: dict[str, Any] = {"allow_all": allow_all, "allow_existing_users": False}
    # JupyterHub adds administrators to a list that has somebody, and lets nobody in by an empty one.
    if users or (admins and not allow_all):
        rules["allowed_users"] = users or admins
    if admins:
        rules["admin_users"] = admins
    return rules


def _openid(auth: Mapping[str, Any], callback: str) -> Config:
    # manage_groups is what makes oauthenticator look at groups at all; the claim is looked up in the auth state.
    options = {
        "client_id": auth["client_id"],
        "oauth_callback_url": callback,
        "authorize_url": auth["authorize_url"],
        "token_url": auth["token_url"],
        "userdata_url": auth["userinfo_url"],
        "scope": list(auth["scopes"]),
        "login_service": auth["login_service"],
        "username_claim": auth["username_claim"],
        "manage_groups": True,
        "auth_state_groups_key": _groups_key(auth),  # the code below replaces it
        **_lists(auth, "allowed_groups", "admin_groups"),
    }
    return {"JupyterHub": {"authenticator_class": "generic-oauth"}, "GenericOAuthenticator": options}


def _github(auth: Mapping[str, Any], callback: str) -> Config:
    options = {
        "client_id": auth["client_id"],
        "oauth_callback_url": callback,
        "scope": list(auth["scopes"]),
        "login_service": auth["login_service"],
        **_lists(auth, "allowed_organizations"),
    }
    return {"JupyterHub": {"authenticator_class": "github"}, "GitHubOAuthenticator": options}


def _native(auth: Mapping[str, Any], _callback: str) -> Config:
    names = ("open_signup", "minimum_password_length", "check_common_password", "allowed_failed_logins")
    return {
        "JupyterHub": {"authenticator_class": "native"},
        "NativeAuthenticator": {name: auth[name] for name in names},
    }


def _ldap(auth: Mapping[str, Any], _callback: str) -> Config:
    names = ("server_address", "tls_strategy", "lookup_dn", "user_attribute")
    optional = ("server_port", "lookup_dn_search_user", "user_search_base")
    options = {name: auth[name] for name in names}
    options |= {name: auth[name] for name in optional if auth.get(name) is not None}
    options |= _lists(auth, "bind_dn_template", "allowed_groups")
    return {"JupyterHub": {"authenticator_class": "ldap"}, "LDAPAuthenticator": options}


def _dummy(_auth: Mapping[str, Any], _callback: str) -> Config:
    return {"JupyterHub": {"authenticator_class": "dummy"}}


def _lists(auth: Mapping[str, Any], *names: str) -> dict[str, list[str]]:
    return {name: list(auth[name]) for name in names if auth.get(name)}


_TYPES: dict[str, Callable[[Mapping[str, Any], str], Config]] = {
    "iris-iam": _openid,
    "oidc": _openid,
    "github": _github,
    "native": _native,
    "ldap": _ldap,
    "dummy": _dummy,
}

_SECRETS = {
    "iris-iam": ("GenericOAuthenticator", "client_secret", "client_secret"),
    "oidc": ("GenericOAuthenticator", "client_secret", "client_secret"),
    "github": ("GitHubOAuthenticator", "client_secret", "client_secret"),
    "ldap": ("LDAPAuthenticator", "lookup_dn_search_password", "lookup_dn_search_password"),
    "dummy": ("DummyAuthenticator", "password", "password"),
}
"""Class and option of JupyterHub, and our key."""
