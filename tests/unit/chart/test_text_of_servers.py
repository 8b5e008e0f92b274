"""Text of the files as users' servers and the login get it: through Helm, the chart's code and the real KubeSpawner."""

from __future__ import annotations

import base64
import copy
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values import group_claim, hub_values, secrets

from rehearsal.pods.environment import expand
from rehearsal.setup import environments
from tests.support import golden
from tests.support.pod_builder import PodBuilder
from tests.unit.hub.conftest import CLUSTER, Builder

from .conftest import CHART, GOLDEN, Released, chart_in_use

WRITTEN = {
    "JSON": '{"a": {"b": [1]}}',
    "SHELL": "${USER}> $$ $(date) `{x,y}`",
    "HALF": "a{b",
    "OTHER": "{JUPYTER_IMAGE_SPEC} {} {0} {username.name}",
    **{f"HELM_{index}": text for index, text in enumerate(("0022", "08", "1e3", "0o17", "y", "N", "12:30", "0X1F"))},
    "NONE": "",
    "END": "{username}-",
    "MINE": "s3://{username}/{unescaped_username}",
}


def test_variables_reach_a_server_as_they_are_written(released: Released, builder: PodBuilder) -> None:
    service = Builder()()
    service["hub_profiles"] = [{**service["hub_profiles"][0], "environment": WRITTEN}]
    service["hub_storage"]["mount_path"] = "/home/{username}/{x}"
    service["hub_auth"]["allowed_users"] = ["y", "08", "1e3"]
    values = hub_values(service, copy.deepcopy(CLUSTER))
    values["proxy"]["https"] = {"enabled": False}
    answer = builder.ask(released(values, chart_in_use()))
    assert "error" not in answer, answer["traceback"]
    (container,) = answer["servers"][0]["pod"]["spec"]["containers"]
    given = {each["name"]: expand(each.get("value") or "", {"USER": "x", "date": "y"}) for each in container["env"]}
    filled = {"END": "ada-", "MINE": "s3://ada/ada"}
    assert {name: given[name] for name in WRITTEN} == WRITTEN | filled
    assert "/home/ada/{x}" in [each["mountPath"] for each in container["volumeMounts"]]
    users = [section.get("allowed_users") for section in answer["config"].values()]
    assert ["y", "08", "1e3"] in users


GROUPS = """
import asyncio, json, logging, sys
from io import StringIO
from oauthenticator.generic import GenericOAuthenticator
from traitlets.config import Config
from traitlets.log import get_logger

async def groups(code, user):
    c = Config()
    c.GenericOAuthenticator.manage_groups = True
    exec(code, {"c": c})
    said = StringIO()
    get_logger().handlers = [logging.StreamHandler(said)]
    found = await GenericOAuthenticator(config=c).get_user_groups({"oauth_user": user})
    return [sorted(found), said.getvalue()]

async def main():
    return [await groups(code, user) for code, user in json.loads(sys.argv[1])]

sys.stdout.write("\\n" + json.dumps(asyncio.run(main())))
"""

URL = "https://idp.example.org/claims/groups"
CLAIMS: tuple[tuple[str, dict[str, Any], list[str], str], ...] = (
    # the claim, what the provider says of the user, the groups, what the log says
    ("groups", {"groups": ["a", "b"]}, ["a", "b"], ""),
    ("groups", {"groups": []}, [], ""),
    (URL, {URL: ["a"]}, ["a"], ""),
    ("realm_access.roles", {"realm_access": {"roles": ["a"]}}, ["a"], ""),
    ("realm_access.roles", {"realm_access.roles": ["a"], "realm_access": {"roles": ["b"]}}, ["a"], ""),
    ("access.my.hub.roles", {"access": {"my.hub": {"roles": ["a"]}}}, ["a"], ""),
    ("groups", {"email": "e"}, [], "is missing; there are: email, preferred_username"),
    ("groups", {"groups": None}, [], "is missing; there are: groups, preferred_username"),
    ("realm_access.roles", {"realm_access": "x"}, [], "is missing; there are: preferred_username, realm_access"),
    ("groups", {"groups": "abc"}, [], "is not a list (str), so it gives no groups"),
    ("groups", {"groups": {"a": 1}}, [], "is not a list (dict), so it gives no groups"),
    ("groups", {"groups": ["a", {"name": "b"}]}, ["a"], "has members that are not text, which are left out"),
)


def test_groups_come_from_a_claim_of_any_name_and_the_log_says_when_not() -> None:
    environment = environments.find("hub")
    if environment is None:
        pytest.skip("the hub's environment is not here: `make rehearse` makes it")
    cases = []
    for claim, user, _groups, _told in CLAIMS:
        option = f"oauth_user.{claim}"
        code = f"c.GenericOAuthenticator.auth_state_groups_key = {option!r}\n"
        code += group_claim.code(claim, "preferred_username", option)
        cases.append([code, {"preferred_username": "ada", **user}])
    command: list[str | Path] = [environment / "bin" / "python", "-c", GROUPS, json.dumps(cases)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wanted = [
        [groups, f"Groups of ada: the claim {claim} {told}\n" if told else ""] for claim, _user, groups, told in CLAIMS
    ]
    assert json.loads(done.stdout.splitlines()[-1]) == wanted


def test_a_key_of_the_teams_own_stays(released: Released, builder: PodBuilder) -> None:
    values = golden.values(GOLDEN[0].parent / "shipped.yaml")
    values["proxy"]["https"] = {"enabled": False}
    other = copy.deepcopy(values)
    other["hub"]["config"]["GenericOAuthenticator"]["auth_state_groups_key"] = "scope"
    keys = [
        builder.ask(released(each, CHART))["config"]["GenericOAuthenticator"]["auth_state_groups_key"]
        for each in (values, other)
    ]
    assert "function <lambda>" in keys[0]
    assert keys[1] == "scope"


@pytest.mark.parametrize("secret", ["p😀𘧃", "\\ud83d\\ude00", "\u2028\x85 é", "y", '"q"'])
def test_a_secret_reaches_the_hub_as_it_is(secret: str) -> None:
    service = Builder()()
    service["hub_auth"]["client_secret"] = secret
    text = base64.b64decode(secrets(service)[0]["data"]["values.yaml"]).decode()
    assert yaml.safe_load(text)["hub"]["config"]["GenericOAuthenticator"]["client_secret"] == secret
