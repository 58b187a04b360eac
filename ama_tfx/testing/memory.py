"""A blob store in memory that behaves, and that can be told to fail."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from ama_tfx.errors import ContentChangedError, NotFoundError
from ama_tfx.storage import BlobInfo, Digest
from ama_tfx.storage.verify import verifying


class MemoryBlobStore:
    """A `BlobStore` in a dictionary.

    Attributes:
        content: The blobs; a test may damage them.
        failures: Errors still to be raised: the next ``put`` that reads its stream takes the first one, and
            stores nothing.
    """

    def __init__(self) -> None:
        self.content: dict[Digest, bytes] = {}
        self.failures: list[Exception] = []

    def put(self, stream: BinaryIO, *, expected: Digest | None = None) -> BlobInfo:
        """See `BlobStore.put`."""
        if expected is not None and self._keeps(expected):
            return BlobInfo(expected, len(self.content[expected]))
        data = stream.read()
        if self.failures:
            raise self.failures.pop(0)
        digest = Digest.of(data)
        if expected is not None and digest != expected:
            raise ContentChangedError(f"content changed while it was read: expected {expected}, got {digest}")
        created = not self._keeps(digest)
        if created:
            self.content[digest] = data
        return BlobInfo(digest, len(data), created=created)

    def open(self, digest: Digest) -> BinaryIO:
        """See `BlobStore.open`."""
        if digest not in self.content:
            raise NotFoundError(f"no blob {digest} in memory")
        return verifying(io.BytesIO(self.content[digest]), digest)

    def has(self, digest: Digest, *, size_bytes: int | None = None) -> bool:
        """See `BlobStore.has`."""
        return digest in self.content and size_bytes in {None, len(self.content[digest])}

    def blobs(self) -> Iterator[BlobInfo]:
        """See `BlobStore.blobs`."""
        for digest, data in list(self.content.items()):
            yield BlobInfo(digest, len(data))

    def delete(self, digest: Digest) -> None:
        """See `BlobStore.delete`."""
        self.content.pop(digest, None)

    def _keeps(self, digest: Digest) -> bool:
        return digest in self.content and Digest.of(self.content[digest]) == digest
