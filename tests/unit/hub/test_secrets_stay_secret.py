"""What is done so that a secret is in no output: words of others are masked, a description leaves an imprint only."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils import hub_values
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release.masking import MASK, Masking
from ansible_collections.stfc.jupyterhub.plugins.module_utils.imprint import bears, imprint

from tests.support.canaries import canary, found_in, private_key

from .conftest import Builder

SECRETS: dict[str, dict[str, Any]] = {
    "iris-iam": {"client_id": "hub", "client_secret": canary(), "allowed_groups": ["a"]},
    "github": {"client_id": "hub", "client_secret": canary(), "allowed_users": ["a"]},
    "ldap": {
        "server_address": "ldap.example.org",
        "lookup_dn": True,
        "lookup_dn_search_user": "cn=hub",
        "lookup_dn_search_password": canary(),
        "user_search_base": "ou=people",
        "user_attribute": "uid",
        "allowed_users": ["a"],
    },
    "dummy": {"password": canary(), "allowed_users": ["a"]},
}


def given(service: dict[str, Any]) -> dict[str, dict[str, str]]:
    """What the module ``hub_release`` is given of the Secrets."""
    return {item["metadata"]["name"]: item["data"] for item in hub_values.secrets(service)}


def written(text: str) -> list[str]:
    """As it is, escaped, and in base64 at each of its three alignments; that once more, too."""
    plain = [text, json.dumps(text), json.dumps(json.dumps(text)), repr(text)]
    coded = [base64.b64encode(b"." * before + each.encode()).decode() for each in plain for before in range(3)]
    twice = [base64.b64encode(b"." * before + each.encode()).decode() for each in coded for before in range(3)]
    return [*plain, *coded, *twice]


@pytest.mark.parametrize("kind", SECRETS)
def test_a_log_that_tells_the_secret_is_shown_without_it(service: Builder, kind: str) -> None:
    auth = SECRETS[kind]
    (secret,) = [value for key, value in auth.items() if key.endswith(("secret", "password"))]
    mask = Masking(given(service.with_auth(type=kind, **auth)))
    for text in written(f"TraitError: not {secret}, said the hub"):
        assert found_in(text, {"secret": secret})
        shown = mask({"log": [text], "restarts": 3})
        assert found_in(shown["log"][0], {"secret": secret}) == [], text
        assert shown["restarts"] == 3
    assert mask(f"before {secret} after") == f"before {MASK} after"
    whole = base64.b64encode(f'{{"password": {json.dumps(secret)}}}'.encode()).decode()
    assert not found_in(mask(whole), {"secret": secret})


def test_a_line_of_the_private_key_is_masked(service: Builder) -> None:
    key = private_key()
    pair = {"certificate": "-----BEGIN CERTIFICATE-----\nabcd\n", "private_key": key}
    service.shipped["hub_https"] = {"type": "manual", **pair}
    mask = Masking(given(service()))
    assert mask(key.splitlines()[2]) == MASK
    assert not found_in(mask(f"cannot parse {key!r}"), {"key": key})


def test_words_that_are_no_secret_stay(service: Builder) -> None:
    mask = Masking(given(service.with_auth(type="dummy", password="abc", allowed_users=["a"])))
    assert mask("abc: the hub is ready") == "abc: the hub is ready"  # three letters are in every other word
    assert Masking({})("the hub is ready") == "the hub is ready"


def test_an_imprint_knows_its_description_and_tells_nothing(service: Builder) -> None:
    one, same, other = service(), service(), service(hub_auth={"client_secret": "another"})
    mark = imprint(one)
    assert bears(same, mark)
    assert not bears(other, mark)
    assert not bears(one, "")
    assert imprint(one) != mark
    assert found_in(mark, {"client_secret": one["hub_auth"]["client_secret"]}) == []
