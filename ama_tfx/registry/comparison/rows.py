"""The rows of a comparison.

They have a column for each of what is compared; the first is what the others are held against. A column that lacks the
thing has ``None``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


class Absent:
    """The type of `ABSENT`, `UNTOLD` and `UNREAD`."""

    def __repr__(self) -> str:
        return "ABSENT" if self is ABSENT else "UNTOLD" if self is UNTOLD else "UNREAD"


ABSENT = Absent()
"""A value that a column does not have; one that is JSON's null is there."""

UNTOLD = Absent()
"""A value that a column cannot have: files on disk have no properties, and differ in none."""

UNREAD = Absent()
"""A value that nobody knows, because the file that may have it cannot be read; a problem says why."""


@dataclass(frozen=True, slots=True)
class ValueRow:
    """A fact or a parameter.

    Attributes:
        source: The file it was read from, by its path in the first column that has it; or ``properties``.
        name: Its dotted name.
        values: By column: a JSON value, `ABSENT`, `UNTOLD` or `UNREAD`.
    """

    source: str
    name: str
    values: tuple[Any, ...]

    @property
    def is_same(self) -> bool:
        """Whether all columns have it with one value; 1, 1.0 and true are three values."""
        return len({(type(value), repr(value)) for value in self.values if value is not UNTOLD}) <= 1

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form; ``absent`` has the numbers of the columns without a value."""
        return {
            "source": self.source,
            "name": self.name,
            "values": [_json(value) for value in self.values],
            "absent": [number for number, value in enumerate(self.values) if isinstance(value, Absent)],
            "same": self.is_same,
        }


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A metric.

    Attributes:
        source: The file it was read from, ``properties``, or ``recorded``.
        name: Its name.
        values: By column.
        better: By column: whether it is better than in the first; None when that is not known, or it is the same.
        untold: The columns that cannot have it: files on disk have no recorded metrics, and differ in none.
        unread: The columns whose file cannot be read; a problem says why.
    """

    source: str
    name: str
    values: tuple[float | None, ...]
    better: tuple[bool | None, ...]
    untold: tuple[int, ...] = ()
    unread: tuple[int, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether all columns have it with one value."""
        return len({repr(value) for number, value in enumerate(self.values) if number not in self.untold}) <= 1

    @property
    def differences(self) -> tuple[float | None, ...]:
        """By column: the value minus the first column's."""
        first = self.values[0]
        return tuple(None if first is None or value is None else value - first for value in self.values)

    @property
    def relative(self) -> tuple[float | None, ...]:
        """By column: the difference in parts of the first column's size; None where that is 0."""
        first = self.values[0]
        return tuple(d / abs(first) if first and d is not None else None for d in self.differences)

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {
            "source": self.source,
            "name": self.name,
            "values": [_json(value) for value in self.values],
            "differences": [_json(value) for value in self.differences],
            "relative": [_json(value) for value in self.relative],
            "better": list(self.better),
            "same": self.is_same,
        }


@dataclass(frozen=True, slots=True)
class FileCell:
    """A file of one column: its path there, its SHA-256 in hexadecimal and its size."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file.

    Attributes:
        path: In the first column that has it; other columns may have the same content under another path.
        cells: By column.
        changes: By column, against the first: ``added``, ``removed``, ``changed``, ``moved``, ``copied`` (the content
            stays at its path and is at this one too), ``same``, or empty where both lack it, and in the first.
    """

    path: str
    cells: tuple[FileCell | None, ...]
    changes: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether every column has the content under this path."""
        return set(self.changes[1:]) <= {"same"}

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {
            "path": self.path,
            "paths": [cell and cell.path for cell in self.cells],
            "sha256": [cell and cell.sha256 for cell in self.cells],
            "size_bytes": [cell and cell.size_bytes for cell in self.cells],
            "changes": [change or None for change in self.changes],
            "same": self.is_same,
        }


@dataclass(frozen=True, slots=True)
class SchemaRow:
    """A change of a TFX Schema, or of a SavedModel's signature, from the first column to another.

    Attributes:
        source: The file, by its path in the first column; or ``ref schema``.
        column: The number of the other column.
        feature: Which feature, or which input or output of which signature.
        what: What changed.
        is_breaking: Whether what fitted the one does not fit the other.
    """

    source: str
    column: int
    feature: str
    what: str
    is_breaking: bool

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {
            "source": self.source,
            "column": self.column,
            "feature": self.feature,
            "what": self.what,
            "breaking": self.is_breaking,
        }


@dataclass(frozen=True, slots=True)
class Distance:
    """How far one tensor ``b`` is from another ``a`` of its shape, or many from many.

    Attributes:
        first: Euclid's norm of ``a``.
        other: Of ``b``.
        difference: Of ``b - a``.
        dot: ``a · b``.
        largest: The largest ``|b - a|`` of a number.
    """

    first: float
    other: float
    difference: float
    dot: float
    largest: float

    @property
    def relative(self) -> float:
        """``||b - a|| / ||a||``; infinite when only ``a`` is all zeros."""
        if self.first:
            return self.difference / self.first
        return math.inf if self.difference else 0.0

    @property
    def cosine(self) -> float | None:
        """``a · b / (||a|| ||b||)``; None when one of them is all zeros, or not finite."""
        norms = self.first * self.other
        if not norms or not math.isfinite(norms) or not math.isfinite(self.dot):
            return None
        return max(-1.0, min(1.0, self.dot / norms))

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form; what is not a finite number is text."""
        return {"relative": _json(self.relative), "largest": _json(self.largest), "cosine": self.cosine}


@dataclass(frozen=True, slots=True)
class TensorCell:
    """A tensor of one column.

    Attributes:
        dtype: As `ama_tfx.inspection.TensorFact`.
        shape: As the file says.
        change: Against the first column: ``added``, ``removed``, ``shape``, ``dtype``, ``values``, ``same``,
            ``unknown`` where the numbers could not be compared, or ``unread`` where the file cannot be read; empty in
            the first.
        distance: From the first column's, where both have numbers of one shape and other values.
    """

    dtype: str
    shape: tuple[int, ...]
    change: str = ""
    distance: Distance | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        distance = self.distance.to_json() if self.distance else None
        return {"dtype": self.dtype, "shape": list(self.shape), "change": self.change or None, "distance": distance}


@dataclass(frozen=True, slots=True)
class TensorRow:
    """A tensor.

    Attributes:
        source: The file it lies in, by its path in the first column that has it.
        name: Its name.
        cells: By column; one whose change is ``removed`` or ``unread`` has the first column's type and shape.
    """

    source: str
    name: str
    cells: tuple[TensorCell | None, ...]

    @property
    def is_same(self) -> bool:
        """Whether every column has it, with the same numbers."""
        return all(cell is not None and cell.change == "same" for cell in self.cells[1:])

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        cells = [cell and cell.to_json() for cell in self.cells]
        return {"source": self.source, "name": self.name, "cells": cells, "same": self.is_same}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be read, and is therefore not compared."""

    column: int
    path: str
    what: str

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {"column": self.column, "path": self.path, "what": self.what}


def _json(value: Any) -> Any:
    """Return a value that JSON can carry: what is absent is null, what is not finite is text."""
    if isinstance(value, Absent):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
