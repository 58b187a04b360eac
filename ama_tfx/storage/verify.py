"""Reading that checks what it reads."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, BinaryIO, cast

from ama_tfx.errors import IntegrityError
from ama_tfx.storage.digest import CHUNK_BYTES, Digest

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class _VerifyingReader(io.RawIOBase):
    """Hashes what passes and raises `IntegrityError` at the end when it is not the blob's content."""

    def __init__(self, source: BinaryIO, digest: Digest) -> None:
        self._source = source
        self._digest = digest
        self._hasher = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        piece = self._source.read(len(view))
        self._hasher.update(piece)
        if not piece and self._hasher.hexdigest() != self._digest.hex:
            actual = f"sha256:{self._hasher.hexdigest()}"
            raise IntegrityError(f"blob {self._digest} is damaged: its bytes have {actual}; restore it from a copy")
        view[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._source.close()
        super().close()


def verifying(source: BinaryIO, digest: Digest) -> BinaryIO:
    """Return a stream of the same bytes that raises `IntegrityError` at its end when they are not the digest's.

    Args:
        source: Open for reading; closed with the returned stream.
        digest: What the bytes have to be.
    """
    return cast(BinaryIO, io.BufferedReader(_VerifyingReader(source, digest), CHUNK_BYTES))
