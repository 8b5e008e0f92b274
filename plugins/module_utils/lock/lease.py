# Copyright: Contributors to the stfc.jupyterhub collection
# SPDX-License-Identifier: BSD-3-Clause
"""A lock in a cluster: a Lease, there while it is held. ``kubectl -n kube-system get leases`` shows it."""

from __future__ import annotations

from typing import Any

from ..hub_release.client import Kubernetes, KubernetesError
from .locking import Entry, LockError, split
from .record import Record, parse, stamp

NAMESPACE = "kube-system"
"""It is there before the hub's own namespace is."""

NAME = "stfc.jupyterhub"
ANNOTATION = "stfc.jupyterhub/lock"
API, KIND = "coordination.k8s.io/v1", "Lease"

Json = dict[str, Any]


class LeaseStore:
    """One Lease. Its name is unique, so that making it takes the lock; its version guards what follows."""

    def __init__(self, kubernetes: Kubernetes) -> None:
        self._kubernetes = kubernetes

    def look(self) -> list[Entry]:
        try:
            found = self._kubernetes.get(API, KIND, NAME)
        except KubernetesError as error:
            raise _lock_error(error) from None
        return [_entry(found)] if found else []

    def take(self, record: Record) -> tuple[Entry | None, list[Entry]]:
        try:
            made = self._kubernetes.create(_lease(record))
        except KubernetesError as error:
            if error.status != 409:
                raise _lock_error(error) from None
        else:
            return _entry(made), []
        own, others = split(self.look(), record)
        return (own[0] if own else None), others

    def renew(self, entry: Entry, record: Record) -> Entry | None:
        try:
            changed = self._kubernetes.patch(_lease(record, entry.version))
        except KubernetesError as error:
            if error.status != 409:
                raise _lock_error(error) from None
            # Another's, or ours of a later version: one whose answer did not arrive.
            own, _others = split(self.look(), record)
            return self.renew(own[0], record) if own and own[0].version != entry.version else None
        return _entry(changed) if changed else None

    def remove(self, entry: Entry) -> None:
        try:
            self._kubernetes.delete(API, KIND, NAME, version=entry.version)
        except KubernetesError as error:
            if error.status != 409:  # it has changed
                raise _lock_error(error) from None

    def detach(self) -> None:
        self._kubernetes.detach()


def _lease(record: Record, version: str = "") -> Json:
    """Times of a Lease are to the microsecond."""
    metadata: Json = {"name": NAME, "annotations": {ANNOTATION: record.text()}}
    if version:
        metadata["resourceVersion"] = version
    spec = {
        "holderIdentity": f"{record.user}@{record.host}/{record.process}",
        "leaseDurationSeconds": record.lasts,
        "acquireTime": stamp(record.since).replace("Z", ".000000Z"),
        "renewTime": stamp(record.renewed).replace("Z", ".000000Z"),
    }
    return {"apiVersion": API, "kind": KIND, "metadata": metadata, "spec": spec}


def _entry(lease: Json) -> Entry:
    metadata = lease["metadata"]
    text = str((metadata.get("annotations") or {}).get(ANNOTATION, ""))
    holder = str((lease.get("spec") or {}).get("holderIdentity", ""))
    record = parse(text)
    # Somebody's own, taken by hand: its version shows whether it is renewed.
    said = text if record else f"holder {holder}, version {metadata['resourceVersion']}"
    return Entry(metadata["uid"], metadata["resourceVersion"], said, record)


def _lock_error(error: KubernetesError) -> LockError:
    return LockError(f"{error} (Lease {NAMESPACE}/{NAME}).", error.status)
