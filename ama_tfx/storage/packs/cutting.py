"""A file as a sequence of raw pieces: along its tensors or records where it has some, by content elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ama_tfx.errors import ContentChangedError
from ama_tfx.storage import formats
from ama_tfx.storage.packs.record_cutting import INFLATED, PLAIN, Cutter, Sizes

WINDOW_BYTES = 4 << 20
"""How much of a file is held at a time; several windows are under way at once."""

BLOCK_BYTES = 1 << 20
"""A tensor is stored in blocks of this size at most, so that changing one row of an embedding stores one block."""

SMALL_BYTES = 1 << 17
"""Files up to this size are one piece: cutting them would cost more than it finds."""

_MIN_TENSOR_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Raw:
    """A piece before it is stored.

    Attributes:
        data: Its bytes.
        item_bytes: Width of one number.
        label: As in `Part`.
        tensor_bytes: Size of the tensor that it is a block of, else 0.
        columns: Numbers in a row of the tensor; 0 when it has no rows.
    """

    data: memoryview
    item_bytes: int = 1
    label: str = ""
    tensor_bytes: int = 0
    columns: int = 0


@dataclass(frozen=True, slots=True)
class _Span:
    offset: int
    size_bytes: int
    item_bytes: int = 1
    label: str = ""
    columns: int = 0

    @property
    def block_bytes(self) -> int:
        """Whole rows where they are short: a matrix of low rank is one in each of its blocks then."""
        row_bytes = self.columns * self.item_bytes
        return BLOCK_BYTES // row_bytes * row_bytes if 0 < row_bytes <= BLOCK_BYTES // 8 else BLOCK_BYTES


def cut_file(path: Path, stream: BinaryIO, size_bytes: int) -> Iterator[tuple[memoryview, list[Raw]]]:
    """Yield a file window by window: its bytes in order, and the pieces that end in the window.

    Raises:
        ContentChangedError: It got shorter meanwhile.
    """
    position = 0
    for span in _spans(path, size_bytes):
        assert span.offset == position
        yield from _windows(path, stream, span)
        position += span.size_bytes


def cut_stream(stream: BinaryIO) -> Iterator[tuple[memoryview, list[Raw]]]:
    """Yield a stream's bytes and pieces likewise, until its end."""
    return _cut(iter(lambda: stream.read(WINDOW_BYTES), b""), PLAIN)


def cut_inflated(inflated: Iterator[bytes]) -> Iterator[tuple[memoryview, list[Raw]]]:
    """Yield the inflated bytes of a gzip file and pieces likewise."""
    return _cut(iter(lambda: _window(inflated), b""), INFLATED)


def _window(inflated: Iterator[bytes]) -> bytes:
    some: list[bytes] = []
    while sum(map(len, some)) < WINDOW_BYTES and (piece := next(inflated, b"")):
        some.append(piece)
    return b"".join(some)


def _cut(windows: Iterator[bytes], sizes: Sizes) -> Iterator[tuple[memoryview, list[Raw]]]:
    cutter, data = Cutter(sizes), next(windows, b"")
    while data:
        following = next(windows, b"")
        pieces = [Raw(piece) for piece in cutter.cut(data, is_last=not following)]
        yield memoryview(data), pieces
        data = following


def _spans(path: Path, size_bytes: int) -> Iterator[_Span]:
    """Yield tensors and the gaps between them: together the whole file."""
    position = 0
    for tensor in formats.tensors(path) if size_bytes > SMALL_BYTES else ():
        if tensor.size_bytes < _MIN_TENSOR_BYTES or tensor.offset < position:
            continue
        if tensor.offset + tensor.size_bytes > size_bytes:
            break
        if tensor.offset > position:
            yield _Span(position, tensor.offset - position)
        label = f"{tensor.dtype}:{tensor.name}"[:1000]
        columns = tensor.shape[-1] if len(tensor.shape) > 1 else 0
        yield _Span(tensor.offset, tensor.size_bytes, tensor.item_bytes, label, columns)
        position = tensor.offset + tensor.size_bytes
    if position < size_bytes:
        yield _Span(position, size_bytes - position)


def _windows(path: Path, stream: BinaryIO, span: _Span) -> Iterator[tuple[memoryview, list[Raw]]]:
    left, block, cutter = span.size_bytes, 0, Cutter()
    while left:
        wanted = min(left, WINDOW_BYTES // span.block_bytes * span.block_bytes)
        data = stream.read(wanted)
        if len(data) != wanted:
            raise ContentChangedError(f"file changed while it was read: {str(path)!r} got shorter")
        left -= wanted
        if span.label:
            pieces = list(_blocks(memoryview(data), span, block))
            block += len(pieces)
        elif span.size_bytes <= SMALL_BYTES:
            pieces = [Raw(memoryview(data))]
        else:
            pieces = [Raw(piece) for piece in cutter.cut(data, is_last=not left)]
        yield memoryview(data), pieces


def _blocks(data: memoryview, span: _Span, first: int) -> Iterator[Raw]:
    for number, start in enumerate(range(0, len(data), span.block_bytes), first):
        block = data[start : start + span.block_bytes]
        yield Raw(block, span.item_bytes, f"{span.label}#{number}", span.size_bytes, span.columns)
