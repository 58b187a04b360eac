"""Reading here and there in a file, within limits that no content can get around."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

from ama_tfx.storage.formats.tensor import NotParsedError

MOST_AT_ONCE = 16 << 20
"""Bytes of one read: the largest header (or directory, or index block) that a parser takes into memory."""

_MOST_BYTES = 64 << 20
_MOST_STEPS = 400_000


class Window:
    """A range of an open file; the windows within it share its limits, so that references in circles come to an end.

    Args:
        stream: Open for reading, seekable.
        start: Where the range starts in the file.
        size_bytes: How long it is.
        budget: Steps and bytes that may still be taken; shared with whoever else has it.
    """

    def __init__(self, stream: BinaryIO, start: int, size_bytes: int, budget: list[int] | None = None) -> None:
        self.start = start
        self.size_bytes = size_bytes
        self._stream = stream
        self.budget = [_MOST_STEPS, _MOST_BYTES] if budget is None else budget

    @classmethod
    def of(cls, stream: BinaryIO) -> Window:
        """Return the window that is the whole of a file."""
        return cls(stream, 0, os.fstat(stream.fileno()).st_size)

    def within(self, offset: int, size_bytes: int) -> Window:
        """Return a part of this window."""
        self._check(offset, size_bytes)
        return Window(self._stream, self.start + offset, size_bytes, self.budget)

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Return exactly these bytes.

        Raises:
            NotParsedError: They are not all there, or too many, or too much was read before.
        """
        self._check(offset, size_bytes)
        self.step()
        self.budget[1] -= size_bytes
        if size_bytes > MOST_AT_ONCE or self.budget[1] < 0:
            raise NotParsedError("too much to read")
        self._stream.seek(self.start + offset)
        content = self._stream.read(size_bytes)
        if len(content) != size_bytes:
            raise NotParsedError("the file became shorter")
        return content

    def read_at_most(self, offset: int, size_bytes: int) -> bytes:
        """Return these bytes, or as many as there are up to the window's end."""
        return self.read(offset, min(size_bytes, self.size_bytes - offset))

    def pieces(self, most_bytes: int) -> Iterator[bytes]:
        """Yield all bytes, in order, so many at a time."""
        for offset in range(0, self.size_bytes, most_bytes):
            yield self.read_at_most(offset, most_bytes)

    def step(self) -> None:
        """Count one read, or one turn of a loop whose number of turns the content chooses.

        Raises:
            NotParsedError: It was one too many.
        """
        self.budget[0] -= 1
        if self.budget[0] < 0:
            raise NotParsedError("too much to do")

    def _check(self, offset: int, size_bytes: int) -> None:
        if offset < 0 or size_bytes < 0 or offset + size_bytes > self.size_bytes:
            raise NotParsedError("beyond the end")
