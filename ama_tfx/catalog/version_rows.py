"""Versions as rows, in SQL that both databases know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from ama_tfx.catalog.plain import rows_of, utc_of
from ama_tfx.catalog.records import VersionRow
from ama_tfx.storage import Digest

if TYPE_CHECKING:
    from ama_tfx.catalog.plain import AnyConnection

COLUMNS = """
versions.id, versions.asset_id, workspaces.name, assets.name, versions.number, versions.semantic, versions.digest,
versions.kind, versions.message, versions.size_bytes, versions.file_count, versions.created_at, versions.created_by
"""
"""What `version_of` takes: the fields of `VersionRow` in their order."""

AND_NAMES = """
JOIN assets ON assets.id = versions.asset_id
JOIN workspaces ON workspaces.id = assets.workspace_id
"""

_FIELDS = tuple(field.name for field in fields(VersionRow))


def version_of(row: Sequence[Any]) -> VersionRow:
    """Return the version that the columns tell."""
    found = dict(zip(_FIELDS, row, strict=True))
    digest, made = Digest.from_raw(bytes(found["digest"])), utc_of(found["created_at"])
    return VersionRow(**{**found, "digest": digest, "created_at": made})


def find_version(connection: AnyConnection, **equal: Any) -> VersionRow | None:
    """Return the version whose columns have these values (``asset_id``, ``number``, ``digest``, …), or None."""
    where = " AND ".join(f"versions.{column} = :{column}" for column in equal)
    values = {column: value.raw if isinstance(value, Digest) else value for column, value in equal.items()}
    return next(_versions(connection, f"WHERE {where}", **values), None)


def newest_version(connection: AnyConnection, asset_id: int) -> VersionRow | None:
    """Return the asset's version of the highest number, or None."""
    newest_first = "WHERE versions.asset_id = :asset_id ORDER BY versions.number DESC LIMIT 1"
    return next(_versions(connection, newest_first, asset_id=asset_id), None)


def list_versions(connection: AnyConnection, asset_id: int) -> list[VersionRow]:
    """Return the asset's versions, the newest first."""
    newest_first = "WHERE versions.asset_id = :asset_id ORDER BY versions.number DESC"
    return list(_versions(connection, newest_first, asset_id=asset_id))


def _versions(connection: AnyConnection, which: str, **values: Any) -> Iterator[VersionRow]:
    question = " ".join(("SELECT", COLUMNS, "FROM versions", AND_NAMES, which))
    return map(version_of, rows_of(connection, question, **values))
