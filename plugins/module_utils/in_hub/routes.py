# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""The proxy's routes, given back within seconds of its restart. Runs in the hub's own event loop.

configurable-http-proxy keeps its routes in memory. JupyterHub looks whether they are all there at its own start and
every ``last_activity_interval`` (``app.py``): for that long nobody reached a server. Here a connection to the proxy is
held, on which nothing is asked: it ends when the proxy does, at once and at no cost. After each new connection one
small request tells whether the proxy still has a route that only the hub's check of routes makes.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any
from urllib.parse import urlsplit

MARK = "routes-are-known"
"""Name of that route, below the hub's. It leads where its address led before: to the hub."""

HOLD = 45.0
"""Seconds that a connection is held. Node ends one without a request after 60 (``server.headersTimeout``)."""

PAUSE = 1.0
"""Seconds between two connections."""

PATIENCE = 3.0
"""Seconds for a connection or an answer, for the proxy of a node that is gone does not even refuse."""

LONG_PAUSE = 60.0
"""Seconds until the next try with a proxy that does not keep the route: as often as JupyterHub looks itself."""


def watched(base: Any) -> Any:
    """``base``, a proxy of JupyterHub's, watched from its first check of routes on (at the hub's start)."""

    class Watched(base):
        extra_routes: Any
        _watch: asyncio.Task[None] | None = None

        async def check_routes(self, *arguments: Any, **options: Any) -> None:
            """As JupyterHub has it. Our route is one of ``extra_routes``: added if missing, never stale."""
            watch = RouteWatch(self)
            self.extra_routes = {**self.extra_routes, watch.route: self.hub.host}
            await super().check_routes(*arguments, **options)
            if self._watch is None:
                self._watch = asyncio.ensure_future(watch.run())

    Watched.__name__ = Watched.__qualname__ = base.__name__  # the hub's log names it
    return Watched


class RouteWatch:
    """Has the hub check its routes whenever the proxy has lost them."""

    def __init__(self, proxy: Any) -> None:
        self.proxy = proxy
        self.log = proxy.log
        self.route = f"{proxy.hub.routespec}{MARK}/"
        """As JupyterHub writes routes: with the host where hosts have routes of their own."""
        self._unfinished = False

    async def run(self) -> None:
        """Watch for as long as the hub runs. Whatever goes wrong is tried again, and said once."""
        said = False
        while True:
            try:
                kept = await self.hold()
                said = False
                await asyncio.sleep(PAUSE if kept else LONG_PAUSE)
            except (OSError, asyncio.TimeoutError):  # the proxy is away
                await asyncio.sleep(PAUSE)
            except Exception:
                if not said:
                    self.log.warning("Cannot tell whether the proxy has its routes; trying on", exc_info=True)
                said = True
                await asyncio.sleep(PAUSE)

    async def hold(self) -> bool:
        """Look once the proxy is connected to, then wait until it goes away. False: it does not keep our route."""
        address = urlsplit(self.proxy.api_url)
        connecting = asyncio.open_connection(address.hostname, address.port)
        reader, writer = await asyncio.wait_for(connecting, PATIENCE)
        try:
            kept = await self.look()
            if kept:
                with contextlib.suppress(OSError, asyncio.TimeoutError):
                    await asyncio.wait_for(reader.read(1), HOLD)
            return kept
        finally:
            writer.close()

    async def look(self) -> bool:
        """Check all routes if ours is missing, or the last check came to no end. False: it is missing even then."""
        if await self.marked() and not self._unfinished:
            return True
        began = time.monotonic()
        self._unfinished = True
        # Not before the one that runs has ended, and never against a server that is starting: JupyterHub sees to both.
        await self.proxy.check_routes(self.proxy.app.users, self.proxy.app._service_map)
        self._unfinished = False
        if await self.marked():
            self.log.warning("The proxy had no routes; it has them again, in %.1f s", time.monotonic() - began)
            return True
        self.log.warning("The proxy does not keep the route %s; trying again in %d s", self.route, LONG_PAUSE)
        return False

    async def marked(self) -> bool:
        """Whether the proxy has our route. OSError: it did not say."""
        from tornado.httpclient import AsyncHTTPClient, HTTPClientError

        path = self.route.strip("/")
        try:
            answer = await AsyncHTTPClient().fetch(
                f"{self.proxy.api_url.rstrip('/')}/api/routes/{path}",
                headers={"Authorization": f"token {self.proxy.auth_token}"},
                connect_timeout=PATIENCE,
                request_timeout=PATIENCE,
                raise_error=False,
            )
        except HTTPClientError as error:
            raise OSError(str(error)) from error
        if answer.code not in (200, 404):
            raise OSError(f"the proxy answered {answer.code}")
        return bool(answer.code == 200)
