"""A proxy that is restarted under 300 servers: until all are reached again, and what watching it costs the hub."""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path

from tests.support.real_hub import RealHub

SERVERS = 300
MINUTE = 60.0
"""JupyterHub looks at all routes once in it, with our code and without."""

SETTINGS = f"c.JupyterHub.last_activity_interval = {MINUTE:.0f}\n"


def measure_proxy(servers: int = SERVERS) -> tuple[float, float, float]:
    """Seconds from the proxy's first answer to the last route; the hub's processor seconds a minute, and without us."""
    names = [f"user-{number}" for number in range(servers)]
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        hubs = [stack.enter_context(RealHub(Path(folder) / str(ours), SETTINGS, ours)) for ours in (True, False)]
        for hub in hubs:
            hub.start_servers(names)
        before = [hub.cpu_seconds() for hub in hubs]
        time.sleep(2 * MINUTE)
        watched, alone = ((hub.cpu_seconds() - was) / 2 for hub, was in zip(hubs, before, strict=True))
        hub = hubs[0]
        wanted = {path for path in hub.routes() if path.startswith("/user/")}
        hub.kill_proxy()
        time.sleep(2)
        hub.start_proxy()
        seconds = hub.wait(lambda: wanted <= set(hub.routes()), "the routes")
    return seconds, watched, alone


if __name__ == "__main__":
    print(measure_proxy())
