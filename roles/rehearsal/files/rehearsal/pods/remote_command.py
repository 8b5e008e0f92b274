"""``exec``: a command in a running container, for ``kubectl exec`` and the Kubernetes client libraries.

kubectl's request reaches a kubelet as SPDY/3.1 (the API server translates), that of a client which speaks the
``v4.channel.k8s.io`` sub-protocol as a WebSocket. Both carry the same channels.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import struct
import subprocess
import termios
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from aiohttp import WSMsgType, web

from rehearsal.pods import processes
from rehearsal.pods.kube import Object
from rehearsal.pods.spdy import Session

if TYPE_CHECKING:
    from rehearsal.pods.container import Container

CHANNELS = ("stdin", "stdout", "stderr", "error", "resize")
"""In the order of their numbers on a WebSocket."""

PROTOCOL = "v4.channel.k8s.io"
WEB_SOCKET_PROTOCOLS = ("v5.channel.k8s.io", PROTOCOL)
CLOSE = 255
"""The first byte of a message that ends a channel (v5)."""

STREAM_SECONDS = 10
"""How long the caller has to open its streams."""


class Peer(Protocol):
    """Who asked for the command. ``received`` gets (channel, data): None for data at the channel's end, and
    ("", None) when the caller is gone."""

    received: asyncio.Queue[tuple[str, bytes | None]]

    async def send(self, channel: str, data: bytes) -> None: ...


async def execute(request: web.Request, container: Container) -> web.StreamResponse:
    """Run the command of the query. Bad requests are answered in words."""
    command = request.query.getall("command", [])
    if not command:
        raise web.HTTPBadRequest(text="exec: you must specify at least 1 command for the container")
    wanted = [
        name
        for name, keys in (
            ("stdin", ("input", "stdin")),
            ("stdout", ("output", "stdout")),
            ("stderr", ("error", "stderr")),
        )
        if any(request.query.get(key) in ("1", "true") for key in keys)
    ]
    tty = request.query.get("tty") in ("1", "true")
    upgrade = request.headers.get("Upgrade", "").lower()
    if upgrade == "websocket":
        return await _over_web_socket(request, container, command, wanted, tty)
    if upgrade == "spdy/3.1":
        return await _over_spdy(request, container, command, wanted, tty)
    raise web.HTTPBadRequest(text="exec: an upgrade to SPDY/3.1 or to a WebSocket is needed")


def outcome(code: int) -> Object:
    """What the caller is told of a command's end (metav1.Status)."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "reason": "NonZeroExitCode",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


async def run(peer: Peer, container: Container, command: list[str], wanted: Iterable[str], tty: bool) -> Object:
    """Run a command for a peer to its end; the status to tell. The command is killed when the peer goes."""
    try:
        job = _Job.start(container, command, set(wanted), tty)
    except OSError as error:
        return {"metadata": {}, "status": "Failure", "reason": "InternalError", "message": f"exec: {error}"}
    return outcome(await job.serve(peer))


