"""Inserting what may be there already: each database has its own statement for it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def insert_into(connection: sa.Connection, table: sa.Table) -> Any:
    """Return the insert of the connection's database, which knows ``on_conflict_do_nothing`` and ``…_update``.

    Imported when it is needed: PostgreSQL's part takes 50 ms, and whoever only reads needs neither.
    """
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)
