"""Rows of facts, parameters, metrics and refs. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ama_tfx.registry.comparison.rows import ABSENT, UNTOLD, MetricRow, ValueRow
from ama_tfx.registry.metric_directions import is_better
from ama_tfx.registry.results import Details

Named = Mapping[tuple[str, str], Any]
"""Source and name -> value, of one column."""


def value_rows(columns: Sequence[Named | None]) -> Iterator[ValueRow]:
    """Yield a row for each name that a column has, sorted.

    Args:
        columns: The values of each; None for one that cannot have any.
    """
    for key in sorted({key for column in columns for key in column or ()}):
        yield ValueRow(*key, tuple(UNTOLD if column is None else column.get(key, ABSENT) for column in columns))


def metric_rows(
    columns: Sequence[Mapping[tuple[str, str], float] | None], unread: Sequence[set[str]] = ()
) -> Iterator[MetricRow]:
    """Yield a row for each metric that a column has, sorted.

    Args:
        columns: The metrics of each; None for one that cannot have any.
        unread: By column: the sources that cannot be read in it.
    """
    untold = tuple(number for number, column in enumerate(columns) if column is None)
    for source, name in sorted({key for column in columns for key in column or ()}):
        values = tuple((column or {}).get((source, name)) for column in columns)
        first = values[0]
        better = (None if first is None or value is None else is_better(name, first, value) for value in values)
        lost = tuple(n for n, sources in enumerate(unread) if source in sources and values[n] is None)
        yield MetricRow(source, name, values, tuple(better), untold, lost)


def flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the leaves of a JSON value under dotted names; a list is a leaf, unless it holds objects or lists."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple) and any(isinstance(inner, Mapping | list | tuple) for inner in value):
        for number, inner in enumerate(value):
            yield from flat(inner, f"{name}[{number}]")
    else:
        yield name, value


def properties(details: Details | None) -> Named | None:
    """Return a version's properties as parameters; None for what lies on disk."""
    if details is None:
        return None
    return {
        ("properties", name): value for key in details.properties for name, value in flat(details.properties[key], key)
    }


def recorded(details: Details | None) -> dict[tuple[str, str], float] | None:
    """Return the metrics that were recorded for a version; None for what lies on disk."""
    return None if details is None else {("recorded", name): value for name, value in details.metrics.items()}


def facts(details: Details | None) -> Named | None:
    """Return what is known of a version beside its content; None for what lies on disk."""
    if details is None:
        return None
    version = details.version
    told = {
        "aliases": list(details.aliases),
        "created_at": version.created_at.isoformat(),
        "created_by": version.created_by,
        "kind": version.kind,
        "message": version.message,
        "semantic": str(version.semantic),
        "tags": list(details.tags),
        "version": version.number,
    }
    return {("", name): value for name, value in told.items()}


def sizes(size_bytes: int, file_count: int) -> Named:
    """Return how large something is."""
    return {("", "size_bytes"): size_bytes, ("", "file_count"): file_count}


def ref_targets(details: Details | None) -> Named | None:
    """Return what a version was made from: role -> versions by number, which never move; None for what lies on disk."""
    if details is None:
        return None
    found: dict[tuple[str, str], list[str]] = {}
    for role, version in details.refs:
        found.setdefault(("", role), []).append(f"{version.asset}:{version.number}")
    return {key: sorted(targets) for key, targets in found.items()}


def differing(rows: Iterable[Any], *, with_same: bool) -> tuple[Any, ...]:
    """Return the rows that differ, or all of them."""
    return tuple(row for row in rows if with_same or not row.is_same)
