"""Conditions on versions as SQL that means the same on SQLite and PostgreSQL; every value is a bound parameter."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from ama_tfx.catalog.conditions import (
    All,
    AnyOf,
    Condition,
    HasKey,
    HoldsDigest,
    Interval,
    Label,
    Labelled,
    MadeFrom,
    Mentions,
    Negated,
    Order,
    PropertyIs,
    PropertyLike,
    Quantity,
    SortBy,
    Within,
)
from ama_tfx.catalog.patterns import Pattern
from ama_tfx.catalog.schema import (
    FileName,
    Utc,
    aliases,
    assets,
    descriptions,
    files,
    metrics,
    properties,
    refs,
    registrations,
    tags,
    versions,
    workspaces,
)
from ama_tfx.catalog.text_sql import Texts, TextSql, Truth

_OWN = {Label.KIND: versions.c.kind, Label.CREATOR: versions.c.created_by}
SETS = {
    Label.ALIAS: aliases.c.name,
    Label.TAG: tags.c.name,
    Label.PIPELINE: registrations.c.pipeline,
    Label.RUN: registrations.c.run_id,
    Label.FILE: files.c.path,
}
_ORDERS = {
    Order.NAME: assets.c.name,
    Order.WORKSPACE: workspaces.c.name,
    Order.KIND: versions.c.kind,
    Order.CREATOR: versions.c.created_by,
    Order.CREATED: versions.c.created_at,
    Order.SIZE: versions.c.size_bytes,
    Order.NUMBER: versions.c.number,
}


class Sql:
    """Builds expressions for one kind of database.

    Args:
        dialect: Its name in SQLAlchemy.
        texts: Of the database.
    """

    def __init__(self, dialect: str, texts: Texts) -> None:
        self._postgresql = dialect == "postgresql"
        self._text = TextSql(dialect, texts)

    def truth(self, condition: Condition) -> Truth:
        """Return the expression that a version meets the condition; never NULL."""
        builders: dict[type, Callable[[Any], Truth]] = {
            All: lambda c: sa.and_(sa.true(), *map(self.truth, c.parts)),
            AnyOf: lambda c: sa.or_(sa.false(), *map(self.truth, c.parts)),
            Negated: lambda c: sa.not_(self.truth(c.part)),
            Mentions: lambda c: self._mentions(c.pattern),
            Labelled: self._labelled,
            Within: self._within,
            HasKey: self._has_key,
            PropertyIs: lambda c: self._property(c.key, properties.c.value == c.json),
            PropertyLike: lambda c: self._property(c.key, self._text.same(self._property_text(), c.pattern)),
            HoldsDigest: self._holds,
            MadeFrom: lambda c: _has(refs, self._target(c)),
        }
        return builders[type(condition)](condition)

    def ids(self, condition: Condition) -> sa.Select[Any] | None:
        """Return the row numbers of the versions that meet a condition, where an index has them; else None."""
        if isinstance(condition, Labelled):
            return self._ids_of_label(condition.label, condition.pattern)
        if isinstance(condition, Within) and condition.quantity is Quantity.METRIC:
            inside = between(metrics.c.value, condition.interval, sa.Double())
            return sa.select(metrics.c.version_id).where(metrics.c.name == condition.key, inside)
        if isinstance(condition, Within) and condition.quantity is Quantity.CREATED:
            return sa.select(versions.c.id).where(between(versions.c.created_at, condition.interval, Utc()))
        if isinstance(condition, MadeFrom):
            return sa.select(refs.c.version_id).where(self._target(condition))
        if isinstance(condition, HoldsDigest):
            own, held = self._digests(condition)
            either = sa.union_all(sa.select(versions.c.id).where(own), sa.select(files.c.version_id).where(held))
            return sa.select(either.subquery().c[0])
        if isinstance(condition, AnyOf):
            parts = [self.ids(part) for part in condition.parts]
            known = [part for part in parts if part is not None]
            return sa.select(sa.union_all(*known).subquery().c[0]) if parts and len(known) == len(parts) else None
        return None

    def ids_by_reading(self, condition: Condition) -> sa.Select[Any] | None:
        """Return the row numbers of the versions that meet a condition, where reading texts once tells; else None."""
        if isinstance(condition, Labelled) and condition.label is Label.FILE:
            return sa.select(files.c.version_id).where(self._text.is_path(files.c.path, condition.pattern))
        if not isinstance(condition, Mentions):
            return None
        named, described, tagged, told = self._mentioned(condition.pattern)
        of_assets = sa.select(versions.c.id).where(versions.c.asset_id.in_(sa.union_all(named, described)))
        told_so = sa.select(versions.c.id).where(told)
        return sa.select(sa.union_all(of_assets, tagged, told_so).subquery().c[0])

    def _ids_of_label(self, label: Label, pattern: Pattern) -> sa.Select[Any] | None:
        """An index has texts that begin with something known."""
        if label is Label.FILE:
            return self._ids_of_file(pattern)
        if pattern.source[0] in "*?" or label in {Label.WORKSPACE, Label.KIND}:
            return None
        if label is Label.CREATOR:
            return sa.select(versions.c.id).where(self._text.same(versions.c.created_by, pattern))
        if label is Label.NAME:
            named = sa.select(assets.c.id).where(self._text.same(assets.c.name, pattern))
            return sa.select(versions.c.id).where(versions.c.asset_id.in_(named))
        return sa.select(SETS[label].table.c.version_id).where(self._text.same(SETS[label], pattern))

    def order(self, joined: sa.FromClause, key: SortBy, place: int) -> tuple[sa.FromClause, list[Any]]:
        """Return what to select from and what to sort by, for one key."""
        if key.order is Order.METRIC:
            of_key = metrics.alias(f"sorted_{place}")
            joined = joined.outerjoin(of_key, (of_key.c.version_id == versions.c.id) & (of_key.c.name == key.key))
            columns: list[Any] = [of_key.c.value]
        elif key.order is Order.SEMANTIC:
            columns = self._semantic()
        else:
            column = _ORDERS[key.order]
            columns = [self._bytewise(column) if isinstance(column.type, sa.String) else column]
        return joined, [(c.desc() if key.descending else c.asc()).nulls_last() for c in columns]

    def _labelled(self, condition: Labelled) -> Truth:
        label, pattern = condition.label, condition.pattern
        if label in _OWN:
            return self._text.same(_OWN[label], pattern)
        if label is Label.NAME:
            return self._of_assets(sa.select(assets.c.id).where(self._text.same(assets.c.name, pattern)))
        if label is Label.WORKSPACE:
            ours = sa.select(workspaces.c.id).where(self._text.same(workspaces.c.name, pattern))
            return self._of_assets(sa.select(assets.c.id).where(assets.c.workspace_id.in_(ours)))
        if label is Label.FILE:
            return _has(files, self._text.once(files.c.path, pattern, self._text.is_path))
        return _has(SETS[label].table, self._text.same(SETS[label], pattern))

    def _ids_of_file(self, pattern: Pattern) -> sa.Select[Any] | None:
        """Names without wildcards stand in an index, and so do the different paths; None when they are too many."""
        held, name = sa.select(files.c.version_id), pattern.literal
        if name is not None:
            column = files.c.path if "/" in name else FileName(files.c.path)
            return held.where(column == sa.literal(name, sa.Text()))
        paths = self._text.texts.narrowed(files.c.path, pattern, self._text.is_path)
        return None if paths is None else held.where(paths)

    def _of_assets(self, asset_ids: sa.Select[Any]) -> Truth:
        """Adding 0 keeps SQLite from going through versions asset by asset, which are in no order that is wanted."""
        mine = versions.c.asset_id if self._postgresql else versions.c.asset_id + 0
        return mine.in_(asset_ids)

    def _mentions(self, pattern: Pattern) -> Truth:
        named, described, tagged, told = self._mentioned(pattern)
        of_assets = versions.c.asset_id.in_(named) | versions.c.asset_id.in_(described)
        return sa.or_(told, of_assets, versions.c.id.in_(tagged))

    def _mentioned(self, pattern: Pattern) -> tuple[sa.Select[Any], sa.Select[Any], sa.Select[Any], Truth]:
        """Return the assets named or described so, the versions tagged so, and whether a version's message is so."""
        named = sa.select(assets.c.id).where(self._text.found(assets.c.name, pattern))
        described = sa.select(descriptions.c.asset_id).where(self._text.found(descriptions.c.text, pattern))
        tagged = sa.select(tags.c.version_id).where(self._text.once(tags.c.name, pattern, self._text.found))
        return named, described, tagged, self._text.found(versions.c.message, pattern)

    def _within(self, condition: Within) -> Truth:
        quantity, interval = condition.quantity, condition.interval
        if quantity is Quantity.METRIC:
            return _has(metrics, (metrics.c.name == condition.key) & between(metrics.c.value, interval, sa.Double()))
        if quantity is Quantity.PROPERTY:
            return self._property(condition.key, self._property_between(interval))
        if quantity is Quantity.SEMANTIC:
            return between(sa.tuple_(*self._semantic()), interval, None)
        if quantity is Quantity.CREATED:
            return between(versions.c.created_at, interval, Utc())
        column = versions.c.size_bytes if quantity is Quantity.SIZE else versions.c.number
        return between(column, interval, sa.Double() if _is_huge(interval) else sa.BigInteger())

    def _has_key(self, condition: HasKey) -> Truth:
        if condition.quantity is Quantity.METRIC:
            return _has(metrics, metrics.c.name == condition.key)
        return self._property(condition.key, sa.true())

    def _property(self, key: str, wanted: Truth) -> Truth:
        return _has(properties, (properties.c.key == key) & wanted)

    def _property_between(self, interval: Interval) -> Truth:
        """JSON of a number begins with a digit or a minus; only such text is read as one."""
        first = sa.func.substr(properties.c.value, 1, 1)
        if isinstance(interval.low, str) or isinstance(interval.high, str):
            return between(self._bytewise(self._property_text()), interval, sa.Text())
        numeric = first.in_(list("-0123456789"))
        number = sa.case((numeric, sa.cast(properties.c.value, sa.Double())), else_=None)
        return between(number, interval, sa.Double())

    def _property_text(self) -> sa.ColumnElement[str]:
        """The text that a property is, or NULL; neither database can compare text with a NUL in it."""
        value = properties.c.value
        first, find = sa.func.substr(value, 1, 1), sa.func.strpos if self._postgresql else sa.func.instr
        text = (
            sa.cast(value, sa.JSON).op("#>>")(sa.text("'{}'")) if self._postgresql else sa.func.json_extract(value, "$")
        )
        return sa.case(((first == '"') & (find(value, "\\u0000") == 0), text), else_=None)

    def _holds(self, condition: HoldsDigest) -> Truth:
        own, held = self._digests(condition)
        return own | _has(files, held)

    def _digests(self, condition: HoldsDigest) -> tuple[Truth, Truth]:
        low, high = (sa.literal(end, sa.LargeBinary()) for end in (condition.low, condition.high))
        columns = (sa.type_coerce(column, sa.LargeBinary()) for column in (versions.c.digest, files.c.sha256))
        own, held = (column.between(low, high) for column in columns)
        return own, held

    def _target(self, condition: MadeFrom) -> Truth:
        if condition.version_id is not None:
            return refs.c.target_id == condition.version_id
        target = versions.alias("target")
        return refs.c.target_id.in_(sa.select(target.c.id).where(target.c.asset_id == condition.asset_id))

    def _bytewise(self, text: Any) -> Any:
        return text.collate("C") if self._postgresql else text

    def _semantic(self) -> list[Any]:
        """MAJOR, MINOR and PIPELINE as numbers."""
        whole = versions.c.semantic
        if self._postgresql:
            return [sa.cast(sa.func.split_part(whole, ".", part), sa.BigInteger()) for part in (1, 2, 3)]
        minor = _behind_dot(whole)
        return [sa.cast(text, sa.Integer()) for text in (whole, minor, _behind_dot(minor))]


