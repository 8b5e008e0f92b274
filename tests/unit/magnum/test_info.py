"""What the info modules filter and sort, and what results do not show."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.info import fits, health
from ansible_collections.stfc.jupyterhub.plugins.module_utils.magnum.module import without_passwords

CLUSTER = {
    "status": "CREATE_COMPLETE",
    "health_status": "HEALTHY",
    "cluster_template_id": "t1",
    "labels": {"auto_healing_enabled": "true", "kube_tag": "v1.34.4"},
}


@pytest.mark.parametrize(
    ("wanted", "answer"),
    [
        ({}, True),
        ({"status": None, "labels": None}, True),
        ({"status": ["CREATE_COMPLETE", "UPDATE_COMPLETE"]}, True),
        ({"status": ["CREATE_FAILED"]}, False),
        ({"health_status": ["UNHEALTHY"]}, False),
        ({"cluster_template": "t2"}, False),
        ({"labels": {"auto_healing_enabled": True}}, True),
        ({"labels": {"auto_healing_enabled": True, "kube_tag": "v1.33.6"}}, False),
        ({"labels": {"other": "None"}}, False),
    ],
)
def test_filters(wanted: dict[str, Any], answer: bool) -> None:
    assert fits(CLUSTER, wanted) is answer


def test_health_is_sorted() -> None:
    assert health({"api": "ok", "b.Ready": "True", "a.Ready": "True", "c.Ready": "False", "d.Ready": "Unknown"}) == {
        "api": "ok",
        "nodes_ready": ["a", "b"],
        "nodes_not_ready": ["c", "d"],
    }
    assert health({}) == {"api": None, "nodes_ready": [], "nodes_not_ready": []}


def test_no_url_shows_its_password() -> None:
    shown = without_passwords(
        {
            "http_proxy": "http://user:secret@proxy:3128",
            "list": ["https://a:b@c/d?e=f:g@h", 3, None],
            "plain": "https://203.0.113.10:6443/x@y",
        }
    )
    assert shown == {
        "http_proxy": "http://user:********@proxy:3128",
        "list": ["https://a:********@c/d?e=f:g@h", 3, None],
        "plain": "https://203.0.113.10:6443/x@y",
    }
