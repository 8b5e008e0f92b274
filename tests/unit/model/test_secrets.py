"""Of a secret that is written wrongly the report says where and what, and never the secret."""

from __future__ import annotations

import pytest

from tests.support.canaries import canary, found_in
from tests.support.service_files import Files

NUMBER = "73157315"
SECRET = canary().replace("{", "").replace("'", "").replace('"', "").replace("\\", "")

KEYS = {
    "hub_auth.client_secret": "hub_auth: {{client_secret: {}}}",
    "hub_auth.password": "hub_auth: {{type: dummy, allowed_users: [ada], password: {}}}",
    "hub_auth.lookup_dn_search_password": "hub_auth: {{type: ldap, lookup_dn: true, lookup_dn_search_password: {}}}",
    "hub_https.private_key": "hub_https: {{type: manual, certificate: x, private_key: {}}}",
}

FORMS = {
    "a number": NUMBER,
    "a fraction": f"{NUMBER}.5",
    "a list": f"['{SECRET}']",
    "a group of keys": f"{{a: '{SECRET}'}}",
    "a key without a value": f"{{'{SECRET}': }}",
    "a template that fails": f"\"{{{{ '{SECRET}' | no_such_filter }}}}\"",
    "a template that is broken": f'"{SECRET}{{{{"',
    "a template that asks for what is not there": f"\"{{{{ nowhere['{SECRET}'] }}}}\"",
    "a vault that is none": f"!vault '{SECRET}'",
    "another kind of tag": f"!binary '{SECRET}'",
    "two values": f"'{SECRET}', client_secret: '{SECRET}', password: '{SECRET}'",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("key", KEYS)
def test_what_is_wrong_with_a_secret_is_said_without_it(files: Files, key: str, form: str) -> None:
    files.write("overlay.yml", KEYS[key].format(FORMS[form]) + "\n")
    found = files.problems("overlay.yml")
    assert found
    shown = "\n".join(str(problem) for problem in found)
    assert found_in(shown, {"secret": SECRET}) == []
    assert NUMBER not in shown


VALUES = {
    "a number": int(NUMBER),
    "a list": [SECRET],
    "a group of keys": {"a": SECRET},
    "a template": f"{{{{ '{SECRET}' | no_such_filter }}}}",
}


@pytest.mark.parametrize("value", VALUES)
def test_nor_from_the_command_line(files: Files, value: str) -> None:
    auth = {"type": "dummy", "allowed_users": ["ada"], "password": VALUES[value]}
    shown = "\n".join(str(problem) for problem in files.problems(hub_auth=auth))
    assert shown
    assert SECRET not in shown
    assert NUMBER not in shown


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ("{hub: {cookieSecret: @}}", ["hub.cookieSecret"]),
        (
            "{hub: {config: {CryptKeeper: {keys: [@, @]}}}}",
            ["hub.config.CryptKeeper.keys[#1]", "hub.config.CryptKeeper.keys[#2]"],
        ),
        ("{singleuser: {extraEnv: {TOKEN: {valueFrom: {secretKeyRef: {name: a, key: b}}}}}}", []),
    ],
)
def test_secrets_among_the_chart_s_values(files: Files, given: str, keys: list[str]) -> None:
    values = given.replace("@", f"x{NUMBER}")
    files.change("memory: 1.5G\n", f"memory: 1.5G\nhub_values: {values}\n")
    found = [each.key for each in files.problems() if "written out in a file" in each.message]
    assert found == [f"hub_values.{key}" for key in keys]
