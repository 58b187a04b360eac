"""Objects as files of a folder."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import os
import shutil
import stat
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from ama_tfx.errors import BackendError, ConflictError, InvalidInputError, NotFoundError, PermissionDeniedError
from ama_tfx.storage.digest import CHUNK_BYTES
from ama_tfx.storage.files import PendingFile, fsync_directory, make_folder, make_folders, open_regular_file, os_errors
from ama_tfx.storage.objects.contract import ObjectInfo, check_name, check_prefix, check_range, is_name, size_inside

OPEN_FILES = 64
"""How many descriptors a store keeps: opening costs more than reading a piece, and a process may hold 1,024."""

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_TEMPORARY = ".tmp"


class LocalObjects:
    """An `ObjectStore` in a folder: an object ``a/b`` is the read-only file ``a/b``.

    An object appears by a hard link from a temporary file in ``.tmp``, which no object's name can be: the file system
    decides who was first. Descriptors of objects lately read stay open; `os.pread` leaves no state in them, so threads
    and forked children share them.

    Args:
        folder: Made when it is missing.

    Attributes:
        temporary: A folder on the store's file system. ``put`` takes a file that lies right in it without copying
            the bytes; it must not be written to afterwards.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.temporary = folder / _TEMPORARY
        try:
            make_folders(self.temporary)
        except PermissionDeniedError:  # whoever may not write can read what is there
            if not folder.is_dir():
                raise
        # lru_cache holds no lock that a fork could catch closed, and an evicted file closes with its last reader.
        self._named: set[Path] = set()
        self._files = functools.lru_cache(maxsize=OPEN_FILES)(_OpenFile)
        self._path = functools.lru_cache(maxsize=OPEN_FILES)(functools.partial(_path_in, folder))

    def put(self, name: str, source: Path | bytes) -> bool:
        """See `ObjectStore.put`."""
        target = self.folder / check_name(name)
        if isinstance(source, Path) and source.parent == self.temporary:
            with open_regular_file(source) as stream, os_errors("write", source):
                os.fchmod(stream.fileno(), 0o444)
                os.fsync(stream.fileno())
            return self._publish(source, target)
        if self.stat(name) is not None:
            with os_errors("write", target):
                self._sync_names(target.parent)  # its writer may not have come so far
            return False
        make_folder(self.temporary)  # a store that was opened on a read-only disk has none
        with PendingFile(self.temporary, mode=0o444) as pending:
            with os_errors("write", target):
                _copy(source, pending)
                pending.stream.flush()
                os.fsync(pending.stream.fileno())
            return self._publish(pending.path, target)

    def read(self, name: str, start: int = 0, size_bytes: int | None = None) -> bytes:
        """See `ObjectStore.read`."""
        path = self._path(name)
        check_range(start, size_bytes)
        with os_errors("read", path):
            opened, held_bytes = self._opened(path)
            wanted = size_inside(f"{name!r} in {self!r}", held_bytes, start, size_bytes)
            return _pread(opened.number, start, wanted, path)

    def stat(self, name: str) -> ObjectInfo | None:
        """See `ObjectStore.stat`."""
        path = self.folder / check_name(name)
        with os_errors("look up", path):
            try:
                return _info(name, path.lstat())
            except (FileNotFoundError, NotADirectoryError):
                return None

    def settle(self, name: str) -> None:
        """See `ObjectStore.settle`."""
        path = self.folder / check_name(name)
        with contextlib.suppress(NotFoundError), os_errors("sync", path):
            self._sync_names(path.parent)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See `ObjectStore.list`; what lies in the folder and is no object is passed over."""
        folder = check_prefix(prefix)
        return (info for info in _walk(self.folder, folder) if info.name.startswith(prefix))

    def delete(self, name: str) -> None:
        """See `ObjectStore.delete`."""
        path = self.folder / check_name(name)
        if self.stat(name) is not None:
            self._files.cache_clear()
            with os_errors("delete", path):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of every descriptor; the store may be used on."""
        self._files.cache_clear()

    def __repr__(self) -> str:
        return f"LocalObjects({str(self.folder)!r})"

    def _opened(self, path: Path) -> tuple[_OpenFile, int]:
        for _ in range(2):
            opened = self._open(path)
            status = os.fstat(opened.number)
            if status.st_nlink:
                return opened, status.st_size
            self._files.cache_clear()  # deleted by another process; another object may have its name now
        raise NotFoundError(f"no object {path.name!r} in {self!r}")

    def _open(self, path: Path) -> _OpenFile:
        try:
            return self._files(path)
        except (NotFoundError, InvalidInputError) as error:  # a link or a folder in an object's place is none
            raise NotFoundError(f"no object {str(path.relative_to(self.folder))!r} in {self!r}") from error
        except BackendError as error:
            cause = error.__cause__
            if not isinstance(cause, OSError) or cause.errno != errno.EMFILE:
                raise
        self._files.cache_clear()
        return self._files(path)

    def _sync_names(self, folder: Path) -> None:
        """Make the names in a folder durable, and its own: whoever made it may have been killed before its sync."""
        fsync_directory(folder)
        while folder != self.folder and folder not in self._named:
            fsync_directory(folder.parent)
            self._named.add(folder)
            folder = folder.parent

    def _publish(self, written: Path, target: Path) -> bool:
        with os_errors("write", target):
            if not target.parent.is_dir():
                _make_folders(target.parent)
            created = _link(written, target)
            self._sync_names(target.parent)  # also when another was first: it may not have come so far
        if not created and self.stat(target.relative_to(self.folder).as_posix()) is None and os.path.lexists(target):
            raise ConflictError(f"what lies at {str(target)!r} is no object; move it away")
        return created


