"""A container's environment: expansion, Services, downward API, and the order of the sources."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from rehearsal.pods import environment
from rehearsal.pods.environment import ConfigError

POD = {
    "metadata": {
        "name": "jupyter-ada",
        "namespace": "jhub",
        "uid": "u-1",
        "labels": {"app": "jupyterhub", "component": "singleuser-server"},
        "annotations": {"note": 'say "hi"'},
    },
    "spec": {
        "nodeName": "worker-0",
        "containers": [
            {"name": "notebook", "resources": {"limits": {"memory": "1Gi", "cpu": "1500m"}}},
            {"name": "other", "resources": {"requests": {"memory": "100M"}}},
        ],
    },
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://$(HOST):$(PORT)/", "http://10.96.0.7:8081/"),
        ("$$(HOST)", "$(HOST)"),
        ("$(NOPE) $HOST", "$(NOPE) $HOST"),
        ("$$$(PORT)", "$8081"),
        ("100$", "100$"),
    ],
)
def test_expand(text: str, expected: str) -> None:
    assert environment.expand(text, {"HOST": "10.96.0.7", "PORT": "8081"}) == expected


def service(namespace: str, name: str, address: str, *ports: dict[str, object]) -> dict[str, object]:
    return {
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"clusterIP": address, "ports": list(ports)},
    }


SERVICES = [
    service("default", "kubernetes", "10.96.0.1", {"name": "https", "port": 443, "protocol": "TCP"}),
    service("jhub", "proxy-api", "10.96.0.9", {"port": 8001, "protocol": "TCP"}),
    service("jhub", "headless", "None", {"port": 1}),
    service("other", "web", "10.96.0.5", {"port": 80}),
]


def test_service_links_are_of_the_own_namespace() -> None:
    found = environment.service_variables(SERVICES, "jhub", True)
    assert found["PROXY_API_SERVICE_HOST"] == "10.96.0.9"
    assert found["PROXY_API_PORT_8001_TCP"] == "tcp://10.96.0.9:8001"
    assert found["PROXY_API_PORT_8001_TCP_ADDR"] == "10.96.0.9"
    assert found["KUBERNETES_SERVICE_PORT_HTTPS"] == "443"
    assert not [name for name in found if name.startswith(("WEB_", "HEADLESS_"))]


def test_without_service_links_only_the_api_server_is_named() -> None:
    found = environment.service_variables(SERVICES, "jhub", False)
    assert {name.split("_")[0] for name in found} == {"KUBERNETES"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.labels['component']", "singleuser-server"),
        ("metadata.annotations['missing']", ""),
        ("metadata.labels", 'app="jupyterhub"\ncomponent="singleuser-server"'),
        ("status.podIP", "10.88.1.4"),
        ("status.hostIP", "10.6.0.10"),
        ("spec.serviceAccountName", "default"),
    ],
)
def test_field(path: str, expected: str) -> None:
    assert environment.field(POD, path, address="10.88.1.4", node_address="10.6.0.10") == expected


def test_field_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match=r"spec\.color"):
        environment.field(POD, "spec.color", address="", node_address="")


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"resource": "limits.memory"}, "1073741824"),
        ({"resource": "limits.memory", "divisor": "1Mi"}, "1024"),
        ({"resource": "limits.cpu"}, "2"),
        ({"resource": "limits.cpu", "divisor": "1m"}, "1500"),
        ({"resource": "requests.memory"}, "1073741824"),
        ({"resource": "limits.memory", "containerName": "other"}, "16000000000"),
        ({"resource": "requests.memory", "containerName": "other", "divisor": "0"}, "100000000"),
        ({"resource": "requests.cpu", "containerName": "other"}, "0"),
    ],
)
def test_resource(reference: dict[str, str], expected: str) -> None:
    assert environment.resource(POD, reference, "notebook", {"memory": "16G"}) == expected


def test_resource_of_no_container() -> None:
    with pytest.raises(ConfigError, match="nobody"):
        environment.resource(POD, {"resource": "limits.memory", "containerName": "nobody"}, "notebook", {})


async def fetch(kind: str, name: str, optional: bool) -> Mapping[str, bytes] | None:
    data = {("configmaps", "settings"): {"COLOR": b"blue", "SIZE": b"3"}, ("secrets", "token"): {"value": b"s3cret"}}
    if (kind, name) in data:
        return data[kind, name]
    if optional:
        return None
    raise ConfigError(f"{kind} {name}")


def build(container: dict[str, object]) -> dict[str, str]:
    base = {"PATH": "/usr/bin", "COLOR": "red"}
    return asyncio.run(environment.build(container, base, fetch, lambda origin: f"<{origin['fieldRef']}>"))


def test_later_sources_win_and_see_the_earlier() -> None:
    found = build(
        {
            "envFrom": [{"configMapRef": {"name": "settings"}}, {"prefix": "T_", "secretRef": {"name": "token"}}],
            "env": [
                {"name": "SIZE", "value": "$(SIZE)0"},
                {"name": "URL", "value": "http://$(COLOR)/$(LATER)"},
                {"name": "LATER", "value": "x"},
                {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "token", "key": "value"}}},
                {"name": "NODE", "valueFrom": {"fieldRef": "spec.nodeName"}},
            ],
        }
    )
    assert found == {
        "PATH": "/usr/bin",
        "COLOR": "blue",
        "SIZE": "30",
        "T_value": "s3cret",
        "URL": "http://blue/$(LATER)",
        "LATER": "x",
        "KEY": "s3cret",
        "NODE": "<spec.nodeName>",
    }


def test_missing_keys() -> None:
    optional = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "no", "optional": True}}}
    assert "A" not in build({"env": [optional]})
    gone = {"name": "A", "valueFrom": {"secretKeyRef": {"name": "gone", "key": "no", "optional": True}}}
    assert "A" not in build({"env": [gone]})
    with pytest.raises(ConfigError, match="key no in configmaps settings"):
        build({"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "no"}}}]})
