"""``clouds.yaml`` in every form: what the SDK can use is used, and of the rest one line tells what is wrong."""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum import clouds_yaml
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.clouds_yaml import CloudsYamlError

pytest.importorskip("ansible.module_utils.testing", reason="modules run in this process from ansible-core 2.19 on")

from tests.support.modules import run

SECRET = "corréct-horse-7315"

URL = "http://127.0.0.1:9/v3"
"""Nobody is there."""


def entry(auth: str, more: str = "") -> str:
    return f"clouds: {{c: {{{more} auth: {{auth_url: '{URL}', {auth}}}}}}}\n"


PASSWORD = f"username: a, password: {SECRET}, project_name: p"

WRONG = {
    "an application credential without auth_type": (
        entry(f"application_credential_id: a, application_credential_secret: {SECRET}"),
        "has auth.application_credential_id, auth.application_credential_secret, which auth_type password does not "
        "take. Write auth_type: v3applicationcredential beside auth.",
    ),
    "a token without auth_type": (entry(f"token: {SECRET}, project_name: p"), "Write auth_type: v3token beside auth."),
    "an access token without auth_type": (
        entry(f"identity_provider: i, protocol: p, access_token: {SECRET}"),
        "Write auth_type: v3oidcaccesstoken beside auth.",
    ),
    "a key that no kind takes": (
        entry(f"{PASSWORD}, colour: red"),
        "has auth.colour, which auth_type password does not take. Remove it",
    ),
    "an auth_type that is not known": (
        entry(PASSWORD, "auth_type: v3aplicationcredential,"),
        "has the auth_type v3aplicationcredential, which is not known. Write v3applicationcredential.",
    ),
    "an auth_type that is a list": (entry(PASSWORD, "auth_type: [password],"), "has a wrong auth_type: it is a list"),
    "an auth_type that asks a person": (entry("", "auth_type: v3oidcdeviceauthz,"), "nobody would see it here"),
    "an auth_type that logs in nowhere": (entry("", "auth_type: none,"), "auth_type none, which logs in at no Keyst"),
    "half of OpenID Connect": (
        entry(f"username: a, password: {SECRET}", "auth_type: v3oidcpassword,"),
        "cannot be used: You have to specify either an 'access-token-endpoint' or a 'discovery-endpoint'.",
    ),
    "no auth_url": (f"clouds: {{c: {{auth: {{{PASSWORD}}}}}}}", "lacks auth_url. Write it below auth."),
    "an auth_url without its scheme": (
        f"clouds: {{c: {{auth: {{auth_url: 'keystone.example.org:5000/v3', {PASSWORD}}}}}}}",
        "has the auth_url keystone.example.org:5000/v3, which is no address.",
    ),
    "braces in auth_url": (
        f"clouds: {{c: {{auth: {{auth_url: 'http://{{site}}/v3', {PASSWORD}}}}}}}",
        "has braces in its auth_url, in which openstacksdk looks for a key of the entry: 'site'.",
    ),
    "an empty entry": ("clouds:\n  c:\n", "is empty. Write auth, with auth_url and credentials, below it."),
    "an entry without keys": ("clouds:\n  c: {}\n", "is empty. Write auth"),
    "an entry that is a list": ("clouds:\n  c: [password]\n", "is a list. Write auth"),
    "an entry that is text": ("clouds:\n  c: password\n", "is text. Write auth"),
    "auth that is a list": ("clouds: {c: {auth: [a]}}", "has a wrong auth: it is a list"),
    "auth that is text": ("clouds: {c: {auth: a}}", "has a wrong auth: it is text"),
    "auth that is empty": ("clouds: {c: {auth: }}", "has a wrong auth: it is empty"),
    "a password that is a number": (
        entry("username: a, password: 73157315, project_name: p"),
        "has a wrong auth.password: it is a number. Write text, in quotes.",
    ),
    "a profile that nobody has": (
        f"clouds: {{c: {{profile: nosuch, auth: {{{PASSWORD}}}}}}}",
        "lacks auth_url. Write it below auth. Its profile nosuch is none that openstacksdk has.",
    ),
    "a profile's URL where nobody is": (
        f"clouds: {{c: {{profile: 'http://127.0.0.1:9/', auth: {{{PASSWORD}}}}}}}",
        "has the profile http://127.0.0.1:9/, which cannot be had: ",
    ),
    "a profile that is a number": ("clouds: {c: {profile: 7}}", "has a wrong profile: it is a number"),
    "regions that are no list": (entry(PASSWORD, "regions: {a: b},"), "has a wrong regions: it is a group of keys"),
    "a region without its name": (
        entry(PASSWORD, f"regions: [{{nam: b, values: {{auth: {{password: {SECRET}}}}}}}],"),
        "has a wrong regions",
    ),
    "a region that is a number": (entry(PASSWORD, "region_name: 1,"), "has a wrong region_name: it is a number"),
    "a certificate that is not there": (
        entry(PASSWORD, "cacert: /nowhere/ca.pem,").replace("http:", "https:"),
        "names the cacert /nowhere/ca.pem, and there is no such file.",
    ),
    "verify that is neither": (
        entry(PASSWORD, "verify: perhaps,").replace("http:", "https:"),
        "has a wrong verify: it is text. Write true, false, or a file with certificates.",
    ),
    "networks without names": (entry(PASSWORD, "networks: [a],"), "has a wrong networks: it is a list"),
    "a tab": ("clouds:\n\tc: {}\n", "is no YAML: line 2, a tab is used to indent; use spaces, so it was passed over."),
    "a quote that is not closed": (f"clouds:\n  c: {{auth: {{password: '{SECRET}}}}}\n", "is no YAML: line 3, found "),
    "another encoding": ("clouds: {c: {a: é}}".encode("latin-1"), "is not UTF-8 (byte 17), so it was passed over."),
    "an empty file": ("", "has no clouds: in it, so that cloud c is not known."),
    "a file without clouds": ("cloud: {c: {}}\n", "has no clouds: in it, so that cloud c is not known."),
    "a file that is a list": ("- c\n", "is a list, where a file with clouds: and the entries below it is needed."),
    "clouds that are a list": ("clouds: [c]\n", "is a list. Write its keys below it, each with its value."),
    "clouds that are empty": ("clouds:\n", "is empty. Write its keys below it, each with its value."),
    "another name": ("clouds: {cc: {}}\n", "Cloud c is not in "),
}


