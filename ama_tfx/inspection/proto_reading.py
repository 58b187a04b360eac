"""Protocol buffers that are too large to be read at once: a model's graph, with its weights in it."""

from __future__ import annotations

from collections.abc import Iterator

from ama_tfx.storage.formats.protobuf_wire import varint
from ama_tfx.storage.formats.tensor import NotParsedError
from ama_tfx.storage.formats.window import Window

_FIXED_BYTES = {1: 8, 5: 4}
_AT_ONCE = 1 << 20
_MOST_TAG_BYTES = 20


def parts(window: Window) -> Iterator[tuple[int, int | Window]]:
    """Yield the fields of a message: number, and value (an int, or a window when it has a length).

    Like `fields` of ama_tfx.storage.formats.protobuf_wire; but what a field holds is read when somebody reads it.

    Raises:
        NotParsedError: Not a message.
    """
    small = window.size_bytes <= _AT_ONCE
    content = window.read(0, window.size_bytes) if small else b""
    position = 0
    while position < window.size_bytes:
        window.step()
        head, base = (content, 0) if small else (window.read_at_most(position, _MOST_TAG_BYTES), position)
        tag, at = varint(head, position - base)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = varint(head, at)
            position = base + at
            yield number, value
        elif kind == 2:
            size_bytes, at = varint(head, at)
            position = base + at + size_bytes
            yield number, window.within(base + at, size_bytes)
        elif kind in _FIXED_BYTES:
            size_bytes = _FIXED_BYTES[kind]
            position = base + at + size_bytes
            yield number, int.from_bytes(window.read(base + at, size_bytes), "little")
        else:
            raise NotParsedError("not a wire type")


def messages(window: Window, wanted: int) -> Iterator[Window]:
    """Yield the messages (or texts) in one field of a message."""
    for number, value in parts(window):
        if number == wanted and isinstance(value, Window):
            yield value


def text_of(value: int | Window) -> str:
    """Return a text; empty when it is none.

    Raises:
        NotParsedError: It is longer than any name.
    """
    if isinstance(value, int):
        return ""
    if value.size_bytes > _AT_ONCE:
        raise NotParsedError("too long a text")
    return value.read(0, value.size_bytes).decode("utf-8", "backslashreplace")


def signed(value: int | Window) -> int:
    """Return the number that a varint means for a signed type; 0 when it is no number."""
    if isinstance(value, Window):
        return 0
    return value - (1 << 64) if value >> 63 else value


def entry(window: Window) -> tuple[str, Window | None]:
    """Return the key and the message of an entry of a map with texts as keys."""
    key, found = "", None
    for number, value in parts(window):
        if number == 1:
            key = text_of(value)
        elif number == 2 and isinstance(value, Window):
            found = value
    return key, found
