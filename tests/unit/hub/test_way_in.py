"""What users come through, and what does not go together with an ingress."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values import hub_plan, way_in

from .conftest import Builder

CLUSTER_IP = {"proxy": {"service": {"type": "ClusterIP"}}}
INGRESS = {"ingress": {"enabled": True, "hosts": ["jupyter.stfc.ac.uk"]}}


@pytest.mark.parametrize(
    ("values", "through"),
    [
        ({}, "balancer"),
        ({"ingress": {"enabled": False}}, "balancer"),
        ({"proxy": {"service": {"type": "LoadBalancer"}}}, "balancer"),
        (CLUSTER_IP, "none"),
        ({"proxy": {"service": {"type": "NodePort"}}}, "none"),
        (CLUSTER_IP | INGRESS, "ingress"),
        (INGRESS, "ingress"),
    ],
)
def test_what_hub_values_make_of_the_way_in(service: Builder, values: dict[str, Any], through: str) -> None:
    assert way_in(service(hub_values=values)) == through


def _said(service: Builder, cluster: dict[str, Any], https: str, values: dict[str, Any]) -> str:
    described = service(hub_values=values) | {"hub_https": {"type": https, "contact_email": "team@example.org"}}
    return "\n".join(hub_plan(described, cluster)["warnings"])


def test_a_balancer_beside_an_ingress_is_warned_of(service: Builder, cluster: dict[str, Any]) -> None:
    assert "a second one beside it" in _said(service, cluster, "offload", INGRESS)
    assert "a second one beside it" not in _said(service, cluster, "offload", CLUSTER_IP | INGRESS)
    assert _said(service, cluster, "offload", {}) == ""


@pytest.mark.parametrize(("https", "warned"), [("letsencrypt", True), ("none", False), ("offload", False)])
def test_a_proxy_that_redirects_an_ingress_for_ever_is_warned_of(
    service: Builder, cluster: dict[str, Any], https: str, warned: bool
) -> None:
    assert ("for ever" in _said(service, cluster, https, CLUSTER_IP | INGRESS)) == warned
