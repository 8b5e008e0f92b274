# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The user's groups from a claim of any name. The two functions run in the hub, as code of its configuration.

oauthenticator splits ``auth_state_groups_key`` at its dots, and so cannot name ``https://idp.example.org/groups``; a
claim that is text it takes for a list of letters, without a word.
"""

from __future__ import annotations

import inspect


def find_claim(claims: object, name: str) -> object:
    """The claim called ``name``; or, where dots lead, within another one. None: there is none."""
    if not isinstance(claims, dict):
        return None
    if name in claims:
        return claims[name]
    for place, char in enumerate(name):
        if char == "." and name[:place] in claims:
            found = find_claim(claims[name[:place]], name[place + 1 :])
            if found is not None:
                return found
    return None


def claimed_groups(auth_state: dict, claim: str, username_claim: str) -> set:
    """The groups of who logs in. When the claim is not a list of text, the hub's log says so, and they are none."""
    from traitlets.log import get_logger

    claims = auth_state.get("oauth_user") or {}
    found = find_claim(claims, claim)
    groups = {group for group in found if isinstance(group, str)} if isinstance(found, list) else set()
    if isinstance(found, list) and len(groups) == len(set(map(str, found))):
        return groups
    if found is None:
        wrong = f"is missing; there are: {', '.join(sorted(map(str, claims)))}"
    elif isinstance(found, list):
        wrong = "has members that are not text, which are left out"
    else:
        wrong = f"is not a list ({type(found).__name__}), so it gives no groups"
    get_logger().warning("Groups of %s: the claim %s %s", claims.get(username_claim), claim, wrong)
    return groups


def code(claim: str, username_claim: str, option: str) -> str:
    """Python for ``hub.extraConfig``. Another ``auth_state_groups_key`` than ``option`` is somebody's own and stays."""
    functions = "\n\n".join(inspect.getsource(function) for function in (find_claim, claimed_groups))
    return (
        f"{functions}\n\n"
        f"if c.GenericOAuthenticator.auth_state_groups_key == {option!r}:\n"
        "    c.GenericOAuthenticator.auth_state_groups_key = (\n"
        f"        lambda auth_state: claimed_groups(auth_state, {claim!r}, {username_claim!r})\n"
        "    )\n"
    )
