"""Files in volumes: what is projected, the atomic swap, and that a sub-path stays inside."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal.pods import volumes
from rehearsal.pods.environment import ConfigError

DATA = {"a.txt": b"alpha", "b.txt": b"beta"}


def test_all_keys_with_the_default_mode() -> None:
    assert volumes.keys_to_files({"name": "x"}, DATA, 0o644, "configmaps x") == {
        "a.txt": (b"alpha", 0o644),
        "b.txt": (b"beta", 0o644),
    }


def test_items_choose_paths_and_modes() -> None:
    source = {
        "defaultMode": 0o400,
        "items": [{"key": "a.txt", "path": "deep/a"}, {"key": "b.txt", "path": "b", "mode": 0o444}],
    }
    assert volumes.keys_to_files(source, DATA, 0o644, "x") == {"deep/a": (b"alpha", 0o400), "b": (b"beta", 0o444)}


def test_a_missing_item() -> None:
    with pytest.raises(ConfigError, match="secrets x has no key c"):
        volumes.keys_to_files({"items": [{"key": "c", "path": "c"}]}, DATA, 0o644, "secrets x")
    assert volumes.keys_to_files({"optional": True, "items": [{"key": "c", "path": "c"}]}, {}, 0o644, "x") == {}


def test_swap_shows_the_new_set_alone(tmp_path: Path) -> None:
    volumes.write_files(tmp_path, {"a": (b"1", 0o644), "d/x": (b"2", 0o600)})
    first = (tmp_path / "..data").readlink()
    assert (tmp_path / "d" / "x").read_text() == "2"
    assert (tmp_path / "d" / "x").stat().st_mode & 0o777 == 0o600
    volumes.write_files(tmp_path, {"a": (b"3", 0o644)})
    assert (tmp_path / "..data").readlink() != first
    assert (tmp_path / "a").read_text() == "3"
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("..")) == ["a"]
    assert not (tmp_path / first).exists()


def test_a_file_that_was_opened_before_the_swap_is_whole(tmp_path: Path) -> None:
    volumes.write_files(tmp_path, {"a": (b"old", 0o644)})
    with (tmp_path / "a").open() as stream:
        volumes.write_files(tmp_path, {"a": (b"new", 0o644)})
        assert stream.read() == "old"


def test_sub_paths(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    assert volumes.below(volume, "home/ada", True) == volume / "home" / "ada"
    assert (volume / "home" / "ada").is_dir()
    with pytest.raises(ConfigError, match="does not exist"):
        volumes.below(volume, "nothing", False)


@pytest.mark.parametrize("sub_path", ["../etc", "a/../../etc", "/etc"])
def test_sub_paths_that_leave_by_name(tmp_path: Path, sub_path: str) -> None:
    with pytest.raises(ConfigError, match="stay in its volume"):
        volumes.below(tmp_path, sub_path, True)


def test_a_link_that_a_user_left_leads_nowhere(tmp_path: Path) -> None:
    volume, secret = tmp_path / "volume", tmp_path / "secret"
    volume.mkdir()
    secret.mkdir()
    (volume / "mine").symlink_to(secret)
    with pytest.raises(ConfigError, match="leads out"):
        volumes.below(volume, "mine", True)


def test_kinds_that_cannot_be_had() -> None:
    pod = {"spec": {"volumes": [{"name": "a", "emptyDir": {}}, {"name": "b", "hostPath": {"path": "/"}}]}}
    assert volumes.unsupported(pod) == "volume b is of the kind hostPath"
    assert volumes.unsupported({"spec": {"volumes": [{"name": "a"}]}}) == ""


def test_object_data() -> None:
    assert volumes.secret_data({"data": {"k": "czNjcmV0"}}) == {"k": b"s3cret"}
    assert volumes.config_data({"data": {"k": "v"}, "binaryData": {"b": "AAE="}}) == {"k": b"v", "b": b"\x00\x01"}