class _OpenFile:
    """An open regular file; closed when nobody holds it any more."""

    def __init__(self, path: Path) -> None:
        self._stream = open_regular_file(path)
        self.number = self._stream.fileno()

    def __del__(self) -> None:
        if stream := getattr(self, "_stream", None):
            stream.close()


def _path_in(folder: Path, name: str) -> Path:
    return folder / check_name(name)


def _make_folders(folder: Path) -> None:
    try:
        make_folders(folder)
    except (BackendError, NotFoundError) as error:
        if isinstance(error.__cause__, FileExistsError | NotADirectoryError):
            raise ConflictError(
                f"no folder can be made at {str(folder)!r}: an object has a part of its path"
            ) from error
        raise


def _copy(source: Path | bytes, pending: PendingFile) -> None:
    if isinstance(source, bytes):
        pending.stream.write(source)
        return
    with open_regular_file(source) as stream:
        shutil.copyfileobj(stream, pending.stream, CHUNK_BYTES)


def _link(written: Path, target: Path) -> bool:
    """Give a file its name unless that is taken; where there are no hard links, under a lock that all writers take."""
    try:
        os.link(written, target, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with (written.parent / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.lexists(target):
                return False
            written.rename(target)
    return True


def _pread(descriptor: int, start: int, size_bytes: int, path: Path) -> bytes:
    pieces, missing_bytes = [], size_bytes
    while missing_bytes:
        piece = os.pread(descriptor, missing_bytes, start + size_bytes - missing_bytes)
        if not piece:
            raise BackendError(f"{str(path)!r} ended while it was read: {missing_bytes} bytes are missing")
        pieces.append(piece)
        missing_bytes -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _info(name: str, status: os.stat_result) -> ObjectInfo | None:
    if not stat.S_ISREG(status.st_mode):
        return None
    return ObjectInfo(name, status.st_size, datetime.fromtimestamp(status.st_mtime, timezone.utc))


def _walk(root: Path, folder: str) -> Iterator[ObjectInfo]:
    """Yield the objects of a folder and those below it; a folder that may not be read is an error."""
    with os_errors("list", root / folder):
        try:
            entries = [*os.scandir(root / folder)]
        except (FileNotFoundError, NotADirectoryError):
            return
    for entry in entries:
        name = f"{folder}/{entry.name}" if folder else entry.name
        if not is_name(name):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, name)
            continue
        with contextlib.suppress(NotFoundError), os_errors("list", root / name):
            if info := _info(name, entry.stat(follow_symlinks=False)):
                yield info
