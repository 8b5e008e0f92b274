"""Volumes for claims."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from openstack import exceptions

from rehearsal.claim_files import ClaimFiles
from rehearsal.cluster import volumes
from rehearsal.cluster.disks import CinderDisks, DiskError, NoDisks
from rehearsal.cluster.layout import ClusterDir
from rehearsal.cluster.volumes import VolumeReconciler
from rehearsal.settings import Settings
from tests.support.kube_in_memory import FakeKube, put

CLASS = {
    "metadata": {"name": "users"},
    "provisioner": "cinder.csi.openstack.org",
    "reclaimPolicy": "Retain",
    "volumeBindingMode": "WaitForFirstConsumer",
}


def claim(**annotations: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "claim-anna", "namespace": "hub", "uid": "u1", "annotations": annotations},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1G"}}},
        "status": {"phase": "Pending"},
    }


SELECTED = {"volume.kubernetes.io/selected-node": "n"}


@pytest.mark.parametrize(
    ("quantity", "size"), [("1G", 1), ("1Gi", 1), ("1073741825", 2), ("10Gi", 10), ("500Mi", 1), ("2.5Gi", 3)]
)
def test_sizes_are_whole_gibibytes(quantity: str, size: int) -> None:
    assert volumes.gibibytes(quantity) == size


def test_a_claim_waits_for_its_first_consumer() -> None:
    assert not volumes.needs_volume(claim(), CLASS)
    assert volumes.needs_volume(claim(**SELECTED), CLASS)
    assert volumes.needs_volume(claim(), {**CLASS, "volumeBindingMode": "Immediate"})


def test_claims_that_get_no_volume() -> None:
    assert not volumes.needs_volume(claim(**SELECTED), {**CLASS, "provisioner": "nfs"})
    bound = claim(**SELECTED)
    bound["spec"]["volumeName"] = "pv"
    assert not volumes.needs_volume(bound, CLASS)
    going = claim(**SELECTED)
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert not volumes.needs_volume(going, CLASS)


def test_volume_belongs_to_its_claim() -> None:
    volume = volumes.volume_for(claim(), CLASS, "77aa", 2)
    assert volume["metadata"]["name"] == "pvc-u1"
    assert volume["spec"]["capacity"] == {"storage": "2Gi"}
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert volume["spec"]["csi"] == {"driver": "cinder.csi.openstack.org", "volumeHandle": "77aa", "fsType": "ext4"}
    assert volume["spec"]["claimRef"]["uid"] == "u1"
    assert volumes.ours(volume)
    assert volumes.metadata_for(claim()) == {
        "csi.storage.k8s.io/pvc/name": "claim-anna",
        "csi.storage.k8s.io/pvc/namespace": "hub",
        "csi.storage.k8s.io/pv/name": "pvc-u1",
    }


def test_files_are_found_by_the_volumes_id_and_go_with_it(tmp_path: Path) -> None:
    files = ClaimFiles(tmp_path)
    folder = files.make("pvc-u1", "77aa")
    assert folder == tmp_path / "volumes/pvc-u1"
    (files.data("77aa") / "notes").write_text("mine")
    assert files.make("pvc-u1", "77aa") == folder
    assert (folder / "data/notes").read_text() == "mine"
    files.remove("another")
    assert folder.exists()
    files.remove("77aa")
    files.remove("77aa")
    assert not folder.exists()


@pytest.mark.parametrize(
    ("phase", "policy", "gone"),
    [("Released", "Delete", True), ("Released", "Retain", False), ("Bound", "Delete", False)],
)
def test_reclaim_policy(phase: str, policy: str, gone: bool) -> None:
    volume = {"status": {"phase": phase}, "spec": {"persistentVolumeReclaimPolicy": policy}}
    assert volumes.to_be_removed(volume) is gone


def test_others_volumes_are_left_alone() -> None:
    assert not volumes.ours({"metadata": {}, "spec": {"csi": {"driver": "nfs.csi.k8s.io"}}})


class Storage:
    """Cinder: volumes by id; it deletes when it comes to it, and refuses what is ``used``."""

    def __init__(self) -> None:
        self.made: dict[str, Any] = {}
        self.used: set[str] = set()
        self.deleting: list[str] = []

    def volumes(self, name: str) -> list[Any]:
        return [one for one in self.made.values() if one.name == name]

    def create_volume(self, name: str, size: int, **_options: Any) -> Any:
        if size > 100:
            raise exceptions.HttpException("no", http_status=413)
        made = self.made[f"id-{name}"] = SimpleNamespace(id=f"id-{name}", name=name, size=size)
        return made

    def delete_volume(self, identifier: str, ignore_missing: bool) -> None:
        assert ignore_missing
        if identifier in self.used:
            raise exceptions.BadRequestException("no", http_status=400, details="Volume must not have snapshots")
        self.deleting.append(identifier)

    def get_volume(self, identifier: str) -> Any:
        return self.made[identifier]

    def extend_volume(self, identifier: str, size: int) -> None:
        self.made[identifier].size = size


class World:
    """One cluster's claims and volumes."""

    def __init__(self, state: Path) -> None:
        cluster = ClusterDir(Settings.load(state), "5dcaa89c-d048-498a-9e73-ee9ee4cfe5f4")
        cluster.make()
        self.kube, self.storage = FakeKube(), Storage()
        cloud: Any = SimpleNamespace(block_storage=self.storage)
        as_kube: Any = self.kube
        self.reconciler = VolumeReconciler(cluster, as_kube, CinderDisks(cloud, "jh"))
        put(self.reconciler.classes, CLASS)
        self.have([], [])

    def have(self, claims: list[dict[str, Any]], persistent: list[dict[str, Any]]) -> None:
        put(self.reconciler.claims, *claims)
        put(self.reconciler.volumes, *persistent)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def persistent(uid: str, phase: str = "Released") -> dict[str, Any]:
    mine = claim()
    mine["metadata"]["uid"] = uid
    made = volumes.volume_for(mine, {**CLASS, "reclaimPolicy": "Delete"}, f"id-{uid}", 1)
    made["metadata"]["uid"] = f"volume-{uid}"
    return {**made, "status": {"phase": phase}}


