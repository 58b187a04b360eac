"""Reading a SQLite file alone, where it cannot be shared with writers."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

from ama_tfx.errors import ConflictError


class Unlocked(sqlite3.Connection):
    """Reads a SQLite file alone, where the files beside it that readers and writers meet in cannot be made.

    A full disk, a read-only one and another user's folder are such. There is no write-ahead log then, so the file is
    the whole catalog; should a writer with more rights change it meanwhile, the reader is told instead of misled.
    """

    path: Path
    seen: tuple[int, int, int] | None

    @classmethod
    def open(cls, path: Path) -> Unlocked:
        """Connect to a file; what is written fails."""
        uri = f"file:{quote(bytes(path.resolve()))}?mode=ro&immutable=1"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, factory=cls)
        connection.path, connection.seen = path, _state(path)
        return connection

    def commit(self) -> None:
        """End the transaction, which nobody may have disturbed."""
        super().commit()
        if self.seen is None or _state(self.path) != self.seen:
            raise ConflictError(f"catalog {str(self.path)!r} was written to while it was read; try again")


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:  # it was moved away, or its folder was closed
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def may_be_read_unlocked(path: Path, error: sqlite3.OperationalError) -> bool:
    """Return whether a file that could not be opened is whole by itself: whether it has no write-ahead log."""
    if not any(text in str(error) for text in ("unable to open", "readonly", "disk I/O error", "is full")):
        return False
    log = path.with_name(f"{path.name}-wal")
    try:
        return path.exists() and not (log.exists() and log.stat().st_size)
    except OSError:  # in a folder that may not be looked into
        return False