@pytest.fixture
def clouds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file, in a folder of its own, without another one behind it."""
    for name in [*filter(lambda name: name.startswith("OS_"), os.environ)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield tmp_path / "clouds.yaml"


def problems(**arguments: Any) -> tuple[list[str], str]:
    """What preflight's cloud layer says of the entry c: messages of its problems, and why it was skipped."""
    answer = run("coe_preflight", cloud="c", collect=True, service={"cluster_name": "hub"}, **arguments)
    return [f"{problem['key']}: {problem['message']}" for problem in answer["problems"]], answer["skipped_because"]


@pytest.mark.parametrize("form", WRONG)
def test_a_wrong_form_is_one_line_of_the_report(clouds: Path, form: str) -> None:
    content, words = WRONG[form]
    clouds.write_bytes(content if isinstance(content, bytes) else content.encode())
    (line,), _skipped = problems()
    assert line.startswith("openstack_cloud: ")
    assert words in line
    assert str(clouds) in line
    assert "\n" not in line
    for secret in (SECRET, "73157315"):
        assert secret not in line


def test_a_file_that_cannot_be_read_is_named(clouds: Path) -> None:
    clouds.mkdir()
    assert f"{clouds} cannot be read (Is a directory), so it was passed over." in problems()[0][0]


def test_a_file_that_is_not_there_is_named(clouds: Path) -> None:
    assert f"OS_CLIENT_CONFIG_FILE names {clouds}, and there is no such file." in problems()[0][0]


