"""Files of safetensors: https://huggingface.co/docs/safetensors, section "Format".

Eight bytes of length, a JSON header of that length, then the tensors without holes. The header is read entry by entry:
``json.loads`` of hostile JSON takes twenty times its size in memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ama_tfx.storage.formats.tensor import MOST_TENSORS, NotParsedError, Tensor, in_order, tensor_at
from ama_tfx.storage.formats.window import Window

_DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "I16": "int16",
    "U16": "uint16",
    "I32": "int32",
    "U32": "uint32",
    "I64": "int64",
    "U64": "uint64",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F16": "float16",
    "BF16": "bfloat16",
    "F32": "float32",
    "F64": "float64",
    "C64": "complex64",
}
_MOST_NAME_BYTES = 1 << 14
_SPACE = rb"[ \t\r\n]*"
_OPEN = re.compile(_SPACE + rb'"')
_IN_STRING = re.compile(rb'(?:[^"\\]+|\\.){0,1000}', re.DOTALL)
_COLON = re.compile(_SPACE + rb":" + _SPACE)
_ENTRY = re.compile(rb"\{[^{}]{1,2048}\}")
_NEXT = re.compile(_SPACE + rb"([,}])")
_EMPTY = re.compile(rb"\{" + _SPACE + rb"\}")
_END = re.compile(_SPACE)


def parse(window: Window) -> tuple[Tensor, ...]:
    """Return the tensors of a safetensors file.

    Raises:
        NotParsedError: It is none: among others when its tensors overlap, leave holes or do not end with the file.
    """
    size_bytes = int.from_bytes(window.read(0, 8), "little")
    header = window.read(8, size_bytes)
    if not header.startswith(b"{"):
        raise NotParsedError("no header")
    found = in_order(_tensors(header, 8 + size_bytes), window.size_bytes)
    end = 8 + size_bytes
    for tensor in found:
        if tensor.offset != end:
            raise NotParsedError("a hole between tensors")
        end += tensor.size_bytes
    if end != window.size_bytes:
        raise NotParsedError("bytes after the last tensor")
    return found


def _tensors(header: bytes, base: int) -> Iterator[Tensor]:
    empty = _EMPTY.match(header)
    position, more = (empty.end(), b"}") if empty else (1, b",")
    while more == b",":
        start, end = _string(header, position)
        name = _text(header[start:end])
        position = _match(_COLON, header, end).end()
        if name == "__metadata__":
            position = _end_of_texts(header, position)
        else:
            entry = _match(_ENTRY, header, position)
            yield _tensor(name, json.loads(entry[0], object_pairs_hook=_unique), base)
            position = entry.end()
        following = _match(_NEXT, header, position)
        position, more = following.end(), following[1]
    if _match(_END, header, position).end() != len(header):
        raise NotParsedError("text after the header")


def _tensor(name: str, entry: dict[str, Any], base: int) -> Tensor:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise NotParsedError("not an entry")
    dtype, shape, offsets = entry["dtype"], _counts(entry["shape"]), _counts(entry["data_offsets"])
    if not isinstance(dtype, str) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise NotParsedError("not an entry")
    return tensor_at(name, base + offsets[0], offsets[1] - offsets[0], _DTYPES.get(dtype), shape)


def _counts(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(count) is int and 0 <= count < 2**63 for count in value):
        raise NotParsedError("not a list of counts")
    return tuple(value)


def _end_of_texts(header: bytes, position: int) -> int:
    """Return where an object of strings ends; the format allows nothing else as metadata."""
    if empty := _EMPTY.match(header, position):
        return empty.end()
    if header[position : position + 1] != b"{":
        raise NotParsedError("not an object")
    position += 1
    for _ in range(MOST_TENSORS):
        _, end = _string(header, position)
        _, end = _string(header, _match(_COLON, header, end).end())
        following = _match(_NEXT, header, end)
        position = following.end()
        if following[1] == b"}":
            return position
    raise NotParsedError("too much metadata")


def _string(header: bytes, position: int) -> tuple[int, int]:
    """Return where the next string starts and ends, with its quotes.

    In steps, because a pattern remembers each of its repetitions, in more memory than they take themselves.
    """
    opening = _match(_OPEN, header, position)
    position, end = opening.end(), -1
    while position != end:
        position, end = _match(_IN_STRING, header, position).end(), position
    if header[position : position + 1] != b'"':
        raise NotParsedError("an endless string")
    return opening.end() - 1, position + 1


def _match(pattern: re.Pattern[bytes], header: bytes, position: int) -> re.Match[bytes]:
    match = pattern.match(header, position)
    if match is None:
        raise NotParsedError("not the JSON of a header")
    return match


def _text(quoted: bytes) -> str:
    if len(quoted) > _MOST_NAME_BYTES:
        raise NotParsedError("too long a name")
    text = json.loads(quoted)
    text.encode()  # half of a surrogate pair, which JSON can spell, is no name that can be stored
    return str(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entry = dict(pairs)
    if len(entry) != len(pairs):
        raise NotParsedError("a key stands twice")
    return entry
