"""The tables; ``migrations/`` builds them, and a test compares the two."""

from __future__ import annotations

import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from ama_tfx.catalog.revisions import HEAD as HEAD
from ama_tfx.storage import Digest

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Sha256(sa.types.TypeDecorator[Digest]):
    """A `Digest`, kept as its 32 bytes."""

    impl = sa.LargeBinary(32)
    cache_ok = True

    def process_bind_param(self, value: Digest | None, dialect: sa.Dialect) -> bytes | None:
        """Return what the database keeps."""
        return None if value is None else value.raw

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Digest | None:
        """Return what Python sees."""
        return None if value is None else Digest.from_raw(bytes(value))


class Utc(sa.types.TypeDecorator[datetime.datetime]):
    """An aware time in UTC; SQLite keeps no zone, so it is put back on reading."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime.datetime | None, dialect: sa.Dialect) -> datetime.datetime | None:
        """Return what the database keeps; a naive time is a programming error."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError(f"naive time {value!r}; pass an aware one")
        return value.astimezone(datetime.timezone.utc)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime.datetime | None:
        """Return what Python sees."""
        if value is None:
            return None
        aware: datetime.datetime = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return aware.astimezone(datetime.timezone.utc)


class FileName(FunctionElement[str]):
    """The last part of a path; written out in full, for an index on it is used only where it stands word for word."""

    inherit_cache = True
    type = sa.Text()


@compiles(FileName, "sqlite")
def _on_sqlite(element: FileName, compiler: Any, **options: Any) -> str:
    path = compiler.process(next(iter(element.clauses)), **options)
    return f"substr({path}, length(rtrim({path}, replace({path}, '/', ''))) + 1)"


@compiles(FileName, "postgresql")
def _on_postgresql(element: FileName, compiler: Any, **options: Any) -> str:
    path = compiler.process(next(iter(element.clauses)), **options)
    return f"regexp_replace({path}, '^.*/', '')"


# SQLite counts rows only in a column that is exactly INTEGER.
RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column[int]:
    return sa.Column("id", RowId, primary_key=True, autoincrement=True)


def _to(column: str, target: str, **options: Any) -> sa.Column[int]:
    return sa.Column(column, RowId, sa.ForeignKey(target), nullable=False, **options)


registry_facts = sa.Table(
    "registry_facts",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

workspaces = sa.Table(
    "workspaces",
    metadata,
    _id(),
    sa.Column("name", sa.String(255), nullable=False, unique=True),
    sa.Column("created_at", Utc, nullable=False),
)

assets = sa.Table(
    "assets",
    metadata,
    _id(),
    _to("workspace_id", "workspaces.id"),
    sa.Column("name", sa.String(255), nullable=False),
    # Two names that differ only in case would be one folder on some file systems.
    sa.Column("folded_name", sa.String(255), nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    sa.UniqueConstraint("workspace_id", "folded_name"),
)

versions = sa.Table(
    "versions",
    metadata,
    _id(),
    _to("asset_id", "assets.id"),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("semantic", sa.String(64), nullable=False),
    sa.Column("digest", Sha256, nullable=False, index=True),
    sa.Column("kind", sa.String(128), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("file_count", sa.Integer, nullable=False),
    sa.Column("created_at", Utc, nullable=False, index=True),
    sa.Column("created_by", sa.String(255), nullable=False, index=True),
    sa.UniqueConstraint("asset_id", "number"),
    sa.UniqueConstraint("asset_id", "semantic"),
    sa.UniqueConstraint("asset_id", "digest"),
)

files = sa.Table(
    "files",
    metadata,
    _to("version_id", "versions.id", primary_key=True),
    sa.Column("path", sa.Text, primary_key=True, index=True),
    sa.Column("sha256", Sha256, nullable=False, index=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("url", sa.Text),  # where external content is kept; such bytes are not in the store
)

sa.Index("ix_files_name", FileName(files.c.path))

refs = sa.Table(
    "refs",
    metadata,
    _to("version_id", "versions.id", primary_key=True),
    sa.Column("role", sa.String(128), primary_key=True),
    _to("target_id", "versions.id", primary_key=True, index=True),
)

properties = sa.Table(
    "properties",
    metadata,
    _to("version_id", "versions.id", primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),  # JSON
    sa.Index(None, "key"),
)

tags = sa.Table(
    "tags",
    metadata,
    _to("version_id", "versions.id", primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Index(None, "name"),
)

metrics = sa.Table(
    "metrics",
    metadata,
    _to("version_id", "versions.id", primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("value", sa.Double, nullable=False),
    sa.Column("recorded_at", Utc, nullable=False),
    sa.Column("recorded_by", sa.String(255), nullable=False),
    sa.Index(None, "name", "value"),
)

pins = sa.Table(
    "pins",
    metadata,
    _to("version_id", "versions.id", primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("pinned_at", Utc, nullable=False),
    sa.Column("pinned_by", sa.String(255), nullable=False),
)

retirements = sa.Table(
    "retirements",
    metadata,
    _to("version_id", "versions.id", primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("retired_at", Utc, nullable=False),
    sa.Column("retired_by", sa.String(255), nullable=False),
)

descriptions = sa.Table(
    "descriptions",
    metadata,
    _to("asset_id", "assets.id", primary_key=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("described_at", Utc, nullable=False),
    sa.Column("described_by", sa.String(255), nullable=False),
)

registrations = sa.Table(
    "registrations",
    metadata,
    _id(),
    _to("version_id", "versions.id", index=True),
    sa.Column("registered_at", Utc, nullable=False),
    sa.Column("registered_by", sa.String(255), nullable=False),
    sa.Column("provenance", sa.Text, nullable=False),  # canonical JSON
    sa.Column("provenance_sha256", Sha256, nullable=False),
    # Both are in the provenance too; here they can be searched.
    sa.Column("pipeline", sa.String(255), index=True),
    sa.Column("run_id", sa.String(255), index=True),
    sa.UniqueConstraint("version_id", "provenance_sha256"),
)

aliases = sa.Table(
    "aliases",
    metadata,
    _to("asset_id", "assets.id", primary_key=True),
    sa.Column("name", sa.String(128), primary_key=True),
    _to("version_id", "versions.id", index=True),
    sa.Column("moved_at", Utc, nullable=False),
    sa.Column("moved_by", sa.String(255), nullable=False),
    sa.Index(None, "name"),
)

# A row: the alias is protected.
alias_rules = sa.Table(
    "alias_rules",
    metadata,
    _to("asset_id", "assets.id", primary_key=True),
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("needs_blessing", sa.Boolean, nullable=False),
    sa.Column("set_at", Utc, nullable=False),
    sa.Column("set_by", sa.String(255), nullable=False),
)

alias_moves = sa.Table(
    "alias_moves",
    metadata,
    _id(),
    _to("asset_id", "assets.id"),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("from_version", sa.Integer),
    sa.Column("to_version", sa.Integer),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("moved_at", Utc, nullable=False),
    sa.Column("moved_by", sa.String(255), nullable=False),
    sa.Index(None, "asset_id", "name"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("sequence", RowId, primary_key=True, autoincrement=False),
    sa.Column("at", Utc, nullable=False),
    sa.Column("actor", sa.String(255), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False),  # canonical JSON
    sa.Column("previous", Sha256, nullable=False),
    sa.Column("hash", Sha256, nullable=False),
)
