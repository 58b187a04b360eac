"""From what files say to rows: parameters, metrics, schemas, tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ama_tfx.errors import AmaError
from ama_tfx.inspection import ExamplesFact, Inspected, TensorFact, schema_changes, tensor_blocks
from ama_tfx.registry.comparison.reading import Group, Side, Told
from ama_tfx.registry.comparison.rows import UNREAD, Distance, Problem, SchemaRow, TensorCell, TensorRow
from ama_tfx.registry.comparison.signatures import signature_changes
from ama_tfx.registry.comparison.tensors import distance
from ama_tfx.storage import Digest

PieceKeys = Callable[[Digest], Mapping[str, tuple[bytes, ...]]]
"""Gives the pieces that each tensor of a stored file is made of: equal pieces are equal numbers."""


def source_of(group: Group) -> str:
    """Return how a group is called: by its row's path."""
    return min(row for paths in group.paths for row in paths.values())


def parameters(told: Iterable[Told], column: int) -> dict[tuple[str, str], Any]:
    """Return the parameters in the files of a column, `UNREAD` for those of a file that cannot be read in it.

    A file of metrics has none.
    """
    found: dict[tuple[str, str], Any] = {}
    for one in told:
        source = source_of(one.group)
        if one.is_unread(column):
            found |= {(source, name): UNREAD for inspected in one.columns for name, _ in _parameters(inspected)}
        found |= {(source, name): value for name, value in _parameters(one.columns[column])}
    return found


def metrics(told: Iterable[Told], column: int) -> dict[tuple[str, str], float]:
    """Return the metrics in the files of a column."""
    return {
        (source_of(one.group), name): value
        for one, inspected in _columns(told, column)
        for name, value in inspected.metrics.items()
    }


def unread_sources(told: Iterable[Told], column: int) -> set[str]:
    """Return what the files of a column that cannot be read are called."""
    return {source_of(one.group) for one in told if one.is_unread(column)}


def schema_rows(told: Iterable[Told]) -> Iterator[SchemaRow]:
    """Yield what changed in schemas and signatures, column by column against the first."""
    for one in told:
        first = one.columns[0] or Inspected()
        for column, other in enumerate(one.columns[1:], 1):
            if _is_guess(one, column):
                continue
            yield from schema_changes_of(source_of(one.group), column, first, other or Inspected())


def schema_changes_of(source: str, column: int, first: Inspected, other: Inspected) -> Iterator[SchemaRow]:
    """Yield what changed in a schema and in signatures; one that only one side has is one row."""
    if first.schema and other.schema:
        changes = schema_changes(first.schema, other.schema)
        yield from (SchemaRow(source, column, c.feature, c.what, c.is_breaking) for c in changes)
    elif first.schema or other.schema:
        yield SchemaRow(source, column, "", f"schema {'removed' if first.schema else 'added'}", False)
    if first.examples and other.examples:
        yield from _examples_changes(source, column, first.examples, other.examples)
    if first.signatures and other.signatures:
        changes = signature_changes(first.signatures, other.signatures)
        yield from (SchemaRow(source, column, c.feature, c.what, c.is_breaking) for c in changes)


def _parameters(inspected: Inspected | None) -> Iterator[tuple[str, Any]]:
    if inspected is not None:
        yield from ((name, value) for name, value in inspected.parameters.items() if name not in inspected.metrics)


def _examples_changes(source: str, column: int, first: ExamplesFact, other: ExamplesFact) -> Iterator[SchemaRow]:
    """Yield what changed in records: how many there are, and their features; one that is gone or another breaks."""
    counts = [f"{'' if one.is_complete else 'at least '}{one.record_count:,}" for one in (first, other)]
    if counts[0] != counts[1]:
        yield SchemaRow(source, column, "", f"records {counts[0]} -> {counts[1]}", False)
    for name in sorted({*first.features, *other.features}):
        before, after = first.features.get(name), other.features.get(name)
        if before is None or after is None:
            told = f"removed ({before})" if before else f"added ({after})"
            yield SchemaRow(source, column, name, told, after is None)
        elif before != after:
            yield SchemaRow(source, column, name, f"type {before} -> {after}", True)


