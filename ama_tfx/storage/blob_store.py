"""The contract of a blob store; `ama_tfx.testing.BlobStoreContract` is the same contract as tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from ama_tfx.storage.digest import Digest


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """A blob that is in a store.

    Attributes:
        digest: SHA-256 of its bytes.
        size_bytes: How many there are.
        created: Whether this call stored them; False when they were there already.
    """

    digest: Digest
    size_bytes: int
    created: bool = False


class BlobStore(Protocol):
    """Immutable bytes, found by their SHA-256.

    Promises, whatever the backend:

    * A blob is either wholly there or not there at all; no reader sees a part of one, whenever a writer is killed.
    * When ``put`` has returned, the blob survives a power loss.
    * Putting the same bytes twice, even from many writers at once, stores them once.
    * What ``put`` has acknowledged can be read: a damaged blob of these bytes, of whatever size, is replaced.
    * Reading and writing take constant memory.
    * What is read is checked: bytes that do not match their digest end in `IntegrityError`, not in wrong data.
    """

    def put(self, stream: BinaryIO, *, expected: Digest | None = None) -> BlobInfo:
        """Store what a stream yields until its end.

        Args:
            stream: Open for reading; left open.
            expected: What its digest has to be, when the caller knows. A store that holds these bytes, which it
                verifies, may then leave the stream unread.

        Returns:
            What is stored; ``created`` also where a damaged blob was replaced.

        Raises:
            ContentChangedError: The bytes are not the expected ones; nothing is stored.
            OutOfSpaceError, BackendError: The backend failed; nothing is stored.
        """

    def open(self, digest: Digest) -> BinaryIO:
        """Return a stream of a blob's bytes, for the caller to close; it verifies them as it reaches the end.

        The last ``read`` raises `IntegrityError` when the bytes are not the ones promised, so data may be used only
        once the stream has been read to its end.

        Raises:
            NotFoundError: No such blob.
        """

    def has(self, digest: Digest, *, size_bytes: int | None = None) -> bool:
        """Return whether the blob is there, and has this size when one is given; its bytes are not read."""

    def blobs(self) -> Iterator[BlobInfo]:
        """Yield every blob, in no order; one put or deleted meanwhile may be missed."""

    def delete(self, digest: Digest) -> None:
        """Remove a blob; none there is no error. Whether anybody needs it is the caller's question."""