def test_a_volume_that_cannot_be_deleted_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.storage.used = {"id-a"}
    world.have([], [persistent("a"), persistent("b")])
    assert world.reconciler.reconcile() == volumes.RETRY_SECONDS
    assert world.kube.deleted == ["/api/v1/persistentvolumes/pvc-b"]
    assert world.reconciler.reconcile() == volumes.RETRY_SECONDS
    (told,) = world.kube.events  # once, though it was tried twice
    assert (told["reason"], told["involvedObject"]["kind"]) == ("VolumeFailedDelete", "PersistentVolume")
    assert told["metadata"]["namespace"] == "default"  # as of all that has no namespace
    assert told["message"] == (
        "rpc error: code = Internal desc = DeleteVolume failed with error Volume must not have snapshots"
    )
    world.storage.used = set()
    assert world.reconciler.reconcile() is None
    assert "/api/v1/persistentvolumes/pvc-a" in world.kube.deleted
    world.have([], [])
    world.reconciler.reconcile()
    assert not world.reconciler._told


def test_files_are_left_to_cinder_which_deletes_them(world: World) -> None:
    """Both at once would be in each other's way."""
    files = world.reconciler.files
    (files.make("pvc-a", "id-a") / "data/notes").write_text("mine")
    world.have([], [persistent("a")])
    assert world.reconciler.reconcile() is None
    assert (world.storage.deleting, world.kube.deleted) == (["id-a"], ["/api/v1/persistentvolumes/pvc-a"])
    assert (files.data("id-a") / "notes").exists()


def test_without_a_cloud_the_files_go_at_once(tmp_path: Path) -> None:
    files = ClaimFiles(tmp_path)
    disks = NoDisks(files)
    folder = files.make("pvc-a", disks.ensure("pvc-a", 1, {}, {}))
    disks.delete(disks.ensure("pvc-a", 1, {}, {}))
    assert not folder.exists()


def test_a_claim_is_served_and_a_refusal_is_told(world: World) -> None:
    large = claim(**SELECTED)
    large["metadata"] |= {"name": "large", "uid": "u2"}
    large["spec"] |= {"resources": {"requests": {"storage": "1Ti"}}, "storageClassName": "users"}
    small = claim(**SELECTED)
    small["spec"]["storageClassName"] = "users"
    world.have([large, small], [])
    assert world.reconciler.reconcile() == volumes.RETRY_SECONDS
    assert list(world.storage.made) == ["id-pvc-u1"]
    assert (world.reconciler.files.folder("id-pvc-u1") / "volume.json").exists()
    (told,) = world.kube.events
    assert told["reason"] == "ProvisioningFailed"
    assert told["message"].startswith(
        'failed to provision volume with StorageClass "users": rpc error: code = ResourceExhausted'
    )


def test_cinders_volumes_are_found_by_their_name() -> None:
    storage = Storage()
    disks = CinderDisks(SimpleNamespace(block_storage=storage), "jh")  # type: ignore[arg-type]
    made = disks.ensure("pvc-a", 1, {}, {})
    assert disks.ensure("pvc-a", 1, {}, {}) == made
    with pytest.raises(DiskError, match="AlreadyExists"):
        disks.ensure("pvc-a", 2, {}, {})
    disks.enlarge(made, 3)
    assert storage.made[made].size == 3
