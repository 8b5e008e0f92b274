"""A lock that is a Lease: made by one, renewed by its version, recognised when an answer was lost."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils.hub_release.client import KubernetesError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.lease import ANNOTATION, LeaseStore
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.locking import LockError
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.machine import here
from ansible_collections.stfc.jupyterhub.plugins.module_utils.lock.record import Record

NOW = 1_790_000_000.0


@dataclasses.dataclass
class Kubernetes:
    """One Lease, with versions as Kubernetes has them. ``status``: what it answers instead."""

    lease: dict[str, Any] | None = None
    version: int = 0
    status: int | None = None

    def get(self, _api: str, _kind: str, _name: str) -> dict[str, Any] | None:
        self._may()
        return copy.deepcopy(self.lease)

    def create(self, item: dict[str, Any]) -> dict[str, Any]:
        self._may()
        if self.lease:
            raise KubernetesError("making Lease: exists", 409)
        return self._put(item)

    def patch(self, item: dict[str, Any]) -> dict[str, Any] | None:
        self._may()
        if self.lease is None:
            return None
        if item["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            raise KubernetesError("correcting Lease: conflict", 409)
        return self._put(item)

    def delete(self, _api: str, _kind: str, _name: str, version: str) -> None:
        self._may()
        if self.lease and self.lease["metadata"]["resourceVersion"] != version:
            raise KubernetesError("removing Lease: conflict", 409)
        self.lease = None

    def _put(self, item: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        self.lease = copy.deepcopy(item)
        self.lease["metadata"].update(uid="u1", resourceVersion=str(self.version))
        return copy.deepcopy(self.lease)

    def _may(self) -> None:
        if self.status is not None:
            raise KubernetesError("asked", self.status)


@pytest.fixture
def kubernetes() -> Kubernetes:
    return Kubernetes()


@pytest.fixture
def store(kubernetes: Kubernetes) -> LeaseStore:
    return LeaseStore(kubernetes)  # type: ignore[arg-type]


def run(process: int) -> Record:
    return dataclasses.replace(here().record("deploy", process, NOW), started=process)


def test_one_takes_it_and_the_other_sees_whose_it_is(store: LeaseStore, kubernetes: Kubernetes) -> None:
    entry, others = store.take(run(1))
    assert entry and entry.record == run(1) and others == []
    assert store.take(run(2)) == (None, [entry])
    assert store.take(run(1).renew(NOW + 5)) == (entry, [])
    assert kubernetes.lease
    assert kubernetes.lease["spec"]["leaseDurationSeconds"] == 45
    assert kubernetes.lease["spec"]["renewTime"] == "2026-09-21T14:13:20.000000Z"


def test_it_is_renewed_until_it_is_anothers(store: LeaseStore, kubernetes: Kubernetes) -> None:
    entry, _other = store.take(run(1))
    assert entry
    renewed = store.renew(entry, run(1).renew(NOW + 15))
    assert renewed and renewed.record == run(1).renew(NOW + 15)
    # An answer that was lost: the version is another, the run is ours.
    assert store.renew(entry, run(1).renew(NOW + 30))
    kubernetes.lease = None
    assert store.renew(renewed, run(1).renew(NOW + 45)) is None
    store.take(run(2))
    assert store.renew(renewed, run(1).renew(NOW + 60)) is None


def test_only_the_version_that_was_seen_is_removed(store: LeaseStore, kubernetes: Kubernetes) -> None:
    entry, _other = store.take(run(1))
    assert entry
    renewed = store.renew(entry, run(1).renew(NOW + 15))
    assert renewed
    store.remove(entry)
    assert kubernetes.lease
    store.remove(renewed)
    assert kubernetes.lease is None
    store.remove(renewed)


def test_one_that_somebody_took_by_hand_changes_with_its_version(store: LeaseStore, kubernetes: Kubernetes) -> None:
    kubernetes._put({"metadata": {}, "spec": {"holderIdentity": "carol"}})
    (entry,) = store.look()
    assert entry.record is None and "carol" in entry.text
    assert kubernetes.lease
    kubernetes._put(kubernetes.lease)
    (later,) = store.look()
    assert later.text != entry.text
    assert ANNOTATION not in later.text


@pytest.mark.parametrize(("status", "refused"), [(403, True), (0, False), (500, False)])
def test_a_refusal_is_told_from_a_failure(
    store: LeaseStore, kubernetes: Kubernetes, status: int, refused: bool
) -> None:
    kubernetes.status = status
    with pytest.raises(LockError, match=r"Lease kube-system/stfc\.jupyterhub") as caught:
        store.take(run(1))
    assert caught.value.refused is refused
