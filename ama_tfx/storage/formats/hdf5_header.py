"""Object headers of HDF5: https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, section IV.A."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ama_tfx.storage.formats.tensor import NotParsedError
from ama_tfx.storage.formats.window import Window

DATASPACE, DATATYPE, EXTERNAL_FILES, LINK, LAYOUT, FILTERS, CONTINUATION, SYMBOL_TABLE = 1, 3, 7, 6, 8, 11, 16, 17

_V1_PREFIX = struct.Struct("<BxH4xL4x")
_V1_MESSAGE = struct.Struct("<HHB3x")
_SHARED = 0x2
_CHECKSUM_BYTES = 4
_LITTLE_INTEGER, _FLOAT = 0, 1
_FLOATS = {  # sign, exponent's place and size, mantissa's place and size
    (15, 10, 5, 0, 10): "float16",
    (15, 7, 8, 0, 7): "bfloat16",
    (31, 23, 8, 0, 23): "float32",
    (63, 52, 11, 0, 52): "float64",
}


def messages(window: Window, address: int) -> Iterator[tuple[int, bytes]]:
    """Yield the messages of an object: kind and content; None of those that lie elsewhere (shared ones).

    Raises:
        NotParsedError: No object header stands there.
    """
    if window.read(address, 4) == b"OHDR":
        start, size_bytes, extra = _v2_prefix(window, address)
        blocks, parse = [(start, size_bytes)], _v2_messages
    else:
        version, _, size_bytes = _V1_PREFIX.unpack(window.read(address, _V1_PREFIX.size))
        if version != 1:
            raise NotParsedError("not an object")
        blocks, parse, extra = [(address + _V1_PREFIX.size, size_bytes)], _v1_messages, -1
    while blocks:
        start, size_bytes = blocks.pop(0)
        for kind, flags, content in parse(window, start, size_bytes, extra):
            if kind == CONTINUATION:
                offset, length = struct.unpack_from("<2Q", _at_least(content, 16))
                blocks.append(_continuation(window, offset, length, extra))
            elif not flags & _SHARED:
                yield kind, content


def shape(dataspace: bytes) -> tuple[int, ...]:
    """Return the sizes of a dataspace message."""
    version, rank = struct.unpack_from("<2B", _at_least(dataspace, 4))
    start = {1: 8, 2: 4}.get(version)
    if start is None or rank > 32:
        raise NotParsedError("not a dataspace")
    return struct.unpack_from(f"<{rank}Q", _at_least(dataspace, start + 8 * rank), start)


def dtype(datatype: bytes) -> str | None:
    """Return the name of a little-endian number's datatype message; None for any other."""
    kind, flags, size_bytes = _at_least(datatype, 8)[0] & 0xF, datatype[1:4], int.from_bytes(datatype[4:8], "little")
    if kind == _LITTLE_INTEGER and size_bytes in {1, 2, 4, 8} and not flags[0] & 0x7:
        whole = datatype[8:12] == struct.pack("<2H", 0, 8 * size_bytes)
        return f"{'int' if flags[0] & 0x8 else 'uint'}{8 * size_bytes}" if whole else None
    if kind == _FLOAT and len(datatype) >= 16 and not flags[0] & 0x4F:
        return _FLOATS.get((flags[1], *datatype[12:16])) if datatype[8:10] == b"\0\0" else None
    return None


def _at_least(content: bytes, size_bytes: int) -> bytes:
    if len(content) < size_bytes:
        raise NotParsedError("too short a message")
    return content


def _continuation(window: Window, offset: int, length: int, extra: int) -> tuple[int, int]:
    if extra < 0:
        return offset, length
    if window.read(offset, 4) != b"OCHK":
        raise NotParsedError("not a continuation")
    return offset + 4, length - 4 - _CHECKSUM_BYTES


def _v2_prefix(window: Window, address: int) -> tuple[int, int, int]:
    """Return where the first messages start, how long they are, and the bytes of a message's creation order."""
    version, flags = window.read(address + 4, 2)
    if version != 2:
        raise NotParsedError("not an object")
    start = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    length_bytes = 1 << (flags & 3)
    size_bytes = int.from_bytes(window.read(start, length_bytes), "little")
    return start + length_bytes, size_bytes, 2 if flags & 0x4 else 0


def _v1_messages(window: Window, start: int, size_bytes: int, extra: int) -> Iterator[tuple[int, int, bytes]]:
    block, position = window.read(start, size_bytes), 0
    while position + _V1_MESSAGE.size <= size_bytes:
        window.step()
        kind, length, flags = _V1_MESSAGE.unpack_from(block, position)
        position += _V1_MESSAGE.size
        yield kind, flags, _at_least(block[position : position + length], length)
        position += length


def _v2_messages(window: Window, start: int, size_bytes: int, extra: int) -> Iterator[tuple[int, int, bytes]]:
    block, position = window.read(start, size_bytes), 0
    while position + 4 + extra <= size_bytes:  # what is less is a gap
        window.step()
        kind, length, flags = struct.unpack_from("<BHB", block, position)
        position += 4 + extra
        yield kind, flags, _at_least(block[position : position + length], length)
        position += length
