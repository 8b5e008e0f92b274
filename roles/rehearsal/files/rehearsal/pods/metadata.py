"""The cloud's metadata service, at its well-known address in every pod's network.

A node's metadata tell who reads them what the node was started with, so pods of users must not reach them. Nova answers
at 169.254.169.254, port 80 (``nova/api/metadata/handler.py``): a list of versions at ``/``, and below each
``meta_data.json``, from the server that asks. Pods ask as their node there; here no node is told from another.
"""

from __future__ import annotations

from aiohttp import web

from rehearsal.pods import processes

ADDRESS = "169.254.169.254"
PORT = 80
VERSIONS = ("2018-08-27", "2020-10-14", "latest")
"""A few of ``nova/api/metadata/base.py`` (OPENSTACK_VERSIONS)."""


async def serve() -> web.AppRunner:
    """Give the cluster's namespace the address, and answer there. Raises processes.CommandError or OSError."""
    await processes.run(["ip", "address", "replace", f"{ADDRESS}/32", "dev", "lo"])
    runner = web.AppRunner(application(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, ADDRESS, PORT, reuse_address=True).start()
    return runner


def application() -> web.Application:
    """What answers."""
    app = web.Application()
    app.router.add_get("/openstack", _versions)
    app.router.add_get("/openstack/{version}/meta_data.json", _of_server)
    return app


async def _versions(_request: web.Request) -> web.Response:
    return web.Response(text="\n".join(VERSIONS))


async def _of_server(request: web.Request) -> web.Response:
    if request.match_info["version"] not in VERSIONS:
        raise web.HTTPNotFound
    return web.json_response({"name": "a-node", "meta": {}, "availability_zone": "nova", "launch_index": 0})
