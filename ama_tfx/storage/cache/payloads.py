"""Payloads of packs, each in a sparse copy of its pack, at its own place.

There is no list of what is there: a payload is there when the bytes at its place have its checksum, and whoever reads
it looks. A hole, a damaged block and a write that was killed half-way are the same thing, a miss, and the next write
mends it. Writers of one payload write the same bytes to the same place, so they need not know of each other.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Sequence
from pathlib import Path

from ama_tfx.storage.cache.folder import CacheFolder


class Payloads:
    """The payloads in a cache; safe to use from many threads and processes.

    Args:
        cache: Where, and how much.
    """

    def __init__(self, cache: CacheFolder) -> None:
        self._cache = cache
        self._folder = cache.section("payloads")

    def read(self, pack: str, offset: int, size_bytes: int) -> bytes | None:
        """Return what lies at a payload's place, for the caller to check; None when nothing can."""
        path = self._path(pack)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return None
        try:
            data = os.pread(descriptor, size_bytes, offset)
        except OSError:
            return None
        finally:
            os.close(descriptor)
        self._cache.touch(path)
        return data if len(data) == size_bytes else None

    def may_have(self, pack: str, offset: int, size_bytes: int) -> bool:
        """Return whether something was written to all blocks of a payload's place; nothing is read."""
        try:
            descriptor = os.open(self._path(pack), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return False
        try:
            return (
                os.lseek(descriptor, offset, os.SEEK_DATA) == offset
                and os.lseek(descriptor, offset, os.SEEK_HOLE) >= offset + size_bytes
            )
        except OSError:  # the place is behind the end
            return False
        finally:
            os.close(descriptor)

    def write(self, pack: str, payloads: Sequence[tuple[int, bytes]]) -> bool:
        """Keep payloads of one pack, given as offset and bytes; return whether there was room."""
        size_bytes = sum(len(data) for _, data in payloads)
        return self._cache.write(size_bytes, len(payloads), lambda: self._write(pack, payloads))

    def take(self, pack: str, source: Path) -> bool:
        """Keep a whole pack by another name of its file, which nobody writes to any more; return whether it is kept.

        That costs no copy; where the file systems differ, the pack is not kept.
        """
        path = self._path(pack)

        def link() -> None:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            path.hardlink_to(source)

        try:
            size_bytes = source.stat().st_size
        except OSError:
            return False
        return self._cache.write(size_bytes, 1, link)

    def _write(self, pack: str, payloads: Sequence[tuple[int, bytes]]) -> None:
        descriptor = self._open_to_write(self._path(pack))
        try:
            for offset, data in payloads:
                if os.pwrite(descriptor, data, offset) != len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(descriptor)

    def _open_to_write(self, path: Path) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(path, flags, 0o600)
        except (
            PermissionError
        ):  # a pack that was taken whole is read-only; what is written now shows that it is damaged
            path.unlink()
            return os.open(path, flags, 0o600)

    def _path(self, pack: str) -> Path:
        return self._folder / f"{pack}.pack"
