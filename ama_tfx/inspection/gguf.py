"""GGUF files: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md."""

from __future__ import annotations

import math
import struct
from typing import Any

from ama_tfx.inspection.looking import Look
from ama_tfx.storage.formats.tensor import NotParsedError
from ama_tfx.storage.formats.window import Window

MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9
_MOST_TEXT = 1 << 20
_MOST_ITEMS = 3_000_000
_MOST_RANK = 8
_DTYPES = {0: "float32", 1: "float16", 24: "int8", 25: "int16", 26: "int32", 27: "int64", 28: "float64", 30: "bfloat16"}
_ITEM_BYTES = {"float32": 4, "float16": 2, "int8": 1, "int16": 2, "int32": 4, "int64": 8, "float64": 8, "bfloat16": 2}
_LEAST_PAIR_BYTES, _LEAST_TENSOR_BYTES = 13, 24
_BUFFER_BYTES = 1 << 20


def read(look: Look) -> None:
    """Read the header of a GGUF file: its facts as parameters, and its tensors."""
    look.is_("gguf")
    cursor = _Cursor(look.window)
    cursor.read(len(MAGIC))
    version = cursor.number("I")
    if version not in _VERSIONS:
        raise NotParsedError(f"version {version} of GGUF is not read")
    tensors, pairs = cursor.number("Q"), cursor.number("Q")
    if tensors * _LEAST_TENSOR_BYTES + pairs * _LEAST_PAIR_BYTES > look.size_bytes:
        raise NotParsedError(
            f"it says that it has {tensors:,} tensors and {pairs:,} facts, which is more than it holds"
        )
    facts: dict[str, Any] = {}
    for _ in range(pairs):
        key = cursor.text()
        value = cursor.value(cursor.number("I"), 0)
        if value is not None:
            facts[key] = value
    _check_template(look, facts)
    if look.depth == 0:
        look.found.parameters[look.path] = {key: value for key, value in facts.items() if len(str(value)) < 1000}
    _read_tensors(look, cursor, tensors, facts.get("general.alignment", 32))


def _check_template(look: Look, facts: dict[str, Any]) -> None:
    for key, value in facts.items():
        if "chat_template" in key and isinstance(value, str) and "__" in value:
            look.danger(
                f"{key} reaches for Python's insides", "a program that renders it without a sandbox runs its code"
            )


def _read_tensors(look: Look, cursor: _Cursor, count: int, alignment: Any) -> None:
    ends = []
    for _ in range(count):
        name, rank = cursor.text(), cursor.number("I")
        if rank > _MOST_RANK:
            raise NotParsedError(f"a tensor of {rank} dimensions")
        shape = tuple(reversed([cursor.number("Q") for _ in range(rank)]))
        dtype, offset = _DTYPES.get(cursor.number("I"), "opaque"), cursor.number("Q")
        ends.append(offset + math.prod(shape) * _ITEM_BYTES.get(dtype, 0))
        look.tensor(name, dtype, shape)
    if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20:
        raise NotParsedError(f"an alignment of {alignment!r}")
    start = -(-cursor.position // alignment) * alignment
    if ends and start + max(ends) > look.size_bytes:
        raise NotParsedError("its tensors end beyond its end")


class _Cursor:
    """Reads in order, with a buffer: a header has more items than a window allows reads."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._buffer = b""
        self._start = self._at = 0
        self._items = 0

    @property
    def position(self) -> int:
        return self._start + self._at

    def read(self, size_bytes: int) -> bytes:
        if self._at + size_bytes > len(self._buffer):
            self._start, self._at = self.position, 0
            self._buffer = self._window.read_at_most(self._start, max(size_bytes, _BUFFER_BYTES))
            if len(self._buffer) < size_bytes:
                raise NotParsedError("cut off in its header")
        self._at += size_bytes
        return self._buffer[self._at - size_bytes : self._at]

    def skip(self, size_bytes: int) -> None:
        if self.position + size_bytes > self._window.size_bytes:
            raise NotParsedError("cut off in its header")
        if self._at + size_bytes <= len(self._buffer):
            self._at += size_bytes
        else:
            self._start, self._at, self._buffer = self.position + size_bytes, 0, b""

    def number(self, kind: str) -> Any:
        layout = f"<{kind}"
        return struct.unpack(layout, self.read(struct.calcsize(layout)))[0]

    def text(self) -> str:
        size_bytes = self.number("Q")
        if size_bytes > _MOST_TEXT:
            raise NotParsedError(f"a text of {size_bytes:,} bytes")
        return self.read(size_bytes).decode("utf-8", "backslashreplace")

    def value(self, kind: int, depth: int) -> Any:
        """Return a value; None for an array, which is passed over."""
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind == _TEXT:
            return self.text()
        if kind != _ARRAY or depth > 4:
            raise NotParsedError(f"a value of kind {kind}")
        inner, count = self.number("I"), self.number("Q")
        if inner in _SCALARS:
            self.skip(count * struct.calcsize(f"<{_SCALARS[inner]}"))
            return None
        self._items += count
        if self._items > _MOST_ITEMS:
            raise NotParsedError(f"more than {_MOST_ITEMS:,} texts")
        for _ in range(count):
            if inner == _TEXT:
                self.skip(self.number("Q"))
            else:
                self.value(inner, depth + 1)
        return None