RIGHT = {
    "a password": entry(PASSWORD),
    "an application credential": entry(
        f"application_credential_id: a, application_credential_secret: {SECRET}", "auth_type: v3applicationcredential,"
    ),
    "a token": entry(f"token: {SECRET}, project_name: p", "auth_type: token,"),
    "an access token": entry(
        f"identity_provider: i, protocol: p, access_token: {SECRET}", "auth_type: v3oidcaccesstoken,"
    ),
    "keys beside auth": f"clouds: {{c: {{auth_url: '{URL}', {PASSWORD}}}}}",
    "tenant for project": entry(f"username: a, password: {SECRET}, tenant_name: p"),
    "numbers as names": entry(f"username: a, password: {SECRET}, project_id: 12345"),
    "no verification": entry(PASSWORD, "verify: false,").replace("http:", "https:"),
    "a region": entry(PASSWORD, "region_name: one,"),
    "regions": entry(PASSWORD, "regions: [one, {name: two, values: {}}],"),
    "braces that name a key": entry(PASSWORD, "region_name: one,").replace("9/v3", "9/{region_name}"),
    "a provider's profile": f"clouds: {{c: {{profile: elastx, auth: {{auth_url: '{URL}', {PASSWORD}}}}}}}",
    "a provider's old word": f"clouds: {{c: {{cloud: elastx, auth: {{auth_url: '{URL}', {PASSWORD}}}}}}}",
}


@pytest.mark.parametrize("form", RIGHT)
def test_a_form_that_the_sdk_takes_is_tried(clouds: Path, form: str) -> None:
    clouds.write_text(RIGHT[form])
    found, skipped = problems()
    assert found == []
    assert skipped.startswith("Cloud c cannot be reached: ")


def test_secrets_may_be_in_a_file_of_their_own(clouds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clouds.write_text(entry("username: a, project_name: p"))
    secure = clouds.with_name("secure.yaml")
    monkeypatch.setenv("OS_CLIENT_SECURE_FILE", str(secure))
    secure.write_text(f"clouds: {{c: {{auth: {{password: {SECRET}}}}}}}\n")
    config = clouds_yaml.configuration()
    clouds_yaml.check(config, "c")
    assert config.get_one("c").config["auth"]["password"] == SECRET
    assert clouds_yaml.skipped(config) == []
    secure.write_text(f"clouds:\n\tc: {SECRET}\n")
    (sentence,) = clouds_yaml.skipped(clouds_yaml.configuration())
    assert sentence == f"{secure} is no YAML: line 2, a tab is used to indent; use spaces, so it was passed over."


def test_a_file_behind_a_broken_one_serves_with_a_warning(clouds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the SDK has it."""
    clouds.write_text("clouds:\n\tc: {}\n")
    second = clouds.with_name("second.yaml")
    second.write_text(entry(PASSWORD))
    monkeypatch.setattr(clouds_yaml.sdk, "CONFIG_FILES", [str(second)])
    config = clouds_yaml.configuration()
    clouds_yaml.check(config, "c")
    assert [sentence.split(" ")[0] for sentence in clouds_yaml.skipped(config)] == [str(clouds)]


def test_a_region_that_the_entry_has_not(clouds: Path) -> None:
    clouds.write_text(entry(PASSWORD, "regions: [one],"))
    with pytest.raises(CloudsYamlError, match="Region two is not a valid region name"):
        clouds_yaml.check(clouds_yaml.configuration(), "c", region_name="two")


def test_the_proxy_that_was_asked_is_named(clouds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unheard:  # bound, and nobody listens
        unheard.bind(("127.0.0.1", 0))
        proxy = f"http://user:{SECRET}@127.0.0.1:{unheard.getsockname()[1]}"
        monkeypatch.setenv("HTTP_PROXY", proxy)
        for name in ("http_proxy", "no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        clouds.write_text(entry(PASSWORD).replace("127.0.0.1:9", "192.0.2.9:5000"))
        _found, skipped = problems()
    shown = proxy.replace(f"user:{SECRET}@", "")
    assert f"asked through the proxy {shown} (HTTP_PROXY); where 192.0.2.9 is to be asked directly, add it" in skipped
    assert SECRET not in skipped
