"""Cinder volume driver without storage: a volume is a sparse file, which takes no room until something writes to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cinder.volume import driver
from oslo_config import cfg

from rehearsal.claim_files import ClaimFiles

CAPACITY = 100_000
"""GiB that the backend claims to have: far above the quota, so that quotas are what limits."""

OPTIONS = [
    cfg.StrOpt("rehearsal_folder", help="Folder of the volumes' files."),
    cfg.StrOpt("rehearsal_state", help="Folder of the rehearsal, with what pods wrote into their claims."),
]


class Driver(driver.VolumeDriver):  # type: ignore[misc,unused-ignore]
    """Volumes and snapshots as files of ``rehearsal_folder``."""

    VERSION = "1"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.configuration.append_config_values(OPTIONS)
        self.folder = Path(self.configuration.rehearsal_folder)
        self.claims = ClaimFiles(Path(self.configuration.rehearsal_state))

    def do_setup(self, context: Any) -> None:
        """Nothing to prepare."""

    def check_for_setup_error(self) -> None:
        """Nothing that could be wrong."""

    def get_volume_stats(self, refresh: bool = False) -> dict[str, Any]:  # noqa: ARG002
        return {
            "volume_backend_name": self.configuration.volume_backend_name,
            "vendor_name": "rehearsal",
            "driver_version": self.VERSION,
            "storage_protocol": "local",
            "total_capacity_gb": CAPACITY,
            "free_capacity_gb": CAPACITY,
            "reserved_percentage": 0,
            "online_extend_support": True,
        }

    def create_volume(self, volume: Any) -> None:
        self._sparse(volume, volume.size)

    def delete_volume(self, volume: Any) -> None:
        self._path(volume).unlink(missing_ok=True)
        self.claims.remove(str(volume.id))

    def extend_volume(self, volume: Any, new_size: int) -> None:
        self._sparse(volume, new_size)

    def create_snapshot(self, snapshot: Any) -> None:
        self._sparse(snapshot, snapshot.volume_size)

    def delete_snapshot(self, snapshot: Any) -> None:
        self._path(snapshot).unlink(missing_ok=True)

    def create_volume_from_snapshot(self, volume: Any, snapshot: Any) -> None:  # noqa: ARG002
        self._sparse(volume, volume.size)

    def create_cloned_volume(self, volume: Any, src_vref: Any) -> None:  # noqa: ARG002
        self._sparse(volume, volume.size)

    def ensure_export(self, context: Any, volume: Any) -> None:
        """A file needs no export."""

    def create_export(self, context: Any, volume: Any, connector: Any) -> None:
        """A file needs no export."""

    def remove_export(self, context: Any, volume: Any) -> None:
        """A file needs no export."""

    def initialize_connection(self, volume: Any, connector: Any, **_more: Any) -> dict[str, Any]:  # noqa: ARG002
        data = {"device_path": str(self._path(volume)), "access_mode": "rw"}
        return {"driver_volume_type": "local", "data": data}

    def terminate_connection(self, volume: Any, connector: Any, **more: Any) -> None:
        """A file needs no disconnection."""

    def _path(self, thing: Any) -> Path:
        return self.folder / str(thing.name)

    def _sparse(self, thing: Any, gibibytes: int) -> None:
        with self._path(thing).open("ab") as file:
            file.truncate(int(gibibytes) << 30)
