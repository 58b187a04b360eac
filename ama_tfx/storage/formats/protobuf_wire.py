"""The wire format of protocol buffers: https://protobuf.dev/programming-guides/encoding/."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ama_tfx.storage.formats.tensor import NotParsedError

_VARINT_BYTES = 10
_FIXED_BYTES = {1: 8, 5: 4}


def varint(data: bytes, position: int) -> tuple[int, int]:
    """Return the number at a position (below 2**64), and where it ends."""
    if position < len(data) and data[position] < 0x80:  # as nearly all are: three times faster
        return data[position], position + 1
    value = 0
    for index, byte in enumerate(data[position : position + _VARINT_BYTES]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80 and value < 1 << 64:
            return value, position + index + 1
    raise NotParsedError("not a varint")


def fields(message: bytes, step: Callable[[], None]) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a message: number, and value (an int, or bytes when it has a length).

    Args:
        message: Its bytes.
        step: Called for each; raises when they are too many (`Window.step`).
    """
    position = 0
    while position < len(message):
        step()
        tag, position = varint(message, position)
        kind = tag & 7
        if kind == 0:
            value, position = varint(message, position)
            yield tag >> 3, value
            continue
        if kind == 2:
            size_bytes, position = varint(message, position)
        elif kind in _FIXED_BYTES:
            size_bytes = _FIXED_BYTES[kind]
        else:
            raise NotParsedError("not a wire type")
        content, position = message[position : position + size_bytes], position + size_bytes
        if position > len(message):
            raise NotParsedError("beyond the end")
        yield tag >> 3, content if kind == 2 else int.from_bytes(content, "little")
