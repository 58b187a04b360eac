"""How far tensors are from each other, a block at a time, and what that is for a layer. No files here."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ama_tfx.registry.comparison.rows import Distance, TensorCell, TensorRow

Numbers = npt.NDArray[Any]

_WIDE = {"int64", "uint64", "float64", "complex128"}
_MOST_LAYERS = 40
_EMPTY: Numbers = np.empty(0)


@dataclass(frozen=True, slots=True)
class Layer:
    """What became of the tensors whose names begin alike.

    Attributes:
        name: What their names begin with.
        column: Which column is told of.
        counts: Change -> how many.
        distance: Of all that have other values, taken together; None when there are none.
    """

    name: str
    column: int
    counts: dict[str, int]
    distance: Distance | None

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        distance = self.distance.to_json() if self.distance else None
        return {"name": self.name, "column": self.column, "counts": dict(self.counts), "distance": distance}


@dataclass(slots=True)
class _Sums:
    first: Any = field(default_factory=lambda: np.longdouble(0))
    other: Any = field(default_factory=lambda: np.longdouble(0))
    difference: Any = field(default_factory=lambda: np.longdouble(0))
    dot: Any = field(default_factory=lambda: np.longdouble(0))
    largest: float = 0.0

    def add(self, first: Numbers, other: Numbers) -> None:
        equal = (first == other) | ((first != first) & (other != other))  # NaN is the same as NaN
        if not equal.all():
            difference = np.where(equal, 0, other - first)
            self.difference += _squares(difference)
            self.largest = _larger(self.largest, float(np.abs(difference).max()))
        first, other = _without(first, equal), _without(other, equal)
        self.first += _squares(first)
        self.other += _squares(other)
        self.dot += np.vdot(first, other).real

    def distance(self) -> Distance:
        first, other, difference = (float(np.sqrt(total)) for total in (self.first, self.other, self.difference))
        return Distance(first, other, difference, float(self.dot), self.largest)


def distance(first: Iterable[Numbers], other: Iterable[Numbers]) -> Distance:
    """Return how far a tensor is from another with as many numbers.

    Nothing is lost on the way: narrow types are summed up as float64, 64-bit ones with the 64-bit mantissa of the
    machine's long double.

    Args:
        first: Its numbers in order, flat, in blocks of whatever sizes.
        other: The other's, perhaps in blocks of other sizes and of another type.

    Raises:
        ValueError: One has more numbers than the other.
    """
    sums = _Sums()
    with np.errstate(all="ignore"):
        for some, more in _aligned(iter(first), iter(other)):
            sums.add(_exact(some), _exact(more))
    return sums.distance()


def layers(rows: Sequence[TensorRow], column: int) -> tuple[Layer, ...]:
    """Return the tensors of a column by layer: by the parts of their names that leave at most 40 layers.

    Args:
        rows: Of all tensors.
        column: Which is compared with the first.
    """
    depth = 1
    while depth < 8 and len({_prefix(row.name, depth + 1) for row in rows}) <= _MOST_LAYERS:
        depth += 1
    found: dict[str, list[TensorCell]] = {}
    for row in rows:
        if cell := row.cells[column]:
            found.setdefault(_prefix(row.name, depth), []).append(cell)
    return tuple(_layer(name, column, cells) for name, cells in found.items())


def together(distances: Iterable[Distance]) -> Distance | None:
    """Return the distance of tensors taken as one long one; None for none."""
    some = list(distances)
    if not some:
        return None
    return Distance(
        first=math.hypot(*(one.first for one in some)),
        other=math.hypot(*(one.other for one in some)),
        difference=math.hypot(*(one.difference for one in some)),
        dot=math.fsum(one.dot for one in some),
        largest=max(one.largest for one in some),
    )


def _layer(name: str, column: int, cells: Sequence[TensorCell]) -> Layer:
    counts = Counter(cell.change for cell in cells)
    return Layer(name, column, dict(sorted(counts.items())), together(c.distance for c in cells if c.distance))


def _prefix(name: str, depth: int) -> str:
    mark = "/" if "/" in name else "."
    parts = name.split(mark)
    return mark.join(parts[: min(depth, max(1, len(parts) - 1))])


def _aligned(first: Iterator[Numbers], other: Iterator[Numbers]) -> Iterator[tuple[Numbers, Numbers]]:
    left, right = _EMPTY, _EMPTY
    while True:
        left = left if left.size else next(first, _EMPTY)
        right = right if right.size else next(other, _EMPTY)
        count = min(left.size, right.size)
        if not count:
            break
        yield left[:count], right[:count]
        left, right = left[count:], right[count:]
    if left.size or right.size:
        raise ValueError("one tensor has more numbers than the other")


def _exact(numbers: Numbers) -> Numbers:
    name = numbers.dtype.name
    if numbers.dtype.kind == "c":
        return numbers.astype(np.clongdouble if name in _WIDE else np.complex128)
    return numbers.astype(np.longdouble if name in _WIDE else np.float64)


def _without(numbers: Numbers, equal: npt.NDArray[np.bool_]) -> Numbers:
    """Leave out infinities and NaNs that both have: they say nothing of a distance."""
    drop = equal & ~np.isfinite(numbers)
    return np.where(drop, 0, numbers) if drop.any() else numbers


def _squares(numbers: Numbers) -> Any:
    return np.vdot(numbers, numbers).real


def _larger(one: float, other: float) -> float:
    return math.nan if math.isnan(one) or math.isnan(other) else max(one, other)
