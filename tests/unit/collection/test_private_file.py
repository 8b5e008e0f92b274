"""Files with secrets: their owner's only, and nothing is left of a run that was killed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from ansible_collections.stfc.jupyterhub.plugins.module_utils import private_file


def test_a_file_is_its_owners_only_whatever_was_there(tmp_path: Path) -> None:
    path = tmp_path / "made" / "config"
    private_file.write(str(path), "one")
    path.chmod(0o644)
    (path.parent / ".config.new").write_text("half of a run that was killed")
    (path.parent / ".config.new").chmod(0o666)
    private_file.write(str(path), "two")
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["config"]


def test_a_link_that_lies_in_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".config.new").symlink_to(tmp_path / "elsewhere")
    private_file.write(str(tmp_path / "config"), "text")
    assert not (tmp_path / "elsewhere").exists()
    assert not (tmp_path / "config").is_symlink()


def test_what_cannot_be_put_in_place_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    with pytest.raises(OSError, match="directory"):
        private_file.write(str(tmp_path / "config"), "text")
    assert [each.name for each in tmp_path.iterdir()] == ["config"]


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_text_can_be_read_at_a_path_for_a_while(monkeypatch: pytest.MonkeyPatch, in_memory: bool) -> None:
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create")
    with private_file.readable("secret") as path:
        assert path.startswith("/proc/") == in_memory
        assert Path(path).read_text() == "secret"
    assert not Path(path).exists() or in_memory
