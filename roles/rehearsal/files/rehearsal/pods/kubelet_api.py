"""What a kubelet serves at port 10250, for every node of the cluster: the logs of containers and commands in them.

TLS, and only for the API server: a client certificate of the cluster's CA whose organisation is ``system:masters`` or
whose name is the API server's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from typing import TYPE_CHECKING, Any

from aiohttp import web

from rehearsal.cluster.layout import KUBELET_PORT, ClusterDir
from rehearsal.pods import choice, logs, remote_command
from rehearsal.pods.kube import ApiError

if TYPE_CHECKING:
    from rehearsal.pods.container import Container
    from rehearsal.pods.runner import Runner

log = logging.getLogger(__name__)

CALLER = "kube-apiserver-kubelet-client"
MASTERS = "system:masters"


async def serve(runner: Runner, cluster: ClusterDir) -> web.AppRunner:
    """Start to serve; ``cleanup()`` of the result ends it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cluster.pki / "kubelet.crt", cluster.pki / "kubelet.key")
    context.load_verify_locations(cluster.pki / "ca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    handlers = _Handlers(runner)
    app = web.Application(middlewares=[_only_the_api_server])
    app.router.add_get("/healthz", handlers.healthy)
    app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", handlers.container_logs)
    for path in ("/exec/{namespace}/{pod}/{container}", "/exec/{namespace}/{pod}/{uid}/{container}"):
        app.router.add_route("*", path, handlers.execute)
    app.router.add_route("*", "/{what:attach|portForward|run|stats|metrics}{rest:.*}", handlers.unsupported)
    served = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await served.setup()
    # Every node's address is local to the cluster's namespace.
    site = web.TCPSite(served, "0.0.0.0", KUBELET_PORT, ssl_context=context, reuse_address=True)  # noqa: S104
    await site.start()
    return served


@web.middleware
async def _only_the_api_server(request: web.Request, handler: Any) -> web.StreamResponse:
    certificate = request.transport.get_extra_info("peercert") if request.transport else None
    subject = {(key, value) for part in (certificate or {}).get("subject", ()) for key, value in part}
    if not subject & {("commonName", CALLER), ("organizationName", MASTERS)}:
        raise web.HTTPForbidden(text="only the API server may ask")
    response: web.StreamResponse = await handler(request)
    return response


class _Handlers:
    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def healthy(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def unsupported(self, request: web.Request) -> web.Response:
        what = request.match_info["what"]
        raise web.HTTPNotImplemented(text=f"{what} is not supported in the rehearsal; logs and exec are")

    async def container_logs(self, request: web.Request) -> web.StreamResponse:
        try:
            options = logs.LogOptions.from_query(request.query, time.time())
        except ValueError as error:
            raise web.HTTPBadRequest(text=f"log options: {error}") from error
        container = await self._container(request)
        path = container.log_path(options.previous)
        if path is None:
            if options.previous:
                raise web.HTTPBadRequest(text=f'previous terminated container "{container.name}" not found')
            reason = (container.state.get("waiting") or {}).get("reason", "it has not run")
            raise web.HTTPBadRequest(text=f'container "{container.name}" is waiting to start: {reason}')
        response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
        await response.prepare(request)
        run = container.run
        with contextlib.suppress(ConnectionError):
            if options.follow and run is not None and run.log.path == path:
                async for shown in run.log.follow(options):
                    await response.write(shown)
            else:
                for shown in logs.select(logs.stored(path), options):
                    await response.write(shown)
            await response.write_eof()
        return response

    async def execute(self, request: web.Request) -> web.StreamResponse:
        container = await self._container(request)
        if container.run is None or container.run.main_pid is None:
            raise web.HTTPBadRequest(text=f'container "{container.name}" is not running')
        return await remote_command.execute(request, container)

    async def _container(self, request: web.Request) -> Container:
        """The container that is asked about; an HTTP error in words when there is none."""
        namespace, name = request.match_info["namespace"], request.match_info["pod"]
        pod = self._runner.find_pod(namespace, name)
        if pod is None:
            await self._explain(namespace, name)
            raise web.HTTPNotFound(text=f'pod "{namespace}/{name}" does not run here')
        wanted = request.match_info["container"]
        for container in pod.containers:
            if container.name == wanted:
                return container
        raise web.HTTPNotFound(text=f'container "{wanted}" of pod "{namespace}/{name}" not found')

    async def _explain(self, namespace: str, name: str) -> None:
        """Say of a played pod that it is one."""
        try:
            pod = await self._runner.kube.get(f"/api/v1/namespaces/{namespace}/pods/{name}")
        except (ApiError, OSError, asyncio.TimeoutError):
            return
        if choice.made(pod) == choice.PLAYED:
            why = pod["metadata"]["annotations"].get(choice.WHY, "")
            raise web.HTTPBadRequest(text=f"pod {namespace}/{name} is played, it has no processes ({why})")
