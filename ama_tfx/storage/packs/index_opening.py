"""Opening the SQLite file of an index: to write it, or only to read it where this user may not write."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from ama_tfx.errors import BackendError
from ama_tfx.storage.files import os_errors
from ama_tfx.storage.packs import index_file
from ama_tfx.storage.packs.index_file import is_damage
from ama_tfx.storage.packs.index_forking import at_rest_while_forking, forking_waits

BUSY_SECONDS = 60

_LOOK_SECONDS = 0.05
"""How long a reader may take a file for the one of its name: a look takes 3 us, the answer to a batch of keys 500."""

_UNWRITABLE = ("unable to open", "readonly", "disk I/O error", "is full")
_FileState = tuple[int, int, int]


class Connections:
    """A process's two connections to one file, for one thread at a time each: a long write keeps no reader waiting.

    Args:
        path: The file.
        state: Of the file when it was opened.
        reader: For queries.
        writer: For transactions; None where this user may only read.
        is_alone: Whether the reader takes part in no locks, and so has to look whether the file was changed.
    """

    def __init__(
        self,
        path: Path,
        state: _FileState,
        reader: sqlite3.Connection,
        writer: sqlite3.Connection | None,
        *,
        is_alone: bool = False,
    ) -> None:
        self.path, self.process, self.is_writable = path, os.getpid(), writer is not None
        self._state, self._is_alone = state, is_alone
        self._reader, self._writer = reader, writer
        self._reader_lock, self._writer_lock = threading.Lock(), threading.Lock()
        self._next_look = 0.0
        at_rest_while_forking(self, (self._reader_lock, self._writer_lock))

    def is_current(self, *, now: bool = False) -> bool:
        """Return whether this process opened them, and the file was still the one of its name a moment ago, or now."""
        if self.process != os.getpid():
            return False
        at = time.monotonic()
        if at < self._next_look and not now:
            return True
        found = _state(self.path)
        is_current = found == self._state if self._is_alone else found[0] == self._state[0]
        self._next_look = at + _LOOK_SECONDS if is_current else 0.0
        return is_current

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for queries."""
        with self._reader_lock:
            yield self._reader

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the other one, in a transaction."""
        if self._writer is None:
            raise sqlite3.OperationalError("attempt to write a readonly database")
        with self._writer_lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):  # a full disk may have ended it already
                    self._writer.execute("ROLLBACK")
                raise

    def copy_to(self, other: Connections) -> None:
        """Put all that is in this file in the place of what is in another."""
        assert other._writer is not None
        with self._reader_lock, other._writer_lock:
            self._reader.backup(other._writer)

    def close(self) -> None:
        """Close both, when nobody uses them."""
        with forking_waits(), self._reader_lock, self._writer_lock:
            self._reader.close()
            if self._writer is not None:
                self._writer.close()


def open_file(path: Path) -> Connections:
    """Open an index file, made when it is missing, and replaced by an empty one when it is damaged.

    Raises:
        sqlite3.Error, AmaError: It cannot be opened, or not for writing.
    """
    for last in (False, True):
        try:
            with forking_waits(), _locked(path, fcntl.LOCK_SH):
                reader = _connect(path)
                try:
                    return Connections(path, _state(path), reader, _connect(path))
                except BaseException:
                    reader.close()
                    raise
        except sqlite3.DatabaseError as error:
            if last or not is_damage(error):
                raise
        replace(path)
    raise AssertionError


def open_to_read(path: Path) -> Connections | None:
    """Open the index file of a store that this user may not write; None when it cannot be read, or is of no use.

    With SQLite's locks where the files that readers and writers meet in are there, else without: then there is no
    write-ahead log, and the file is all.
    """
    log = path.with_name(f"{path.name}-wal")
    for options in ("mode=ro", "mode=ro&immutable=1"):
        is_alone = "immutable" in options
        with contextlib.suppress(sqlite3.Error, OSError), forking_waits():
            if is_alone and log.exists() and log.stat().st_size:
                return None
            state = _state(path)
            uri = f"file:{quote(bytes(path.resolve()))}?{options}"
            reader = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            if _is_complete(reader):
                return Connections(path, state, reader, None, is_alone=is_alone)
            reader.close()
    return None


def may_write(path: Path) -> bool:
    """Return whether this user may write an index file and those beside it, as far as the operating system tells."""
    folder = os.access(path.parent, os.W_OK | os.X_OK, effective_ids=True)
    return folder and (not path.exists() or os.access(path, os.W_OK, effective_ids=True))


def is_refused(error: sqlite3.Error) -> bool:
    """Return whether an error may mean that a file, or one beside it, cannot be written."""
    return any(sign in str(error) for sign in _UNWRITABLE)


def replace(path: Path, *, even_if_sound: bool = False) -> None:
    """Remove an index file, unless somebody else has done so and it is sound again.

    Under a lock that whoever opens the file takes too: nobody pairs the old file with the new file's WAL.
    """
    with forking_waits(), _locked(path, fcntl.LOCK_EX):
        if not even_if_sound and _is_sound(path):
            return
        with os_errors("delete", path):
            for name in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
                name.unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    if path.exists() and not path.is_file():  # a fifo would be waited for
        raise BackendError(f"index {str(path)!r} is no regular file; move it away, it is built again from the packs")
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = NORMAL")  # what a power loss takes is read from the packs again
        connection.executescript(index_file.SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch to a write-ahead log; of two that do so at once SQLite refuses one at once, without its usual patience."""
    last = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:  # noqa: PERF203 - it is tried again
            if "locked" not in str(error) or time.monotonic() > last:
                raise
            time.sleep(0.01)
        else:
            return


def _is_complete(connection: sqlite3.Connection) -> bool:
    connection.execute("SELECT 1 FROM packs JOIN entries LIMIT 1").fetchall()
    return bool(connection.execute("PRAGMA user_version").fetchone()[0])


def _is_sound(path: Path) -> bool:
    try:
        connection = _connect(path)
    except sqlite3.DatabaseError as error:
        if is_damage(error):
            return False
        raise
    with contextlib.closing(connection):
        try:
            index_file.check(connection)
        except sqlite3.DatabaseError:
            return False
    return True


def _state(path: Path) -> _FileState:
    try:
        status = os.stat(path)  # noqa: PTH116 - Path.stat takes twice as long
    except OSError:
        return -1, -1, -1
    return status.st_ino, status.st_size, status.st_mtime_ns


@contextlib.contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    lock = path.with_name(f"{path.name}-lock")
    with os_errors("lock", lock):
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)
