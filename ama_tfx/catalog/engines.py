"""SQLAlchemy's engines on SQLite and PostgreSQL."""

from __future__ import annotations

import functools
import os
import weakref
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from ama_tfx.catalog.database import connect_sqlite
from ama_tfx.errors import MissingExtraError

_POOLS: weakref.WeakSet[sa.Engine] = weakref.WeakSet()


def sqlite_engine(path: Path, *, create: bool = False) -> sa.Engine:
    """Return an engine on a SQLite file; its connections are those of `connect_sqlite`.

    Args:
        path: The file.
        create: Whether a missing file is made; otherwise a missing one is an error, never an empty catalog.
    """
    found = path.resolve()
    connect = functools.partial(connect_sqlite, found, create=create)
    options = {"ama_file": found, "ama_connect": connect}
    engine = sa.create_engine("sqlite://", creator=connect, poolclass=NullPool, execution_options=options)
    sa.event.listen(engine, "begin", _begin)
    return engine


def postgresql_engine(url: sa.URL) -> sa.Engine:
    """Return an engine on PostgreSQL.

    Raises:
        MissingExtraError: The driver is not installed.
    """
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("postgres", "a registry on PostgreSQL") from error
    # What a writer reads after it got its lock has to be what the writer before it wrote.
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, isolation_level="READ COMMITTED"
    )
    _POOLS.add(engine)
    return engine


def _forget_connections_of_parent() -> None:
    """Leave a parent process's connections to it: two processes on one would read each other's answers."""
    for engine in list(_POOLS):
        engine.dispose(close=False)


# Not NullPool, which needs no such care: a read takes 12 ms with it and 1.4 ms with a pool (server on a Unix socket).
os.register_at_fork(after_in_child=_forget_connections_of_parent)


def _begin(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("ama_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
