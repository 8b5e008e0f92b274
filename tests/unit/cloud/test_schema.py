"""Databases are made once and copied afterwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path

import pytest

from rehearsal.cloud import schema
from rehearsal.cloud.config import Sections
from rehearsal.cloud.layout import Cloud
from rehearsal.cloud.service import Serve, Service


class Counted(Service):
    """A service with one table."""

    name = "counted"
    schemas = ("counted.db",)
    fails = False

    def config(self, cloud: Cloud) -> Mapping[str, Sections]:
        return {}

    def create_schema(self, cloud: Cloud) -> None:
        with sqlite3.connect(cloud.databases / "counted.db") as connection:
            connection.execute("create table things (name text)")
        if self.fails:
            raise RuntimeError("no such migration")

    def load(self, cloud: Cloud, serve: Serve) -> None:
        pass


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counted:
    monkeypatch.setenv("STFC_JUPYTERHUB_CACHE", str(tmp_path / "cache"))
    one = Counted()
    monkeypatch.setattr(schema, "services", lambda: {"counted": one})
    return one


def tables(cloud: Cloud) -> list[str]:
    with sqlite3.connect(cloud.databases / "counted.db") as connection:
        return [name for (name,) in connection.execute("select name from sqlite_master")]


def test_a_schema_is_made_once_and_copied_afterwards(cloud: Cloud, service: Counted) -> None:
    assert not schema.install(cloud, service)
    assert schema.missing(cloud) == [service]
    schema.create(cloud, [service])
    assert schema.missing(cloud) == []
    assert tables(cloud) == ["things"]

    for path in cloud.databases.iterdir():
        path.unlink()
    assert schema.install(cloud, service)
    assert schema.missing(cloud) == []
    assert tables(cloud) == ["things"]


def test_a_schema_that_fails_is_neither_used_nor_kept(cloud: Cloud, service: Counted) -> None:
    service.fails = True
    with pytest.raises(
        schema.SchemaError, match=r"the databases of counted could not be made; see .*counted-schema\.log"
    ):
        schema.create(cloud, [service])
    assert schema.missing(cloud) == [service]
    assert not schema.install(cloud, service)
    assert "no such migration" in cloud.log("counted-schema").read_text()
