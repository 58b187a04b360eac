"""The contract of a blob store; `ama_tfx.testing.BlobStoreContract` is the same contract as tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from ama_tfx.storage.digest import Digest
from ama_tfx.storage.files import FileState


@dataclass(frozen=True, slots=True)
class Progress:
    """What was just done of long work; a front end adds it up, and makes a rate of it with its own clock.

    Attributes:
        size_bytes: Bytes of files, before they are compressed or after they were restored.
        files: Files that are done with these.
    """

    size_bytes: int
    files: int = 0


OnProgress = Callable[[Progress], object]
"""Called with what was just done, by the thread that asked for the work; what it raises ends the work."""


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


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be stored.

    Attributes:
        path: Where it is.
        parents: Blobs that it may be a newer version of, the likeliest first; a hint that costs little when wrong.
        state: In which the caller found it: a file that took its place, by whatever way the path leads there now, is
            not read.
    """

    path: Path
    parents: tuple[Digest, ...] = ()
    state: FileState | None = None


class BlobWriter(Protocol):
    """Stores many blobs together; for a ``with`` block that ends with ``commit``, and one thread."""

    @property
    def new_bytes(self) -> int:
        """How many bytes the store has grown, or will when this is committed."""

    def __enter__(self) -> BlobWriter:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """End; what was not committed is not stored, or is not referred to by anybody."""

    def add_files(self, sources: Iterable[Source], *, on_progress: OnProgress | None = None) -> list[BlobInfo]:
        """Store files; return what each is, in order. Beside that list, memory is constant.

        Raises:
            ContentChangedError: One was written to meanwhile; nothing is stored under a wrong digest.
            InvalidInputError, NotFoundError, PermissionDeniedError: One cannot be read.
            OutOfSpaceError, BackendError: The store failed.
        """

    def add_stream(self, stream: BinaryIO, *, expected: Digest | None = None) -> BlobInfo:
        """Store what a stream yields until its end.

        Raises:
            ContentChangedError: It is not what was expected.
            OutOfSpaceError, BackendError: The store failed.
        """

    def commit(self) -> None:
        """Make everything added durable, then visible.

        Raises:
            ConflictError: Meanwhile gc took away what this builds upon; a new writer will store it again.
            OutOfSpaceError, BackendError: The store failed.
        """

    def secure(self) -> None:
        """Make sure that what was committed stays, when that was a while ago and something is about to refer to it.

        Raises:
            ConflictError: It did not: gc found nothing that refers to it; a new writer will store it again.
        """


class BlobStore(Protocol):
    """Immutable bytes, found by their SHA-256.

    Promises, whatever the backend:

    * A blob is either wholly there or not there at all; no reader sees a part of one, whenever a writer is killed.
    * What was committed survives a power loss.
    * Putting the same bytes twice, even from many writers at once, stores them once.
    * What ``put`` has acknowledged can be read: a damaged blob of these bytes, of whatever size, is replaced.
    * Reading and writing take constant memory.
    * What is read is checked: bytes that do not match their digest end in `IntegrityError`, not in wrong data.
    """

    def writer(self) -> BlobWriter:
        """Return a writer of many blobs."""

    def put(self, stream: BinaryIO, *, expected: Digest | None = None) -> BlobInfo:
        """Store one blob and commit it; see `BlobWriter.add_stream`.

        Args:
            stream: Open for reading; left open.
            expected: What its digest has to be, when the caller knows.

        Returns:
            What is stored; ``created`` also where a damaged blob was replaced.
        """

    def open(self, digest: Digest) -> BinaryIO:
        """Return a stream of a blob's bytes, for the caller to close; it can seek, and checks what it reads.

        Raises:
            NotFoundError: No such blob.
        """

    def export(
        self,
        files: Sequence[tuple[Digest, Path]],
        *,
        sizes: Mapping[Digest, int] | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Write blobs to new files of one file system, for a folder that nobody looks at yet.

        All are checked against their SHA-256, whole and durable when this returns. When it fails, some are there, each
        of them whole or still being written by nobody.

        Args:
            files: Each blob, and the file to be written.
            sizes: How large blobs are, of which the caller knows it: one that would be of another size is damaged, and
                not a byte of it is written.
            on_progress: Told of what is written.

        Raises:
            NotFoundError: No such blob.
            IntegrityError: A blob is damaged; its file is removed.
            ConflictError: Something has a file's name.
            OutOfSpaceError, PermissionDeniedError: A file cannot be written.
        """

    def has(self, digest: Digest) -> bool:
        """Return whether the blob is there; its bytes are not read."""

    def blobs(self) -> Iterator[BlobInfo]:
        """Yield every blob, in no order; one put meanwhile may be missed."""

    def close(self) -> None:
        """Let go of files and connections; the store may be used on, and opens them again then."""
