"""Folders are removed whatever their modes are, and links in them are not followed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from rehearsal.removal import remove_tree


def test_closed_folders_go_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / "top" / "closed" / "deep"
    deep.mkdir(parents=True)
    (deep / "file").write_text("x")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o500)
    (tmp_path / "top" / "link").symlink_to(elsewhere)
    for folder in (deep, deep.parent, deep.parent.parent):
        folder.chmod(0)
    real = shutil.rmtree

    def as_a_user_without_privileges(folder: Path, *arguments: Any, **options: Any) -> None:
        closed = [one for one in (folder, *folder.rglob("*")) if one.is_dir() and not one.is_symlink()]
        if any(one.stat().st_mode & 0o700 != 0o700 for one in closed):
            raise PermissionError(13, "Permission denied", str(folder))
        real(folder, *arguments, **options)

    monkeypatch.setattr(shutil, "rmtree", as_a_user_without_privileges)
    remove_tree(tmp_path / "top")
    assert not (tmp_path / "top").exists()
    assert elsewhere.stat().st_mode & 0o777 == 0o500


def test_nothing_to_remove(tmp_path: Path) -> None:
    remove_tree(tmp_path / "none")
