"""An API server in memory: what reconcilers read is put in, what they write is looked at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from kubernetes.client.exceptions import ApiException

from rehearsal.cluster.kube import Collection, key_of


class FakeKube:
    """Lists are empty and watches are silent: tests fill the collections (``put``). Events that were told are kept.

    ``closed``: namespaces that take no new object, as those do that are being deleted.
    """

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.patched: list[tuple[str, dict[str, Any]]] = []
        self.deleted: list[str] = []
        self.closed: set[str] = set()

    def get(self, path: str) -> dict[str, Any]:
        return {"items": [], "metadata": {"resourceVersion": "1"}}

    def stream(self, path: str, version: str, seconds: int = 0) -> Iterator[dict[str, Any]]:
        while True:
            time.sleep(60)
            yield from ()

    def create(self, path: str, body: dict[str, Any]) -> bool:
        if body["metadata"].get("namespace") in self.closed:
            raise ApiException(status=403, reason="unable to create new content: it is being terminated")
        if body["kind"] == "Event":
            assert path == f"/api/v1/namespaces/{body['metadata']['namespace']}/events"
            self.events.append(body)
        return True

    def patch(self, path: str, body: dict[str, Any], kind: str = "") -> dict[str, Any] | None:
        for event in self.events:
            if path.endswith(f"/events/{event['metadata']['name']}"):
                event.update(body)
                return event
        self.patched.append((path, body))
        return body

    def delete(self, path: str) -> None:
        self.deleted.append(path)

    def told(self) -> list[tuple[str, int]]:
        """Reason and count of every event, in the order of their first time."""
        return [(event["reason"], event["count"]) for event in self.events]


def put(collection: Collection, *items: dict[str, Any]) -> None:
    """Have the collection hold just these, as if a watch had said so."""
    assert collection.synced.wait(10)
    collection._items = {key_of(item): collection._trim(item) for item in items}
