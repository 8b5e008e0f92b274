"""TCP between the host and a cluster's namespaces, through UNIX sockets, which network namespaces do not divide.

Two halves. The inner one (in the namespaces) listens on a UNIX socket, takes one line ``CONNECT host:port\\n`` and
then carries that connection; the other way it listens at 198.51.100.10 on the ports of ``HOST_PORTS``, for pods that
want the login provider or the name server. The outer one (on the host) listens on 127.0.0.1: the API server's port, and
a port for each forward that `forwards.json` lists; its UNIX sockets lead to the login provider and the name server.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from rehearsal.cluster.layout import API_ADDRESS, API_PORT, HOST_PORTS, LOGIN_ADDRESS, ClusterDir

LOG = logging.getLogger("relay")

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Dial = Callable[[], Awaitable[Streams]]

CHUNK = 65536
"""Bytes that are carried at a time."""

LINE_SECONDS = 10.0
"""How long a client may take to say where it wants to go."""

LOOK_SECONDS = 0.5
"""How often the outer half looks whether the forwards changed."""


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes one way until the end, then close that direction alone."""
    with contextlib.suppress(OSError, RuntimeError):
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


_CARRYING: set[asyncio.Task[object] | None] = set()
"""A stream whose peer has closed its half is known to nobody but the task that waits for it, and that only to the
stream: without a reference from here the garbage collector takes both, and the connection breaks."""


async def carry(near: Streams, far: Streams) -> None:
    """Carry bytes both ways until both directions have ended."""
    task = asyncio.current_task()
    _CARRYING.add(task)
    try:
        await asyncio.gather(pump(near[0], far[1]), pump(far[0], near[1]))
    finally:
        _CARRYING.discard(task)
        for _reader, writer in (near, far):
            writer.close()


def through(dial: Dial) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """A server's callback that joins each client with what ``dial`` opens; a refusal closes the client."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far = await dial()
        except OSError as error:
            LOG.debug("refused: %s", error)
            writer.close()
            return
        await carry((reader, writer), far)

    return serve


def connect_through(socket: Path, target: str) -> Dial:
    """Opens ``target`` (``host:port``) inside the namespaces behind the inner half's socket."""

    async def dial() -> Streams:
        reader, writer = await asyncio.open_unix_connection(str(socket))
        writer.write(f"CONNECT {target}\n".encode())
        return reader, writer

    return dial


async def serve_connect(socket: Path) -> asyncio.Server:
    """Listen on ``socket`` and dial what each client's first line asks for."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await asyncio.wait_for(reader.readline(), LINE_SECONDS)
            far = await asyncio.open_connection(*parse_connect(line))
        except (OSError, ValueError, asyncio.TimeoutError) as error:
            LOG.debug("refused: %s", error)
            writer.close()
            return
        await carry((reader, writer), far)

    return await _listen(socket, serve)


def parse_connect(line: bytes) -> tuple[str, int]:
    """Host and port of ``CONNECT host:port\\n``; ValueError when the line says something else."""
    verb, _sep, target = line.decode("ascii", "replace").strip().partition(" ")
    host, colon, port = target.rpartition(":")
    if verb != "CONNECT" or not colon or not host or not port.isdigit():
        raise ValueError(f"not a CONNECT line: {line!r}")
    return host, int(port)


async def inner(cluster: ClusterDir) -> None:
    """The half in the namespaces; runs until cancelled."""
    servers = [await serve_connect(cluster.inner_socket)]
    for name in HOST_PORTS:
        port = cluster.settings.port(name)
        dial = functools.partial(asyncio.open_unix_connection, str(cluster.host_socket(name)))
        servers.append(await asyncio.start_server(through(dial), LOGIN_ADDRESS, port))
        LOG.info("inner relay on %s, %s at %s:%d", cluster.inner_socket, name, LOGIN_ADDRESS, port)
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def outer(cluster: ClusterDir) -> None:
    """The half on the host; runs until cancelled."""
    for name in HOST_PORTS:
        dial = functools.partial(asyncio.open_connection, "127.0.0.1", cluster.settings.port(name))
        await _listen(cluster.host_socket(name), through(dial))
    api_port = int(cluster.facts()["api_port"])
    await _host_server(cluster, api_port, f"{API_ADDRESS}:{API_PORT}")
    LOG.info("API server on 127.0.0.1:%d", api_port)
    forwards = Forwards(cluster)
    while True:
        await forwards.refresh()
        await asyncio.sleep(LOOK_SECONDS)


class Forwards:
    """The host ports that ``forwards.json`` of one cluster lists."""

    def __init__(self, cluster: ClusterDir) -> None:
        self.cluster = cluster
        self._seen: str | None = None
        self._servers: dict[int, tuple[str, asyncio.Server]] = {}

    async def refresh(self) -> None:
        """Open and close ports as the file says; a port that is taken is tried again the next time."""
        try:
            text = self.cluster.forwards.read_text()
        except FileNotFoundError:
            return
        if text == self._seen:
            return
        wanted = wanted_ports(json.loads(text))
        for port, (target, server) in list(self._servers.items()):
            if wanted.get(port) != target:
                server.close()
                del self._servers[port]
        complete = True
        for port, target in wanted.items():
            if port in self._servers:
                continue
            try:
                self._servers[port] = (target, await _host_server(self.cluster, port, target))
                LOG.info("127.0.0.1:%d leads to %s", port, target)
            except OSError as error:
                complete = False
                LOG.warning("127.0.0.1:%d cannot be opened for %s: %s", port, target, error)
        self._seen = text if complete else None


def wanted_ports(forwards: dict[str, dict[str, dict[str, object]]]) -> dict[int, str]:
    """Host port to ``clusterIP:port``, out of the entries of a forwards file."""
    ports: dict[int, str] = {}
    for entry in forwards.values():
        targets = entry["targets"]
        for port, host_port in entry["ports"].items():
            ports[int(str(host_port))] = str(targets[port])
    return ports


async def _host_server(cluster: ClusterDir, port: int, target: str) -> asyncio.Server:
    return await asyncio.start_server(through(connect_through(cluster.inner_socket, target)), "127.0.0.1", port)


async def _listen(
    socket: Path, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
) -> asyncio.Server:
    with contextlib.suppress(FileNotFoundError):
        socket.unlink()  # a killed process leaves its socket behind
    server = await asyncio.start_unix_server(serve, str(socket))
    socket.chmod(0o600)
    return server
