"""Searching versions: what `conditions` ask, answered in milliseconds from 100,000 versions.

PostgreSQL plans with statistics. SQLite keeps none here, so it is told where to begin (`beginning`); when nothing is
rare, it goes through the versions in the order that was asked for and stops at the limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ama_tfx.catalog.beginning import DifferentTexts, leaves, narrowed
from ama_tfx.catalog.conditions import All, Condition, HasKey, Label, Order, Quantity, SortBy, Within
from ama_tfx.catalog.records import VersionRow
from ama_tfx.catalog.schema import assets, metrics, versions, workspaces
from ama_tfx.catalog.search_sql import SETS, Sql, between

_PAGE = 1000
"""How many versions one statement asks for what hangs on them."""
_AHEAD = 2500
"""Values of a metric that are gone through in order; where too few versions are wanted, all of these are sorted."""


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
    sql, parts = Sql(connection.dialect.name, DifferentTexts(connection)), leaves(condition)
    if limit is not None and not newest_only and connection.dialect.name == "sqlite":
        best = _best(parts, sort, limit)
        if best is not None and (found := _along_metric(connection, sql, parts, best)) is not None:
            return _rows(connection, found)
    stops_early = limit is not None and not newest_only and not sort
    wanted = narrowed(connection, sql, parts, stops_early=stops_early)
    query = _sorted(sql, _newest(wanted) if newest_only else wanted, sort)
    return _rows(connection, list(connection.execute(query.limit(limit)).scalars()))


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


def _newest(wanted: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return versions.c.id.in_(sa.select(sa.func.max(versions.c.id)).where(wanted).group_by(versions.c.asset_id))


def _sorted(sql: Sql, wanted: sa.ColumnElement[bool], sort: Sequence[SortBy]) -> sa.Select[Any]:
    query, joined = sa.select(versions.c.id).where(wanted), _joined(sort)
    for place, key in enumerate(sort):
        joined, order = sql.order(joined, key, place)
        query = query.order_by(*order)
    return query.select_from(joined).order_by(versions.c.created_at.desc(), versions.c.id.desc())


@dataclass(frozen=True, slots=True)
class _Best:
    """The first so many by a metric that a condition asks for."""

    metric: Within | HasKey
    descending: bool
    limit: int


def _best(parts: Sequence[Condition], sort: Sequence[SortBy], limit: int) -> _Best | None:
    """Return what SQLite's index of metrics has in order: the metric that is asked for and alone sorted by."""
    if len(sort) != 1 or sort[0].order is not Order.METRIC:
        return None
    key = (Quantity.METRIC, sort[0].key)
    asking = (p for p in parts if isinstance(p, Within | HasKey) and (p.quantity, p.key) == key)
    metric = next(asking, None)
    return None if metric is None else _Best(metric, sort[0].descending, limit)


def _along_metric(connection: sa.Connection, sql: Sql, parts: Sequence[Condition], best: _Best) -> list[int] | None:
    """Return the first versions in the order of a metric's values, or None when few of the first values are theirs."""
    ranked = metrics.alias("ranked")
    value, its_version = ranked.c.value, versions.c.id == ranked.c.version_id
    metric, way = best.metric, value.desc() if best.descending else value.asc()
    inside = between(value, metric.interval, sa.Double()) if isinstance(metric, Within) else sa.true()
    values = sa.select(value).where(ranked.c.name == metric.key, inside).order_by(way)
    if (last := connection.execute(values.limit(1).offset(_AHEAD)).scalar()) is None:
        return None
    before = value > last if best.descending else value < last  # equals of it may lie behind
    met = sa.exists().where(its_version, sql.truth(All(tuple(part for part in parts if part is not metric))))
    created_at = sa.select(versions.c.created_at).where(its_version).scalar_subquery()
    first = sa.select(ranked.c.version_id).where(ranked.c.name == metric.key, inside, before, met)
    ordered = first.order_by(way, created_at.desc(), ranked.c.version_id.desc()).limit(best.limit)
    found = list(connection.execute(ordered).scalars())
    return found if len(found) == best.limit else None


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