class _Job:
    """A command with its pipes or its terminal."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: int | None, outputs: dict[str, int], tty: bool) -> None:
        self._process = process
        self._stdin = stdin
        self._outputs = outputs
        self._tty = tty

    @classmethod
    def start(cls, container: Container, command: list[str], wanted: set[str], tty: bool) -> _Job:
        if tty:
            master, slave = os.openpty()
            try:
                process = container.spawn(command, tty=True, stdin=slave, stdout=slave, stderr=slave)
            except BaseException:
                os.close(master)
                raise
            finally:
                os.close(slave)
            return cls(process, os.dup(master), {"stdout": master}, True)
        source, stdout, stderr = (subprocess.PIPE if name in wanted else subprocess.DEVNULL for name in CHANNELS[:3])
        process = container.spawn(command, stdin=source, stdout=stdout, stderr=stderr)
        outputs = {}
        for name in ("stdout", "stderr"):
            if stream := getattr(process, name):
                outputs[name] = os.dup(stream.fileno())
                stream.close()
        stdin = os.dup(process.stdin.fileno()) if process.stdin else None
        if process.stdin:
            process.stdin.close()
        return cls(process, stdin, outputs, False)

    async def serve(self, peer: Peer) -> int:
        """Carry input and output until the command ends; its exit status."""
        outputs = [asyncio.ensure_future(self._output(peer, name, fd)) for name, fd in self._outputs.items()]
        incoming = asyncio.ensure_future(self._input(peer))
        try:
            code = await processes.wait(self._process)
            # A child of the command that keeps its output open does not hold the caller up.
            await asyncio.wait(outputs, timeout=1) if outputs else None
        finally:
            for task in (incoming, *outputs):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError):
                    await task
            processes.end(self._process)
            self._close_input()
        return 128 - code if code < 0 else code

    async def _output(self, peer: Peer, name: str, fd: int) -> None:
        reader, transport = await processes.pipe_reader(fd)
        try:
            # The other end of a closed terminal answers with an error instead of an end.
            with contextlib.suppress(OSError):
                while data := await reader.read(32768):
                    await peer.send(name, data)
        finally:
            transport.close()

    async def _input(self, peer: Peer) -> None:
        while True:
            channel, data = await peer.received.get()
            if not channel:
                processes.end(self._process)
                return
            if channel == "stdin" and self._stdin is not None:
                if data is None:
                    self._close_input()
                else:
                    with contextlib.suppress(OSError):
                        await asyncio.to_thread(_write_all, self._stdin, data)
            elif channel == "resize" and data and self._tty and self._stdin is not None:
                with contextlib.suppress(ValueError, KeyError, OSError):
                    size = json.loads(data)
                    window = struct.pack("HHHH", size["Height"], size["Width"], 0, 0)
                    fcntl.ioctl(self._stdin, termios.TIOCSWINSZ, window)

    def _close_input(self) -> None:
        if self._stdin is not None:
            os.close(self._stdin)
            self._stdin = None


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


class _WebSocketPeer:
    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        self.received: asyncio.Queue[tuple[str, bytes | None]] = asyncio.Queue()

    async def send(self, channel: str, data: bytes) -> None:
        await self._socket.send_bytes(bytes([CHANNELS.index(channel)]) + data)

    async def receive(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.BINARY and message.data:
                number, data = message.data[0], message.data[1:]
                if number == CLOSE and data and data[0] < len(CHANNELS):
                    self.received.put_nowait((CHANNELS[data[0]], None))
                elif number < len(CHANNELS):
                    self.received.put_nowait((CHANNELS[number], data))
        self.received.put_nowait(("", None))


async def _over_web_socket(
    request: web.Request, container: Container, command: list[str], wanted: list[str], tty: bool
) -> web.StreamResponse:
    socket = web.WebSocketResponse(protocols=WEB_SOCKET_PROTOCOLS, heartbeat=30)
    await socket.prepare(request)
    peer = _WebSocketPeer(socket)
    receiving = asyncio.ensure_future(peer.receive())
    try:
        with contextlib.suppress(ConnectionError):
            status = await run(peer, container, command, wanted, tty)
            await peer.send("error", json.dumps(status).encode())
            await socket.close()
    finally:
        receiving.cancel()
    return socket


class _SpdyPeer:
    def __init__(self, session: Session, streams: dict[str, int]) -> None:
        self._session = session
        self._streams = streams
        self.received: asyncio.Queue[tuple[str, bytes | None]] = asyncio.Queue()

    async def send(self, channel: str, data: bytes) -> None:
        if channel in self._streams:
            await self._session.send(self._streams[channel], data)

    async def receive(self) -> None:
        names = {stream: name for name, stream in self._streams.items()}
        while True:
            stream, data = await self._session.received.get()
            name = names.get(stream, "")
            if name or stream == 0:
                self.received.put_nowait((name, data))
            if stream == 0:
                return

    async def finish(self, status: Object) -> None:
        await self._session.send(self._streams["error"], json.dumps(status).encode(), end=True)
        for name in ("stdout", "stderr"):
            if name in self._streams:
                await self._session.send(self._streams[name], b"", end=True)


async def _over_spdy(
    request: web.Request, container: Container, command: list[str], wanted: list[str], tty: bool
) -> web.StreamResponse:
    transport = request.transport
    assert isinstance(transport, asyncio.Transport)
    session = Session()
    headers = ("Connection: Upgrade", "Upgrade: SPDY/3.1", f"X-Stream-Protocol-Version: {PROTOCOL}")
    transport.write("\r\n".join(("HTTP/1.1 101 Switching Protocols", *headers, "", "")).encode())
    # From here on the connection is not HTTP: its bytes go to the session.
    transport.set_protocol(session)
    session.connection_made(transport)
    expected = {"error", *(name for name in wanted if not (tty and name == "stderr"))} | ({"resize"} if tty else set())
    streams: dict[str, int] = {}
    receiving: asyncio.Future[None] | None = None
    try:
        with contextlib.suppress(ConnectionError, asyncio.TimeoutError):
            while expected - streams.keys():
                stream, described = await asyncio.wait_for(session.opened.get(), STREAM_SECONDS)
                streams[described.get("streamtype", "")] = stream
            peer = _SpdyPeer(session, streams)
            receiving = asyncio.ensure_future(peer.receive())
            status = await run(peer, container, command, wanted, tty)
            receiving.cancel()
            await peer.finish(status)
            await session.close()
    finally:
        if receiving is not None:
            receiving.cancel()
        session.abort()
    return _Spent()


class _Spent(web.Response):
    """Stands for an answer that was given another way: nothing is written."""

    async def prepare(self, _request: web.BaseRequest) -> None:
        return None

    async def write_eof(self, _data: bytes | bytearray | memoryview = b"") -> None:
        return
