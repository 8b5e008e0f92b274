"""What the login provider is prepared with."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from rehearsal import login
from rehearsal.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state=tmp_path, base_port=20000, name="rehearsal-test", admin_password="-", member_password="-")


def provider(settings: Settings) -> dict:
    return json.loads((settings.state / "login" / "provider.json").read_text())


def test_the_file_is_the_owners_alone(settings: Settings) -> None:
    login.prepare(settings)
    path = settings.state / "login" / "provider.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_second_time_changes_nothing(settings: Settings) -> None:
    assert login.prepare(settings) is True
    before = provider(settings)
    assert login.prepare(settings) is False
    assert provider(settings) == before


def test_passwords_and_secrets_outlive_other_ports_and_users(settings: Settings) -> None:
    login.prepare(settings)
    before = provider(settings)
    path = settings.state / "login" / "provider.json"
    path.write_text(json.dumps({**before, "users": before["users"][1:]}))
    settings.base_port = 21000
    assert login.prepare(settings) is True
    after = provider(settings)
    assert after["port"] == 21007
    assert after["client"]["secret"] == before["client"]["secret"]
    assert after["users"][1:] == before["users"][1:]
    assert after["users"][0]["name"] == "alice"
    assert after["users"][0]["password"] != before["users"][0]["password"]


def test_every_rehearsal_has_its_own_passwords(settings: Settings, tmp_path: Path) -> None:
    other = Settings(state=tmp_path / "other", base_port=20000, name="o", admin_password="-", member_password="-")
    passwords = [user["password"] for user in login.users(settings) + login.users(other)]
    assert len(set(passwords)) == len(passwords)


def test_roles_follow_from_the_shipped_groups(settings: Settings) -> None:
    login.prepare(settings)
    for user in provider(settings)["users"]:
        allowed = "stfc-cloud" in user["groups"]
        admin = "stfc-cloud-admins" in user["groups"]
        assert user["role"] == ("admin" if admin else "allowed" if allowed else "refused")
        assert user["groups"], "the refused user has a group too"
    assert {user["role"] for user in login.users(settings)} == {"allowed", "admin", "refused"}


def test_the_browser_and_the_pod_ask_at_different_addresses(settings: Settings) -> None:
    client = login.client(settings)
    assert client["authorize_url"] == "http://127.0.0.1:20007/oauth/authorize"
    assert client["token_url"] == "http://198.51.100.10:20007/oauth/token"
    assert client["userdata_url"] == "http://198.51.100.10:20007/oauth/userinfo"
    assert login.redirect_uris(settings) == [
        "http://jupyter.localhost:20010/hub/oauth_callback",
        "https://jupyter.localhost:20011/hub/oauth_callback",
    ]


def test_a_spoilt_file_is_named(settings: Settings) -> None:
    login.prepare(settings)
    path = settings.state / "login" / "provider.json"
    path.write_text("{")
    with pytest.raises(ValueError, match=r"provider\.json is not JSON .*; remove it"):
        login.prepare(settings)
