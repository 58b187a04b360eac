"""What fsck and gc ask of the catalog: page by page, so that a million files take no more memory than a thousand."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator

import sqlalchemy as sa

from ama_tfx.catalog.records import VersionRow
from ama_tfx.catalog.schema import aliases, assets, files, registrations, retirements, tags, versions, workspaces
from ama_tfx.catalog.versions import searched_of, versions_where
from ama_tfx.errors import IntegrityError
from ama_tfx.storage import Digest, parse_json

PAGE = 1000
"""Rows of one query, unless the caller says otherwise."""

_KEPT_FILES = (files.c.url.is_(None), files.c.version_id.not_in(sa.select(retirements.c.version_id)))

_NEVER_UPDATED = ("versions", "files", "refs", "properties", "registrations", "alias_moves", "audit")
_NEVER_DELETED = ("alias_moves", "audit")


def versions_after(connection: sa.Connection, version_id: int, *, limit: int = PAGE) -> list[VersionRow]:
    """Return the next versions behind a row number, in the order of those; 0 for the first ones."""
    return versions_where(connection, versions.c.id > version_id, limit=limit)


def digests_after(connection: sa.Connection, after: Digest | None, *, limit: int = PAGE) -> list[Digest]:
    """Return the next blobs that any version needs, files and manifests, each once and in order.

    A retired version needs its manifest only, and no version a file that is kept elsewhere.
    """
    found: set[Digest] = set()
    for column, *conditions in ((files.c.sha256, *_KEPT_FILES), (versions.c.digest,)):
        query = sa.select(column).where(*conditions).distinct().order_by(column).limit(limit)
        found.update(connection.execute(query if after is None else query.where(column > after)).scalars())
    if None in found:  # which no column allows: only damage has it
        raise IntegrityError("the catalog is damaged: a file or version has no digest; restore it from a backup")
    return sorted(found)[:limit]


def needed_of(connection: sa.Connection, digests: Collection[Digest]) -> set[Digest]:
    """Return which of some blobs, at most a page of them, any version needs."""
    found: set[Digest] = set()
    for column, *conditions in ((files.c.sha256, *_KEPT_FILES), (versions.c.digest,)):
        query = sa.select(column).where(column.in_(digests), *conditions).distinct()
        found.update(connection.execute(query).scalars())
    return found


def sizes_of(connection: sa.Connection, digests: Collection[Digest]) -> dict[Digest, set[int]]:
    """Return which sizes versions, retired ones too, say that some blobs have, at most a page of them."""
    query = sa.select(files.c.sha256, files.c.size_bytes).distinct()
    found: dict[Digest, set[int]] = {}
    for digest, size_bytes in connection.execute(query.where(files.c.sha256.in_(digests), files.c.url.is_(None))):
        found.setdefault(digest, set()).add(size_bytes)
    return found


def count_of_files(connection: sa.Connection) -> int:
    """Return how many files all versions have together."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(files)).scalar_one())


def version_authors(
    connection: sa.Connection,
) -> Iterator[tuple[str, str, int, str, datetime.datetime, str, str]]:
    """Give every version there is: workspace, asset, number, by whom and when made, semantic version, message."""
    made = (versions.c.created_by, versions.c.created_at, versions.c.semantic, versions.c.message)
    query = _named(versions.c.number, *made)
    yield from (tuple(row) for row in connection.execute(query))


def version_tags(connection: sa.Connection) -> Iterator[tuple[str, str, int, str]]:
    """Give every tag of every version: its workspace, asset and number, and the tag."""
    query = _named(versions.c.number, tags.c.name).join(tags, tags.c.version_id == versions.c.id)
    yield from (tuple(row) for row in connection.execute(query))


def version_provenances(connection: sa.Connection) -> Iterator[tuple[str, str, int, Digest, str, datetime.datetime]]:
    """Give every registration, in order: workspace, asset, number, digest of the provenance, by whom and when.

    The digest is that of what stands there, not the one that stands beside it.
    """
    made = (registrations.c.provenance, registrations.c.registered_by, registrations.c.registered_at)
    query = _named(versions.c.number, *made).join(registrations, registrations.c.version_id == versions.c.id)
    for workspace, asset, number, provenance, author, at in connection.execute(query.order_by(registrations.c.id)):
        yield workspace, asset, number, Digest.of(provenance.encode()), author, at


def alias_authors(connection: sa.Connection) -> Iterator[tuple[str, str, str, str, datetime.datetime]]:
    """Give every alias: its workspace and asset, its name, by whom and when it was set to where it is."""
    query = (
        sa.select(workspaces.c.name, assets.c.name, aliases.c.name, aliases.c.moved_by, aliases.c.moved_at)
        .select_from(aliases)
        .join(assets, assets.c.id == aliases.c.asset_id)
        .join(workspaces, workspaces.c.id == assets.c.workspace_id)
    )
    yield from (tuple(row) for row in connection.execute(query))


def wrong_runs(connection: sa.Connection) -> Iterator[tuple[str, str, int, str]]:
    """Give every registration that is found by another pipeline or run than its provenance names.

    That is its workspace, asset and number, and what it is found by.
    """
    found_by = (registrations.c.pipeline, registrations.c.run_id)
    query = _named(versions.c.number, registrations.c.provenance, *found_by)
    query = query.join(registrations, registrations.c.version_id == versions.c.id)
    for workspace, asset, number, provenance, pipeline, run_id in connection.execute(query):
        told = searched_of(parse_json(provenance, "a provenance"))
        if told != {"pipeline": pipeline, "run_id": run_id}:
            yield workspace, asset, number, f"pipeline {pipeline!r} and run {run_id!r}"


def missing_guards(connection: sa.Connection) -> list[str]:
    """Return the triggers that should keep history as it was written, and are not there or do nothing."""
    if connection.dialect.name == "sqlite":
        found = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%RAISE(ABORT%'"
        last = "replace"
    else:
        found = (
            "SELECT tgname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid "
            "WHERE tgenabled <> 'D' AND c.relnamespace = current_schema()::regnamespace"
        )
        last = "truncate"
    there = set(connection.exec_driver_sql(found).scalars())
    wanted = {f"{table}_no_{change}" for table in _NEVER_UPDATED for change in ("update", last)}
    wanted |= {f"{table}_no_delete" for table in _NEVER_DELETED}
    return sorted(wanted - there)


def damage_of(connection: sa.Connection) -> Iterator[str]:
    """Tell what the database finds wrong with itself, and aliases that point at another asset's version.

    SQLite checks its file and its foreign keys; PostgreSQL has checked its own all the time.
    """
    if connection.dialect.name == "sqlite":
        told = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check(20)")]
        yield from (f"SQLite says: {line}" for line in told if line != "ok")
        for table, row_id, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            yield f"table {table!r} has a row ({row_id}) that refers to a row of {parent!r} that is not there"
    query = (
        sa.select(assets.c.name, aliases.c.name)
        .select_from(aliases)
        .join(assets, assets.c.id == aliases.c.asset_id)
        .join(versions, versions.c.id == aliases.c.version_id)
        .where(versions.c.asset_id != aliases.c.asset_id)
    )
    for asset, alias in connection.execute(query):
        yield f"alias {alias!r} of asset {asset!r} points at another asset's version"


def _named(*columns: sa.ColumnElement[object]) -> sa.Select[tuple[object, ...]]:
    return (
        sa.select(workspaces.c.name, assets.c.name, *columns)
        .select_from(versions)
        .join(assets, assets.c.id == versions.c.asset_id)
        .join(workspaces, workspaces.c.id == assets.c.workspace_id)
    )
