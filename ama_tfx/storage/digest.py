"""The identity of bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from ama_tfx.errors import InvalidInputError

CHUNK_BYTES = 1 << 20
"""How much is read at a time: enough that Python's share is lost in SHA-256's, little enough for constant memory."""

_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, order=True, slots=True)
class Digest:
    """A SHA-256, the only identity that bytes have here.

    Attributes:
        hex: 64 lower-case hexadecimal digits, as ``sha256sum`` prints them.

    Raises:
        InvalidInputError: The value is not 64 lower-case hexadecimal digits.
    """

    hex: str

    def __post_init__(self) -> None:
        if not _HEX.fullmatch(self.hex):
            raise InvalidInputError(f"not a SHA-256: {self.hex[:100]!r}; expected 64 lower-case hexadecimal digits")

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read ``sha256:<64 hex>`` (the OCI form, and the only algorithm accepted)."""
        algorithm, colon, digits = text.partition(":")
        if not colon or algorithm != "sha256":
            raise InvalidInputError(f"not a digest: {text[:100]!r}; expected 'sha256:' and 64 hexadecimal digits")
        return cls(digits)

    @classmethod
    def of(cls, data: bytes) -> Digest:
        """Return the digest of bytes in memory."""
        return cls(hashlib.sha256(data).hexdigest())

    @classmethod
    def from_raw(cls, raw: bytes) -> Digest:
        """Return the digest whose 32 raw bytes these are."""
        return cls(raw.hex())

    @property
    def raw(self) -> bytes:
        """The 32 bytes of the hash."""
        return bytes.fromhex(self.hex)

    def __str__(self) -> str:
        return f"sha256:{self.hex}"


def hash_stream(stream: BinaryIO, on_bytes: Callable[[int], object] | None = None) -> tuple[Digest, int]:
    """Read a stream to its end in constant memory.

    Args:
        stream: Open for reading; left open, at its end.
        on_bytes: Called after each piece with the bytes just read.

    Returns:
        The digest and the number of bytes.
    """
    hasher, size_bytes = hashlib.sha256(), 0
    while piece := stream.read(CHUNK_BYTES):
        hasher.update(piece)
        size_bytes += len(piece)
        if on_bytes:
            on_bytes(len(piece))
    return Digest(hasher.hexdigest()), size_bytes
