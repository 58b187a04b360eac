"""Arrays of numpy: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.

The header is a Python literal; the one spelling that numpy writes is read with a pattern, so that nothing is evaluated
and a pickled (object) array is simply no array.
"""

from __future__ import annotations

import math
import re

from ama_tfx.storage.formats.tensor import NotParsedError, Tensor, tensor_at
from ama_tfx.storage.formats.window import Window

MAGIC = b"\x93NUMPY"
_LENGTH_BYTES = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}
_MOST_HEADER_BYTES = 1 << 16
_HEADER = re.compile(
    rb"\{'descr': '([<>|=])([a-zA-Z])(\d{1,9})(?:\[[\w/]{1,20}\])?', "
    rb"'fortran_order': (?:False|True), 'shape': \(([\d, ]{0,1024})\), \} *\n"
)
_KINDS = {b"b": "bool", b"i": "int", b"u": "uint", b"f": "float", b"c": "complex"}


def parse(window: Window, name: str) -> Tensor:
    """Return the array of a ``.npy`` file, or of a member of a ``.npz``.

    Args:
        window: The file.
        name: For the tensor.

    Raises:
        NotParsedError: Not such a file, or an array of objects or records.
    """
    start = window.read(0, 8)
    if start[:6] != MAGIC or start[6:] not in _LENGTH_BYTES:
        raise NotParsedError("not an array")
    header_bytes = int.from_bytes(window.read(8, length_bytes := _LENGTH_BYTES[start[6:]]), "little")
    if header_bytes > _MOST_HEADER_BYTES:
        raise NotParsedError("too long a header")
    match = _HEADER.fullmatch(window.read(8 + length_bytes, header_bytes))
    if match is None:
        raise NotParsedError("not a plain array")
    offset = 8 + length_bytes + header_bytes
    shape = tuple(int(size) for size in match[4].replace(b" ", b"").split(b",") if size)
    dtype, item_bytes = _dtype(match[1], match[2], int(match[3]))
    size_bytes = math.prod(shape) * item_bytes
    window.within(offset, size_bytes)
    return tensor_at(name, window.start + offset, size_bytes, dtype, shape)


def _dtype(order: bytes, kind: bytes, size: int) -> tuple[str | None, int]:
    """Return the name of a plain dtype or None, and the bytes of an element."""
    if kind == b"O":
        raise NotParsedError("pickled objects")
    item_bytes = 4 * size if kind == b"U" else size  # the one kind whose size is counted in characters
    plain = _KINDS.get(kind) if order in b"<|" else None
    if plain == "bool":
        return plain, item_bytes
    return (f"{plain}{8 * size}" if plain else None), item_bytes
