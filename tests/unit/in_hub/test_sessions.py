"""The same with real hubs and people's browsers."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release.steward import TOLD

from tests.support.real_hub import Browser, RealHub

from .conftest import Start

pytestmark = pytest.mark.long


def rules(**options: Any) -> str:
    """Lists as our values have them."""
    given = {"allow_all": False, "allow_existing_users": False, **options}
    return "".join(f"c.Authenticator.{name} = {value!r}\n" for name, value in given.items())


def again(hub: RealHub, configuration: str) -> list[str]:
    """Start the hub anew; what it told."""
    hub.stop()
    hub.start(configuration)
    return told(hub)


def told(hub: RealHub) -> list[str]:
    """As a deployment reads it in the hub's log."""
    return [found[1] for line in hub.said().splitlines() if (found := TOLD.match(line))]


def admins(hub: RealHub) -> set[str]:
    users = hub.api("users")
    assert all(user["admin"] == ("admin" in user["roles"]) for user in users)
    return {user["name"] for user in users if user["admin"]}


def test_who_is_taken_out_of_the_users_is_out_at_once(start: Start) -> None:
    hub = start(rules(allowed_users=["ada", "Bob"], admin_users=["grace"]))
    ada, bob = Browser(hub), Browser(hub)
    assert ada.log_in("ada")
    assert bob.log_in("bob")
    hub.start_servers(["bob"])
    token = hub.api("users/bob/tokens", "POST", {})["token"]
    assert again(hub, rules(allowed_users=["ada"], admin_users=["grace"])) == [
        "taken out, and logged out: bob; a server that runs goes on until it is idle"
    ]
    assert ada.is_in()
    assert not bob.is_in()
    assert not bob.log_in("bob")
    assert token not in str(hub.api("users/bob/tokens"))
    assert hub.api("users/bob")["servers"]
    assert again(hub, rules(allowed_users=["ada"], admin_users=["grace"])) == []
    assert ada.is_in()
    # And back: nothing of theirs was lost.
    assert again(hub, rules(allowed_users=["ada", "bob"], admin_users=["grace"])) == []
    assert bob.log_in("bob")


def test_who_is_taken_out_of_the_administrators_is_none_any_more(start: Start) -> None:
    hub = start(rules(allow_all=True, admin_users=["grace", "ada"]))
    ada = Browser(hub)
    assert ada.log_in("ada")
    assert admins(hub) == {"grace", "ada"}
    hub.api("users/eve", "POST")
    hub.stop()
    with sqlite3.connect(hub.folder / "hub.sqlite") as database:  # as the admin page does
        database.execute("UPDATE users SET admin = 1 WHERE name = 'eve'")
    hub.start(rules(allow_all=True, admin_users=["grace"]))
    assert told(hub) == ["no administrators any more: ada, eve"]
    assert admins(hub) == {"grace"}
    assert ada.is_in()
    assert ada.get("/hub/admin")[0] == 403
    assert again(hub, rules(allow_all=True, admin_users=["grace"])) == []


def test_an_account_that_a_list_let_in_goes_with_the_list(start: Start) -> None:
    native = 'c.JupyterHub.authenticator_class = "native"\n'
    hub = start(native + rules(allowed_users=["ada", "bob"], admin_users=["grace"]))
    for name in ("ada", "bob", "eve"):
        Browser(hub).post(
            "/hub/signup", username=name, signup_password="p@ssw0rd!", signup_password_confirmation="p@ssw0rd!"
        )
    bob = Browser(hub)
    assert bob.log_in("bob", "p@ssw0rd!")
    assert not Browser(hub).log_in("eve", "p@ssw0rd!")
    # Without a list whoever an administrator let in may log in, and nobody let bob in but the list.
    assert again(hub, native + rules(allow_all=True, admin_users=["grace"])) == []
    assert not Browser(hub).log_in("bob", "p@ssw0rd!")


def test_a_list_that_only_a_login_can_look_at(start: Start) -> None:
    """Its members log in again when it becomes shorter, and are left alone otherwise."""
    code = """
from jupyterhub.auth import DummyAuthenticator
from traitlets import Set

class Organised(DummyAuthenticator):
    allowed_organizations = Set(config=True)
    def check_allowed(self, username, model=None):
        known = any(username.startswith(f"{{each}}-") for each in self.allowed_organizations)
        return known or super().check_allowed(username, model)

c.JupyterHub.authenticator_class = Organised
c.Organised.allowed_organizations = {}
"""
    hub = start(code.format({"stfc", "ral"}) + rules())
    one, other = Browser(hub), Browser(hub)
    assert one.log_in("stfc-ada")
    assert other.log_in("ral-bob")
    assert again(hub, code.format({"stfc", "ral", "dl"}) + rules()) == []
    assert one.is_in()
    told = again(hub, code.format({"stfc", "dl"}) + rules())
    assert told == ["have to log in again, since lists became shorter: ral-bob, stfc-ada"]
    assert not one.is_in()
    assert not other.is_in()
    assert one.log_in("stfc-ada")
    assert not other.log_in("ral-bob")


def test_groups_of_the_last_login_are_known(start: Start) -> None:
    code = """
from jupyterhub.auth import DummyAuthenticator
from traitlets import Set

class GenericOAuthenticator(DummyAuthenticator):
    allowed_groups, admin_groups = Set(config=True), Set(config=True)
    async def authenticate(self, handler, data):
        name = data["username"]
        groups = set(name.split("-")[1:])
        return {"name": name, "groups": list(groups), "admin": bool(groups & self.admin_groups)}
    def check_allowed(self, username, model=None):
        return model["admin"] or bool(set(model["groups"]) & self.allowed_groups)

c.JupyterHub.authenticator_class = GenericOAuthenticator
c.Authenticator.manage_groups = True
"""
    groups = "c.GenericOAuthenticator.allowed_groups = {}\nc.GenericOAuthenticator.admin_groups = {}\n"
    hub = start(code + groups.format({"stfc", "ral"}, {"boss", "chief"}) + rules())
    browsers = {name: Browser(hub) for name in ("ada-stfc", "bob-ral", "eve-boss-stfc", "dan-chief")}
    for name, browser in browsers.items():
        assert browser.log_in(name, "")
    assert admins(hub) == {"eve-boss-stfc", "dan-chief"}
    assert again(hub, code + groups.format({"stfc"}, {"chief"}) + rules()) == [
        "taken out, and logged out: bob-ral; a server that runs goes on until it is idle",
        "no administrators any more: eve-boss-stfc",
    ]
    assert {name for name, browser in browsers.items() if browser.is_in()} == {"ada-stfc", "eve-boss-stfc", "dan-chief"}
    assert admins(hub) == {"dan-chief"}
