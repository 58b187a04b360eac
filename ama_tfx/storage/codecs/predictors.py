"""Pieces that are computed from others: the layout of the payloads MEAN and LOW_RANK.

What training made by arithmetic is foretold by the same arithmetic; the payload holds what the forecast cannot know,
and the difference of the bit patterns to the forecast, laid out as in DELTA. All integers are little-endian:

=================== ===================================================================================================
MEAN                meaning
=================== ===================================================================================================
1                   The type of the numbers: see `NumberType`.
2                   How many bases there are, at least 1.
4 for each base     Its weight, at least 1, in the order of the bases.
the rest            The payload of DELTA whose base is the forecast.
=================== ===================================================================================================

=================== ===================================================================================================
LOW_RANK            meaning
=================== ===================================================================================================
1                   The type of the numbers: see `NumberType`.
2                   ``rank``, at least 1.
4                   ``rows``, at least 1; ``columns`` follows from the size of the piece.
4 * rows * rank     The left factor, fp32, row by row.
4 * rank * columns  The right factor, fp32, row by row.
the rest            The payload of DELTA whose base is the forecast.
=================== ===================================================================================================

A forecast has to be the same, bit for bit, on each machine and with each release of numpy. So it is made of single
IEEE 754 operations in a fixed order, each rounded to nearest even, element by element, without BLAS, pairwise sums or
fused operations; in fp32 for all types but fp64, which is computed in fp64; rounded to the type of the piece at the
end. A NaN, whose bits differ between processors, is replaced with 0:

* MEAN: ``s = w[0] * x[0]``, then ``s = s + w[i] * x[i]`` for each next base, then ``s / w_sum``, with each weight and
  their exact sum rounded to fp32 or fp64 too: how FedAvg averages its clients by their number of examples. Weights that
  are all 1 are the plain mean.
* LOW_RANK: ``s = left[:, 0] * right[0]``, then ``s = s + left[:, k] * right[k]`` for each next ``k``, then
  ``base + s``: a LoRA adapter that was merged.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ama_tfx.errors import IntegrityError, InvalidInputError
from ama_tfx.storage.codecs.codec import Codec, Encoded, flat
from ama_tfx.storage.codecs.planes import decode_planes, encode_planes

_BLOCK_ITEMS = 1 << 16
_MEAN_HEAD = struct.Struct("<BH")
_LOW_RANK_HEAD = struct.Struct("<BHI")

Floats = npt.NDArray[np.floating[Any]]


class NumberType(enum.IntEnum):
    """Types of numbers that can be foretold; the values are part of the published format."""

    FLOAT16 = 0
    BFLOAT16 = 1
    FLOAT32 = 2
    FLOAT64 = 3

    @property
    def item_bytes(self) -> int:
        """Size of one number."""
        return {NumberType.FLOAT32: 4, NumberType.FLOAT64: 8}.get(self, 2)


@dataclass(frozen=True, slots=True)
class LowRank:
    """A matrix as a product of a tall and a wide one, both fp32: the piece is foretold as base + left @ right."""

    left: Floats
    right: Floats


def encode_mean(
    data: memoryview, number_type: NumberType, bases: Sequence[memoryview], weights: Sequence[int] | None = None
) -> Encoded:
    """Return a piece as its difference to the mean of bases.

    Args:
        data: The piece.
        number_type: Of its numbers.
        bases: Of its size each, in an order that has to be the same at reading.
        weights: One for each base, 1 to 2**32 - 1; all 1 when left out.

    Raises:
        InvalidInputError: No base, one of another size, or not one weight for each.
    """
    piece, chosen = flat(data), tuple(weights or (1,) * len(bases))
    if len(chosen) != len(bases) or not all(0 < weight < 1 << 32 for weight in chosen) or not 0 < len(bases) < 1 << 16:
        raise InvalidInputError(f"cannot average {len(bases)} bases with weights {chosen!r}; expected one for each")
    if any(memoryview(base).nbytes != len(piece) for base in bases):
        raise InvalidInputError(f"each base of a mean has to have {len(piece)} bytes, as the piece has")
    forecast = predict_mean(bases, chosen, number_type)
    return Encoded(Codec.MEAN, mean_head(number_type, chosen) + encode_planes(piece, number_type.item_bytes, forecast))


def mean_head(number_type: NumberType, weights: Sequence[int]) -> bytes:
    """Return what a payload of MEAN has before the difference to the forecast."""
    return _MEAN_HEAD.pack(number_type, len(weights)) + struct.pack(f"<{len(weights)}I", *weights)


def decode_mean(payload: memoryview, size_bytes: int, bases: Sequence[memoryview]) -> memoryview:
    """Return the piece of a payload of MEAN.

    Raises:
        IntegrityError: The payload or the bases cannot be those of a piece of this size.
    """
    view = flat(payload)
    number_type, (count,) = _read_head(_MEAN_HEAD, view)
    weights_end = _MEAN_HEAD.size + 4 * count
    if count == 0 or count != len(bases) or any(memoryview(base).nbytes != size_bytes for base in bases):
        raise IntegrityError(f"a mean of {count} bases of {size_bytes} bytes was given {len(bases)}, or other sizes")
    weights = [weight for (weight,) in struct.iter_unpack("<I", _part(view, _MEAN_HEAD.size, weights_end))]
    if 0 in weights:
        raise IntegrityError("a mean has a base with weight 0")
    return _decode_rest(view[weights_end:], size_bytes, number_type, lambda: predict_mean(bases, weights, number_type))


def predict_mean(bases: Sequence[memoryview], weights: Sequence[int], number_type: NumberType) -> memoryview:
    """Return the forecast of MEAN; see the module for the exact arithmetic."""
    flat_bases = [flat(base) for base in bases]
    forecast = _Forecast(number_type, len(flat_bases[0]))
    kind = forecast.computed
    total = kind.type(sum(weights))
    for start in range(0, forecast.count, _BLOCK_ITEMS):
        end = min(start + _BLOCK_ITEMS, forecast.count)
        with np.errstate(all="ignore"):
            summed = numbers(flat_bases[0], number_type, start, end) * kind.type(weights[0])
            for base, weight in zip(flat_bases[1:], weights[1:], strict=True):
                summed += numbers(base, number_type, start, end) * kind.type(weight)
            summed /= total
        forecast.put(start, summed)
    return forecast.bytes


def encode_low_rank(data: memoryview, number_type: NumberType, base: memoryview, factors: LowRank) -> Encoded:
    """Return a piece as its difference to a base plus a product of two matrices.

    Args:
        data: The piece, a matrix row by row.
        number_type: Of its numbers.
        base: Of its size.
        factors: For instance what `find_low_rank` found, or an adapter's own (its scale multiplied into one of them).

    Raises:
        InvalidInputError: The base or the factors do not have the shape of the piece.
    """
    piece, flat_base = flat(data), flat(base)
    (rows, rank), (inner, columns) = factors.left.shape, factors.right.shape
    if len(piece) != rows * columns * number_type.item_bytes or inner != rank or len(flat_base) != len(piece):
        raise InvalidInputError(f"factors {rows} x {rank} and {inner} x {columns} do not fit {len(piece)} bytes")
    if not 0 < rank < 1 << 16 or not 0 < rows < 1 << 32:
        raise InvalidInputError(f"a low rank of {rank} with {rows} rows; expected 1 to 65535, and a row at least")
    forecast = predict_low_rank(flat_base, number_type, factors)
    head = low_rank_head(number_type, factors)
    return Encoded(Codec.LOW_RANK, head + encode_planes(piece, number_type.item_bytes, forecast))


def low_rank_head(number_type: NumberType, factors: LowRank) -> bytes:
    """Return what a payload of LOW_RANK has before the difference to the forecast."""
    rows, rank = factors.left.shape
    left, right = (factor.astype("<f4").tobytes() for factor in (factors.left, factors.right))
    return _LOW_RANK_HEAD.pack(number_type, rank, rows) + left + right


def decode_low_rank(payload: memoryview, size_bytes: int, base: memoryview) -> memoryview:
    """Return the piece of a payload of LOW_RANK.

    Raises:
        IntegrityError: The payload or the base cannot be those of a piece of this size.
    """
    view, flat_base = flat(payload), flat(base)
    number_type, (rank, rows) = _read_head(_LOW_RANK_HEAD, view)
    columns, left_over = divmod(size_bytes, rows * number_type.item_bytes) if rows else (0, 1)
    if left_over or rank == 0 or columns == 0 or len(flat_base) != size_bytes:
        raise IntegrityError(f"{rows} rows of rank {rank} and a base of {len(flat_base)} do not fit {size_bytes} bytes")
    left_end = _LOW_RANK_HEAD.size + 4 * rows * rank
    right_end = left_end + 4 * rank * columns
    factors = LowRank(
        np.frombuffer(_part(view, _LOW_RANK_HEAD.size, left_end), "<f4").reshape(rows, rank),
        np.frombuffer(_part(view, left_end, right_end), "<f4").reshape(rank, columns),
    )
    forecast = lambda: predict_low_rank(flat_base, number_type, factors)  # noqa: E731
    return _decode_rest(view[right_end:], size_bytes, number_type, forecast)


def predict_low_rank(base: memoryview, number_type: NumberType, factors: LowRank) -> memoryview:
    """Return the forecast of LOW_RANK; see the module for the exact arithmetic."""
    forecast = _Forecast(number_type, len(base))
    rows, columns = len(factors.left), factors.right.shape[1]
    # As stored, then as computed: fp64 for fp64, so that the order of roundings is the one that the module states.
    left, right = (factor.astype("<f4").astype(forecast.computed) for factor in (factors.left, factors.right))
    at_once = max(1, _BLOCK_ITEMS // columns)
    for first in range(0, rows, at_once):
        some = left[first : first + at_once]
        with np.errstate(all="ignore"):
            summed = some[:, :1] * right[0]
            for k in range(1, len(right)):
                summed += some[:, k : k + 1] * right[k]
            start = first * columns
            block = summed.reshape(-1)
            block += numbers(base, number_type, start, start + len(block))
        forecast.put(start, block)
    return forecast.bytes


class _Forecast:
    """A piece being foretold, in the type of its numbers."""

    def __init__(self, number_type: NumberType, size_bytes: int) -> None:
        self._type = number_type
        self._bytes = np.zeros(size_bytes, np.uint8)
        self.count = size_bytes // number_type.item_bytes
        self.computed: np.dtype[np.floating[Any]] = np.dtype("<f8" if number_type == NumberType.FLOAT64 else "<f4")

    @property
    def bytes(self) -> memoryview:
        return self._bytes.data

    def put(self, start: int, block: Floats) -> None:
        """Round computed numbers to the type and keep them; NaN, whose bits differ between processors, becomes 0."""
        np.copyto(block, 0, where=np.isnan(block))
        width = self._type.item_bytes
        target = self._bytes[start * width : (start + len(block)) * width]
        if self._type == NumberType.BFLOAT16:
            bits = block.view("<u4")
            bits += 0x7FFF + ((bits >> 16) & 1)  # to nearest, ties to even
            target[:] = (bits >> 16).astype("<u2").view(np.uint8)
        else:
            with np.errstate(over="ignore"):
                target[:] = block.astype("<f2" if self._type == NumberType.FLOAT16 else block.dtype).view(np.uint8)


def numbers(data: memoryview, number_type: NumberType, start: int, end: int) -> Floats:
    """Return some numbers of a piece in the type that they are computed in."""
    width = number_type.item_bytes
    some = data[start * width : end * width]
    if number_type == NumberType.BFLOAT16:
        return (np.frombuffer(some, "<u2").astype("<u4") << 16).view("<f4")
    as_stored: Floats = np.frombuffer(some, f"<f{width}")
    return as_stored.astype("<f4") if number_type == NumberType.FLOAT16 else as_stored


def _part(payload: memoryview, start: int, end: int) -> memoryview:
    if end > len(payload):
        raise IntegrityError(f"a payload of {len(payload)} bytes ends before its byte {end}")
    return payload[start:end]


def _read_head(head: struct.Struct, payload: memoryview) -> tuple[NumberType, tuple[int, ...]]:
    number_type, *rest = head.unpack(_part(payload, 0, head.size))
    try:
        return NumberType(number_type), tuple(rest)
    except ValueError as error:
        raise IntegrityError(f"unknown type of numbers {number_type}; known: {[*map(int, NumberType)]}") from error


def _decode_rest(
    rest: memoryview, size_bytes: int, number_type: NumberType, forecast: Callable[[], memoryview]
) -> memoryview:
    if rest[:1] != bytes((number_type.item_bytes,)):
        raise IntegrityError(f"planes of {bytes(rest[:1])!r} bytes a number, where {number_type.name} was announced")
    return decode_planes(rest, size_bytes, forecast())
