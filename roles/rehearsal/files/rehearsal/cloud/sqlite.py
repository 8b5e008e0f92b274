"""Make oslo.db fit SQLite in files that several threads write to. Installed before any service is imported.

1. Connections are kept and used again. oslo.db opens a file for every transaction, which costs a service a fifth of its
   time: the last one to close it also writes the journal back.
2. A writer's transaction begins with ``BEGIN IMMEDIATE``. With the usual deferred ``BEGIN`` a transaction that reads
   and then writes fails at once with "database is locked" if another one wrote in between, whatever the time-out.
3. The journal is a write-ahead log, so that readers do not wait for a writer.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

OSLO_BEGAN = "in_transaction"
"""Mark of oslo.db on a connection for which it has sent BEGIN; while it is there no other BEGIN is sent."""

HOLDER = "rehearsal_holder"
"""Mark of ours on a connection: the variables of the thread whose writing transaction it carries."""

_thread = threading.local()
_installed = False


def install() -> None:
    """Change oslo.db in this process. Further calls do nothing."""
    global _installed
    if _installed:
        return
    _installed = True
    import sqlalchemy
    from oslo_db.sqlalchemy import enginefacade, engines

    create_engine = engines.create_engine

    def create(sql_connection: Any, *args: Any, **kwargs: Any) -> Any:
        if not str(sql_connection).startswith("sqlite"):
            return create_engine(sql_connection, *args, **kwargs)
        return create_engine(sql_connection, *args, **kwargs, _engine_target=pooled)

    def pooled(url: Any, **kwargs: Any) -> tuple[Any, Any]:
        # As many as there are threads: one that waits for another's connection may be what that one waits for.
        own = {"poolclass": sqlalchemy.QueuePool, "max_overflow": -1, "pool_use_lifo": True, "pool_pre_ping": False}
        engine = sqlalchemy.create_engine(url, **{**kwargs, **own})
        prepare(engine)  # before oslo.db makes the first connection
        return engine, engine

    engines.create_engine = create

    produce = enginefacade._TransactionContext._produce_block

    @contextlib.contextmanager
    def produce_block(self: Any, mode: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        outer = writes()
        _thread.writes = enginefacade._WRITER in (mode, self.mode)
        try:
            with produce(self, mode, *args, **kwargs) as resource:
                yield resource
        finally:
            _thread.writes = outer

    enginefacade._TransactionContext._produce_block = produce_block


def writes() -> bool:
    """Whether this thread is in a writer's scope of oslo.db."""
    return getattr(_thread, "writes", False)


@contextlib.contextmanager
def writer() -> Iterator[None]:
    """A writer's scope for code that opens its sessions past oslo.db's enginefacade."""
    outer = writes()
    _thread.writes = True
    try:
        yield
    finally:
        _thread.writes = outer


def prepare(engine: Any) -> None:
    """Give an engine of oslo.db the journal and the transactions described above."""
    from sqlalchemy import event

    def journal(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")

    def begin(
        connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> tuple[str, Any]:
        # oslo.db sends this BEGIN as a statement of its own. A second session of one thread must not wait
        # for the first, so it stays deferred.
        if statement == "BEGIN" and writes() and not getattr(_thread, "holds", False):
            statement = "BEGIN IMMEDIATE"
            _thread.holds = True
            connection.info[HOLDER] = vars(_thread)
        return statement, parameters

    def end(connection: Any) -> None:
        if holder := connection.info.pop(HOLDER, None):
            holder["holds"] = False

    def returned(_connection: Any, record: Any) -> None:
        # A transaction may end without a word: its session is forgotten, or it could not begin.
        record.info.pop(OSLO_BEGAN, None)
        end(record)

    event.listen(engine, "connect", journal)
    event.listen(engine, "checkin", returned)
    event.listen(engine, "before_cursor_execute", begin, retval=True)
    event.listen(engine, "commit", end)
    event.listen(engine, "rollback", end)


def create_all(url: str, metadata: Any) -> Any:
    """Make all tables of ``metadata`` in the database at ``url``, and return the engine.

    For services whose migrations cannot run on SQLite, which cannot alter every constraint.
    """
    import sqlalchemy

    engine = sqlalchemy.create_engine(url)
    metadata.create_all(engine)
    return engine
