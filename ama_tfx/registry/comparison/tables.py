"""A comparison as tables of text, for terminals and pages alike; whoever prints them escapes them."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ama_tfx.registry.comparison.results import Comparison, rounded_percent
from ama_tfx.registry.comparison.rows import (
    ABSENT,
    UNREAD,
    UNTOLD,
    Absent,
    Distance,
    FileRow,
    MetricRow,
    TensorCell,
    TensorRow,
    ValueRow,
)
from ama_tfx.registry.comparison.tensors import layers

MANY_TENSORS = 40
"""More rows of tensors than these are summed up by layer first."""

_MOST_CHARACTERS = 300
_TITLES = {
    "facts": "facts",
    "params": "parameters",
    "metrics": "metrics",
    "files": "files",
    "refs": "refs",
    "schema": "schema",
    "tensors": "tensors",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A text, and how it is marked.

    Attributes:
        text: As it is; it may hold anything.
        mark: ``added``, ``removed``, ``changed``, ``good``, ``bad``, or empty.
    """

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table.

    Attributes:
        title: What it tells.
        columns: The heads.
        rows: Cells under them.
        notes: Lines below.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


def grids(comparison: Comparison) -> Iterator[Grid]:
    """Yield the tables of a comparison, those without rows and notes left out."""
    names = comparison.heads
    for section in comparison.sections:
        yield from (grid for grid in _OF[section](comparison, names) if grid.rows or grid.notes)
    problems = tuple((Cell(names[p.column]), Cell(p.path), Cell(p.what, "bad")) for p in comparison.problems)
    if problems:
        yield Grid("not compared", ("version", "path", "why"), problems)


def value_text(value: Any) -> str:
    """Return a value as people write it: text as it is, a list as ``a, b``, nothing as ``-``, all else as JSON."""
    if isinstance(value, Absent):
        return "cannot be read" if value is UNREAD else "-"
    if isinstance(value, list | tuple):
        return _cut(", ".join(map(value_text, value)) or "-")
    return _cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def _facts(comparison: Comparison, names: tuple[str, ...]) -> Iterator[Grid]:
    yield Grid(_TITLES["facts"], ("fact", *names), tuple(_values(_readable(row))[1:] for row in comparison.facts))


def _params(comparison: Comparison, names: tuple[str, ...]) -> Iterator[Grid]:
    yield Grid(_TITLES["params"], ("source", "parameter", *names), tuple(map(_values, comparison.params)))


def _refs(comparison: Comparison, names: tuple[str, ...]) -> Iterator[Grid]:
    yield Grid(_TITLES["refs"], ("role", *names), tuple(_values(row)[1:] for row in comparison.refs))


def _readable(fact: ValueRow) -> ValueRow:
    if fact.name != "created_at":
        return fact
    return ValueRow(fact.source, fact.name, tuple(v if isinstance(v, Absent) else _time(v) for v in fact.values))


def _time(text: str) -> str:
    at = datetime.datetime.fromisoformat(text).astimezone(datetime.timezone.utc)
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def _values(row: ValueRow) -> tuple[Cell, ...]:
    first = row.values[0]
    texts = _texts(row.values)
    cells = (Cell(texts[number], _mark(first, v) if number else "") for number, v in enumerate(row.values))
    return Cell(row.source), Cell(row.name), *cells


def _texts(values: Sequence[Any]) -> list[str]:
    """Return values as texts; as JSON where two that differ would read alike, such as 1 and ``"1"``."""
    texts = [value_text(value) for value in values]
    told = {(repr(value), text) for value, text in zip(values, texts, strict=True) if value is not UNTOLD}
    if len({text for _, text in told}) == len(told):
        return texts
    return [
        text if isinstance(value, Absent) else _cut(json.dumps(value, ensure_ascii=False))
        for text, value in zip(texts, values, strict=True)
    ]


def _mark(first: Any, value: Any) -> str:
    if UNREAD in (first, value):
        return "bad" if value is UNREAD else ""
    if (type(first), repr(first)) == (type(value), repr(value)) or value is UNTOLD:
        return ""
    return "added" if first is ABSENT else "removed" if value is ABSENT else "changed"


def _metrics(comparison: Comparison, names: tuple[str, ...]) -> Iterator[Grid]:
    yield Grid(_TITLES["metrics"], ("source", "metric", *names), tuple(map(_metric, comparison.metrics)))


def _metric(row: MetricRow) -> tuple[Cell, ...]:
    return Cell(row.source), Cell(row.name), *(_metric_cell(row, number) for number in range(len(row.values)))


