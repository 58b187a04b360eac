"""A folder with a limit: whoever wants to write asks for room, and what was not used for longest makes it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from ama_tfx.errors import InvalidInputError

DEFAULT_BYTES = 20 * 10**9
RESERVE_BYTES = 1 << 30
"""Of the file system stays free: the cache does not take the space that a download needs."""

KEPT_PART = 0.9
"""Of the limit is left when something has to go: looking for it costs a look at every file."""

LOCK_SECONDS = 2
"""Who cannot have the lock in this time, as when its holder was stopped, goes on without the cache."""

_BLOCK_BYTES = 4096
_TOUCH_SECONDS = 60
_SECTIONS = ("payloads", "files")
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}
_SIZE = re.compile(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*([A-Za-z]*)\s*")


def default_cache() -> CacheFolder:
    """Return the cache of this process's user.

    ``AMA_CACHE`` names the folder, else it is the platform's cache folder; ``AMA_CACHE_SIZE`` the limit, else 20 GB.

    Raises:
        InvalidInputError: ``AMA_CACHE_SIZE`` is no size.
    """
    root = os.environ.get("AMA_CACHE")
    size = os.environ.get("AMA_CACHE_SIZE")
    folder = Path(root).expanduser().absolute() if root else platformdirs.user_cache_path("ama")
    return CacheFolder(folder, DEFAULT_BYTES if not size else parse_size(size))


def parse_size(text: str) -> int:
    """Return the bytes that ``20GB``, ``512MiB`` or ``1000000`` means.

    Raises:
        InvalidInputError: It means none.
    """
    match = _SIZE.fullmatch(text)
    if match is None or match[2].upper() not in _UNITS:
        raise InvalidInputError(f"not a size: {text[:50]!r}; expected a number and a unit, as in 20GB, 512MiB or 0")
    return int(float(match[1]) * _UNITS[match[2].upper()])


@dataclass(frozen=True, slots=True)
class _Kept:
    path: Path
    size_bytes: int
    used_ns: int


class CacheFolder:
    """Files that may go at any time; safe to use from many threads and processes, whenever one is killed.

    Writers take turns, under a lock that ends with its process. What they are about to write is booked first, so that a
    killed writer leaves the books too high, never too low; the first write of each process counts anew.

    Args:
        root: The folder; made when something is written.
        limit_bytes: What its files may take on the disk together; 0 turns it off.
        reserve_bytes: What stays free of the file system.

    Attributes:
        root, limit_bytes: As given.
    """

    def __init__(self, root: Path, limit_bytes: int = DEFAULT_BYTES, *, reserve_bytes: int = RESERVE_BYTES) -> None:
        self.root, self.limit_bytes, self._reserve_bytes = root, limit_bytes, reserve_bytes
        self._touched: dict[Path, float] = {}
        self._counted_by = -1

    def section(self, name: str) -> Path:
        """Return one of the folders in it; only this user may look into them."""
        assert name in _SECTIONS
        return self.root / name

    def write(self, size_bytes: int, files: int, work: Callable[[], object]) -> bool:
        """Do some writing if there is room for it; return whether it was done. No `OSError` leaves this.

        Args:
            size_bytes: What is to be written.
            files: In how many pieces: each may take two blocks of the disk more.
            work: Does it.
        """
        booked_bytes = size_bytes + files * 2 * _BLOCK_BYTES
        if booked_bytes > self.limit_bytes:
            return False
        try:
            with self._locked() as lock:
                if lock is None or not self._book(lock, booked_bytes):
                    return False
                work()
        except OSError:
            return False
        return True

    def touch(self, path: Path) -> None:
        """Remember that a file was used; its time is written once a minute at most."""
        now = time.monotonic()
        if now - self._touched.get(path, -_TOUCH_SECONDS) >= _TOUCH_SECONDS:
            if len(self._touched) > 10_000:
                self._touched.clear()
            self._touched[path] = now
            with contextlib.suppress(OSError):
                os.utime(path)

    def used_bytes(self) -> int:
        """Return what its files take on the disk."""
        return sum(kept.size_bytes for kept in self._kept())

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int | None]:
        """Take the turn; None when others do not let go of it."""
        for name in _SECTIONS:
            self.section(name).mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.root / "books", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield descriptor if _lock(descriptor) else None
        finally:
            os.close(descriptor)

    def _book(self, books: int, size_bytes: int) -> bool:
        """Add to what is written in the books, after making room; return whether there is room."""
        taken = _read_number(books) if self._counted_by == os.getpid() else None
        if taken is None or taken + size_bytes > self.limit_bytes or self._free_bytes() < size_bytes:
            taken = self._make_room(size_bytes)
            self._counted_by = os.getpid()
        if taken + size_bytes > self.limit_bytes or self._free_bytes() < size_bytes:
            return False
        os.pwrite(books, b"%020d" % (taken + size_bytes), 0)
        return True

    def _make_room(self, size_bytes: int) -> int:
        """Remove what was not used for longest, if something has to go; return what is left."""
        kept = sorted(self._kept(), key=lambda one: one.used_ns)
        taken = sum(one.size_bytes for one in kept)
        lacking = size_bytes - self._free_bytes()
        if taken + size_bytes <= self.limit_bytes and lacking <= 0:
            return taken
        wanted = min(int(self.limit_bytes * KEPT_PART) - size_bytes, taken - max(lacking, 0))
        for one in kept:
            if taken <= max(wanted, 0):
                break
            with contextlib.suppress(OSError):
                one.path.unlink()
                taken -= one.size_bytes
        return taken

    def _kept(self) -> Iterator[_Kept]:
        for name in _SECTIONS:
            with contextlib.suppress(OSError), os.scandir(self.section(name)) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):  # somebody else may have removed it
                        status = entry.stat(follow_symlinks=False)
                        yield _Kept(Path(entry.path), status.st_blocks * 512, status.st_mtime_ns)

    def _free_bytes(self) -> int:
        status = os.statvfs(self.root)
        return status.f_bavail * status.f_frsize - self._reserve_bytes


def _lock(descriptor: int) -> bool:
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # noqa: PERF203 - it waits anyway
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        else:
            return True


def _read_number(books: int) -> int | None:
    content = os.pread(books, 20, 0)
    return int(content) if len(content) == 20 and content.isdigit() else None
