"""The numbers of a tensor, for whoever compares them."""

from __future__ import annotations

import contextlib
import math
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ama_tfx.errors import AmaError, InvalidInputError, NotFoundError
from ama_tfx.inspection.facts import OpenableFile
from ama_tfx.inspection.tensor_places import Place, find
from ama_tfx.storage.formats.tensor import OPAQUE, Tensor
from ama_tfx.storage.formats.window import Window

BLOCK_BYTES = 4 << 20
MOST_BYTES = 256 << 20
_ENDLESS = 1 << 62

Array = npt.NDArray[Any]


def read_tensor(file: OpenableFile, path: str, name: str, siblings: Mapping[str, OpenableFile] | None = None) -> Array:
    """Return a tensor's numbers.

    Of safetensors, ``.npy``, ``.npz``, ``.keras``, HDF5 and TensorBundles (a SavedModel's variables). bfloat16 and
    float8 are given as float32, which holds them exactly.

    Args:
        file: That holds it.
        path: Its path; its name says which format it may have.
        name: The tensor's, as in `TensorFact`.
        siblings: All files, by path: those of a TensorBundle (``variables.data-00000-of-00001``) need its index.

    Raises:
        NotFoundError: No such tensor.
        InvalidInputError: It has no plain numbers, or more than 256 MiB of them; `tensor_blocks` reads any size.
    """
    with _found(file, path, name, siblings) as place:
        size_bytes = sum(tensor.size_bytes for tensor, _ in place.pieces)
        if size_bytes > MOST_BYTES:
            raise InvalidInputError(f"tensor {name!r} of {path!r} has {size_bytes:,} bytes; read it in blocks")
        return _whole(place)


def tensor_blocks(
    file: OpenableFile, path: str, name: str, siblings: Mapping[str, OpenableFile] | None = None
) -> Iterator[Array]:
    """Yield a tensor's numbers in order, flat, in blocks of at most 4 MiB of the file; see `read_tensor`.

    One that is stored in chunks, or with its first index running fastest, is read at once and cut then.
    """
    with _found(file, path, name, siblings) as place:
        if len(place.pieces) == 1 and not place.pieces[0][1] and not place.is_fortran:
            tensor = place.pieces[0][0]
            items = max(1, BLOCK_BYTES // tensor.item_bytes) * tensor.item_bytes
            for start in range(0, tensor.size_bytes, items):
                yield _numbers(place.window, tensor, start, min(items, tensor.size_bytes - start))
            return
    flat = read_tensor(file, path, name, siblings).reshape(-1)
    items = max(1, BLOCK_BYTES // flat.itemsize)
    for start in range(0, flat.size, items):
        yield flat[start : start + items]


@contextlib.contextmanager
def _found(file: OpenableFile, path: str, name: str, siblings: Mapping[str, OpenableFile] | None) -> Iterator[Place]:
    with file.open() as stream:
        try:
            place = find(Window(stream, 0, file.size_bytes, [_ENDLESS, _ENDLESS]), path, name, siblings or {})
        except AmaError:
            raise
        except (ValueError, RecursionError, struct.error, IndexError) as error:
            raise InvalidInputError(f"{path!r} does not parse: {error}") from error
        if place is None or not place.pieces:
            raise NotFoundError(f"no tensor {name!r} in {path!r}, or an empty one")
        if any(tensor.dtype == OPAQUE for tensor, _ in place.pieces):
            raise InvalidInputError(f"tensor {name!r} of {path!r} has no plain numbers: text, or compressed ones")
        yield place


def _whole(place: Place) -> Array:
    first, where = place.pieces[0]
    if not where:
        flat = _all_numbers(place.window, first)
        return flat.reshape(place.shape, order="F" if place.is_fortran else "C")
    if math.prod(place.shape) * first.item_bytes > MOST_BYTES:
        raise InvalidInputError(f"a tensor of shape {place.shape}, which is more than is read")
    whole = np.zeros(place.shape, _all_numbers(place.window, first).dtype)
    for tensor, at in place.pieces:
        chunk = _all_numbers(place.window, tensor).reshape(tensor.shape)
        if len(at) != len(place.shape):
            raise InvalidInputError("chunks of another shape than their tensor's")
        into = tuple(slice(start, start + size) for start, size in zip(at, tensor.shape, strict=True))
        there = tuple(slice(0, max(0, size - start)) for start, size in zip(at, place.shape, strict=True))
        whole[into] = chunk[there]
    return whole


def _all_numbers(window: Window, tensor: Tensor) -> Array:
    starts = range(0, tensor.size_bytes, BLOCK_BYTES)
    blocks = [_numbers(window, tensor, start, min(BLOCK_BYTES, tensor.size_bytes - start)) for start in starts]
    return np.concatenate(blocks)


def _numbers(window: Window, tensor: Tensor, start: int, size_bytes: int) -> Array:
    data = window.read(tensor.offset - window.start + start, size_bytes)
    if tensor.dtype == "bfloat16":
        return (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    if tensor.dtype == "float8_e5m2":
        return (np.frombuffer(data, "u1").astype("<u2") << 8).view("<f2").astype("<f4")
    if tensor.dtype == "float8_e4m3fn":
        values: Array = _E4M3[np.frombuffer(data, "u1")]
        return values
    return np.frombuffer(data, np.dtype(tensor.dtype).newbyteorder("<"))


def _e4m3(byte: int) -> float:
    exponent, mantissa = byte >> 3 & 0xF, byte & 7
    if byte & 0x7F == 0x7F:
        return math.nan
    value = (8 + mantissa) * 2.0 ** (exponent - 10) if exponent else mantissa * 2.0**-9
    return -value if byte & 0x80 else value


_E4M3: Array = np.array([_e4m3(byte) for byte in range(256)], "<f4")
