"""What the stand-in chart makes of values."""

from __future__ import annotations

import base64
import re
import subprocess
from collections.abc import Callable

import pytest
import yaml

from .conftest import CHART, HelmError, Objects, Values

Render = Callable[..., Objects]


def secret(objects: Objects, name: str) -> dict[str, str]:
    return {key: base64.b64decode(text).decode() for key, text in objects["Secret", name]["data"].items()}


def test_helm_finds_nothing_to_complain_of(helm: str) -> None:
    done = subprocess.run([helm, "lint", "--strict", str(CHART)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_says_that_it_is_a_stand_in() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["name"] == "jupyterhub"
    assert chart["annotations"]["rehearsal.stfc.ac.uk/stand-in"] == "true"
    assert re.fullmatch(r"\d+\.\d+\.\d+\+standin", chart["version"])
    assert "stand-in" in chart["description"]


def test_it_takes_what_the_product_sets(render: Render, product_values: Values) -> None:
    if product_values.get("proxy", {}).get("https", {}).get("type") == "letsencrypt":
        product_values["proxy"]["https"]["type"] = "offload"  # see below
    objects = render(product_values)
    assert {("Deployment", "hub"), ("Deployment", "proxy"), ("Service", "proxy-public")} <= set(objects)


def test_secrets_are_random_digits(render: Render) -> None:
    keys = ["ConfigurableHTTPProxy.auth_token", "JupyterHub.cookie_secret", "CryptKeeper.keys"]
    one, other = (secret(render({"hub": {"services": {"monitor": {}}}}), "hub") for _turn in range(2))
    names = [f"hub.config.{key}" for key in keys] + ["hub.services.monitor.apiToken"]
    for name in names:
        assert re.fullmatch("[0-9a-f]{64}", one[name]), name
    assert len({one[name] for name in names} | {other[name] for name in names}) == 2 * len(names)


def test_secrets_that_are_given_are_taken(render: Render) -> None:
    given = {
        "ConfigurableHTTPProxy": {"auth_token": "token"},
        "JupyterHub": {"cookie_secret": "00ff"},
        "CryptKeeper": {"keys": ["one", "two"]},
    }
    found = secret(render({"hub": {"config": given}}), "hub")
    assert found["hub.config.ConfigurableHTTPProxy.auth_token"] == "token"
    assert found["hub.config.JupyterHub.cookie_secret"] == "00ff"
    assert found["hub.config.CryptKeeper.keys"] == "one;two"
    assert (
        secret(render({"proxy": {"secretToken": "other"}}), "hub")["hub.config.ConfigurableHTTPProxy.auth_token"]
        == "other"
    )


def test_made_up_secrets_restart_nothing(render: Render) -> None:
    one, other = render({}), render({})
    for name in ("hub", "proxy"):
        assert one["Deployment", name] == other["Deployment", name]


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"hub": {"databse": {}}}, "databse"),
        ({"singleuser": {"memory": {"limits": "1G"}}}, "limits"),
        ({"hub": {"config": {"loadRoles": {}}}}, "loadRoles"),
        ({"unknown": {}}, "unknown"),
        ({"singleuser": {"extraFiles": {"a": {"stringData": "x"}}}}, "mountPath"),
    ],
)
def test_a_wrong_key_is_refused_by_name(render: Render, values: Values, key: str) -> None:
    with pytest.raises(HelmError, match=key):
        render(values)


def test_without_an_acme_client_it_says_so(render: Render) -> None:
    with pytest.raises(HelmError, match="has no ACME client; use offload, manual or secret"):
        render({"proxy": {"https": {"enabled": True, "type": "letsencrypt", "hosts": ["a.example.org"]}}})


@pytest.mark.parametrize(
    ("https", "ports", "mounted"),
    [
        ({"enabled": False}, {"http": "http"}, None),
        ({"enabled": True, "type": "offload"}, {"https": "http", "http": "http"}, None),
        ({"enabled": True, "type": "secret", "secret": {"name": "mine"}}, {"https": "https", "http": "http"}, "mine"),
        (
            {"enabled": True, "type": "manual", "manual": {"key": "K", "cert": "C"}},
            {"https": "https", "http": "http"},
            "proxy-public-manual-tls",
        ),
    ],
)
def test_https_ends_where_the_values_say(
    render: Render, https: Values, ports: dict[str, str], mounted: str | None
) -> None:
    objects = render({"proxy": {"https": https}})
    service = objects["Service", "proxy-public"]["spec"]
    assert {port["name"]: port["targetPort"] for port in service["ports"]} == ports
    pod = objects["Deployment", "proxy"]["spec"]["template"]["spec"]
    assert [volume["secret"]["secretName"] for volume in pod.get("volumes", [])] == ([mounted] if mounted else [])
    scheme = "HTTPS" if mounted else "HTTP"
    assert pod["containers"][0]["readinessProbe"]["httpGet"] == {
        "path": "/_chp_healthz",
        "port": scheme.lower(),
        "scheme": scheme,
    }


def test_files_are_written_as_their_names_say(render: Render) -> None:
    files: Values = {
        "text": {"mountPath": "/etc/a.sh", "stringData": "echo\n", "mode": 493},
        "json": {"mountPath": "/etc/a.json", "data": {"a": [1]}},
        "yaml": {"mountPath": "/etc/a.yaml", "data": {"a": [1]}},
        "bytes": {"mountPath": "/etc/a", "binaryData": base64.b64encode(b"\0").decode()},
    }
    found = secret(render({"singleuser": {"extraFiles": files}}), "singleuser")
    assert found == {"text": "echo\n", "json": '{"a":[1]}', "yaml": "a:\n- 1", "bytes": "\0"}
    with pytest.raises(HelmError, match="give one of stringData, binaryData and data"):
        render({"singleuser": {"extraFiles": {"both": {**files["text"], **files["json"]}}}})


def test_a_release_may_have_a_prefix(render: Render) -> None:
    kinds = {(kind, name) for kind, name in render({"fullnameOverride": "team"}) if kind == "Deployment"}
    assert kinds == {("Deployment", "team-hub"), ("Deployment", "team-proxy"), ("Deployment", "team-user-scheduler")}
    assert ("Deployment", "jupyterhub-hub") in render({"fullnameOverride": None})
