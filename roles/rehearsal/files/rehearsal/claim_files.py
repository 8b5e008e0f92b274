"""Where the files of claims' volumes are: ``<state>/volumes/pvc-<uid>``, found by Cinder's id through ``by-id``."""

from __future__ import annotations

from pathlib import Path

from rehearsal.removal import remove_tree
from rehearsal.settings import make_private

DRIVER = "cinder.csi.openstack.org"
"""Name of Cinder's CSI driver."""


class ClaimFiles:
    """The folders of one rehearsal's volumes, whatever cluster they belong to."""

    def __init__(self, state: Path) -> None:
        self.root = state / "volumes"
        self._links = self.root / "by-id"

    def make(self, name: str, identifier: str) -> Path:
        """Have the folder of the volume of that name; its place."""
        folder = self.root / name
        data = folder / "data"
        for path in (self.root, folder, self._links):
            make_private(path)
        data.mkdir(exist_ok=True)
        data.chmod(0o777)  # a fresh file system's root is opened to the pod's group by kubelet (fsGroup)
        link = self._links / identifier
        if not link.is_symlink():
            link.symlink_to(Path("..") / name)
        return folder

    def folder(self, identifier: str) -> Path:
        """Where a volume's folder is, also where there is none."""
        return self._links / identifier

    def data(self, identifier: str) -> Path:
        """Where its files are."""
        return self.folder(identifier).resolve() / "data"

    def remove(self, identifier: str) -> None:
        """Remove it with its files; it may be gone already."""
        link = self.folder(identifier)
        if link.is_symlink():
            remove_tree(link.resolve())
            link.unlink(missing_ok=True)
