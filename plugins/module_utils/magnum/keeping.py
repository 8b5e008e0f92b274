"""Lists a project's volumes and snapshots, and marks those of a cluster so that they outlive it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .errors import MagnumError
from .volumes import Cluster, Found, Json, Thing, handles, needed, refused, sort_out, spelled, unspelled

THREADS = 8
"""How many are marked at once: a request each, and there may be hundreds."""


def things_of(kind: str, listed: Iterable[Any]) -> list[Thing]:
    """openstacksdk's volumes or snapshots as ours."""
    read = unspelled if kind == "snapshot" else dict
    return [
        Thing(kind, each.id, each.name or each.id, each.size, each.status, read(each.metadata or {})) for each in listed
    ]


class Keeper:
    """``connection`` is openstacksdk's. ``sdk_error``: the base of what it raises."""

    def __init__(self, connection: Any, sdk_error: type[Exception], say: Callable[[str], None]) -> None:
        self._connection = connection
        self._sdk_error = sdk_error
        self._say = say
        self.there = bool(connection.has_service("block-storage"))
        """Whether the cloud has volumes at all."""

    def things(self) -> list[Thing]:
        """All volumes and snapshots of the project."""
        if not self.there:
            return []
        storage = self._connection.block_storage
        return things_of("volume", storage.volumes()) + things_of("snapshot", storage.snapshots())

    def unkept(self, found: Found, cluster: Cluster, persistent: Sequence[Json] | None) -> dict[str, dict[str, str]]:
        """The metadata that each lacks, by id."""
        named = handles(persistent or ())
        wanted = {thing.id: needed(thing, cluster, named.get(thing.id)) for thing in found.mine}
        return {each: metadata for each, metadata in wanted.items() if metadata}

    def keep(self, found: Found, cluster: Cluster, persistent: Sequence[Json] | None) -> Found:
        """Mark what is not, and look again. Raises MagnumError with all that could not be marked."""
        wanted = self.unkept(found, cluster, persistent)
        if not wanted:
            return found
        if not cluster.uuid:
            raise MagnumError(f"Cluster {cluster.name} does not exist, so its volumes are not marked as its own.")
        self._say(f"marking {len(wanted)} volumes and snapshots of cluster {cluster.name} as kept")
        by_id = {thing.id: thing for thing in found.mine}
        with ThreadPoolExecutor(THREADS) as pool:
            answers = dict(
                zip(wanted, pool.map(lambda each: self._mark(by_id[each], wanted[each]), wanted), strict=True)
            )
        again = sort_out(self.things(), cluster, persistent)
        left = self.unkept(again, cluster, persistent)
        failed = [
            (thing, answers.get(thing.id) or "Cinder took it, but does not show it")
            for thing in again.mine
            if thing.id in left and thing.id in wanted
        ]
        if failed:
            raise MagnumError(refused(failed), volumes=[thing.id for thing, _answer in failed])
        return again

    def _mark(self, thing: Thing, metadata: dict[str, str]) -> str:
        """Add to the metadata of one; what Cinder answered to that where it refused."""
        storage = self._connection.block_storage
        try:
            if thing.kind == "volume":
                storage.set_volume_metadata(thing.id, **metadata)
            else:
                snapshot = storage.get_snapshot(thing.id)
                whole = {**unspelled(snapshot.metadata or {}), **metadata}
                snapshot.set_metadata(storage, metadata=spelled(whole), replace=True)
        except self._sdk_error as error:
            status = getattr(error, "status_code", None) or "nothing"
            answer = " ".join(str(getattr(error, "details", None) or error).split())
            return f"Cinder answered {status}: {answer}"
        return ""
