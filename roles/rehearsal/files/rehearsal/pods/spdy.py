"""The server's side of SPDY/3.1, as far as Kubernetes uses it: streams that carry a command's input and output.

The API server speaks it to kubelets for ``exec`` (k8s.io/apimachinery/pkg/util/httpstream/spdy over
github.com/moby/spdystream, which has no flow control). Source: the SPDY protocol, draft 3.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import zlib

VERSION = 3
SYN_STREAM, SYN_REPLY, RST_STREAM, PING, GOAWAY = 1, 2, 3, 6, 7
FIN = 1
MAX_DATA = 2**16

_WORDS = """options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age
allow authorization cache-control connection content-base content-encoding content-language content-length
content-location content-md5 content-range content-type date etag expect expires from host if-match if-modified-since
if-none-match if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate
proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning
www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin"""
_TEXT = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


def _dictionary() -> bytes:
    words = [word.replace("_", " ").encode() for word in _WORDS.split()]
    return b"".join(struct.pack("!I", len(word)) + word for word in words) + _TEXT.encode()


DICTIONARY = _dictionary()
"""What both sides' header compression starts with (draft 3, section 2.6.10.1)."""


class ProtocolError(Exception):
    """The other side does not speak SPDY/3 as we know it."""


def headers_block(headers: dict[str, str]) -> bytes:
    """Name/value block before compression."""
    found = struct.pack("!I", len(headers))
    for name, value in headers.items():
        for part in (name.encode(), value.encode()):
            found += struct.pack("!I", len(part)) + part
    return found


def parse_headers(block: bytes) -> dict[str, str]:
    """The inverse of ``headers_block``; names in lower case. ProtocolError when it is cut short."""

    found: dict[str, str] = {}
    place = 4

    def take() -> bytes:
        nonlocal place
        (length,) = struct.unpack_from("!I", block, place)
        place += 4 + length
        if place > len(block):
            raise ProtocolError("a header block is cut short")
        return block[place - length : place]

    try:
        for _turn in range(struct.unpack_from("!I", block)[0]):
            name = take().decode().lower()
            found[name] = take().decode()
    except struct.error as error:
        raise ProtocolError("a header block is cut short") from error
    return found


class Session(asyncio.Protocol):
    """One connection after its upgrade.

    ``opened`` gets (stream, headers) of every new stream; ``received`` gets (stream, data), with None for data at a
    stream's end and (0, None) at the connection's.
    """

    def __init__(self) -> None:
        self.opened: asyncio.Queue[tuple[int, dict[str, str]]] = asyncio.Queue()
        self.received: asyncio.Queue[tuple[int, bytes | None]] = asyncio.Queue()
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)
        self._writable = asyncio.Event()
        self._writable.set()
        self._last = 0

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        self._writable.set()
        self.received.put_nowait((0, None))

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            while len(self._buffer) >= 8:
                length = int.from_bytes(self._buffer[5:8], "big")
                if len(self._buffer) < 8 + length:
                    return
                head, payload = self._buffer[:8], self._buffer[8 : 8 + length]
                self._buffer = self._buffer[8 + length :]
                self._frame(head, payload)
        except (ProtocolError, zlib.error, struct.error, UnicodeDecodeError):
            self.abort()

    def _frame(self, head: bytes, payload: bytes) -> None:
        first, flags = struct.unpack("!IB", head[:5])
        if not first >> 31:
            self.received.put_nowait((first, payload))
            if flags & FIN:
                self.received.put_nowait((first, None))
            return
        version, kind = first >> 16 & 0x7FFF, first & 0xFFFF
        if version != VERSION:
            raise ProtocolError(f"SPDY version {version}")
        if kind == SYN_STREAM:
            (stream,) = struct.unpack_from("!I", payload)
            self._last = stream
            headers = parse_headers(self._inflate.decompress(payload[10:]))
            block = self._deflate.compress(headers_block({})) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
            self._control(SYN_REPLY, struct.pack("!I", stream) + block)
            self.opened.put_nowait((stream, headers))
            if flags & FIN:
                self.received.put_nowait((stream, None))
        elif kind == PING:
            self._control(PING, payload)
        elif kind == RST_STREAM:
            self.received.put_nowait((struct.unpack_from("!I", payload)[0], None))
        elif kind == GOAWAY:
            self.received.put_nowait((0, None))

    def _control(self, kind: int, payload: bytes, flags: int = 0) -> None:
        head = struct.pack("!HHI", 1 << 15 | VERSION, kind, flags << 24 | len(payload))
        if self._transport is not None:
            self._transport.write(head + payload)

    async def send(self, stream: int, data: bytes, end: bool = False) -> None:
        """Write to a stream. ConnectionError when the connection is gone."""
        for start in range(0, max(len(data), 1), MAX_DATA):
            part = data[start : start + MAX_DATA]
            await self._writable.wait()
            if self._transport is None:
                raise ConnectionResetError("the connection is gone")
            last = end and start + MAX_DATA >= len(data)
            self._transport.write(struct.pack("!II", stream, (FIN if last else 0) << 24 | len(part)) + part)

    async def close(self) -> None:
        """Say that nothing more comes, give the other side a moment to read, and close."""
        self._control(GOAWAY, struct.pack("!II", self._last, 0))
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._until_lost(), 2)
        self.abort()

    async def _until_lost(self) -> None:
        while await self.received.get() != (0, None):
            pass

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.close()
