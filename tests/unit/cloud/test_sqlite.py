"""oslo.db on one SQLite file with several writers."""

from __future__ import annotations

import contextlib
import gc
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


def test_a_pool_timeout_of_a_service_is_taken(facade: Any, tmp_path: Path) -> None:
    engine = engines.create_engine(f"sqlite:///{tmp_path}/b.db", pool_timeout=10)
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("PRAGMA journal_mode")).scalar_one() == "wal"


def test_a_file_is_opened_once(facade: Any, tmp_path: Path) -> None:
    engine = engines.create_engine(f"sqlite:///{tmp_path}/b.db", sqlite_synchronous=False)
    opened: list[Any] = []
    sqlalchemy.event.listen(engine, "connect", lambda connection, _record: opened.append(connection))
    for _turn in range(3):
        with engine.connect() as connection:
            assert connection.execute(sqlalchemy.text("PRAGMA synchronous")).scalar_one() == 0
    assert len(opened) <= 1  # oslo.db itself has opened it to see whether it can


def test_no_thread_waits_for_the_connection_of_another(facade: Any, tmp_path: Path) -> None:
    engine = engines.create_engine(f"sqlite:///{tmp_path}/b.db", max_pool_size=1, max_overflow=0, pool_timeout=1)
    with contextlib.ExitStack() as stack:
        for _turn in range(4):
            stack.enter_context(engine.connect())


def test_a_connection_that_comes_back_in_the_middle_of_a_transaction_begins_anew(facade: Any, tmp_path: Path) -> None:
    """Otherwise what the next one writes is there at once, and stays when it is rolled back."""
    engine = engines.create_engine(f"sqlite:///{tmp_path}/b.db")
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("create table counter (value integer)"))
    forgotten = engine.connect()
    forgotten.execute(sqlalchemy.text("insert into counter values (1)"))
    del forgotten
    gc.collect()
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("insert into counter values (2)"))
        connection.rollback()
        assert connection.execute(sqlalchemy.text("select value from counter")).all() == []


def test_a_thread_whose_writing_session_was_forgotten_writes_on(facade: Any, tmp_path: Path) -> None:
    """Its next transaction takes the lock at its beginning again."""
    engine = engines.create_engine(f"sqlite:///{tmp_path}/b.db")
    with sqlite.writer():
        for _turn in range(2):
            forgotten = engine.connect()
            forgotten.execute(sqlalchemy.text("select 1"))
            assert sqlite._thread.holds
            del forgotten
            gc.collect()
            assert not sqlite._thread.holds


def test_scopes_end(facade: Any) -> None:
    assert not sqlite.writes()
    with facade.writer.using(Context()):
        assert sqlite.writes()
    assert not sqlite.writes()
