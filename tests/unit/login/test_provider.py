"""The OpenID provider as browsers and the hub's pod meet it: the whole way from the login page to the user's groups."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
import requests

from rehearsal import login
from rehearsal.settings import Settings
from rehearsal.setup import environments
from tests.support.hub_client import credentials
from tests.support.pages import Page


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A rehearsal whose provider runs."""
    if environments.find("login") is None:
        pytest.skip("the login provider's environment is not here: `make rehearse` makes it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        base = free.getsockname()[1] - 7
    settings = Settings(
        state=tmp_path_factory.mktemp("state"), base_port=base, name="test", admin_password="-", member_password="-"
    )
    program = login.program(settings)
    process = subprocess.Popen(program.command, env={**os.environ, **program.environment})
    try:
        wait_until_it_answers(settings, process)
        yield settings
    finally:
        process.terminate()
        process.wait(10)


def wait_until_it_answers(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert process.poll() is None, "the provider ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", settings.port("login"))) == 0:
                return
        time.sleep(0.1)
    pytest.fail("the provider did not answer in 60 s")


def session() -> requests.Session:
    new = requests.Session()
    new.trust_env = False
    return new


def log_in(settings: Settings, name: str, password: str, callback: str | None = None) -> str:
    """Where the provider sends the browser at last, or the text of the page where it stops."""
    browser, client = session(), login.client(settings)
    callback = callback or login.redirect_uris(settings)[0]
    asked = {
        "client_id": client["client_id"],
        "response_type": "code",
        "redirect_uri": callback,
        "scope": "openid profile email",
        "state": "xyz",
    }
    response = browser.get(client["authorize_url"], params=asked)
    filled: set[str] = set()
    while True:
        page = Page(response.text)
        form = next((form for form in page.forms if credentials(form) - filled), None)
        if form is None:
            return page.text
        filled |= credentials(form)
        form.fields |= {field: password if field == "password" else name for field in credentials(form)}
        address = urljoin(response.url, form.action)
        response = browser.post(address, form.fields, headers={"Referer": response.url}, allow_redirects=False)
        while response.is_redirect:
            target = urljoin(response.url, response.headers["Location"])
            if target.startswith(callback):
                return target
            response = browser.get(target, allow_redirects=False)


def user_info(settings: Settings, target: str, secret_in_form: bool) -> dict[str, Any]:
    """What the hub's pod learns, asking by the relay's address."""
    client, pod = login.client(settings), session()
    pod.headers["Host"] = urlsplit(client["token_url"]).netloc
    base = client["issuer"]
    identity = {"client_id": client["client_id"], "client_secret": client["client_secret"]}
    asked = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(target).query)["code"][0],
        "redirect_uri": login.redirect_uris(settings)[0],
        **(identity if secret_in_form else {}),
    }
    header = None if secret_in_form else (identity["client_id"], identity["client_secret"])
    token = pod.post(base + urlsplit(client["token_url"]).path, asked, auth=header)
    assert token.status_code == 200, token.text
    bearer = {"Authorization": f"Bearer {token.json()['access_token']}"}
    answer: dict[str, Any] = pod.get(base + urlsplit(client["userdata_url"]).path, headers=bearer).json()
    return answer


@pytest.mark.parametrize("secret_in_form", [True, False])
@pytest.mark.parametrize("person", login.PEOPLE, ids=lambda person: person.name)
def test_users_come_with_their_groups(settings: Settings, person: login.Person, secret_in_form: bool) -> None:
    passwords = {user["name"]: user["password"] for user in login.users(settings)}
    target = log_in(settings, person.name, passwords[person.name])
    assert parse_qs(urlsplit(target).query)["state"] == ["xyz"]
    known = user_info(settings, target, secret_in_form)
    assert known["preferred_username"] == person.name
    assert sorted(known["groups"]) == sorted(person.groups)
    assert known["sub"] != person.name, "IRIS IAM's sub is no login name"
    assert known[login.NAMESPACED_CLAIM] == known["realm_access"]["roles"] == known["groups"]


def test_a_wrong_password_is_refused(settings: Settings) -> None:
    assert "Login failed" in log_in(settings, "alice", "wrong")


def test_nobody_is_sent_elsewhere(settings: Settings) -> None:
    password = login.users(settings)[0]["password"]
    answer = log_in(settings, "alice", password, callback="http://elsewhere.localhost/")
    assert not answer.startswith("http")


def test_files_are_the_owners_alone(settings: Settings) -> None:
    folder: Path = settings.state / "login"
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == {
        "provider.json": 0o600,
        "key.json": 0o600,
    }
