"""Removing folders that hold what programs and users wrote."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path


def remove_tree(folder: Path) -> None:
    """Remove a folder and all below it, folders that their owner closed to himself too; nothing when it is gone.

    Links are removed, not followed. Raises ``OSError`` when something cannot be removed.
    """
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        if os.path.lexists(folder):
            raise
    except PermissionError:
        _open_up(folder)
        shutil.rmtree(folder)


def _open_up(folder: Path) -> None:
    """Let the owner list and change every folder of the tree."""
    _open(str(folder))
    for place, names, _files in os.walk(folder):
        for name in names:  # before the walk comes to them
            _open(os.path.join(place, name))


def _open(path: str) -> None:
    mode = os.lstat(path).st_mode
    if stat.S_ISDIR(mode) and mode & stat.S_IRWXU != stat.S_IRWXU:
        os.chmod(path, stat.S_IMODE(mode) | stat.S_IRWXU)
