"""Finding out that one matrix is another plus a product of low rank, as after merging a LoRA adapter.

Only the writer looks for factors, and stores what it finds: BLAS may round as it likes here, since reading takes the
factors from the payload and multiplies them in the fixed order of `ama_tfx.storage.codecs.predictors`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ama_tfx.storage.codecs.codec import flat
from ama_tfx.storage.codecs.predictors import Floats, LowRank, NumberType, numbers

_SPARE = 8
"""How many directions are tried beyond the highest rank: what they hold is the noise of rounding, when it is low."""

_PROBED = 64
_PROBED_REST, _PROBED_REST_BFLOAT16 = 0.001, 0.01
"""Of the energy of the probed square, what may lie outside of a quarter of its directions: a thousandth wins five bits
of a number, which pays for the factors; bf16 has fewer to win. Noise has more than a third there, fine-tunes 1 to 10 %.
"""


def find_low_rank(
    data: memoryview, base: memoryview, number_type: NumberType, rows: int, *, most: int = 32
) -> LowRank | None:
    """Return factors whose product explains most of the difference between two matrices.

    A randomized range finder (Halko, Martinsson and Tropp 2011) with a fixed seed. The rank is the one with which
    factors and remaining bits take least space. Other libraries of linear algebra may find slightly other factors,
    and so another payload of about the same size.

    Args:
        data: The piece, a matrix row by row.
        base: Of its size.
        number_type: Of its numbers.
        rows: Of both matrices.
        most: The highest rank looked for.

    Returns:
        The factors, or None when the difference is not of low rank, too small to gain by it, or not finite.
    """
    difference = _difference(flat(data), flat(base), number_type, rows)
    if difference is None:
        return None
    tried = min(most + _SPARE, min(difference.shape) // 2)
    most = tried - _SPARE
    if most < 1:
        return None
    probe = np.random.default_rng(0).standard_normal((difference.shape[1], tried), np.float32)
    span, _ = np.linalg.qr(difference @ probe)
    turned, strengths, right = np.linalg.svd(span.T @ difference, full_matrices=False)
    rank = _cheapest_rank(strengths.astype(np.float64), difference.shape, most)
    if rank == 0:
        return None
    return LowRank((span @ turned[:, :rank]) * strengths[:rank], right[:rank])


def may_be_low_rank(data: memoryview, base: memoryview, number_type: NumberType, rows: int) -> bool:
    """Return whether some rows and columns of the difference look as if `find_low_rank` may find something.

    Takes a third of a millisecond, where that takes ten: most differences are none.
    """
    columns = len(data) // (number_type.item_bytes * rows)
    if min(rows, columns) < _PROBED:
        return False
    across = slice(None, None, columns // _PROBED)
    some, same = (
        np.frombuffer(part, f"<u{number_type.item_bytes}").reshape(rows, columns)[:: rows // _PROBED, across]
        for part in (flat(data), flat(base))
    )
    square = _difference(_bytes(some[:_PROBED, :_PROBED]), _bytes(same[:_PROBED, :_PROBED]), number_type, _PROBED)
    if square is None:
        return False
    energies = np.linalg.svd(square, compute_uv=False).astype(np.float64) ** 2
    rest = _PROBED_REST_BFLOAT16 if number_type == NumberType.BFLOAT16 else _PROBED_REST
    return bool(energies[_PROBED // 4 :].sum() < rest * energies.sum())


def _bytes(numbers_of: npt.NDArray[Any]) -> memoryview:
    return memoryview(numbers_of.tobytes())


def _difference(piece: memoryview, base: memoryview, number_type: NumberType, rows: int) -> Floats | None:
    """Return the difference as fp32, or None when there is none, or none to calculate with."""
    count = len(piece) // number_type.item_bytes
    if len(piece) != len(base) or rows < 1 or count == 0 or count % rows or len(piece) % number_type.item_bytes:
        return None
    with np.errstate(all="ignore"):
        difference = numbers(piece, number_type, 0, count) - numbers(base, number_type, 0, count)
        matrix = difference.astype(np.float32).reshape(rows, -1)
    strongest = float(np.abs(matrix).max())
    # Normal numbers only, and none whose square overflows.
    return matrix if 1e-18 < strongest < 1e18 else None


def _cheapest_rank(strengths: Floats, shape: tuple[int, ...], most: int) -> int:
    rows, columns = shape
    outside = (min(shape) - len(strengths)) * strengths[-1] ** 2
    remaining = np.append(np.cumsum(strengths[::-1] ** 2)[::-1], 0.0)[: most + 1] + outside
    item_bits = 0.5 * np.log2(np.maximum(remaining, np.finfo(np.float64).tiny))
    bits = item_bits * rows * columns + 32 * np.arange(most + 1) * (rows + columns)
    return int(np.argmin(bits))
