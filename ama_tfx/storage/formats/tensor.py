"""What every parser of this package returns, and when it gives up."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass

MOST_TENSORS = 1 << 16
"""More in one file is taken for an attack: the largest published models have some 100,000 in all their files."""

MOST_NAME_BYTES = 32 << 20
"""Of memory for the names of one file: prefix-compressed formats can claim far longer names than they hold bytes."""

OPAQUE = "opaque"

ITEM_BYTES = {
    "bool": 1,
    "int8": 1,
    "int16": 2,
    "int32": 4,
    "int64": 8,
    "uint8": 1,
    "uint16": 2,
    "uint32": 4,
    "uint64": 8,
    "float8_e4m3fn": 1,
    "float8_e5m2": 1,
    "float16": 2,
    "bfloat16": 2,
    "float32": 4,
    "float64": 8,
    "complex64": 8,
    "complex128": 16,
}
"""The plain types, all little-endian, under their numpy (or ml_dtypes) names."""


class NotParsedError(ValueError):
    """A file is not what its name says, or more than a parser is willing to read; never leaves this package."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A contiguous run of a file's bytes that is one tensor (or one storage chunk of one).

    ``size_bytes`` is always ``item_bytes`` times the product of ``shape``, and never 0.

    Attributes:
        name: Unique within the file, and the same in each version that has the tensor.
        offset: Of its first byte in the file.
        size_bytes: How many bytes it takes.
        dtype: A name of `ITEM_BYTES`, little-endian; ``opaque`` when the bytes are not plain numbers (strings,
            compressed chunks, big-endian numbers).
        item_bytes: Of one element; 1 when opaque.
        shape: As the file says, for a chunk the chunk's; ``(size_bytes,)`` when opaque.
    """

    name: str
    offset: int
    size_bytes: int
    dtype: str
    item_bytes: int
    shape: tuple[int, ...]


def tensor_at(name: str, offset: int, size_bytes: int, dtype: str | None, shape: tuple[int, ...]) -> Tensor:
    """Return a tensor; an unknown dtype makes it opaque.

    Raises:
        NotParsedError: Its shape and dtype do not make its size.
    """
    item_bytes = ITEM_BYTES.get(dtype or "")
    if dtype is None or item_bytes is None:
        return Tensor(name, offset, size_bytes, OPAQUE, 1, (size_bytes,))
    if math.prod(shape) * item_bytes != size_bytes:
        raise NotParsedError("shape and size disagree")
    return Tensor(name, offset, size_bytes, dtype, item_bytes, shape)


def in_order(found: Iterable[Tensor], size_bytes: int) -> tuple[Tensor, ...]:
    """Return the tensors of a file by offset, without the empty ones.

    Args:
        found: In any order; stopped early when it is endless.
        size_bytes: Of the file.

    Raises:
        NotParsedError: Two overlap or share a name, one lies outside of the file, or they are too many.
    """
    kept, name_bytes, end = dict[str, Tensor](), 0, 0
    for count, tensor in enumerate(found):
        name_bytes += sys.getsizeof(tensor.name)
        if tensor.name in kept or count == MOST_TENSORS or name_bytes > MOST_NAME_BYTES:
            raise NotParsedError("a name stands twice, or too many")
        kept[tensor.name] = tensor
    ordered = sorted((tensor for tensor in kept.values() if tensor.size_bytes), key=lambda tensor: tensor.offset)
    for tensor in ordered:
        if tensor.offset < end or tensor.size_bytes < 0:
            raise NotParsedError("tensors overlap")
        end = tensor.offset + tensor.size_bytes
    if end > size_bytes:
        raise NotParsedError("a tensor lies outside of the file")
    return tuple(ordered)
