"""The cloud's metadata service, as pods see it."""

from __future__ import annotations

import asyncio

from aiohttp.test_utils import TestClient, TestServer

from rehearsal.pods import metadata


def test_it_answers_as_nova_does() -> None:
    async def ask() -> None:
        async with TestClient(TestServer(metadata.application())) as client:
            versions = await (await client.get("/openstack")).text()
            assert versions.split("\n") == list(metadata.VERSIONS)
            found = await (await client.get("/openstack/latest/meta_data.json")).json()
            assert found["availability_zone"] == "nova"
            assert (await client.get("/openstack/1999-01-01/meta_data.json")).status == 404

    asyncio.run(ask())