def _is_guess(one: Told, column: int) -> bool:
    """Whether a schema is missing on one side because its file cannot be read."""
    lacks = [number for number in (0, column) if not (one.columns[number] or Inspected()).schema]
    return any(one.is_unread(number) for number in lacks)


def _columns(told: Iterable[Told], column: int) -> Iterator[tuple[Told, Inspected]]:
    for one in told:
        if inspected := one.columns[column]:
            yield one, inspected


@dataclass(frozen=True)
class Tensors:
    """Compares the tensors of files.

    Attributes:
        sides: What is compared.
        piece_keys: By column; None for what lies on disk.
        problems: Where to put what could not be compared.
    """

    sides: Sequence[Side]
    piece_keys: Sequence[PieceKeys | None]
    problems: list[Problem]

    def rows(self, told: Told) -> Iterator[TensorRow]:
        """Yield the tensors of a group of files."""
        columns = [self._by_name(told, column) for column in range(len(told.columns))]
        for source, name in sorted({key for column in columns for key in column}):
            tensors = [column.get((source, name)) for column in columns]
            cells = [self._cell(told, tensors, column) for column in range(len(columns))]
            yield TensorRow(source, name, tuple(cells))

    def _by_name(self, told: Told, column: int) -> dict[tuple[str, str], TensorFact]:
        inspected = told.columns[column]
        rows = told.group.paths[column]
        return {(rows[t.path], t.name): t for t in inspected.tensors if t.path in rows} if inspected else {}

    def _cell(self, told: Told, tensors: Sequence[TensorFact | None], column: int) -> TensorCell | None:
        first, other = tensors[0], tensors[column]
        if first is None:
            change = "unknown" if told.is_unread(0) else "added"
            return None if other is None else TensorCell(other.dtype, other.shape, change)
        if other is None:
            return TensorCell(first.dtype, first.shape, "unread" if told.is_unread(column) else "removed")
        if column == 0:
            return TensorCell(first.dtype, first.shape)
        if first.shape != other.shape:
            return TensorCell(other.dtype, other.shape, "shape")
        change, far = self._numbers(told, first, other, column)
        return TensorCell(other.dtype, other.shape, "dtype" if first.dtype != other.dtype else change, far)

    def _numbers(self, told: Told, first: TensorFact, other: TensorFact, column: int) -> tuple[str, Distance | None]:
        if first.dtype == other.dtype and self._has_same_pieces(first, other, column):
            return "same", None
        try:
            far = distance(self._blocks(told, first, 0), self._blocks(told, other, column))
        except (AmaError, ValueError) as error:
            if "opaque" not in {first.dtype, other.dtype} and "string" not in {first.dtype, other.dtype}:
                self.problems.append(Problem(column, other.path, f"tensor {other.name!r}: {error}"))
            return "unknown", None
        return ("values", far) if far.difference or far.largest else ("same", None)

    def _blocks(self, told: Told, tensor: TensorFact, column: int) -> Iterator[Any]:
        files = self.sides[column].files
        siblings = {path: files[path] for path in told.group.paths[column]}
        return tensor_blocks(files[tensor.path], tensor.path, tensor.name, siblings)

    def _has_same_pieces(self, first: TensorFact, other: TensorFact, column: int) -> bool:
        digest, other_digest = self.sides[0].digests[first.path], self.sides[column].digests[other.path]
        if digest == other_digest:
            return True
        some, more = self.piece_keys[0], self.piece_keys[column]
        if some is None or more is None:
            return False
        label = f"{first.dtype}:{first.name}"[:1000]
        keys = some(digest).get(label)
        return keys is not None and keys == more(other_digest).get(label)
