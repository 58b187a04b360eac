"""Moving bytes between files and a blob store."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from ama_tfx.errors import ContentChangedError
from ama_tfx.storage.blob_store import BlobInfo, BlobStore
from ama_tfx.storage.digest import CHUNK_BYTES, Digest, hash_stream
from ama_tfx.storage.files import PendingFile, open_regular_file, os_errors

OnBytes = Callable[[int], object]
"""Called with the number of bytes just done; front ends draw progress with it."""


def import_file(store: BlobStore, path: Path, *, on_bytes: OnBytes | None = None) -> BlobInfo:
    """Store a file's content.

    It is hashed first, so that content the store already has is read once and not written at all.

    Raises:
        ContentChangedError: The file was written to meanwhile; nothing is stored under a wrong digest.
        InvalidInputError, NotFoundError, PermissionDeniedError: The file cannot be read.
        OutOfSpaceError, BackendError: The store failed.
    """
    with open_regular_file(path) as stream, os_errors("read", path):
        before = _fingerprint(stream.fileno())
        digest, size_bytes = hash_stream(stream, on_bytes)
        if store.has(digest, size_bytes=size_bytes):
            info = BlobInfo(digest, size_bytes, created=False)
        else:
            stream.seek(0)
            try:
                info = store.put(stream, expected=digest)
            except ContentChangedError as error:
                raise _changed(path) from error
        if _fingerprint(stream.fileno()) != before:
            raise _changed(path)
    return info


def export_blob(store: BlobStore, digest: Digest, target: Path, *, on_bytes: OnBytes | None = None) -> None:
    """Write a blob's content to a file, which appears verified and whole, or not at all.

    Raises:
        NotFoundError: The store has no such blob.
        IntegrityError: The store's bytes are damaged.
        OutOfSpaceError, PermissionDeniedError: The file cannot be written.
    """
    with store.open(digest) as source, PendingFile(target.parent) as pending:
        with os_errors("write", target):
            while piece := source.read(CHUNK_BYTES):
                pending.stream.write(piece)
                if on_bytes:
                    on_bytes(len(piece))
        pending.commit(target)


def _fingerprint(descriptor: int) -> tuple[int, int, int]:
    status = os.fstat(descriptor)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _changed(path: Path) -> ContentChangedError:
    return ContentChangedError(
        f"file changed while it was read: {str(path)!r}; stop whatever writes it, then try again"
    )
