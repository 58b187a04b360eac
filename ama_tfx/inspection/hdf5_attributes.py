"""Attributes of HDF5 objects (format specification, IV.A.2.m), of which only texts are read."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator

from ama_tfx.storage.formats import hdf5_header
from ama_tfx.storage.formats.window import Window

_STRING, _VARIABLE = 3, 9
_REFERENCE = struct.Struct("<LQL")
_MOST_OBJECTS = 10_000


def dtype_of(datatype: bytes) -> str:
    """Return the name of a datatype message: numpy's, ``string``, or ``opaque``."""
    if plain := len(datatype) >= 8 and hdf5_header.dtype(datatype):
        return plain
    kind = datatype[0] & 0xF if datatype else 0
    is_text = kind == _STRING or (kind == _VARIABLE and datatype[1:2] == b"\x01")
    if is_text:
        return "string"
    if kind == 8 and datatype[4:8] == b"\x01\0\0\0":  # h5py's bool: an enumeration of one byte
        return "bool"
    return "opaque"


def text_of(window: Window, message: bytes, wanted: Collection[str]) -> Iterator[tuple[str, bytes | None]]:
    """Yield the name and the text of an attribute when it is one of those; None for a text that is kept otherwise."""
    if len(message) < 8:
        return
    version, flags, *sizes = struct.unpack_from("<2B3H", message)
    position = 9 if version == 3 else 8
    pieces = []
    for size in sizes:
        pieces.append(message[position : position + size])
        position += size + (-size % 8 if version == 1 else 0)
    name = pieces[0].rstrip(b"\0").decode("utf-8", "backslashreplace")
    if name not in wanted:
        return
    if version not in {1, 2, 3} or flags:  # flags: its datatype or dataspace is shared
        yield name, None
        return
    datatype, data = pieces[1], message[position:]
    kind = datatype[0] & 0xF if datatype else 0
    if kind == _STRING:
        yield name, data.rstrip(b"\0")
    elif kind == _VARIABLE and len(data) >= _REFERENCE.size:
        size_bytes, address, index = _REFERENCE.unpack_from(data)
        yield name, _of_heap(window, address, index, size_bytes)
    else:
        yield name, None


def _of_heap(window: Window, address: int, wanted: int, size_bytes: int) -> bytes | None:
    """Return an object of a global heap (III.E)."""
    head = window.read(address, 16)
    end = int.from_bytes(head[8:16], "little")
    if head[:4] != b"GCOL":
        return None
    position = 16
    for _ in range(_MOST_OBJECTS):
        if position + 16 > end:
            return None
        index, _, size = struct.unpack("<2H4xQ", window.read(address + position, 16))
        if index == wanted:
            return window.read(address + position + 16, min(size, size_bytes))
        if index == 0:
            return None
        position += 16 + size + (-size % 8)
    return None