def _metric_cell(row: MetricRow, column: int) -> Cell:
    value, difference, relative = row.values[column], row.differences[column], row.relative[column]
    if column in row.unread:
        return Cell("cannot be read", "bad")
    if value is None:
        return Cell("-", "removed" if row.values[0] is not None and column not in row.untold else "")
    if not column or not difference:
        return Cell(_number(value), "added" if column and row.values[0] is None else "")
    told = [f"{difference:+.6g}", *([f"{100 * relative:+.2f} %"] if relative is not None else [])]
    better = row.better[column]
    word = "" if better is None else " better" if better else " worse"
    mark = "changed" if better is None else "good" if better else "bad"
    return Cell(f"{_number(value)} ({', '.join(told)}){word}", mark)


def _files(comparison: Comparison, names: tuple[str, ...]) -> Iterator[Grid]:
    rows = tuple(map(_file, comparison.files))
    notes = tuple(_shared(comparison, names, column) for column in range(1, len(names))) if rows else ()
    yield Grid(_TITLES["files"], ("path", *names), rows, notes)


def _shared(comparison: Comparison, names: tuple[str, ...], column: int) -> str:
    percent, total = comparison.shared_percent[column], comparison.total_bytes[column]
    if percent >= 100 and any(row.changes[column] not in {"", "same"} for row in comparison.files):
        return f"all {total:,} bytes of {names[column]} are in {names[0]} too"
    told = f"{rounded_percent(percent, 1):.1f} % of its {total:,} bytes"
    return f"{names[column]} has {told} in common with {names[0]}"


def _file(row: FileRow) -> tuple[Cell, ...]:
    return Cell(row.path), *(_file_cell(row, number) for number in range(len(row.cells)))


def _file_cell(row: FileRow, column: int) -> Cell:
    cell, change = row.cells[column], row.changes[column]
    if cell is None:
        return Cell("removed" if change else "-", change)
    size = f"{cell.size_bytes:,} B"
    if change in {"", "same"}:
        return Cell(size)
    where = f" to {cell.path}" if change == "moved" else ""
    return Cell(f"{change}{where}, {size}", "added" if change == "copied" else "changed" if where else change)


def _schema(comparison: Comparison, names: tuple[str, ...]) -> Iterator[Grid]:
    rows = tuple(
        (
            Cell(row.source),
            Cell(names[row.column]),
            Cell(row.feature),
            Cell(row.what),
            Cell("breaking", "bad") if row.is_breaking else Cell("compatible", "good"),
        )
        for row in comparison.schema
    )
    yield Grid(_TITLES["schema"], ("source", "version", "feature", "change", "so it is"), rows)


def _tensors(comparison: Comparison, names: tuple[str, ...]) -> Iterator[Grid]:
    if len(comparison.tensors) > MANY_TENSORS:
        rows = tuple(row for column in range(1, len(names)) for row in _layers(comparison.tensors, names, column))
        yield Grid("tensors by layer", ("layer", "version", "tensors", "distance"), rows)
    yield Grid(_TITLES["tensors"], ("source", "tensor", *names), tuple(map(_tensor, comparison.tensors)))


def _layers(tensors: Sequence[TensorRow], names: tuple[str, ...], column: int) -> Iterator[tuple[Cell, ...]]:
    for layer in layers(tensors, column):
        counts = ", ".join(f"{count} {change}" for change, count in layer.counts.items())
        far = distance_text(layer.distance) if layer.distance else "-"
        yield Cell(layer.name), Cell(names[column]), Cell(counts), Cell(far)


def _tensor(row: TensorRow) -> tuple[Cell, ...]:
    return Cell(row.source), Cell(row.name), *(_tensor_cell(cell) for cell in row.cells)


def _tensor_cell(cell: TensorCell | None) -> Cell:
    if cell is None:
        return Cell("-")
    kind = f"{cell.dtype}{list(cell.shape)}".replace(" ", "")
    if cell.change == "removed":
        return Cell("removed", "removed")
    if cell.change == "unread":
        return Cell("cannot be read", "bad")
    if cell.change == "unknown":
        return Cell(f"{kind}, other bytes", "changed")
    if cell.change in {"", "same"}:
        return Cell(kind if not cell.change else "same")
    told = (
        [] if cell.change == "values" else [f"{cell.change} is {kind}" if cell.change != "added" else f"added {kind}"]
    )
    told += [distance_text(cell.distance)] if cell.distance else []
    return Cell(", ".join(told), "added" if cell.change == "added" else "changed")


def distance_text(far: Distance) -> str:
    """Return a distance in words."""
    cosine = "" if far.cosine is None else f", cosine {far.cosine:.6g}"
    return f"distance {_number(far.relative)}, largest {_number(far.largest)}{cosine}"


def _number(value: float) -> str:
    return f"{value:.6g}" if math.isfinite(value) else str(value)


_OF = {
    "facts": _facts,
    "params": _params,
    "metrics": _metrics,
    "files": _files,
    "refs": _refs,
    "schema": _schema,
    "tensors": _tensors,
}
