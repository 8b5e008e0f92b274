"""Volumes for claims."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rehearsal.claim_files import ClaimFiles
from rehearsal.cluster import volumes

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
