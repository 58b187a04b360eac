"""TensorBundles: the variables of a TensorFlow SavedModel or checkpoint.

``<prefix>.index`` is a LevelDB table of ``BundleEntryProto`` by tensor name (tensorflow/core/protobuf/
tensor_bundle.proto), ``<prefix>.data-00000-of-00001`` the tensors' bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ama_tfx.storage.formats.leveldb_table import entries
from ama_tfx.storage.formats.protobuf_wire import fields
from ama_tfx.storage.formats.tensor import NotParsedError, Tensor, in_order, tensor_at
from ama_tfx.storage.formats.window import Window

DATA_NAME = re.compile(r"(?P<prefix>.+)\.data-(?P<shard>\d{5})-of-(?P<shards>\d{5})", re.DOTALL)
"""What a shard of tensors is called; its index is called ``<prefix>.index``."""

# tensorflow/core/framework/types.proto; what is missing (strings, resources, variants) has no plain bytes.
_DTYPES = {
    1: "float32",
    2: "float64",
    3: "int32",
    4: "uint8",
    5: "int16",
    6: "int8",
    8: "complex64",
    9: "int64",
    10: "bool",
    11: "int8",
    12: "uint8",
    13: "int32",
    14: "bfloat16",
    15: "int16",
    16: "uint16",
    17: "uint16",
    18: "complex128",
    19: "float16",
    22: "uint32",
    23: "uint64",
    24: "float8_e5m2",
    25: "float8_e4m3fn",
}


def parse(data: Window, index: Window, *, shard: int, shards: int) -> tuple[Tensor, ...]:
    """Return the tensors of one data file of a bundle.

    Args:
        data: The data file, of which nothing is read.
        index: The file with the suffix ``.index`` beside it.
        shard: Its number among the data files.
        shards: How many there are.

    Raises:
        NotParsedError: The index is none, or not of these data files.
    """
    return in_order(_tensors(index, shard, shards), data.size_bytes)


def _tensors(index: Window, shard: int, shards: int) -> Iterator[Tensor]:
    found = entries(index)
    key, header = next(found, (b"?", b""))
    values = dict(fields(header, index.step))
    if key != b"" or values.get(1) != shards:  # the header's key is empty, so that it comes first
        raise NotParsedError("not the index of these files")
    little_endian = values.get(2, 0) == 0
    for key, value in found:
        entry = _Entry.parse(value, index.step)
        if entry.shard == shard and not entry.sliced:
            dtype = _DTYPES.get(entry.dtype) if little_endian else None
            # The names of slices are binary.
            name = key.decode("utf-8", "backslashreplace")
            yield tensor_at(name, entry.offset, entry.size_bytes, dtype, entry.shape)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A ``BundleEntryProto``; ``sliced``: its bytes stand under the names of its slices."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size_bytes: int
    sliced: bool

    @classmethod
    def parse(cls, message: bytes, step: Callable[[], None]) -> _Entry:
        numbers = dict.fromkeys(range(1, 8), 0)
        shape: tuple[int, ...] = ()
        sliced = False
        for field, value in fields(message, step):
            if isinstance(value, int):
                numbers[field] = value
            elif field == 2:
                shape = _shape(value, step)
            elif field == 7:
                sliced = True
        return cls(numbers[1], shape, numbers[3], numbers[4], numbers[5], sliced)


def _shape(message: bytes, step: Callable[[], None]) -> tuple[int, ...]:
    """Return the sizes in a ``TensorShapeProto``."""
    dimensions = [value for field, value in fields(message, step) if field == 2 and isinstance(value, bytes)]
    sizes = [dict(fields(dimension, step)).get(1, 0) for dimension in dimensions]
    if any(not isinstance(size, int) or size >= 1 << 63 for size in sizes):
        raise NotParsedError("not a shape")
    return tuple(size for size in sizes if isinstance(size, int))
