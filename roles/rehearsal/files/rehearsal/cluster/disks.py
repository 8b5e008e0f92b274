"""What stands behind a claim's volume: one of Cinder's, made as Cinder's CSI driver makes it, or nothing.

Source: cloud-provider-openstack, ``pkg/csi/cinder/controllerserver.go`` (names, metadata, refusals).
"""

from __future__ import annotations

import abc
import time
import uuid
from collections.abc import Mapping
from typing import Any

from openstack import exceptions
from openstack.connection import Connection

from rehearsal.claim_files import ClaimFiles
from rehearsal.cluster.refusals import refusal

WAIT_SECONDS = 30.0
PAUSE_SECONDS = 0.2

CLUSTER = "cinder.csi.openstack.org/cluster"
"""Key of a volume's metadata: what the driver was told as its cluster."""

QUOTA = 413
"""Cinder's answer where a quota would be exceeded."""


class DiskError(Exception):
    """What cannot be done, in the CSI driver's words for the claim's events."""


class Disks(abc.ABC):
    """What the volumes' reconciler needs of a cloud."""

    @abc.abstractmethod
    def ensure(self, name: str, size: int, parameters: Mapping[str, str], metadata: Mapping[str, str]) -> str:
        """Have a volume of that name and of ``size`` GiB; its id. ``parameters``: the storage class's.

        Raises DiskError for a refusal, the SDK's exceptions for what may pass.
        """

    @abc.abstractmethod
    def enlarge(self, identifier: str, size: int) -> None:
        """Have it of ``size`` GiB; raises as ``ensure`` does."""

    @abc.abstractmethod
    def delete(self, identifier: str) -> None:
        """Remove it, and the files of the claim with it; it may be gone already. Raises as ``ensure`` does."""


class NoDisks(Disks):
    """For a control plane without a cloud: files alone."""

    def __init__(self, files: ClaimFiles) -> None:
        self.files = files

    def ensure(self, name: str, size: int, parameters: Mapping[str, str], metadata: Mapping[str, str]) -> str:  # noqa: ARG002
        return str(uuid.uuid5(uuid.NAMESPACE_OID, name))

    def enlarge(self, identifier: str, size: int) -> None:
        """Nothing is there."""

    def delete(self, identifier: str) -> None:
        self.files.remove(identifier)


class CinderDisks(Disks):
    """Volumes in the operator's project, by the cluster's own credential. ``cluster``: what CSI was told it is."""

    def __init__(self, cloud: Connection, cluster: str) -> None:
        self.storage: Any = cloud.block_storage
        self.cluster = cluster

    def ensure(self, name: str, size: int, parameters: Mapping[str, str], metadata: Mapping[str, str]) -> str:
        found = list(self.storage.volumes(name=name))
        if len(found) > 1:
            raise DiskError("rpc error: code = Internal desc = Multiple volumes reported by Cinder with same name")
        if found and found[0].size != size:
            text = "Volume Already exists with same name and different capacity"
            raise DiskError(f"rpc error: code = AlreadyExists desc = {text}")
        if found:
            return str(found[0].id)
        options = {"volume_type": parameters.get("type"), "availability_zone": parameters.get("availability")}
        try:
            made = self.storage.create_volume(
                name=name,
                size=size,
                metadata={CLUSTER: self.cluster, **metadata},
                **{key: value for key, value in options.items() if value},
            )
        except exceptions.HttpException as error:
            raise _refused(error, "CreateVolume") from error
        return str(made.id)

    def enlarge(self, identifier: str, size: int) -> None:
        try:
            if self.storage.get_volume(identifier).size < size:
                self.storage.extend_volume(identifier, size)
        except exceptions.HttpException as error:
            raise _refused(error, "ExpandVolume") from error
        deadline = time.monotonic() + WAIT_SECONDS
        while self.storage.get_volume(identifier).size < size:
            if time.monotonic() > deadline:
                raise DiskError(f"rpc error: code = DeadlineExceeded desc = volume {identifier} is not yet {size} GiB")
            time.sleep(PAUSE_SECONDS)

    def delete(self, identifier: str) -> None:
        try:
            self.storage.delete_volume(identifier, ignore_missing=True)  # Cinder's driver removes the files
        except exceptions.HttpException as error:
            raise _refused(error, "DeleteVolume") from error


def _refused(error: exceptions.HttpException, doing: str) -> Exception:
    """The CSI driver's error; Cinder's own where it may pass by itself."""
    status = error.status_code or 0
    if status == 401 or status >= 500:
        return error
    if status == QUOTA:
        code, failed = "ResourceExhausted", "failed due to exceeded quota"
    else:
        code, failed = "Internal", "failed with error"
    return DiskError(f"rpc error: code = {code} desc = {doing} {failed} {refusal(error)}")
