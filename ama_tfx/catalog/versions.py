"""Versions and what hangs on them: files, refs, properties, tags, registrations."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from ama_tfx.catalog.records import FileRow, NewVersion, Registration, VersionRow
from ama_tfx.catalog.schema import assets, files, properties, refs, registrations, tags, versions, workspaces
from ama_tfx.storage import Digest, canonical_json, parse_json

_SEARCHED_LENGTH = 255


def insert_version(connection: sa.Connection, asset_id: int, new: NewVersion) -> int:
    """Add the asset's next version and return its row number; the asset is locked by the caller."""
    last = connection.execute(sa.select(sa.func.max(versions.c.number)).where(versions.c.asset_id == asset_id)).scalar()
    row = {
        "asset_id": asset_id,
        "number": (last or 0) + 1,
        "semantic": new.semantic,
        "digest": new.digest,
        "kind": new.kind,
        "message": new.message,
        "size_bytes": sum(file.size_bytes for file in new.files),
        "file_count": len(new.files),
        "created_at": new.created_at,
        "created_by": new.created_by,
    }
    inserted = connection.execute(versions.insert(), row).inserted_primary_key
    assert inserted is not None
    version_id = int(inserted[0])
    _insert_all(
        connection,
        files,
        [
            {"version_id": version_id, "path": f.path, "sha256": f.digest, "size_bytes": f.size_bytes, "url": f.url}
            for f in new.files
        ],
    )
    _insert_all(
        connection, refs, [{"version_id": version_id, "role": role, "target_id": target} for role, target in new.refs]
    )
    _insert_all(
        connection,
        properties,
        [{"version_id": version_id, "key": k, "value": canonical_json(v).decode()} for k, v in new.properties.items()],
    )
    return version_id


def versions_with_digest(connection: sa.Connection, digest: Digest) -> list[VersionRow]:
    """Return the versions, of whatever asset, with this manifest."""
    return _select(connection, versions.c.digest == digest)


def versions_where(
    connection: sa.Connection, *conditions: sa.ColumnElement[bool], limit: int | None = None
) -> list[VersionRow]:
    """Return the versions that meet conditions on their columns, in the order of their row numbers."""
    return _select(connection, *conditions, limit=limit)


def files_of(connection: sa.Connection, version_id: int) -> list[FileRow]:
    """Return a version's files by path."""
    found = connection.execute(_hanging_on_version(files), {"version_id": version_id})
    rows = [FileRow(row.path, row.sha256, row.size_bytes, row.url) for row in found]
    return sorted(rows, key=lambda row: row.path)


def refs_of(connection: sa.Connection, version_id: int) -> list[tuple[str, VersionRow]]:
    """Return what a version was made from: role and version, by role."""
    return _linked(connection, refs.c.version_id, version_id, refs.c.target_id)


def referrers_of(connection: sa.Connection, version_id: int) -> list[tuple[str, VersionRow]]:
    """Return what was made from a version: role and version, by role."""
    return _linked(connection, refs.c.target_id, version_id, refs.c.version_id)


def version_digests(connection: sa.Connection) -> Iterator[tuple[str, str, int, Digest]]:
    """Give every version there is: its workspace, asset, number and digest."""
    query = (
        sa.select(workspaces.c.name, assets.c.name, versions.c.number, versions.c.digest)
        .join(assets, assets.c.id == versions.c.asset_id)
        .join(workspaces, workspaces.c.id == assets.c.workspace_id)
    )
    yield from (tuple(row) for row in connection.execute(query))


def properties_of(connection: sa.Connection, version_id: int) -> dict[str, Any]:
    """Return a version's properties."""
    found = connection.execute(_hanging_on_version(properties), {"version_id": version_id})
    return dict(sorted((row.key, parse_json(row.value, "a property")) for row in found))


def tags_of(connection: sa.Connection, version_id: int) -> tuple[str, ...]:
    """Return a version's tags in order."""
    query = sa.select(tags.c.name).where(tags.c.version_id == version_id)
    return tuple(sorted(connection.execute(query).scalars()))


def add_tags(connection: sa.Connection, version_id: int, names: Sequence[str]) -> list[str]:
    """Tag a version; return the tags that are new."""
    if not (wanted := set(names)):
        return []
    new = sorted(wanted - set(tags_of(connection, version_id)))
    _insert_all(connection, tags, [{"version_id": version_id, "name": name} for name in new])
    return new


def add_registration(
    connection: sa.Connection, version_id: int, provenance: Mapping[str, Any], *, now: datetime.datetime, actor: str
) -> bool:
    """Record that a version was registered, with its provenance; return whether that is news.

    The provenance's ``pipeline`` and ``run_id`` can be searched for, when they are names of at most 255 characters.
    """
    document = canonical_json(dict(provenance))
    digest = Digest.of(document)
    known = sa.select(registrations.c.id).where(
        registrations.c.version_id == version_id, registrations.c.provenance_sha256 == digest
    )
    if connection.execute(known).first():
        return False
    row = {"version_id": version_id, "registered_at": now, "registered_by": actor, "provenance": document.decode()}
    connection.execute(registrations.insert().values(**row, **searched_of(provenance), provenance_sha256=digest))
    return True


def registrations_of(connection: sa.Connection, version_id: int) -> list[Registration]:
    """Return every registration of a version, the first one first."""
    found = connection.execute(_hanging_on_version(registrations), {"version_id": version_id})
    return [
        Registration(row.registered_at, row.registered_by, parse_json(row.provenance, "a provenance"))
        for row in sorted(found, key=lambda row: row.id)
    ]


def searched_of(provenance: Mapping[str, Any]) -> dict[str, str | None]:
    """Return what of a provenance can be searched for."""
    return {key: provenance[key] if _is_searchable(provenance.get(key)) else None for key in ("pipeline", "run_id")}


def _is_searchable(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _SEARCHED_LENGTH and value.isprintable()


def _linked(
    connection: sa.Connection, this: sa.Column[int], version_id: int, other: sa.Column[int]
) -> list[tuple[str, VersionRow]]:
    edges = [_with_found(row) for row in connection.execute(_links(this, other), {"of": version_id})]
    return [(role, row) for row, role in sorted(edges, key=lambda edge: (edge[1], edge[0].id))]


def _with_found(row: sa.Row[Any]) -> tuple[VersionRow, str]:
    columns = dict(row._mapping)
    found = columns.pop("found")
    return VersionRow(**columns), found


def _select(
    connection: sa.Connection, *conditions: sa.ColumnElement[bool], limit: int | None = None
) -> list[VersionRow]:
    query = _query().where(*conditions).order_by(versions.c.id)
    return [VersionRow(**row._mapping) for row in connection.execute(query.limit(limit))]


# Statements that are made once are looked at once: making one takes SQLAlchemy longer than SQLite answering it.


@functools.cache
def _hanging_on_version(table: sa.Table) -> sa.Select[Any]:
    return sa.select(table).where(table.c.version_id == sa.bindparam("version_id"))


@functools.cache
def _links(this: sa.Column[int], other: sa.Column[int]) -> sa.Select[Any]:
    linked = _query(refs.c.role.label("found")).join(refs, other == versions.c.id)
    return linked.where(this == sa.bindparam("of"))


@functools.cache
def _query(*more: sa.Label[str]) -> sa.Select[Any]:
    return (
        sa.select(*versions.c, workspaces.c.name.label("workspace"), assets.c.name.label("asset"), *more)
        .select_from(versions)
        .join(assets, assets.c.id == versions.c.asset_id)
        .join(workspaces, workspaces.c.id == assets.c.workspace_id)
    )


def _insert_all(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(table.insert(), rows)
