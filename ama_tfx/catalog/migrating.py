"""Building the tables, step by step, up to those that this release works with."""

from __future__ import annotations

import threading
from pathlib import Path

import sqlalchemy as sa

from ama_tfx.catalog.schema import HEAD

_MIGRATING = threading.Lock()
"""Alembic keeps the migration under way in global variables."""


def lock_schema(connection: sa.Connection) -> None:
    """Let one writer at a time look at the schema and change it; SQLite's writers are alone anyhow."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(0)")


def migrate(connection: sa.Connection, revision: str = HEAD) -> None:
    """Take the tables to a revision, from nothing or from an earlier one, within the caller's transaction."""
    import alembic.command
    import alembic.config

    config = alembic.config.Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    with _MIGRATING:
        alembic.command.upgrade(config, revision)
