"""Questions in SQL that SQLite and PostgreSQL both know, asked of SQLite through its own driver.

SQLAlchemy takes 0.2 s to import, and opening a registry and ``ama find`` ask too little to be worth that.
"""

from __future__ import annotations

import datetime
import functools
import sqlite3
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlalchemy as sa

    AnyConnection = sa.Connection | sqlite3.Connection


def rows_of(connection: AnyConnection, question: str, **values: object) -> list[tuple[Any, ...]]:
    """Return the rows that answer a question; ``:name`` in it stands for a value."""
    if isinstance(connection, sqlite3.Connection):
        return connection.execute(question, values).fetchall()
    return [tuple(row) for row in connection.execute(_text(question), values)]


@functools.cache
def _text(question: str) -> sa.TextClause:
    from sqlalchemy import text

    return text(question)


def utc_of(value: str | datetime.datetime) -> datetime.datetime:
    """Return the aware time in UTC that a column of the type `schema.Utc` holds."""
    found = value if isinstance(value, datetime.datetime) else datetime.datetime.fromisoformat(value)
    return (found if found.tzinfo else found.replace(tzinfo=datetime.timezone.utc)).astimezone(datetime.timezone.utc)
