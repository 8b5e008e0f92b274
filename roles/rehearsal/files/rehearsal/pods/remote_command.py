"""``exec``: a command in a running container, over the protocol that the caller speaks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from rehearsal.pods.container import Container


async def execute(request: web.Request, container: Container) -> web.StreamResponse:
    raise web.HTTPNotImplemented(text=f"exec in {container.name} is not supported in the rehearsal")
