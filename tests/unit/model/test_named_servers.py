"""How many volumes a user may have, in both ways to say it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_values import named_servers
from ansible_collections.stfc.jupyterhub.plugins.module_utils.preflight.questions import questions

from tests.support.service_files import Files

CHART = {"hub": {"allowNamedServers": True}}
HUB = {"hub": {"config": {"JupyterHub": {"allow_named_servers": True}}}}


@pytest.mark.parametrize(
    ("given", "volumes"),
    [
        (None, 1),
        ({}, 1),
        ({"hub": None}, 1),
        ({"hub": {"allowNamedServers": False, "namedServerLimitPerUser": 4}}, 1),
        ({"hub": {"allowNamedServers": True, "namedServerLimitPerUser": 4}}, 5),
        ({"hub": {"allowNamedServers": True, "namedServerLimitPerUser": 0}}, 2),
        (CHART, 2),
        (HUB, 2),
        ({"hub": {**HUB["hub"], "namedServerLimitPerUser": 4}}, 5),
        ({"hub": {**CHART["hub"], "config": {"JupyterHub": {"named_server_limit_per_user": 3}}}}, 4),
    ],
)
def test_volumes_of_a_user(given: Any, volumes: int) -> None:
    assert named_servers.volumes(given) == volumes
    asked = questions({"hub_storage": {}, "hub_values": given})
    assert asked == {"hub_storage": {}, "volumes_of_a_user": volumes}


@pytest.mark.parametrize(
    "limit", ["namedServerLimitPerUser: 2", "config: {JupyterHub: {named_server_limit_per_user: 2}}"]
)
def test_a_limit_counts_whichever_way_it_is_written(files: Files, limit: str) -> None:
    files.change("memory: 1.5G\n", f"memory: 1.5G\nhub_values: {{hub: {{allowNamedServers: true, {limit}}}}}\n")
    assert files.problems() == []
