"""The relay, with real sockets."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path

import pytest

from rehearsal.cluster import relay
from rehearsal.cluster.layout import ClusterDir
from rehearsal.settings import Settings


@pytest.mark.parametrize("line", [b"", b"GET / HTTP/1.1\n", b"CONNECT host\n", b"CONNECT :80\n", b"CONNECT a:b\n"])
def test_other_lines_are_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a CONNECT line"):
        relay.parse_connect(line)


def test_connect_line() -> None:
    assert relay.parse_connect(b"CONNECT 10.96.0.1:443\n") == ("10.96.0.1", 443)


async def echo_until_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    data = await reader.read()  # answers only after the client has closed its half
    writer.write(b"got " + data)
    writer.write_eof()
    await writer.drain()
    writer.close()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: bytes) -> bytes:
    writer.write(text)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


def test_carries_both_ways_and_half_closes(tmp_path: Path) -> None:
    async def go() -> bytes:
        server = await asyncio.start_server(echo_until_end, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        inner = await relay.serve_connect(tmp_path / "s")
        streams = await relay.connect_through(tmp_path / "s", f"127.0.0.1:{port}")()
        answer = await ask(*streams, b"x" * 300_000)
        inner.close()
        server.close()
        return answer

    assert asyncio.run(go()) == b"got " + b"x" * 300_000
    assert (tmp_path / "s").stat().st_mode & 0o077 == 0


def test_a_half_closed_connection_outlives_the_garbage_collector(tmp_path: Path) -> None:
    async def go() -> bytes:
        asked, go_on = asyncio.Event(), asyncio.Event()

        async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            asked.set()
            await go_on.wait()
            writer.write(b"late")
            writer.close()

        server = await asyncio.start_server(slow, "127.0.0.1", 0)
        target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        inner = await relay.serve_connect(tmp_path / "s")
        outer = await asyncio.start_server(relay.through(relay.connect_through(tmp_path / "s", target)), "127.0.0.1", 0)
        answer = asyncio.ensure_future(ask(*await asyncio.open_connection(*outer.sockets[0].getsockname()), b"?"))
        await asked.wait()
        gc.collect()
        go_on.set()
        try:
            return await answer
        finally:
            for one in (server, inner, outer):
                one.close()

    assert asyncio.run(go()) == b"late"


def test_a_refused_target_closes_the_client(tmp_path: Path) -> None:
    async def go() -> bytes:
        server = await asyncio.start_server(echo_until_end, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        inner = await relay.serve_connect(tmp_path / "s")
        reader, _writer = await relay.connect_through(tmp_path / "s", f"127.0.0.1:{port}")()
        answer = await asyncio.wait_for(reader.read(), 5)
        inner.close()
        return answer

    assert asyncio.run(go()) == b""


def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "s").touch()

    async def go() -> None:
        (await relay.serve_connect(tmp_path / "s")).close()

    asyncio.run(go())


def test_forwards_open_move_and_close(tmp_path: Path, unused_port: int) -> None:
    cluster = ClusterDir(Settings.load(tmp_path), "0a0b0c0d-d048-498a-9e73-ee9ee4cfe5f4")
    cluster.make()

    def lead_to(target: str | None) -> None:
        entry = {"ports": {"80": unused_port}, "targets": {"80": target}}
        cluster.forwards.write_text(json.dumps({"203.0.113.9": entry} if target else {}))

    async def go() -> list[bytes]:
        async def named(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.write(str(writer.get_extra_info("sockname")[1]).encode())
            writer.close()

        servers = [await asyncio.start_server(named, "127.0.0.1", 0) for _turn in range(2)]
        targets = [f"127.0.0.1:{server.sockets[0].getsockname()[1]}" for server in servers]
        inner = await relay.serve_connect(cluster.inner_socket)
        forwards = relay.Forwards(cluster)
        await forwards.refresh()  # no file yet
        answers = []
        for target in targets:
            lead_to(target)
            await forwards.refresh()
            answers.append(await ask(*await asyncio.open_connection("127.0.0.1", unused_port), b"?"))
            assert answers[-1] == target.rpartition(":")[2].encode()
        lead_to(None)
        await forwards.refresh()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", unused_port)
        for server in (*servers, inner):
            server.close()
        return answers

    assert len(asyncio.run(go())) == 2
