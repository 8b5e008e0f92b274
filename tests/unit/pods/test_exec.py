"""`exec`: SPDY's frames and header blocks, and what a caller is told."""

from __future__ import annotations

import asyncio
import struct
import zlib

import pytest

from rehearsal.pods import remote_command, spdy
from rehearsal.pods.spdy import Session


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.closed = True


def control(kind: int, payload: bytes, flags: int = 0) -> bytes:
    return struct.pack("!HHI", 1 << 15 | 3, kind, flags << 24 | len(payload)) + payload


def syn_stream(compress: zlib._Compress, stream: int, headers: dict[str, str]) -> bytes:
    block = compress.compress(spdy.headers_block(headers)) + compress.flush(zlib.Z_SYNC_FLUSH)
    return control(spdy.SYN_STREAM, struct.pack("!IIH", stream, 0, 0) + block)


def connected() -> tuple[Session, Wire]:
    session, wire = Session(), Wire()
    session.connection_made(wire)
    return session, wire


def test_the_dictionary_is_the_protocols() -> None:
    assert (len(spdy.DICTIONARY), zlib.adler32(spdy.DICTIONARY)) == (1423, 0xE3C6A7C2)


def test_header_blocks_come_back() -> None:
    headers = {"streamtype": "stdout", "port": "8080"}
    assert spdy.parse_headers(spdy.headers_block(headers)) == headers
    with pytest.raises(spdy.ProtocolError):
        spdy.parse_headers(spdy.headers_block(headers)[:-3])


def test_streams_are_opened_answered_and_carry_data() -> None:
    async def scene() -> None:
        session, wire = connected()
        compress = zlib.compressobj(zdict=spdy.DICTIONARY)
        bytes_in = syn_stream(compress, 1, {"streamType": "error"}) + syn_stream(compress, 3, {"streamType": "stdin"})
        bytes_in += struct.pack("!II", 3, 5) + b"hello" + struct.pack("!II", 3, spdy.FIN << 24)
        for at in range(len(bytes_in)):
            session.data_received(bytes_in[at : at + 1])
        assert session.opened.get_nowait() == (1, {"streamtype": "error"})
        assert session.opened.get_nowait() == (3, {"streamtype": "stdin"})
        assert session.received.get_nowait() == (3, b"hello")
        while (answer := session.received.get_nowait()) != (3, None):
            assert answer == (3, b"")
        first, length = struct.unpack("!II", wire.written[:8])
        assert first == (1 << 15 | 3) << 16 | spdy.SYN_REPLY
        inflate = zlib.decompressobj(zdict=spdy.DICTIONARY)
        assert spdy.parse_headers(inflate.decompress(wire.written[12 : 8 + length])) == {}

    asyncio.run(scene())


def test_data_is_cut_into_frames_and_ended() -> None:
    async def scene() -> None:
        session, wire = connected()
        await session.send(5, b"x" * (spdy.MAX_DATA + 1), end=True)
        stream, word = struct.unpack("!II", wire.written[:8])
        assert (stream, word) == (5, spdy.MAX_DATA)
        stream, word = struct.unpack("!II", wire.written[8 + spdy.MAX_DATA :][:8])
        assert (stream, word >> 24, word & 0xFFFFFF) == (5, spdy.FIN, 1)

    asyncio.run(scene())


def test_ping_is_answered_and_nonsense_ends_the_connection() -> None:
    async def scene() -> None:
        session, wire = connected()
        ping = control(spdy.PING, struct.pack("!I", 7))
        session.data_received(ping)
        assert wire.written == ping
        session.data_received(struct.pack("!HHI", 1 << 15 | 2, 1, 0))
        assert wire.closed
        session.connection_lost(None)
        assert session.received.get_nowait() == (0, None)
        with pytest.raises(ConnectionError):
            await session.send(1, b"late")

    asyncio.run(scene())


def test_outcome() -> None:
    assert remote_command.outcome(0) == {"metadata": {}, "status": "Success"}
    failed = remote_command.outcome(3)
    assert failed["reason"] == "NonZeroExitCode"
    assert failed["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
