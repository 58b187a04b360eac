"""Where SQLite begins to search: it keeps no statistics, so it is told.

What an index answers is counted first, up to a bound, and the rarest is where it begins. What no index answers (words,
paths with wildcards) is read once, not asked of one version after another; where it is rare, it begins there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from ama_tfx.catalog.conditions import All, Condition
from ama_tfx.catalog.patterns import Pattern
from ama_tfx.catalog.schema import versions
from ama_tfx.catalog.search_sql import Sql
from ama_tfx.catalog.text_sql import Test, Truth

_FEW, _MANY = 2500, 20_000
"""How many is rare: with a limit, going through the versions finds enough of what is not; else it goes through all."""
_MOST_TEXTS = 5000
"""Different texts that are looked for in an index; with more, every row is read."""


class DifferentTexts:
    """Tests a text that many rows share once, not once a row, where an index tells that the different ones are few."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._known: dict[tuple[str, Pattern, str], str | None] = {}

    def narrowed(self, column: sa.Column[str], pattern: Pattern, test: Test) -> Truth | None:
        """Return the test of a column as the texts that pass it, or None when there are too many to try.

        Args:
            column: Not null, and the first of an index.
            pattern: What texts are tested for.
            test: What makes of a text and the pattern the expression that is asked.
        """
        if self._connection.dialect.name == "postgresql":
            return None
        key = (str(column), pattern, test.__name__)
        if key not in self._known:
            self._known[key] = self._passing(column, lambda text: test(text, pattern))
        passing = self._known[key]
        return None if passing is None else column.in_(listed(passing))

    def _passing(self, column: sa.Column[str], test: Callable[[Any], Truth]) -> str | None:
        every = sa.select(sa.func.min(column).label("text")).cte("every", recursive=True)
        following = sa.select(sa.func.min(column)).where(column > every.c.text).scalar_subquery()
        every = every.union_all(sa.select(following).where(every.c.text.is_not(None)))
        some = sa.select(every.c.text).where(every.c.text.is_not(None)).limit(_MOST_TEXTS + 1).subquery()
        passing = sa.func.json_group_array(some.c.text).filter(test(some.c.text))
        count, texts = self._connection.execute(sa.select(sa.func.count(), passing).select_from(some)).one()
        return None if count > _MOST_TEXTS else str(texts)


def narrowed(connection: sa.Connection, sql: Sql, parts: Sequence[Condition], *, stops_early: bool) -> Truth:
    """Return what to ask of versions: the whole condition, and first of all to be among the rarest ones.

    Args:
        connection: Of a transaction.
        sql: Builds expressions for its database.
        parts: The conditions, all of which are to be met.
        stops_early: Whether going through versions that are not rare stops when enough are found.
    """
    if connection.dialect.name == "postgresql":
        return sql.truth(All(tuple(parts)))
    place, begin = _rarest(connection, sql, parts, _FEW if stops_early else _MANY)
    if begin is None:
        place, begin = _read(connection, sql, parts)
    if begin is None:
        return sql.truth(All(tuple(parts)))
    others = All((*parts[:place], *parts[place + 1 :]))
    return versions.c.id.in_(begin) & sql.truth(others)


def listed(values: str) -> sa.Select[Any]:
    """Return a JSON array's values as rows; of however many they are, they are one parameter."""
    return sa.select(sa.func.json_each(values).table_valued("value").c.value)


def leaves(condition: Condition) -> list[Condition]:
    """Return the conditions that have all to be met for one to be met."""
    return [leaf for part in condition.parts for leaf in leaves(part)] if isinstance(condition, All) else [condition]


def _rarest(
    connection: sa.Connection, sql: Sql, parts: Sequence[Condition], most: int
) -> tuple[int, sa.Select[Any] | None]:
    """Return the place of the part that the fewest versions meet, of those that indexes answer, and its versions."""
    rarest, at, fewest = None, 0, most
    for place, part in enumerate(parts):
        if (ids := sql.ids(part)) is None:
            continue
        # No column is asked for, so that the index alone tells.
        some: sa.Select[Any] = ids.with_only_columns(
            sa.literal_column("1").label("one"), maintain_column_froms=True
        ).limit(fewest)
        counted = sa.select(sa.func.count()).select_from(some.subquery())
        if (count := connection.execute(counted).scalar_one()) < fewest:
            rarest, at, fewest = ids, place, count
    return at, rarest


def _read(connection: sa.Connection, sql: Sql, parts: Sequence[Condition]) -> tuple[int, sa.Select[Any] | None]:
    for place, part in enumerate(parts):
        if sql.ids(part) is not None or (ids := sql.ids_by_reading(part)) is None:
            continue
        some = ids.limit(_FEW).subquery()
        query = sa.select(sa.func.count(), sa.func.json_group_array(some.c[0]))
        count, found = connection.execute(query.select_from(some)).one()
        if count < _FEW:
            return place, listed(found)
    return 0, None
