"""Volumes of StorageClasses of Cinder's CSI driver: Cinder's volumes, with their files on this machine.

It does the parts of external-provisioner, external-resizer and of the driver itself. A volume is one of Cinder's of
the name ``pvc-<uid>``, whose id is the PersistentVolume's handle, and the folder ``<state>/volumes/pvc-<uid>/``: its
files in ``data/``, and in ``volume.json`` what it belongs to. The files go when Cinder deletes the volume, whoever
asked for it. Binding a claim to it is the controller manager's.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from openstack import exceptions

from rehearsal import claim_files, quantity
from rehearsal.cluster import events
from rehearsal.cluster.disks import DiskError, Disks
from rehearsal.cluster.flavors import GIB
from rehearsal.cluster.kube import CORE, MERGE, STORAGE, Collection, Kube, Object
from rehearsal.cluster.layout import ClusterDir, read_json, write_json
from rehearsal.cluster.reconcile import Reconciler

LOG = logging.getLogger(__name__)

PROVISIONER = "cinder.csi.openstack.org"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"

CSI_DRIVER: Object = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "CSIDriver",
    "metadata": {"name": PROVISIONER},
    "spec": {
        "attachRequired": False,
        "podInfoOnMount": True,
        "volumeLifecycleModes": ["Persistent"],
    },
}
"""As Cinder's, but that nothing is attached."""

WORKERS = 4
"""How many claims are served at once (external-provisioner: 100)."""

RETRY_SECONDS = 10.0
"""Until a refused claim is tried again."""

SAY_AGAIN_SECONDS = 60.0
"""Until the same refusal is told once more."""


class VolumeReconciler(Reconciler):
    """Makes, enlarges and removes volumes as claims and their classes say."""

    name = "volumes"

    def __init__(self, cluster: ClusterDir, kube: Kube, disks: Disks) -> None:
        super().__init__()
        self.cluster = cluster
        self.kube = kube
        self.disks = disks
        self.files = claim_files.ClaimFiles(cluster.settings.state)
        self.classes = Collection(kube, f"{STORAGE}/storageclasses", self.wake)
        self.claims = Collection(kube, f"{CORE}/persistentvolumeclaims", self.wake, trim)
        self.volumes = Collection(kube, f"{CORE}/persistentvolumes", self.wake, trim)
        self._registered = False
        self._told: dict[str, tuple[str, float]] = {}

    def reconcile(self) -> float | None:
        if not all(part.synced.is_set() for part in (self.classes, self.claims, self.volumes)):
            return 1.0
        if not self._registered:
            self.kube.create(f"{STORAGE}/csidrivers", CSI_DRIVER)
            self._registered = True
        classes = {item["metadata"]["name"]: item for item in self.classes.items()}
        claims, volumes = self.claims.items(), self.volumes.items()
        uids = {item["metadata"]["uid"] for item in (*claims, *volumes)}
        self._told = {uid: told for uid, told in self._told.items() if uid in uids}
        with ThreadPoolExecutor(WORKERS) as pool:
            pauses = list(pool.map(lambda claim: self._serve(claim, classes), claims))
        pauses += [self._remove(volume) for volume in volumes if ours(volume) and to_be_removed(volume)]
        return max(filter(None, pauses), default=None)

    def _serve(self, claim: Object, classes: dict[str, Object]) -> float | None:
        """Make or enlarge the claim's volume; how long to wait where Cinder refuses."""
        storage_class = classes.get(claim["spec"].get("storageClassName") or "")
        volume = self.volumes.item(claim["spec"].get("volumeName") or "")
        reason = "ProvisioningFailed"
        try:
            if storage_class is not None and needs_volume(claim, storage_class):
                self._provision(claim, storage_class)
            reason = "VolumeResizeFailed"
            if volume is not None and ours(volume):
                self._enlarge(claim, volume)
        except (DiskError, exceptions.SDKException) as error:
            # In the words of external-provisioner and external-resizer.
            what = f'failed to provision volume with StorageClass "{claim["spec"].get("storageClassName")}": {error}'
            if reason == "VolumeResizeFailed":
                what = f'resize volume "{claim["spec"].get("volumeName")}" by resizer "{PROVISIONER}" failed: {error}'
            self._tell("PersistentVolumeClaim", claim, reason, what)
            return RETRY_SECONDS
        return None

    def _tell(self, kind: str, item: Object, reason: str, what: str) -> None:
        """An event about a refusal."""
        uid, now = item["metadata"]["uid"], time.monotonic()
        before, since = self._told.get(uid, ("", 0.0))
        if what == before and now - since < SAY_AGAIN_SECONDS:
            return
        self._told[uid] = (what, now)
        events.tell(self.kube, kind, item, PROVISIONER, reason, what)

    def _provision(self, claim: Object, storage_class: Object) -> None:
        name = f"pvc-{claim['metadata']['uid']}"
        if self.volumes.item(name) is not None:
            return
        size = gibibytes(claim["spec"]["resources"]["requests"]["storage"])
        parameters = storage_class.get("parameters") or {}
        handle = self.disks.ensure(name, size, parameters, metadata_for(claim))
        folder = self.files.make(name, handle)
        write_json(folder / "volume.json", describe(self.cluster, claim, storage_class, size, handle))
        if self.kube.create(f"{CORE}/persistentvolumes", volume_for(claim, storage_class, handle, size)):
            LOG.info("volume %s (%s): made for claim %s/%s", name, handle, *_claim(claim))

    def _enlarge(self, claim: Object, volume: Object) -> None:
        """Volume first, then the claim's status, as external-resizer does."""
        if claim["status"].get("phase") != "Bound":
            return
        asked = gibibytes(claim["spec"]["resources"]["requests"]["storage"])
        has = gibibytes(volume["spec"]["capacity"]["storage"])
        size = f"{max(asked, has)}Gi"
        if asked > has:
            name, handle = volume["metadata"]["name"], volume["spec"]["csi"]["volumeHandle"]
            self.disks.enlarge(handle, asked)
            path = self.files.folder(handle) / "volume.json"
            write_json(path, {**read_json(path, {}), "size": asked * GIB})
            self.kube.patch(f"{CORE}/persistentvolumes/{name}", {"spec": {"capacity": {"storage": size}}}, MERGE)
            LOG.info("volume %s: enlarged to %s", name, size)
        shown = (claim["status"].get("capacity") or {}).get("storage")
        if shown is not None and gibibytes(shown) < max(asked, has):
            namespace, name = _claim(claim)
            status = {"capacity": {"storage": size}, "conditions": None}
            path_ = f"{CORE}/namespaces/{namespace}/persistentvolumeclaims/{name}/status"
            self.kube.patch(path_, {"status": status}, MERGE)

    def _remove(self, volume: Object) -> float | None:
        """Remove it with what is behind it; how long to wait where Cinder refuses."""
        name, handle = volume["metadata"]["name"], volume["spec"]["csi"]["volumeHandle"]
        try:
            self.disks.delete(handle)
        except (DiskError, exceptions.SDKException) as error:
            self._tell("PersistentVolume", volume, "VolumeFailedDelete", str(error))
            return RETRY_SECONDS
        self.kube.delete(f"{CORE}/persistentvolumes/{name}")
        LOG.info("volume %s: removed, its claim is gone and its class says Delete", name)
        return None


