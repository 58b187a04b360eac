"""Moving bytes between files and a blob store."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ama_tfx.errors import ContentChangedError
from ama_tfx.storage.blob_store import BlobInfo, BlobStore
from ama_tfx.storage.digest import CHUNK_BYTES, Digest, hash_stream
from ama_tfx.storage.files import FileState, PendingFile, open_regular_file, os_errors

OnBytes = Callable[[int], object]
"""Called with the number of bytes just done; front ends draw progress with it."""


def import_file(
    store: BlobStore, path: Path, *, expected: FileState | None = None, on_bytes: OnBytes | None = None
) -> BlobInfo:
    """Store a file's content.

    It is hashed first, so that content the store already has is not written again. The store reads what it has, so that
    nothing is acknowledged that cannot be restored: for 500 MB, all in memory, 0.6 s instead of 0.3 s.

    Args:
        store: Where.
        path: The file; a symbolic link is refused.
        expected: The state in which the caller found the file: one that another took the place of, by whatever way the
            path leads there now, is not read.
        on_bytes: Called with each number of bytes read.

    Raises:
        ContentChangedError: The file was written to or replaced meanwhile; nothing is stored under a wrong digest.
        InvalidInputError, NotFoundError, PermissionDeniedError: The file cannot be read.
        OutOfSpaceError, BackendError: The store failed.
    """
    with open_regular_file(path) as stream, os_errors("read", path):
        before = FileState.of(os.fstat(stream.fileno()))
        if expected is not None and before != expected:
            raise _changed(path)

        def on_piece(piece_bytes: int) -> None:
            if stream.tell() > before.size_bytes:  # a file that grows as fast as it is read would be read for ever
                raise _changed(path)
            if on_bytes:
                on_bytes(piece_bytes)

        digest, _ = hash_stream(stream, on_piece)
        stream.seek(0)
        try:
            info = store.put(stream, expected=digest)
        except ContentChangedError as error:
            raise _changed(path) from error
        if FileState.of(os.fstat(stream.fileno())) != before:
            raise _changed(path)
    return info


def export_blob(store: BlobStore, digest: Digest, target: Path, *, on_bytes: OnBytes | None = None) -> None:
    """Write a blob's content to a new file, which appears verified, whole and durable, or not at all.

    Raises:
        ConflictError: Something has the file's name.
        NotFoundError: The store has no such blob.
        IntegrityError: The store's bytes are damaged.
        OutOfSpaceError, PermissionDeniedError: The file cannot be written.
    """
    with store.open(digest) as source, PendingFile(target.parent) as pending:
        _copy(source, pending.stream, target, on_bytes)
        pending.commit(target, replace=False)


def write_blob(store: BlobStore, digest: Digest, target: Path, *, on_bytes: OnBytes | None = None) -> None:
    """Write a blob's content to a new file that is neither whole nor durable until the caller says so.

    For many files that appear together: `sync_file_system` makes them durable at once.

    Raises:
        As `export_blob`; the file may be there in part.
    """
    with store.open(digest) as source, os_errors("write", target):
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            _copy(source, file, target, on_bytes)


def _copy(source: BinaryIO, file: BinaryIO, target: Path, on_bytes: OnBytes | None) -> None:
    with os_errors("write", target):
        while piece := source.read(CHUNK_BYTES):
            file.write(piece)
            if on_bytes:
                on_bytes(len(piece))


def _changed(path: Path) -> ContentChangedError:
    return ContentChangedError(
        f"file changed while it was read: {str(path)!r}; stop whatever writes it, then try again"
    )
