"""A stream for parsers that believe what a file says of its own sizes."""

from __future__ import annotations

from typing import BinaryIO

from ama_tfx.errors import InvalidInputError

_MOST_AT_ONCE = 4 << 20
_MOST_READS = 4_000_000


class Guarded:
    """A stream that refuses reads which no sound archive asks for: huge ones, those of a negative size, or too many.

    Args:
        stream: Open for reading, seekable.

    Attributes:
        most_at_once: How many bytes may be asked for at once; less while headers are read.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._reads = _MOST_READS
        self.most_at_once = _MOST_AT_ONCE

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes.

        Raises:
            InvalidInputError: The parser was told to ask for what no sound archive holds.
        """
        self._reads -= 1
        if not 0 <= size <= self.most_at_once or self._reads < 0:
            raise InvalidInputError("the archive has a header that is too large, or goes round in circles")
        return self._stream.read(size)

    def seek(self, position: int, whence: int = 0) -> int:
        """Go to a position.

        Raises:
            InvalidInputError: There is none of that number.
        """
        if whence == 0 and not 0 <= position < 1 << 62:
            raise InvalidInputError("the archive has a header that points out of it")
        return self._stream.seek(position, whence)

    def tell(self) -> int:
        """Return the position."""
        return self._stream.tell()
