"""Tables of LevelDB: https://github.com/google/leveldb/blob/main/doc/table_format.md.

TensorFlow writes the index of a TensorBundle as one, uncompressed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ama_tfx.storage.formats.crc32c import masked_crc32c
from ama_tfx.storage.formats.protobuf_wire import varint
from ama_tfx.storage.formats.tensor import MOST_TENSORS, NotParsedError
from ama_tfx.storage.formats.window import Window

MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5
_MOST_BYTES = 8 << 20
"""Of a table: 100,000 tensors, and the most that our CRC checks in half a second."""

_MOST_KEY_BYTES = 4096


def entries(window: Window) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a table, in order.

    Raises:
        NotParsedError: Not a table, damaged, compressed or too large.
    """
    if window.size_bytes > _MOST_BYTES:
        raise NotParsedError("too large an index")
    footer = window.read(window.size_bytes - _FOOTER_BYTES, _FOOTER_BYTES)
    if not footer.endswith(MAGIC):
        raise NotParsedError("not a table")
    _, _, position = _handle(footer, 0)  # of the meta index: filters and statistics
    offset, size_bytes, _ = _handle(footer, position)
    end, count = 0, 0
    for _, value in _entries_of(_block(window, offset, size_bytes)):
        offset, size_bytes, _ = _handle(value, 0)
        if offset < end:  # blocks named twice would be read as often as an attacker likes
            raise NotParsedError("blocks out of order")
        end = offset + size_bytes + _TRAILER_BYTES
        for entry in _entries_of(_block(window, offset, size_bytes)):
            count += 1
            if count > MOST_TENSORS:
                raise NotParsedError("too many entries")
            yield entry


def _handle(data: bytes, position: int) -> tuple[int, int, int]:
    offset, position = varint(data, position)
    size_bytes, position = varint(data, position)
    return offset, size_bytes, position


def _block(window: Window, offset: int, size_bytes: int) -> bytes:
    stored = window.read(offset, size_bytes + _TRAILER_BYTES)
    content, kind, crc = stored[:size_bytes], stored[size_bytes], stored[-4:]
    if kind != 0:
        raise NotParsedError("a compressed block")
    if masked_crc32c(stored[: size_bytes + 1]) != int.from_bytes(crc, "little"):
        raise NotParsedError("a damaged block")
    return content


def _entries_of(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield a block's entries; a key is stored as what differs from the key before it."""
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 - 4 * restarts
    position, key = 0, b""
    while position < end:
        shared, position = varint(block, position)
        added, position = varint(block, position)
        value_bytes, position = varint(block, position)
        following = position + added + value_bytes
        if shared > len(key) or shared + added > _MOST_KEY_BYTES or following > end:
            raise NotParsedError("not an entry")
        key = key[:shared] + block[position : position + added]
        yield key, block[position + added : following]
        position = following
