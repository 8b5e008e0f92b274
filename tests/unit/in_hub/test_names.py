"""Names that are path segments are refused; odd ones that are none are not."""

from __future__ import annotations

import json
import subprocess
import urllib.error
from pathlib import Path

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.in_hub.names import is_path_segment

from rehearsal.setup import environments
from tests.support.real_hub import IN_HUB, Browser

from .conftest import Start

REFUSED = [
    *(".", "..", "...", "%2e", "%2E%2e", ".%2e", "%252e", "．．", "…"),
    *(".\u200b", ". .", "a/..", "a\\..\\b", ".\x00"),
]
FINE = [
    *("_ada", "-x", "ünïcode", "经济", "a b", "x" * 260, "grace+1@example.org", "o'neil", "a'b\"c", "a&b"),
    *("{username}", "$(id)", "ada---1234abcd", "ada.lovelace", ".ada", "ada.", "a..b", "domain\\ada", "100%", "%"),
    *("j. d.", ""),
]


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_path_segments(name: str) -> None:
    assert is_path_segment(name)


@pytest.mark.parametrize("name", FINE, ids=lambda name: ascii(name[:20]))
def test_others(name: str) -> None:
    assert not is_path_segment(name)


EVERY_KIND = """
import json, pathlib, sys
sys.path.insert(0, sys.argv[1])
from stfc_jupyterhub import configure
from traitlets.config import Config
from jupyterhub import orm

answers = {}
for kind, given in json.loads(sys.argv[2]).items():
    c = Config({"JupyterHub": {"authenticator_class": kind}})
    configure(c)
    db = orm.new_session_factory("sqlite:///:memory:")()
    options = Config({"LDAPAuthenticator": {"bind_dn_template": ["{username}"]}})
    authenticator = c.JupyterHub.authenticator_class(config=options, _deprecated_db_session=db)
    answers[kind] = {name: authenticator.validate_username(authenticator.normalize_username(name)) for name in given}
    if kind == "native":
        for name in given:
            account = authenticator.create_user(name, "a long enough password")
            answers[kind][name] = answers[kind][name] or account is not None
print(json.dumps(answers))
"""


def test_every_kind_of_login_and_the_sign_up_refuse_them(tmp_path: Path) -> None:
    hub = environments.find("hub")
    if hub is None:
        pytest.skip("the hub's environment is not here: `make rehearse` makes it")
    (tmp_path / "stfc_jupyterhub").symlink_to(IN_HUB)
    odd = [name for name in FINE if name]
    kinds = {kind: [*REFUSED, *odd] for kind in ("generic-oauth", "github", "ldap", "dummy", "native")}
    command = [str(hub / "bin" / "python"), "-c", EVERY_KIND, str(tmp_path), json.dumps(kinds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for kind, answers in json.loads(done.stdout.splitlines()[-1]).items():
        assert not any(answers[name] for name in REFUSED), kind
        refused = {name for name in odd if not answers[name]}
        # nativeauthenticator has no blanks in names.
        assert refused == ({name for name in odd if " " in name} if kind == "native" else set()), kind


@pytest.mark.long
def test_nobody_gets_such_a_name_in_a_hub(start: Start) -> None:
    hub = start("c.Authenticator.allow_all = True")
    for name in ("..", "%2e%2e", "．．"):
        assert not Browser(hub).log_in(name)
    assert Browser(hub).log_in("o'neil")
    for path, method, body in (
        ("users", "POST", {"usernames": [".."]}),
        ("users/%2e%2e", "POST", None),
        ("users/o'neil", "PATCH", {"name": ".."}),
    ):
        with pytest.raises(urllib.error.HTTPError) as error:
            hub.api(path, method, body)
        assert error.value.code == 400, path
    assert [user["name"] for user in hub.api("users")] == ["o'neil"]
