"""Whoever is taken out of a list is out when the hub has started again, for every kind of login, and it is said."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rehearsal.setup import environments
from tests.support.real_hub import IN_HUB

KINDS = ("generic-oauth", "github", "ldap", "native", "dummy")
Starts = list[dict[str, Any]]


def starts(folder: Path, given: dict[str, Starts]) -> dict[str, Starts]:
    """What hubs are like after each start: see starts.py."""
    hub = environments.find("hub")
    if hub is None:
        pytest.skip("the hub's environment is not here: `make rehearse` makes it")
    (folder / "stfc_jupyterhub").symlink_to(IN_HUB)
    program = Path(__file__).with_name("starts.py")
    command = [str(hub / "bin" / "python"), str(program), str(folder), json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr
    answers: dict[str, Starts] = json.loads(done.stdout.splitlines()[-1])
    return answers


def config(users: list[str], admins: list[str], **options: dict[str, Any]) -> dict[str, Any]:
    """Lists as our values have them."""
    rules = {"allow_all": False, "allow_existing_users": False, "allowed_users": users, "admin_users": admins}
    return {"Authenticator": rules, "LDAPAuthenticator": {"bind_dn_template": ["{username}"]}, **options}


def test_lists_of_names(tmp_path: Path) -> None:
    first = {"config": config(["ada", "bob"], ["grace", "eve"]), "let_in": ["ada", "bob", "eve"]}
    second = {"config": config(["ada"], ["grace"])}
    for kind, (before, after, again) in starts(tmp_path, {kind: [first, second, second] for kind in KINDS}).items():
        assert before["allowed"] == ["ada", "bob", "eve", "grace"], kind
        assert before["admins"] == ["eve", "grace"], kind
        assert before["told"] == [], kind
        assert after["allowed"] == ["ada", "grace"], kind
        assert after["admins"] == after["roles"] == ["grace"], kind
        assert after["told"] == [
            "taken out, and logged out: bob, eve; a server that runs goes on until it is idle",
            "no administrators any more: eve",
        ], kind
        kept = {name for name, cookie in before["sessions"].items() if after["sessions"][name] == cookie}
        assert kept == {"ada", "grace"}, kind
        assert after["tokens"]["ada"] == ["of a browser", "Server at /user/ada/"], kind
        assert after["tokens"]["bob"] == ["Server at /user/bob/"], kind
        assert again == {**after, "told": []}, kind


def test_a_hub_of_before_is_made_to_match(tmp_path: Path) -> None:
    """Nobody knows its lists of before, and it may have users whose names are refused now."""
    old, shorter = config(["ada", "bob"], ["grace", "eve"]), config(["ada"], ["grace"])
    for each in (old, shorter):
        del each["Authenticator"]["allow_existing_users"]
    github = config([], ["grace"], GitHubOAuthenticator={"allowed_organizations": ["stfc"]})
    given: dict[str, Starts] = {
        "dummy": [
            {"config": old, "let_in": ["ada", "bob", ".."], "ours": False},
            {"config": shorter, "ours": False},
            {"config": config(["ada"], ["grace"])},
        ],
        "github": [{"config": github, "let_in": ["bob"], "ours": False}, {"config": github}],
    }
    answers = starts(tmp_path, given)
    _first, alone, after = answers["dummy"]
    # This is what JupyterHub does by itself.
    assert alone["allowed"] == ["..", "ada", "bob", "eve", "grace"]
    assert alone["admins"] == ["eve", "grace"]
    assert (after["allowed"], after["admins"]) == (["ada", "grace"], ["grace"])
    assert after["told"] == [
        "remove the user '..', for names that are path segments are refused: write delete_invalid_users: true below"
        " hub_values.hub.config.Authenticator for one deployment",
        "taken out, and logged out: .., bob, eve; a server that runs goes on until it is idle",
        "no administrators any more: eve",
    ]
    # Who came by an organisation is left alone.
    assert answers["github"][1]["told"] == []
    assert answers["github"][1]["sessions"] == answers["github"][0]["sessions"]


def test_lists_that_only_a_login_can_look_at(tmp_path: Path) -> None:
    def organizations(*names: str, users: tuple[str, ...] = ()) -> dict[str, Any]:
        return config(list(users), ["grace"], GitHubOAuthenticator={"allowed_organizations": list(names)})

    def groups(*names: str) -> dict[str, Any]:
        ldap: dict[str, Any] = {"bind_dn_template": ["{username}"], "allowed_groups": list(names)}
        ldap |= {"group_search_filter": "(member={userdn})", "group_attributes": ["member"]}
        return config([], ["grace"], LDAPAuthenticator=ldap)

    for kind, lists in {"github": organizations, "ldap": groups}.items():
        given: Starts = [
            {"config": lists("a", "b"), "let_in": ["bob"]},
            {"config": lists("a", "b", "c")},
            {"config": lists("a", "c")},
        ]
        folder = tmp_path / kind
        folder.mkdir()
        (first, longer, shorter) = starts(folder, {kind: given})[kind]
        assert longer["told"] == [], kind
        assert longer["sessions"] == first["sessions"], kind
        assert shorter["told"] == ["have to log in again, since lists became shorter: bob"], kind
        assert shorter["sessions"]["bob"] != first["sessions"]["bob"], kind
        assert shorter["sessions"]["grace"] == first["sessions"]["grace"], kind
