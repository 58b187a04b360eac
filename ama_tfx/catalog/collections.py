"""The number of the last collection of garbage: how registrations and collections take turns.

A collection raises the number, and only then reads which blobs are needed. A registration reads the number, makes sure
that nothing is about to take its blobs away, and commits in a transaction in which the number is the same still. So
what a collection did not see when it read, has seen the collection: no clock takes part.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ama_tfx.catalog.inserting import insert_into
from ama_tfx.catalog.plain import rows_of
from ama_tfx.catalog.schema import registry_facts

if TYPE_CHECKING:
    from ama_tfx.catalog.plain import AnyConnection

_KEY = "collections"
_POSTGRESQL_LOCK = 0x616D6763  # "amgc"


def collection_number(connection: AnyConnection, *, hold: bool = False) -> int:
    """Return how many collections have begun.

    Args:
        connection: The transaction.
        hold: Whether no collection may begin until the transaction ends; SQLite's writers are alone anyhow.
    """
    if hold and not isinstance(connection, sqlite3.Connection) and connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({_POSTGRESQL_LOCK})")
    rows = rows_of(connection, "SELECT value FROM registry_facts WHERE key = :key", key=_KEY)
    return int(rows[0][0]) if rows else 0


def begin_collection(connection: sa.Connection) -> int:
    """Raise the number, and return it; commit before anything is read that the collection depends on."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})")
    number = collection_number(connection) + 1
    row = insert_into(connection, registry_facts).values(key=_KEY, value=str(number))
    connection.execute(row.on_conflict_do_update(index_elements=["key"], set_={"value": str(number)}))
    return number
