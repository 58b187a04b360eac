"""Searching: from a query to the versions that it is true of."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ama_tfx.catalog import Database, conditions
from ama_tfx.catalog.conditions import Condition, Interval, Label, Order, Quantity, SortBy
from ama_tfx.catalog.patterns import Pattern
from ama_tfx.catalog.search import labels_of, metrics_of_all, search_versions
from ama_tfx.errors import InvalidInputError
from ama_tfx.registry.names import AssetRef
from ama_tfx.registry.repr_html import MOST_ROWS, rows_html
from ama_tfx.registry.resolving import require_asset, require_version
from ama_tfx.registry.results import Version
from ama_tfx.registry.search.query import (
    LABELS,
    And,
    Expression,
    Field,
    Not,
    Op,
    Or,
    Query,
    Sort,
    Span,
    Test,
    Words,
    parse_sort,
)
from ama_tfx.registry.search.values import SemanticPrefix, Value, When
from ama_tfx.storage import canonical_json

_LABELS = {
    Field.NAME: Label.NAME,
    Field.WORKSPACE: Label.WORKSPACE,
    Field.KIND: Label.KIND,
    Field.BY: Label.CREATOR,
    Field.ALIAS: Label.ALIAS,
    Field.TAG: Label.TAG,
    Field.PIPELINE: Label.PIPELINE,
    Field.RUN: Label.RUN,
    Field.FILE: Label.FILE,
}
_QUANTITIES = {
    Field.METRIC: Quantity.METRIC,
    Field.PROPERTY: Quantity.PROPERTY,
    Field.SIZE: Quantity.SIZE,
    Field.VERSION: Quantity.NUMBER,
    Field.CREATED: Quantity.CREATED,
    Field.SEMANTIC: Quantity.SEMANTIC,
}
_ORDERS = {
    Field.NAME: Order.NAME,
    Field.WORKSPACE: Order.WORKSPACE,
    Field.KIND: Order.KIND,
    Field.BY: Order.CREATOR,
    Field.CREATED: Order.CREATED,
    Field.SIZE: Order.SIZE,
    Field.VERSION: Order.NUMBER,
    Field.SEMANTIC: Order.SEMANTIC,
    Field.METRIC: Order.METRIC,
}


@dataclass(frozen=True, slots=True)
class Match:
    """A version that was found, and what it can be told by.

    Attributes:
        version: The version.
        aliases: Its aliases, by name.
        tags: Its tags, by name.
        metrics: The newest values of its metrics, by name.
    """

    version: Version
    aliases: tuple[str, ...]
    tags: tuple[str, ...]
    metrics: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama search --json`` prints it."""
        lists = {"aliases": list(self.aliases), "tags": list(self.tags)}
        return {**self.version.to_json(), **lists, "metrics": dict(self.metrics)}

    def _html_row(self) -> dict[str, object]:
        metrics = ", ".join(f"{name} {value:.6g}" for name, value in self.metrics.items())
        version, labels = self.version, {"aliases": ", ".join(self.aliases), "tags": ", ".join(self.tags)}
        named: dict[str, object] = {"version": f"{version.asset}:{version.number}", **labels, "metrics": metrics}
        return {**named, "created_at": version.created_at, "message": version.message}


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: a sequence of matches.

    Attributes:
        matches: In the order that was asked for; where nothing else says, the newest first.
        more: Whether the limit kept others out.
    """

    matches: tuple[Match, ...]
    more: bool = False

    def __iter__(self) -> Iterator[Match]:
        return iter(self.matches)

    def __len__(self) -> int:
        return len(self.matches)

    def __getitem__(self, index: int) -> Match:
        return self.matches[index]

    def _repr_html_(self) -> str:
        return rows_html([match._html_row() for match in self.matches[:MOST_ROWS]])


@dataclass(frozen=True, slots=True)
class Wanted:
    """A query with what stands beside it.

    Attributes:
        query: What is searched for.
        workspace: Where references look that do not say theirs.
        latest: Whether only the newest match of each asset is wanted.
        limit: At most how many; None for all.
    """

    query: Query
    workspace: str
    latest: bool = False
    limit: int | None = None


def scoped(query: str | Query, *, sort: str | None, workspace: str | None, default: str) -> Query:
    """Return a query with the workspace that it is about, and with a key to sort by first.

    Args:
        query: Text, or one that was read already.
        sort: Counts more than the query's own keys.
        workspace: A name, or a pattern; None for ``default``, unless the query names workspaces itself.
        default: The registry's.

    Raises:
        QueryError: The query or the key cannot be read.
    """
    parsed = Query.parse(query) if isinstance(query, str) else query
    keys = (parse_sort(sort), *parsed.sort) if sort is not None else parsed.sort
    if workspace is None:
        workspace = "*" if names_workspace(parsed.where) else default
    if workspace == "*":
        return Query(parsed.where, keys)
    there = Test(Field.WORKSPACE, Op.IS, Pattern(workspace))
    return Query(there if parsed.where is None else And((there, parsed.where)), keys)


def search(database: Database, wanted: Wanted, now: datetime.datetime) -> Found:
    """Return the versions that a query is true of."""
    if wanted.limit is not None and wanted.limit < 1:
        raise InvalidInputError(f"limit {wanted.limit!r} is no number of versions; expected 1 or more, or none at all")
    limit = None if wanted.limit is None else wanted.limit + 1
    with database.read() as connection:
        plan = _Plan(connection, wanted.workspace, now)
        where = wanted.query.where
        condition = conditions.All(()) if where is None else plan.condition(where)
        sort = [_sort_by(key) for key in wanted.query.sort]
        rows = search_versions(connection, condition, sort, newest_only=wanted.latest, limit=limit)
        kept = rows[: wanted.limit]
        ids = [row.id for row in kept]
        aliases, tags = (labels_of(connection, ids, label) for label in (Label.ALIAS, Label.TAG))
        metrics = metrics_of_all(connection, ids)
    matches = (
        Match(Version.from_row(r), aliases.get(r.id, ()), tags.get(r.id, ()), metrics.get(r.id, {})) for r in kept
    )
    return Found(tuple(matches), len(rows) > len(kept))


def names_workspace(expression: Expression | None) -> bool:
    """Return whether a query says itself which workspaces it is about."""
    if isinstance(expression, And | Or):
        return any(map(names_workspace, expression.parts))
    if isinstance(expression, Not):
        return names_workspace(expression.part)
    return isinstance(expression, Test) and expression.field is Field.WORKSPACE


class _Plan:
    """Turns what a query says into conditions: times into moments, references into row numbers."""

    def __init__(self, connection: sa.Connection, workspace: str, now: datetime.datetime) -> None:
        self._connection, self._workspace, self._now = connection, workspace, now

    def condition(self, expression: Expression) -> Condition:
        """Return the condition that an expression stands for."""
        if isinstance(expression, And):
            return conditions.All(tuple(map(self.condition, expression.parts)))
        if isinstance(expression, Or):
            return conditions.AnyOf(tuple(map(self.condition, expression.parts)))
        if isinstance(expression, Not):
            return conditions.Negated(self.condition(expression.part))
        if isinstance(expression, Words):
            return conditions.Mentions(expression.pattern)
        return self._test(expression)

    def _test(self, test: Test) -> Condition:
        """What is missing is not unequal: ``!=`` asks that a metric or property is there."""
        if test.op is not Op.IS_NOT:
            return self._positive(test)
        unequal = conditions.Negated(self._positive(Test(test.field, Op.IS, test.value, test.key)))
        if not test.key:
            return unequal
        return conditions.All((conditions.HasKey(_QUANTITIES[test.field], test.key), unequal))

    def _positive(self, test: Test) -> Condition:
        value = test.value
        if test.field in LABELS:
            assert isinstance(value, Pattern)
            return conditions.Labelled(_LABELS[test.field], value)
        if test.field is Field.SHA256:
            assert isinstance(value, Pattern)
            return conditions.HoldsDigest(*(bytes.fromhex(value.source.ljust(64, fill)) for fill in "0f"))
        if test.field is Field.REFS:
            assert isinstance(value, Pattern)
            return self._made_from(value.source)
        return self._quantity(test)

    def _quantity(self, test: Test) -> Condition:
        quantity, value, key = _QUANTITIES[test.field], test.value, test.key
        if isinstance(value, Pattern):
            if value.is_anything:
                return conditions.HasKey(quantity, key)
            text = value.literal
            if test.op is Op.IS:
                return conditions.PropertyLike(key, value) if text is None else _property_is(key, text)
            return conditions.Within(quantity, _interval(test.op, text, text, ends_before=False), key)
        if value is None or isinstance(value, bool):
            return _property_is(key, value)
        return conditions.Within(quantity, self._interval(test.op, value), key)

    def _interval(self, op: Op, value: Value | Span) -> Interval:
        if isinstance(value, When) and value.ago is not None and op is Op.IS:
            return Interval(value.period(self._now)[0])
        if not isinstance(value, Span):
            return _interval(op, *self._ends(value), ends_before=isinstance(value, When | SemanticPrefix))
        low = None if value.low is None else self._ends(value.low)[0]
        high = None if value.high is None else self._ends(value.high)[1]
        return Interval(low, high, with_high=not isinstance(value.high, When | SemanticPrefix))

    def _ends(self, value: Value) -> tuple[Any, Any]:
        if isinstance(value, When):
            begin, end = value.period(self._now)
            return begin, end
        return value.bounds if isinstance(value, SemanticPrefix) else (value, value)

    def _made_from(self, text: str) -> Condition:
        ref = AssetRef.parse(text, self._workspace)
        asset_id = require_asset(self._connection, ref.asset)
        if text == ref.asset.name or text == str(ref.asset):
            return conditions.MadeFrom(asset_id)
        return conditions.MadeFrom(asset_id, require_version(self._connection, ref).id)


def _property_is(key: str, value: object) -> Condition:
    return conditions.PropertyIs(key, canonical_json(value).decode())


def _interval(op: Op, low: Any, high: Any, *, ends_before: bool) -> Interval:
    """Return the points that stand so to a value, which lasts from ``low`` to ``high``.

    Args:
        op: How.
        low: Where the value begins.
        high: Where it ends.
        ends_before: Whether ``high`` is the first point behind it.
    """
    makers: dict[Op, Callable[[], Interval]] = {
        Op.IS: lambda: Interval(low, high, with_high=not ends_before),
        Op.LESS: lambda: Interval(None, low, with_high=False),
        Op.LESS_OR_EQUAL: lambda: Interval(None, high, with_high=not ends_before),
        Op.GREATER: lambda: Interval(high, None, with_low=ends_before),
        Op.GREATER_OR_EQUAL: lambda: Interval(low, None),
    }
    return makers[op]()


def _sort_by(key: Sort) -> SortBy:
    return SortBy(_ORDERS[key.field], key.descending, key.key)
