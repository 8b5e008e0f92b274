"""A thin layer over the Kubernetes Python client: dicts instead of models, and a watch that resumes.

The client's own models cost several times an object's size and its watch gives up after an error; a runner that looks
at every pod of a cluster can afford neither.
"""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.parse
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.aio import client, config

Object = dict[str, Any]

log = logging.getLogger(__name__)

SYNCED = "SYNCED"
"""What ``watch`` yields, with an empty object, when the first list is through."""

UNREACHABLE = (aiohttp.ClientError, asyncio.TimeoutError, OSError)
"""What a call raises when the API server does not answer."""

_STRATEGIC = "application/strategic-merge-patch+json"
_MERGE = "application/merge-patch+json"
_PAGE = 250
_WATCH_SECONDS = 290


class ApiError(Exception):
    """The API server's refusal; ``status`` is the HTTP status."""

    def __init__(self, status: int, what: str, answer: str) -> None:
        super().__init__(f"{what}: {status} {answer}")
        self.status = status


class Kube:
    """The API of one cluster, with the identity of a kubeconfig."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api

    @classmethod
    async def connect(cls, kubeconfig: Path) -> Kube:
        """Ready to call; nothing is sent yet."""
        return cls(await _client(kubeconfig))

    async def renew(self, kubeconfig: Path) -> None:
        """Go on with the certificates that the kubeconfig has now. Watches that run break, and resume."""
        # A context of its own: two CAs of one name in a single one hide each other.
        before, self._api = self._api, await _client(kubeconfig)
        await before.close()

    async def close(self) -> None:
        await self._api.close()

    async def get(self, path: str, **query: Any) -> Object:
        return await self._call("GET", path, query)

    async def create(self, path: str, body: Object) -> Object:
        return await self._call("POST", path, {}, body)

    async def patch(self, path: str, body: Object, *, strategic: bool = True) -> Object:
        return await self._call("PATCH", path, {}, body, _STRATEGIC if strategic else _MERGE)

    async def delete(self, path: str, body: Object) -> Object:
        return await self._call("DELETE", path, {}, body)

    async def _call(
        self, method: str, path: str, query: Object, body: Object | None = None, kind: str = "application/json"
    ) -> Object:
        """One request. Raises ApiError on a refusal, one of UNREACHABLE when there is no answer."""
        answer = await self._send(method, path, query, body, kind, aiohttp.ClientTimeout(total=20))
        async with answer:
            data = await answer.read()
        parsed: Object = json.loads(data) if data else {}
        return parsed

    async def _send(
        self, method: str, path: str, query: Object, body: Object | None, kind: str, timeout: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        url = self._api.configuration.host + path + (f"?{urllib.parse.urlencode(query)}" if query else "")
        headers = {"Content-Type": kind, "Accept": "application/json"}
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], None, None, None)
        reply = await self._api.rest_client.request(method, url, headers, body, _request_timeout=timeout)
        answer: aiohttp.ClientResponse = reply.response
        if answer.status >= 400:
            text = (await answer.read()).decode(errors="replace")
            raise ApiError(answer.status, f"{method} {path}", _message(text))
        return answer

    async def watch(self, path: str, **query: Any) -> AsyncIterator[tuple[str, Object]]:
        """List, then follow for ever: ``("ADDED" | "MODIFIED" | "DELETED" | SYNCED, object)``.

        After a broken connection it goes on where it was; when the server has forgotten that place it lists again and
        yields a DELETED (with the metadata alone) for what has gone in between. Errors are logged, never raised.
        """
        known: dict[str, Object] = {}
        synced = False
        while True:
            try:
                seen: set[str] = set()
                version = ""
                async for listed, item in self._list(path, query):
                    version = listed
                    if item:
                        seen.add(item["metadata"]["uid"])
                        known[item["metadata"]["uid"]] = _identity(item)
                        yield "MODIFIED", item
                for uid in known.keys() - seen:
                    yield "DELETED", known.pop(uid)
                if not synced:
                    synced = True
                    yield SYNCED, {}
                async for kind, item in self._follow(path, query, version):
                    if kind == "DELETED":
                        known.pop(item["metadata"]["uid"], None)
                    else:
                        known[item["metadata"]["uid"]] = _identity(item)
                    yield kind, item
            except (ApiError, *UNREACHABLE) as error:
                if not (isinstance(error, ApiError) and error.status == 410):
                    log.warning("watching %s: %s; trying again", path, error or type(error).__name__)
                await asyncio.sleep(1)

    async def _list(self, path: str, query: Object) -> AsyncIterator[tuple[str, Object | None]]:
        """Every object with the list's version; at least one (version, None)."""
        token = ""
        while True:
            page = await self.get(path, **query, limit=_PAGE, **({"continue": token} if token else {}))
            version = page["metadata"]["resourceVersion"]
            yield version, None
            for item in page.get("items") or []:
                yield version, item
            token = page["metadata"].get("continue", "")
            if not token:
                return

    async def _follow(self, path: str, query: Object, version: str) -> AsyncIterator[tuple[str, Object]]:
        """Events since ``version``, over as many connections as it takes; ApiError 410 when it is too old."""
        while True:
            asked = query | {"watch": 1, "allowWatchBookmarks": "true", "resourceVersion": version}
            asked["timeoutSeconds"] = _WATCH_SECONDS
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=_WATCH_SECONDS + 30)
            answer = await self._send("GET", path, asked, None, "application/json", timeout)
            async with answer:
                async for line in _lines(answer):
                    event = json.loads(line)
                    item = event["object"]
                    if event["type"] == "ERROR":
                        raise ApiError(item.get("code", 500), f"watch {path}", item.get("message", ""))
                    version = item["metadata"]["resourceVersion"]
                    if event["type"] != "BOOKMARK":
                        yield event["type"], item


async def _client(kubeconfig: Path) -> client.ApiClient:
    settings = client.Configuration()
    await config.load_kube_config(str(kubeconfig), client_configuration=settings, persist_config=False)
    # A proxy of the host's environment does not lead into the cluster.
    settings.client_session_kwargs = {"trust_env": False}
    return client.ApiClient(settings)


async def _lines(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Whole lines of any length (aiohttp's own line reader has a limit that a large object exceeds)."""
    rest = b""
    async for chunk in answer.content.iter_any():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line:
                yield line


def _identity(item: Object) -> Object:
    meta = item["metadata"]
    return {"metadata": {key: meta[key] for key in ("namespace", "name", "uid") if key in meta}}


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])[:500]
    except (ValueError, KeyError, TypeError):
        return text[:500]
