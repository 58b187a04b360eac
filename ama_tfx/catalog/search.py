"""Searching versions: what `conditions` ask, answered in milliseconds from 100,000 versions.

PostgreSQL plans with statistics. SQLite keeps none here, so it is told where to begin: what an index answers is counted
first, up to a bound, and the rarest is where it begins; when nothing is rare, it goes through the versions in the order
that was asked for and stops at the limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from ama_tfx.catalog.conditions import All, Condition, Label, Order, SortBy
from ama_tfx.catalog.records import VersionRow
from ama_tfx.catalog.schema import assets, metrics, versions, workspaces
from ama_tfx.catalog.search_sql import SETS, Sql

_PAGE = 1000
"""How many versions one statement asks for what hangs on them."""
_FEW, _MANY = 2500, 20_000
"""How many is rare: with a limit, going through the versions finds enough of what is not; else it goes through all."""


def search_versions(
    connection: sa.Connection,
    condition: Condition,
    sort: Sequence[SortBy] = (),
    *,
    newest_only: bool = False,
    limit: int | None = None,
) -> list[VersionRow]:
    """Return the versions that meet a condition, sorted; where nothing else says, the newest first.

    Args:
        connection: Of a transaction.
        condition: What is asked.
        sort: The first key counts most.
        newest_only: Of each asset, only the version of the highest number that meets the condition.
        limit: At most how many; None for all.
    """
    sql = Sql(connection.dialect.name)
    stops_early = limit is not None and not sort and not newest_only
    wanted = _wanted(connection, sql, condition, _FEW if stops_early else _MANY)
    if newest_only:
        newest = sa.select(sa.func.max(versions.c.id)).where(wanted).group_by(versions.c.asset_id)
        wanted = versions.c.id.in_(newest)
    query, joined = sa.select(versions.c.id).where(wanted), _joined(sort)
    for place, key in enumerate(sort):
        joined, order = sql.order(joined, key, place)
        query = query.order_by(*order)
    query = query.select_from(joined).order_by(versions.c.created_at.desc(), versions.c.id.desc()).limit(limit)
    return _rows(connection, list(connection.execute(query).scalars()))


def labels_of(connection: sa.Connection, version_ids: Iterable[int], label: Label) -> dict[int, tuple[str, ...]]:
    """Return the aliases or tags of versions, in order, by the version's row number."""
    column = SETS[label]
    found: dict[int, list[str]] = {}
    for version_id, name in _of_versions(connection, column.table.c.version_id, (column,), version_ids):
        found.setdefault(version_id, []).append(name)
    return {version_id: tuple(sorted(names)) for version_id, names in found.items()}


def metrics_of_all(connection: sa.Connection, version_ids: Iterable[int]) -> dict[int, dict[str, float]]:
    """Return the newest values of versions' metrics, by the version's row number and by name."""
    found: dict[int, dict[str, float]] = {}
    columns = (metrics.c.name, metrics.c.value)
    for version_id, name, value in sorted(_of_versions(connection, metrics.c.version_id, columns, version_ids)):
        found.setdefault(version_id, {})[name] = value
    return found


def _wanted(connection: sa.Connection, sql: Sql, condition: Condition, most: int) -> sa.ColumnElement[bool]:
    """Return what to ask of versions: the whole condition, and first of all to be among the rarest ones."""
    truth = sql.truth(condition)
    if connection.dialect.name == "postgresql":
        return truth
    rarest, fewest = None, most
    for part in _parts(condition):
        if (ids := sql.ids(part)) is None:
            continue
        counted = sa.select(sa.func.count()).select_from(ids.limit(fewest).subquery())
        if (count := connection.execute(counted).scalar_one()) < fewest:
            rarest, fewest = ids, count
    if rarest is not None:
        return versions.c.id.in_(rarest) & truth
    for part in _parts(condition):
        if (by_path := sql.ids_by_path(part)) is None:
            continue
        found = list(connection.execute(by_path.limit(_FEW)).scalars())  # paths are read once, not for each version
        if len(found) < _FEW:
            return versions.c.id.in_(found) & truth
    return truth


def _parts(condition: Condition) -> list[Condition]:
    return [leaf for part in condition.parts for leaf in _parts(part)] if isinstance(condition, All) else [condition]


def _joined(sort: Sequence[SortBy]) -> sa.FromClause:
    """Return what to select from: names are joined only to be sorted by, for a join may turn the order of reading."""
    if {key.order for key in sort} & {Order.NAME, Order.WORKSPACE}:
        return versions.join(assets, assets.c.id == versions.c.asset_id).join(
            workspaces, workspaces.c.id == assets.c.workspace_id
        )
    return versions


def _rows(connection: sa.Connection, version_ids: Sequence[int]) -> list[VersionRow]:
    """Return versions in the order of the row numbers."""
    names = (workspaces.c.name.label("workspace"), assets.c.name.label("asset"))
    found: dict[int, VersionRow] = {}
    for start in range(0, len(version_ids), _PAGE):
        query = sa.select(*versions.c, *names).select_from(_joined([SortBy(Order.NAME)]))
        for row in connection.execute(query.where(versions.c.id.in_(version_ids[start : start + _PAGE]))):
            found[row.id] = VersionRow(**row._mapping)
    return [found[version_id] for version_id in version_ids]


def _of_versions(
    connection: sa.Connection, key: Any, columns: Sequence[Any], version_ids: Iterable[int]
) -> Iterable[tuple[Any, ...]]:
    wanted = list(version_ids)
    for start in range(0, len(wanted), _PAGE):
        query = sa.select(key, *columns).where(key.in_(wanted[start : start + _PAGE]))
        yield from (tuple(row) for row in connection.execute(query))
