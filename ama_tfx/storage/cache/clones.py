"""Whole files that share their bytes on the disk with the copies that users got, where the file system can do that.

A clone (reflink) is a file of its own: writing to it changes neither the cache nor another clone. Hard links would, so
there are none to users' files (docs/adr/0013).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from pathlib import Path

from ama_tfx.errors import AmaError
from ama_tfx.storage.cache.folder import CacheFolder
from ama_tfx.storage.digest import Digest, hash_stream
from ama_tfx.storage.files import open_regular_file

FICLONE = 0x40049409
"""Of linux/fs.h: ``ioctl(target, FICLONE, source)``; btrfs, xfs, bcachefs, overlayfs on these, NFS 4.2 and CIFS."""

SMALLEST_BYTES = 1 << 20
"""A smaller file is written as quickly as it is cloned."""


class Clones:
    """The whole files in a cache; safe to use from many threads and processes.

    Args:
        cache: Where, and how much.
    """

    def __init__(self, cache: CacheFolder) -> None:
        self._cache = cache
        self._folder = cache.section("files")
        self._impossible: set[tuple[int, int]] = set()

    def give(self, digest: Digest, target: Path) -> bool:
        """Make a new file from the cache, checked against its digest; return False when that cannot be done.

        What is damaged is removed from the cache.
        """
        source = self._folder / digest.hex
        if self._is_impossible(self._folder, target.parent) or not source.is_file() or not self._clone(source, target):
            return False
        try:
            with open_regular_file(target) as stream:
                is_whole = hash_stream(stream)[0] == digest
        except (AmaError, OSError):
            is_whole = False
        if not is_whole:
            for path in (source, target):
                with contextlib.suppress(OSError):
                    path.unlink()
            return False
        self._cache.touch(source)
        return True

    def keep(self, digest: Digest, path: Path) -> None:
        """Keep a file that was just checked, if that costs no copy of its bytes."""
        target = self._folder / digest.hex
        with contextlib.suppress(OSError):
            size_bytes = path.stat().st_size
            if size_bytes < SMALLEST_BYTES or self._is_impossible(path.parent, self._folder) or target.exists():
                return
            temporary = self._folder / f".{secrets.token_hex(12)}.tmp"
            self._cache.write(size_bytes, 1, lambda: self._keep(path, temporary, target))

    def _keep(self, path: Path, temporary: Path, target: Path) -> None:
        if self._clone(path, temporary):
            temporary.replace(target)

    def _clone(self, source: Path, target: Path) -> bool:
        """Make a new file that shares the bytes of another; return whether the file system can."""
        made = False
        try:
            with (
                source.open("rb") as read,
                os.fdopen(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644), "wb") as write,
            ):
                made = True
                fcntl.ioctl(write.fileno(), FICLONE, read.fileno())
        except OSError:
            if made:
                self._impossible.add((_device(source.parent), _device(target.parent)))
                with contextlib.suppress(OSError):
                    target.unlink()
            return False
        return True

    def _is_impossible(self, source: Path, target: Path) -> bool:
        """Return whether a clone between the file systems of two folders was tried before, in vain."""
        return self._cache.limit_bytes == 0 or (_device(source), _device(target)) in self._impossible


def _device(folder: Path) -> int:
    try:
        return folder.stat().st_dev
    except OSError:
        return -1
