"""Files of the operating system: opened without surprises, written as a whole or not at all."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import re
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ama_tfx.errors import (
    AmaError,
    BackendError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    OutOfSpaceError,
    PermissionDeniedError,
)
from ama_tfx.storage.leftovers import hold

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}
_UNUSABLE = {errno.ELOOP, errno.ENAMETOOLONG}
_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_TOKEN_BYTES = 12


@dataclass(frozen=True, slots=True)
class FileState:
    """Which file it is, and in which state: writing to it, replacing it or setting its times back changes this.

    Attributes:
        device: Of its file system.
        inode: On that.
        size_bytes: How long it is.
        modified_ns: When its content was changed, as far as nobody set that back.
        changed_ns: When anything of it was changed; nobody can set that.
    """

    device: int
    inode: int
    size_bytes: int
    modified_ns: int
    changed_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileState:
        """Return the state that a file's status tells."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def os_errors(doing: str, path: Path | str) -> contextlib.AbstractContextManager[None]:
    """Turn an `OSError` of the block into the error that says who can act on it.

    Args:
        doing: What is being done, as in ``cannot <doing> '<path>'``.
        path: The file concerned.
    """
    if "\0" in str(path):  # no system call takes it; Python says so with a bare ValueError
        raise InvalidInputError(f"cannot {doing} {str(path)!r}: no path can hold a NUL")
    return _OsErrors(doing, path)


class _OsErrors(contextlib.AbstractContextManager[None]):
    """A class, as a generator takes three times as long: with a million small files that shows."""

    __slots__ = ("_doing", "_path")

    def __init__(self, doing: str, path: Path | str) -> None:
        self._doing, self._path = doing, path

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, OSError) and not isinstance(error, AmaError):
            raise _told(error, f"cannot {self._doing} {str(self._path)!r}: {error.strerror or error}") from error


def _told(error: OSError, message: str) -> AmaError:
    if error.errno in _FULL:
        return OutOfSpaceError(f"{message}; free some space, then try again")
    if error.errno in _REFUSED:
        return PermissionDeniedError(f"{message}; this user needs the permission")
    if error.errno in _UNUSABLE:
        return InvalidInputError(f"{message}; name another path")
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return NotFoundError(message)
    return BackendError(message)


def open_regular_file(path: Path, *, follow: bool = False) -> BinaryIO:
    """Open a regular file for reading, and nothing else.

    A symbolic link, fifo, device or socket is refused after the open, on the opened file itself, so that swapping the
    path between a check and the open gains nothing; a fifo without a writer does not hang.

    Args:
        path: The file.
        follow: Whether a symbolic link may be followed: only for a path that the user typed.

    Raises:
        NotFoundError, PermissionDeniedError: As the operating system says.
        InvalidInputError: Not a regular file.
    """
    with os_errors("read", path):
        return os.fdopen(open_regular(path, follow=follow)[0], "rb")


def open_regular(path: Path, *, follow: bool = False) -> tuple[int, os.stat_result]:
    """Open a regular file likewise; return its descriptor, for the caller to close, and its status.

    Raises:
        InvalidInputError: Not a regular file.
        OSError: As the operating system says.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO}:
            raise InvalidInputError(f"not a regular file: {str(path)!r} (a link, socket or fifo)") from error
        raise
    try:
        status = os.fstat(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    if stat.S_ISREG(status.st_mode):
        return descriptor, status
    os.close(descriptor)
    raise InvalidInputError(f"not a regular file: {str(path)!r}; only regular files and folders can be stored")


def fsync_directory(path: Path) -> None:
    """Make the names in a folder survive a power loss."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(folder: Path) -> None:
    """Make everything that was written to a folder's file system survive a power loss.

    For many files this takes one wait for the disk instead of two for each. Linux tells of failed writes here from
    5.8 on.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if (syncfs := _syncfs()) is None:
            os.sync()
        elif syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)


@functools.cache
def _syncfs() -> Callable[[int], int] | None:
    """Return the C library's function, which Python does not offer; None where there is none."""
    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)


def give_new_name(path: Path, target: Path) -> None:
    """Give a file a name that nothing has; a rename would replace what appeared at the last moment.

    The file may keep its old name too, for the caller to remove.

    Raises:
        ConflictError: Something has the name.
    """
    try:
        target.hardlink_to(path)
    except FileExistsError as error:
        raise ConflictError(f"{str(target)!r} exists already; remove it, or name another") from error
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        if os.path.lexists(target):
            raise ConflictError(f"{str(target)!r} exists already; remove it, or name another") from error
        path.replace(target)


class PendingFile:
    """A file being written under a temporary name; ``commit`` gives it its name, and leaving without it removes it.

    It is locked meanwhile, so that `remove_leftovers` takes only a killed process's for a leftover.

    Args:
        folder: Where the temporary file is made: on the file system of the final name.
        mode: Permission bits of the file.
    """

    def __init__(self, folder: Path, *, mode: int = 0o644) -> None:
        self.path = folder / f".{secrets.token_hex(_TOKEN_BYTES)}.tmp"
        with os_errors("write", self.path):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            while not hold(descriptor, self.path):
                os.close(descriptor)
                descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        self.stream: BinaryIO = os.fdopen(descriptor, "wb")

    @staticmethod
    def is_leftover(name: str) -> bool:
        """Return whether a file has the name of one that a killed process was writing."""
        return re.fullmatch(rf"\.[0-9a-f]{{{2 * _TOKEN_BYTES}}}\.tmp", name) is not None

    def commit(self, target: Path, *, replace: bool = True) -> None:
        """Make what was written durable and let it appear as ``target``.

        Args:
            target: The final name, on the same file system.
            replace: Whether to replace what has that name.

        Raises:
            ConflictError: Something has that name and is not to be replaced.
        """
        with os_errors("write", target):
            self.stream.flush()
            os.fsync(self.stream.fileno())
            if replace:
                self.path.replace(target)
            else:
                give_new_name(self.path, target)
            fsync_directory(target.parent)

    def __enter__(self) -> PendingFile:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # a full disk fails again while closing; the first error is the one to tell
            self.stream.close()
        with contextlib.suppress(OSError):  # what stays is a leftover, which the next writer removes
            self.path.unlink()


def write_file(target: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write a file that appears whole and durable, or not at all."""
    with PendingFile(target.parent, mode=mode) as pending, os_errors("write", target):
        pending.stream.write(content)
        pending.commit(target)


def make_folders(folder: Path) -> None:
    """Make a folder and its missing parents, each durable in its own parent."""
    with os_errors("make", folder):
        missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for made in missing:
            fsync_directory(made.parent)


def make_folder(folder: Path) -> None:
    """Make a folder where it is missing, durable in its parent; one whose parent is gone is an error, and not made."""
    with os_errors("make", folder):
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            fsync_directory(folder.parent)