def _behind_dot(text: Any) -> Any:
    return sa.func.substr(text, sa.func.instr(text, ".") + 1)


def _has(table: Any, wanted: Truth) -> Truth:
    """Asked version by version; what is rare enough to begin with is asked for by `Sql.ids`."""
    return sa.exists().where(table.c.version_id == versions.c.id, wanted)


def between(column: Any, interval: Interval, kind: Any) -> Truth:
    """Return that a column lies in an interval whose ends are of a kind; one without ends asks that it is there."""
    ends = []
    if interval.low is not None:
        low = _bound(interval.low, kind)
        ends.append(column >= low if interval.with_low else column > low)
    if interval.high is not None:
        high = _bound(interval.high, kind)
        ends.append(column <= high if interval.with_high else column < high)
    return sa.and_(*ends) if ends else column.is_not(None)


def _bound(point: float | str | datetime.datetime | tuple[int, int, int], kind: Any) -> Any:
    if isinstance(point, tuple):
        return sa.tuple_(*(sa.literal(part, sa.BigInteger()) for part in point))
    return sa.literal(point, kind)


def _is_huge(interval: Interval) -> bool:
    return any(isinstance(end, float) or abs(end) >= 2**63 for end in (interval.low, interval.high) if end is not None)  # type: ignore[arg-type]
