"""oslo.db on one SQLite file with several writers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from oslo_db.sqlalchemy import enginefacade, engines

from rehearsal.cloud import sqlite


@pytest.fixture
def facade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """oslo.db as ``install`` leaves it, on a file with one counter; put back afterwards."""
    monkeypatch.setattr(engines, "create_engine", engines.create_engine)
    monkeypatch.setattr(
        enginefacade._TransactionContext, "_produce_block", enginefacade._TransactionContext._produce_block
    )
    monkeypatch.setattr(sqlite, "_installed", False)
    sqlite.install()
    context = enginefacade.transaction_context()
    context.configure(connection=f"sqlite:///{tmp_path}/a.db?timeout=30", sqlite_fk=True)
    with context.writer.using(Context()) as session:
        session.execute(sqlalchemy.text("create table counter (value integer)"))
        session.execute(sqlalchemy.text("insert into counter values (0)"))
    return context


@enginefacade.transaction_context_provider
class Context:
    """What a service's request context is to oslo.db."""


def test_writers_that_read_first_wait_for_each_other(facade: Any) -> None:
    """With a deferred BEGIN this fails at once with "database is locked"."""
    problems: list[Exception] = []

    def count() -> None:
        try:
            for _turn in range(5):
                with facade.writer.using(Context()) as session:
                    value = session.execute(sqlalchemy.text("select value from counter")).scalar_one()
                    time.sleep(0.005)
                    session.execute(sqlalchemy.text("update counter set value = :new"), {"new": value + 1})
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=count) for _turn in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    with facade.reader.using(Context()) as session:
        assert session.execute(sqlalchemy.text("select value from counter")).scalar_one() == 20


def test_a_reader_does_not_wait_for_a_writer(facade: Any) -> None:
    with facade.writer.using(Context()) as writing:
        writing.execute(sqlalchemy.text("update counter set value = 7"))
        with facade.reader.using(Context()) as reading:
            assert reading.execute(sqlalchemy.text("select value from counter")).scalar_one() == 0


def test_a_second_writing_session_of_a_thread_does_not_wait_for_the_first(facade: Any) -> None:
    with facade.writer.using(Context()):
        started = time.monotonic()
        with facade.writer.using(Context()) as inner:
            inner.execute(sqlalchemy.text("select value from counter"))
        assert time.monotonic() - started < 5


def test_a_pool_timeout_is_dropped(facade: Any, tmp_path: Path) -> None:
    engine = engines.create_engine(f"sqlite:///{tmp_path}/b.db", pool_timeout=10)
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("PRAGMA journal_mode")).scalar_one() == "wal"


def test_scopes_end(facade: Any) -> None:
    assert not sqlite.writes()
    with facade.writer.using(Context()):
        assert sqlite.writes()
    assert not sqlite.writes()
