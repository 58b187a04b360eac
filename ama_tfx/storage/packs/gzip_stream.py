"""A gzip file of the store as a stream, deflated while it is read."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator

from ama_tfx.errors import IntegrityError
from ama_tfx.storage.digest import Digest
from ama_tfx.storage.packs.recipe import Part, Recipe


class GzipStream(io.RawIOBase):
    """Reads forward at the speed of zlib, some 20 MB/s, in constant memory; backwards is from the beginning again.

    Whoever reads it to its end has it checked against its SHA-256.

    Args:
        digest: The file's.
        recipe: The file's.
        load: Gives a piece's raw bytes.
    """

    def __init__(self, digest: Digest, recipe: Recipe, load: Callable[[Part], bytes | memoryview]) -> None:
        self._digest, self._recipe, self._load = digest, recipe, load
        self._position = 0
        self._restart()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Return where the next read begins."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Choose where the next read begins; nothing is deflated before that."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._recipe.size_bytes}[whence]
        if start + offset < 0:
            raise ValueError(f"cannot seek to {start + offset}")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read into a buffer what was deflated last, or next.

        Raises:
            IntegrityError: The bytes are not the file's.
        """
        if self._position >= self._recipe.size_bytes:
            return 0
        if self._position < self._start:
            self._restart()
        while self._position >= self._start + len(self._held):
            self._deflate_more()
        piece = self._held[self._position - self._start :][: len(buffer)]
        memoryview(buffer).cast("B")[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _restart(self) -> None:
        self._start, self._held = 0, memoryview(b"")
        self._hasher = hashlib.sha256()
        self._deflated: Iterator[bytes | memoryview] = self._recipe.join(map(self._load, self._recipe.parts))

    def _deflate_more(self) -> None:
        try:
            piece = memoryview(next(self._deflated, b""))
        except IntegrityError as error:
            raise IntegrityError(f"blob {self._digest} is damaged: {error}") from error
        self._start, self._held = self._start + len(self._held), piece
        self._hasher.update(piece)
        is_last = self._start + len(piece) >= self._recipe.size_bytes
        if (is_last or not piece) and self._hasher.hexdigest() != self._digest.hex:
            raise IntegrityError(f"blob {self._digest} is damaged: its pieces give another gzip file")
