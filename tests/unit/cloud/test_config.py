"""Configuration files are read back by oslo.config as they were meant."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from oslo_config import cfg

from rehearsal.cloud import config
from rehearsal.cloud.layout import Cloud
from rehearsal.cloud.service import services


def read(path: Path, *options: cfg.Opt, group: str = "DEFAULT") -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    conf.register_opts(options, group=None if group == "DEFAULT" else group)
    conf([], default_config_files=[str(path)], default_config_dirs=[])
    return conf


def test_values_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    sections = {
        "DEFAULT": {"debug": False, "state": Path("/some where/$HOME"), "ratio": 1.5},
        "auth": {"password": "a$b %(c)s ; d # e", "roles": ["x", "y"]},
    }
    assert config.write(path, sections)
    conf = read(path, cfg.BoolOpt("debug", default=True), cfg.StrOpt("state"), cfg.FloatOpt("ratio"))
    assert (conf.debug, conf.state, conf.ratio) == (False, "/some where/$HOME", 1.5)
    conf = read(path, cfg.StrOpt("password"), cfg.ListOpt("roles"), group="auth")
    assert conf.auth.password == "a$b %(c)s ; d # e"
    assert conf.auth.roles == ["x", "y"]


def test_a_file_is_private_and_written_only_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    assert config.write(path, {"DEFAULT": {"a": 1}})
    before = path.stat().st_mtime_ns
    assert not config.write(path, {"DEFAULT": {"a": 1}})
    assert path.stat().st_mtime_ns == before
    assert config.write(path, {"DEFAULT": {"a": 2}})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_line_break_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[auth\] password: a line break"):
        config.render({"auth": {"password": "a\n[DEFAULT]\nadmin = true"}})


def test_every_service_listens_on_this_machine_and_keeps_to_the_state_folder(cloud: Cloud) -> None:
    for name, service in services().items():
        files = service.config(cloud)
        assert files, name
        for sections in files.values():
            for group in ("database", "api_database", "placement_database", "storage:sqlalchemy"):
                if group in sections:
                    assert str(sections[group]["connection"]).startswith(f"sqlite:///{cloud.databases}/")
            assert sections["DEFAULT"].get("transport_url", "fake://") == "fake://"
    assert cloud.url("nova") == "http://127.0.0.1:20002"


def test_keystone_comes_first_and_every_endpoint_has_a_port(cloud: Cloud) -> None:
    found = services()
    assert next(iter(found)) == "keystone"
    assert {"cinder", "designate", "glance", "magnum", "neutron", "nova", "octavia"} <= set(found)
    ports = [cloud.settings.port(endpoint.port) for one in found.values() for endpoint in one.endpoints]
    assert len(ports) == len(set(ports))
