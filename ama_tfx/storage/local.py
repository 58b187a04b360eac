"""Blobs as files of a folder."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ama_tfx.errors import ContentChangedError, InvalidInputError, NotFoundError
from ama_tfx.storage.blob_store import BlobInfo
from ama_tfx.storage.digest import CHUNK_BYTES, Digest, hash_stream
from ama_tfx.storage.files import PendingFile, fsync_directory, make_folders, open_regular_file, os_errors
from ama_tfx.storage.leftovers import remove_leftovers
from ama_tfx.storage.verify import verifying


def blob_path(digest: Digest) -> str:
    """Return where a blob lies below the store's folder: two levels, so that no folder grows over-long."""
    return f"sha256/{digest.hex[:2]}/{digest.hex[2:4]}/{digest.hex}"


class LocalBlobStore:
    """A `BlobStore` in a folder: ``sha256/ab/cd/abcd…`` is a file with exactly the blob's bytes, read-only.

    ``tmp/`` holds what is being written; what a killed writer left there is removed by the next. The layout is
    described in ``docs/reference/formats.md``.

    Args:
        folder: Made when it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._temporary = folder / "tmp"
        self._durable: set[Path] = set()
        """Blobs and folders whose names this process has synced: others may have made them and not synced them yet."""
        make_folders(self._temporary)

    def put(self, stream: BinaryIO, *, expected: Digest | None = None) -> BlobInfo:
        """See `BlobStore.put`."""
        if expected is not None and (size_bytes := self._kept(expected)) is not None:
            return BlobInfo(expected, size_bytes)
        remove_leftovers(self._temporary, PendingFile.is_leftover)
        with PendingFile(self._temporary, mode=0o444) as pending:
            digest, size_bytes = self._receive(stream, pending)
            if expected is not None and digest != expected:
                raise ContentChangedError(
                    f"content changed while it was read: expected {expected}, got {digest}; "
                    "stop whatever writes it, then try again"
                )
            created = self._kept(digest) is None
            if created:
                target = self.folder / blob_path(digest)
                self._make_folder(target.parent)
                pending.commit(target)
                self._durable.add(target)
        return BlobInfo(digest, size_bytes, created=created)

    def open(self, digest: Digest) -> BinaryIO:
        """See `BlobStore.open`."""
        try:
            raw = open_regular_file(self.folder / blob_path(digest))
        except (NotFoundError, InvalidInputError) as error:  # a link or a folder in a blob's place is none
            raise NotFoundError(f"no blob {digest} in {str(self.folder)!r}") from error
        return verifying(raw, digest)

    def has(self, digest: Digest, *, size_bytes: int | None = None) -> bool:
        """See `BlobStore.has`."""
        size = self._size(digest)
        return size is not None and size_bytes in {None, size}

    def blobs(self) -> Iterator[BlobInfo]:
        """See `BlobStore.blobs`; what lies in the folder and is no blob is passed over."""
        root = self.folder / "sha256"
        for path in (third for first in _entries(root) for second in _entries(first) for third in _entries(second)):
            try:
                digest = Digest(path.name)
            except InvalidInputError:
                continue
            if path == self.folder / blob_path(digest) and (size := self._size(digest)) is not None:
                yield BlobInfo(digest, size)

    def delete(self, digest: Digest) -> None:
        """See `BlobStore.delete`."""
        path = self.folder / blob_path(digest)
        with os_errors("delete", path):
            path.unlink(missing_ok=True)

    def _kept(self, digest: Digest) -> int | None:
        """Return the size of a blob that is there, whole and durable, or None: then it has to be written."""
        path = self.folder / blob_path(digest)
        try:
            with open_regular_file(path) as stream, os_errors("read", path):
                found, size_bytes = hash_stream(stream)
        except (NotFoundError, InvalidInputError):
            return None
        if found != digest:
            return None
        if path not in self._durable:
            self._make_folder(path.parent)
            with os_errors("sync", path.parent):
                fsync_directory(path.parent)
            self._durable.add(path)
        return size_bytes

    def _make_folder(self, folder: Path) -> None:
        """Make a blob's folder and sync its name and its parents', whoever made them, once per process."""
        make_folders(folder)
        for made in (folder.parents[1], folder.parent, folder):
            if made not in self._durable:
                with os_errors("sync", made.parent):
                    fsync_directory(made.parent)
                self._durable.add(made)

    def _size(self, digest: Digest) -> int | None:
        path = self.folder / blob_path(digest)
        with os_errors("look up", path):
            try:
                status = path.lstat()
            except FileNotFoundError:
                return None
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    @staticmethod
    def _receive(stream: BinaryIO, pending: PendingFile) -> tuple[Digest, int]:
        hasher, size_bytes = hashlib.sha256(), 0
        with os_errors("write", pending.path):
            while piece := stream.read(CHUNK_BYTES):
                pending.stream.write(piece)
                hasher.update(piece)
                size_bytes += len(piece)
        return Digest(hasher.hexdigest()), size_bytes


def _entries(folder: Path) -> list[Path]:
    """Return what lies in a folder; unlike ``Path.glob``, a folder that may not be read is an error."""
    with os_errors("list", folder):
        try:
            return list(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
