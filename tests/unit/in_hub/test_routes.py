"""The proxy is restarted: users' servers are reached again."""

from __future__ import annotations

import time

from tests.support.real_hub import RealHub

from .conftest import Start

SETTINGS = "c.JupyterHub.last_activity_interval = 3600\n"
"""So that what is seen is our doing, not JupyterHub's own look every minute."""


def users(hub: RealHub) -> set[str]:
    return {path for path in hub.routes() if path.startswith("/user/")}


def test_routes_are_back_soon_after_the_proxy(start: Start) -> None:
    hub = start(SETTINGS)
    hub.start_servers(["ada", "bob", "grace@example.org", "a b"])
    before = users(hub)
    assert len(before) == 4
    for _round in range(2):
        hub.kill_proxy()
        time.sleep(2)
        hub.start_proxy()
        assert hub.wait(lambda: users(hub) == before, "the routes") < 10
    assert "The proxy had no routes; it has them again" in hub.said()
    assert "Traceback" not in hub.said()
