"""Bytes in order, of a file or of what it inflates to, within limits."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable
from typing import Any

from ama_tfx.storage.formats.tensor import NotParsedError
from ama_tfx.storage.formats.window import Window

MOST_INFLATED = 256 << 20
"""Of one file; what follows is not looked at."""

_PIECE = 1 << 16
_MAGIC: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": lambda: lzma.LZMADecompressor(memlimit=64 << 20),
    b"\x78\x01": zlib.decompressobj,
    b"\x78\x5e": zlib.decompressobj,
    b"\x78\x9c": zlib.decompressobj,
    b"\x78\xda": zlib.decompressobj,
}


def is_compressed(head: bytes) -> bool:
    """Return whether a file that begins so is one compressed stream (gzip, bzip2, xz, zlib)."""
    return any(head.startswith(magic) for magic in _MAGIC)


class Inflated:
    """Reads from the beginning on; use `of`."""

    def __init__(self, window: Window, inflater: Any) -> None:
        self._window = window
        self._position = 0
        self._inflater = inflater
        self._buffer = b""
        self.inflated_bytes = 0

    @classmethod
    def of(cls, window: Window) -> Inflated:
        """Return a reader of what a window holds, inflated where it is compressed."""
        head = window.read_at_most(0, 6)
        return cls(window, next((make() for magic, make in _MAGIC.items() if head.startswith(magic)), None))

    def close(self) -> None:
        """Let go of memory."""
        self._buffer = b""

    def read(self, size_bytes: int) -> bytes:
        """Return the next bytes, fewer only at the end.

        Raises:
            NotParsedError: Too many, or it does not inflate.
        """
        if self._inflater is None:
            content = self._window.read_at_most(self._position, size_bytes)
            self._position += len(content)
            return content
        while len(self._buffer) < size_bytes and (piece := self._piece()):
            self._buffer += piece
        content, self._buffer = self._buffer[:size_bytes], self._buffer[size_bytes:]
        return content

    def skip(self, size_bytes: int) -> bool:
        """Pass over bytes; return whether all of them were there."""
        if self._inflater is None:
            self._position += size_bytes
            there = self._position <= self._window.size_bytes
            self._position = min(self._position, self._window.size_bytes)
            return there
        while size_bytes > len(self._buffer):
            size_bytes -= len(self._buffer)
            self._buffer = self._piece()
            if not self._buffer:
                return size_bytes == 0
        self._buffer = self._buffer[size_bytes:]
        return True

    def as_file(self, most_bytes: int) -> io.BytesIO:
        """Return the first bytes as a file in memory."""
        pieces, held = [], 0
        while held < most_bytes and (piece := self.read(_PIECE)):
            pieces.append(piece)
            held += len(piece)
        return io.BytesIO(b"".join(pieces))

    def _piece(self) -> bytes:
        """Return some more inflated bytes; none at the end."""
        while True:
            self._window.step()
            if self.inflated_bytes > MOST_INFLATED:
                raise NotParsedError("inflates to more than is read")
            try:
                piece = self._inflate()
            except (zlib.error, OSError, lzma.LZMAError, EOFError, MemoryError) as error:
                raise NotParsedError(f"does not inflate: {error}") from error
            if piece is None:
                return b""
            if piece:
                self.inflated_bytes += len(piece)
                return piece

    def _inflate(self) -> bytes | None:
        inflater = self._inflater
        if inflater.eof:
            return None
        waiting = getattr(inflater, "unconsumed_tail", b"")
        if not waiting and getattr(inflater, "needs_input", True):
            waiting = self._window.read_at_most(self._position, _PIECE)
            self._position += len(waiting)
            if not waiting:
                raise NotParsedError("cut off")
        piece: bytes = inflater.decompress(waiting, _PIECE)
        return piece
