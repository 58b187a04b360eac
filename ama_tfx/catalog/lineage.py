"""What was made from what, transitively: one recursive query for a whole graph, however large."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa

from ama_tfx.catalog.records import VersionRow
from ama_tfx.catalog.schema import aliases, properties, refs, registrations, retirements, versions
from ama_tfx.catalog.versions import versions_where
from ama_tfx.storage import parse_json

_AT_ONCE = 10_000
"""Values of one query: SQLite takes 32,766 of them, PostgreSQL 65,535."""

LINEAGE_KIND = "ama_tfx.Lineage"
"""Kind of the versions that keep links between others, and are not made from them."""

RUN_KIND, VERDICT_KIND = "ama_tfx.Run", "ama_tfx.Verdict"

TELLING_KINDS = (LINEAGE_KIND, RUN_KIND, VERDICT_KIND)
"""Kinds of versions that tell of those that their refs lead to, and need no byte of them."""

T = TypeVar("T")


def reachable(connection: sa.Connection, starts: Collection[int], *, upwards: bool, limit: int) -> list[int]:
    """Return the row numbers of versions that edges lead to, the starts first and the nearest before the others.

    Each is met once, whatever way leads to it: even edges that were forged into a circle end.

    Args:
        connection: The transaction.
        starts: Where to begin; at least one.
        upwards: Whether to follow what versions were made from, or else what was made from them.
        limit: How many at most.
    """
    here, there = (refs.c.version_id, refs.c.target_id) if upwards else (refs.c.target_id, refs.c.version_id)
    first = sa.select(versions.c.id.label("id")).where(versions.c.id.in_(starts))
    found = first.cte("reachable", recursive=True)
    found = found.union(sa.select(there).join(found, here == found.c.id))
    return list(connection.execute(sa.select(found.c.id).limit(limit)).scalars())


def edges_between(connection: sa.Connection, ids: Collection[int]) -> list[tuple[int, str, int]]:
    """Return the edges whose both ends are among some versions: version, role and what it was made from, in order."""
    known = set(ids)
    query = sa.select(refs.c.version_id, refs.c.role, refs.c.target_id)
    found = [tuple(row) for row in _in_parts(connection, query, refs.c.version_id, known) if row.target_id in known]
    return sorted(found, key=lambda edge: (edge[0], edge[1], edge[2]))


def neighbours(connection: sa.Connection, ids: Collection[int], *, upwards: bool) -> list[tuple[int, int]]:
    """Return which versions are one edge away from some: pairs of row numbers, in order."""
    here, there = (refs.c.version_id, refs.c.target_id) if upwards else (refs.c.target_id, refs.c.version_id)
    return sorted({(row[0], row[1]) for row in _in_parts(connection, sa.select(here, there), here, ids)})


def versions_by_id(connection: sa.Connection, ids: Collection[int]) -> dict[int, VersionRow]:
    """Return versions by their row numbers."""
    return {row.id: row for part in _parts(ids) for row in versions_where(connection, versions.c.id.in_(part))}


def aliases_by_version(connection: sa.Connection, ids: Collection[int]) -> dict[int, tuple[str, ...]]:
    """Return the aliases of those versions that have some, by row number, in order."""
    query = sa.select(aliases.c.version_id, aliases.c.name)
    found: dict[int, list[str]] = {}
    for row in _in_parts(connection, query, aliases.c.version_id, ids):
        found.setdefault(row.version_id, []).append(row.name)
    return {version_id: tuple(sorted(names)) for version_id, names in found.items()}


def retired_among(connection: sa.Connection, ids: Collection[int]) -> set[int]:
    """Return which of some versions are retired."""
    query = sa.select(retirements.c.version_id)
    return {row.version_id for row in _in_parts(connection, query, retirements.c.version_id, ids)}


def provenances_with(connection: sa.Connection, key: str, ids: Collection[int]) -> dict[int, Mapping[str, Any]]:
    """Return, of those versions that were registered with a key in the provenance, the first such provenance."""
    holds = registrations.c.provenance.contains(f'"{key}":', autoescape=True)
    query = sa.select(registrations.c.version_id, registrations.c.provenance).where(holds)
    found: dict[int, Mapping[str, Any]] = {}
    for row in _in_parts(connection, query.order_by(registrations.c.id), registrations.c.version_id, ids):
        provenance = parse_json(row.provenance, "a provenance")
        if isinstance(provenance, dict) and key in provenance:  # not only somewhere inside
            found.setdefault(row.version_id, provenance)
    return found


def properties_of_keepers(connection: sa.Connection, key: str, ids: Collection[int]) -> dict[int, str]:
    """Return a property, as JSON, of the versions of `LINEAGE_KIND` whose refs lead to some versions, by row number."""
    query = (
        sa.select(properties.c.version_id, properties.c.value)
        .join(versions, versions.c.id == properties.c.version_id)
        .join(refs, refs.c.version_id == properties.c.version_id)
        .where(versions.c.kind == LINEAGE_KIND, properties.c.key == key)
    )
    return {row.version_id: row.value for row in _in_parts(connection, query, refs.c.target_id, ids)}


def linked_by(connection: sa.Connection, ids: Collection[int]) -> set[int]:
    """Return what the refs of some versions lead to."""
    query = sa.select(refs.c.target_id)
    return {row.target_id for row in _in_parts(connection, query, refs.c.version_id, ids)}


def keepers_among(connection: sa.Connection, ids: Collection[int]) -> set[int]:
    """Return which of some versions are of `LINEAGE_KIND`."""
    query = sa.select(versions.c.id).where(versions.c.kind == LINEAGE_KIND)
    return {row.id for row in _in_parts(connection, query, versions.c.id, ids)}


def _in_parts(
    connection: sa.Connection, query: sa.Select[Any], column: sa.Column[int], values: Collection[int]
) -> Iterator[sa.Row[Any]]:
    for part in _parts(values):
        yield from connection.execute(query.where(column.in_(part)))


def _parts(values: Collection[T]) -> Iterator[Sequence[T]]:
    rest = iter(values)
    while part := list(islice(rest, _AT_ONCE)):
        yield part
