"""Volumes of StorageClasses of Cinder's CSI driver: folders of this machine.

It does the parts of external-provisioner, external-resizer and of the driver itself. A volume is
``<state>/volumes/pvc-<uid>/``: its files in ``data/``, and in ``volume.json`` what it belongs to. Binding a claim
to it is the controller manager's.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from rehearsal import quantity
from rehearsal.cluster.flavors import GIB
from rehearsal.cluster.kube import CORE, MERGE, STORAGE, Collection, Kube, Object
from rehearsal.cluster.layout import ClusterDir, read_json, write_json
from rehearsal.cluster.reconcile import Reconciler
from rehearsal.removal import remove_tree
from rehearsal.settings import make_private

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


class VolumeReconciler(Reconciler):
    """Makes, enlarges and removes volumes as claims and their classes say."""

    name = "volumes"

    def __init__(self, cluster: ClusterDir, kube: Kube) -> None:
        super().__init__()
        self.cluster = cluster
        self.kube = kube
        self.root = cluster.settings.state / "volumes"
        self.classes = Collection(kube, f"{STORAGE}/storageclasses", self.wake)
        self.claims = Collection(kube, f"{CORE}/persistentvolumeclaims", self.wake, trim)
        self.volumes = Collection(kube, f"{CORE}/persistentvolumes", self.wake, trim)
        self._registered = False

    def reconcile(self) -> float | None:
        if not all(part.synced.is_set() for part in (self.classes, self.claims, self.volumes)):
            return 1.0
        if not self._registered:
            self.kube.create(f"{STORAGE}/csidrivers", CSI_DRIVER)
            self._registered = True
        classes = {item["metadata"]["name"]: item for item in self.classes.items()}
        for claim in self.claims.items():
            storage_class = classes.get(claim["spec"].get("storageClassName") or "")
            if storage_class is not None and needs_volume(claim, storage_class):
                self._provision(claim, storage_class)
            volume = self.volumes.item(claim["spec"].get("volumeName") or "")
            if volume is not None and ours(volume):
                self._enlarge(claim, volume)
        for volume in self.volumes.items():
            if ours(volume) and to_be_removed(volume):
                self._remove(volume)
        return None

    def _provision(self, claim: Object, storage_class: Object) -> None:
        name = f"pvc-{claim['metadata']['uid']}"
        if self.volumes.item(name) is not None:
            return
        size = gibibytes(claim["spec"]["resources"]["requests"]["storage"])
        folder = self.root / name
        data = folder / "data"
        make_private(self.root)
        make_private(folder)
        data.mkdir(exist_ok=True)
        data.chmod(0o777)  # a fresh file system's root is opened to the pod's group by kubelet (fsGroup)
        write_json(folder / "volume.json", describe(self.cluster, claim, storage_class, size))
        if self.kube.create(f"{CORE}/persistentvolumes", volume_for(claim, storage_class, data, size)):
            LOG.info("volume %s: made for claim %s/%s", name, *_claim(claim))

    def _enlarge(self, claim: Object, volume: Object) -> None:
        """Volume first, then the claim's status, as external-resizer does."""
        if claim["status"].get("phase") != "Bound":
            return
        asked = gibibytes(claim["spec"]["resources"]["requests"]["storage"])
        has = gibibytes(volume["spec"]["capacity"]["storage"])
        size = f"{max(asked, has)}Gi"
        if asked > has:
            name = volume["metadata"]["name"]
            path = Path(volume["spec"]["hostPath"]["path"]).parent / "volume.json"
            write_json(path, {**read_json(path, {}), "size": asked * GIB})
            self.kube.patch(f"{CORE}/persistentvolumes/{name}", {"spec": {"capacity": {"storage": size}}}, MERGE)
            LOG.info("volume %s: enlarged to %s", name, size)
        shown = (claim["status"].get("capacity") or {}).get("storage")
        if shown is not None and gibibytes(shown) < max(asked, has):
            namespace, name = _claim(claim)
            status = {"capacity": {"storage": size}, "conditions": None}
            path_ = f"{CORE}/namespaces/{namespace}/persistentvolumeclaims/{name}/status"
            self.kube.patch(path_, {"status": status}, MERGE)

    def _remove(self, volume: Object) -> None:
        name = volume["metadata"]["name"]
        folder = Path(volume["spec"]["hostPath"]["path"]).parent
        if folder.parent == self.root:
            remove_tree(folder)
        self.kube.delete(f"{CORE}/persistentvolumes/{name}")
        LOG.info("volume %s: removed, its claim is gone and its class says Delete", name)


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
    return annotations.get(PROVISIONED_BY) == PROVISIONER and "hostPath" in volume["spec"]


def to_be_removed(volume: Object) -> bool:
    """Whether the claim is gone and the volume goes with it."""
    return (
        volume["status"].get("phase") in ("Released", "Failed")
        and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
    )


def volume_for(claim: Object, storage_class: Object, data: Path, size: int) -> Object:
    """The PersistentVolume of ``size`` GiB that is meant for ``claim``."""
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
            "hostPath": {"path": str(data), "type": "Directory"},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": namespace,
                "name": name,
                "uid": claim["metadata"]["uid"],
            },
        },
    }


def describe(cluster: ClusterDir, claim: Object, storage_class: Object, size: int) -> dict[str, Any]:
    """``volume.json``: ``size`` in bytes."""
    namespace, name = _claim(claim)
    return {
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