def gibibytes(size: str) -> int:
    """A size in whole GiB, rounded up: Cinder has no others."""
    return max(1, quantity.in_units_of(size, "1Gi"))


def needs_volume(claim: Object, storage_class: Object) -> bool:
    """Whether a volume is to be made for the claim now."""
    if storage_class["provisioner"] != PROVISIONER or claim["spec"].get("volumeName"):
        return False
    if claim["metadata"].get("deletionTimestamp") or claim["status"].get("phase") != "Pending":
        return False
    waits = storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"
    return not waits or SELECTED_NODE in (claim["metadata"].get("annotations") or {})


def ours(volume: Object) -> bool:
    """Whether the volume was made here: others' are left alone."""
    annotations = volume["metadata"].get("annotations") or {}
    return annotations.get(PROVISIONED_BY) == PROVISIONER and "csi" in volume["spec"]


def to_be_removed(volume: Object) -> bool:
    """Whether the claim is gone and the volume goes with it."""
    return (
        volume["status"].get("phase") in ("Released", "Failed")
        and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
    )


def metadata_for(claim: Object) -> dict[str, str]:
    """What external-provisioner has the CSI driver write down of a claim (``--extra-create-metadata``)."""
    namespace, name = _claim(claim)
    return {
        "csi.storage.k8s.io/pvc/name": name,
        "csi.storage.k8s.io/pvc/namespace": namespace,
        "csi.storage.k8s.io/pv/name": f"pvc-{claim['metadata']['uid']}",
    }


def volume_for(claim: Object, storage_class: Object, handle: str, size: int) -> Object:
    """The PersistentVolume of Cinder's volume ``handle`` of ``size`` GiB that is meant for ``claim``."""
    namespace, name = _claim(claim)
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": f"pvc-{claim['metadata']['uid']}",
            "annotations": {PROVISIONED_BY: PROVISIONER},
        },
        "spec": {
            "capacity": {"storage": f"{size}Gi"},
            "accessModes": claim["spec"]["accessModes"],
            "volumeMode": claim["spec"].get("volumeMode", "Filesystem"),
            "storageClassName": storage_class["metadata"]["name"],
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy") or "Delete",
            "mountOptions": storage_class.get("mountOptions") or [],
            "csi": {
                "driver": PROVISIONER,
                "volumeHandle": handle,
                "fsType": (storage_class.get("parameters") or {}).get("csi.storage.k8s.io/fstype", "ext4"),
            },
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": namespace,
                "name": name,
                "uid": claim["metadata"]["uid"],
            },
        },
    }


def describe(cluster: ClusterDir, claim: Object, storage_class: Object, size: int, handle: str) -> dict[str, Any]:
    """``volume.json``: ``size`` in bytes, ``id`` Cinder's."""
    namespace, name = _claim(claim)
    return {
        "id": handle,
        "cluster": cluster.uuid,
        "namespace": namespace,
        "claim": name,
        "class": storage_class["metadata"]["name"],
        "labels": claim["metadata"].get("labels") or {},
        "size": size * GIB,
    }


def trim(item: Object) -> Object:
    """Without what nobody reads."""
    meta = {key: value for key, value in item["metadata"].items() if key != "managedFields"}
    return {"metadata": meta, "spec": item["spec"], "status": item.get("status") or {}}


def _claim(claim: Object) -> tuple[str, str]:
    return claim["metadata"]["namespace"], claim["metadata"]["name"]
