"""The collection as others get it: a copy below ``ansible_collections``, and the artifact."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from . import BIN, BUILD, ROOT, environment, run

NEEDED = ["kubernetes", "openstack"]
"""Namespaces of the collections that ours depends on; `ansible` brings them."""


def copy(folder: Path, site_packages: Path) -> Path:
    """The files that Git has or would take, in ``folder/ansible_collections``; what they depend on is beside them."""
    collections = folder / "ansible_collections"
    root = collections / "stfc" / "jupyterhub"
    shutil.rmtree(folder, ignore_errors=True)
    root.mkdir(parents=True)
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    for name in names:
        # The links with which a plain checkout finds itself would make the copy contain itself.
        if name and not name.startswith((".collections/", "playbooks/collections/")) and (ROOT / name).exists():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name, follow_symlinks=False)
    # In a repository of its own; else ansible-test would ask ours, which ignores everything in build/.
    for command in (["git", "init", "--quiet"], ["git", "add", "--all", "--force"]):
        subprocess.run(command, cwd=root, check=True)
    for name in NEEDED:
        (collections / name).symlink_to(site_packages / "ansible_collections" / name)
    return root


def site_packages(folder: Path = BIN) -> Path:
    """Where the environment whose ``bin`` is ``folder`` has its packages."""
    return next(folder.parent.glob("lib/python3*/site-packages"))


def artifact() -> Path:
    """The archive that would be published, built afresh."""
    folder = BUILD / "artifact"
    shutil.rmtree(folder, ignore_errors=True)
    command = [str(BIN / "ansible-galaxy"), "collection", "build", str(ROOT), "--output-path", str(folder)]
    status, output = run(command, environment())
    if status:
        raise RuntimeError(f"{' '.join(command)} failed:\n{output}")
    return next(folder.glob("*.tar.gz"))
