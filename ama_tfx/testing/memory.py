"""A blob store in memory that behaves, and that can be told to fail."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from ama_tfx.errors import ConflictError, ContentChangedError, IntegrityError, NotFoundError
from ama_tfx.storage import BlobInfo, Digest, FileState, OnProgress, Progress, Source, open_regular_file


class MemoryBlobStore:
    """A `BlobStore` in a dictionary.

    Attributes:
        content: The blobs; a test may damage them.
        failures: Errors still to be raised: the next ``commit`` takes the first one, and stores nothing.
    """

    def __init__(self) -> None:
        self.content: dict[Digest, bytes] = {}
        self.failures: list[Exception] = []

    def writer(self) -> MemoryBlobWriter:
        """See `BlobStore.writer`."""
        return MemoryBlobWriter(self)

    def put(self, stream: BinaryIO, *, expected: Digest | None = None) -> BlobInfo:
        """See `BlobStore.put`."""
        with self.writer() as writer:
            info = writer.add_stream(stream, expected=expected)
            writer.commit()
        return info

    def open(self, digest: Digest) -> BinaryIO:
        """See `BlobStore.open`."""
        if digest not in self.content:
            raise NotFoundError(f"no blob {digest} in memory")
        data = self.content[digest]
        if Digest.of(data) != digest:
            raise IntegrityError(f"blob {digest} is damaged: its bytes have {Digest.of(data)}")
        return io.BytesIO(data)

    def export(
        self,
        files: Sequence[tuple[Digest, Path]],
        *,
        sizes: Mapping[Digest, int] | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        """See `BlobStore.export`."""
        for digest, target in files:
            with self.open(digest) as stream:
                data = stream.read()
            if sizes is not None and sizes.get(digest, len(data)) != len(data):
                raise IntegrityError(f"blob {digest} has {len(data)} bytes; it should have {sizes[digest]}")
            try:
                with target.open("xb") as file:
                    file.write(data)
            except FileExistsError as error:
                raise ConflictError(f"{str(target)!r} exists already; remove it, or name another") from error
            if on_progress:
                on_progress(Progress(len(data), files=1))

    def has(self, digest: Digest) -> bool:
        """See `BlobStore.has`."""
        return digest in self.content

    def blobs(self) -> Iterator[BlobInfo]:
        """See `BlobStore.blobs`."""
        for digest, data in list(self.content.items()):
            yield BlobInfo(digest, len(data))

    def close(self) -> None:
        """See `BlobStore.close`."""


class MemoryBlobWriter:
    """The writer of a `MemoryBlobStore`."""

    def __init__(self, store: MemoryBlobStore) -> None:
        self._store = store
        self._added: dict[Digest, bytes] = {}
        self._committed: set[Digest] = set()
        self.new_bytes = 0

    def __enter__(self) -> MemoryBlobWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._added.clear()

    def add_files(self, sources: Iterable[Source], *, on_progress: OnProgress | None = None) -> list[BlobInfo]:
        """See `BlobWriter.add_files`."""
        infos = []
        for source in sources:
            with open_regular_file(source.path) as stream:
                if source.state not in {None, FileState.of(os.fstat(stream.fileno()))}:
                    raise ContentChangedError(f"file changed while it was read: {str(source.path)!r}")
                infos.append(self.add_stream(stream))
            if on_progress:
                on_progress(Progress(infos[-1].size_bytes, files=1))
        return infos

    def add_stream(self, stream: BinaryIO, *, expected: Digest | None = None) -> BlobInfo:
        """See `BlobWriter.add_stream`."""
        data = stream.read()
        digest = Digest.of(data)
        if expected is not None and digest != expected:
            raise ContentChangedError(f"content changed while it was read: expected {expected}, got {digest}")
        created = self._store.content.get(digest) != data and digest not in self._added
        if created:
            self._added[digest] = data
            self.new_bytes += len(data)
        return BlobInfo(digest, len(data), created=created)

    def commit(self) -> None:
        """See `BlobWriter.commit`."""
        if self._store.failures:
            raise self._store.failures.pop(0)
        self._store.content.update(self._added)
        self._committed |= self._added.keys()
        self._added.clear()

    def secure(self) -> None:
        """See `BlobWriter.secure`."""
        if not self._committed <= self._store.content.keys():
            raise ConflictError("what was committed was removed since; write it again")
