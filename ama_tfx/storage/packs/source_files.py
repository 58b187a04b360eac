"""Files to be stored: read so that a change meanwhile shows, many at a time."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ama_tfx.errors import ContentChangedError
from ama_tfx.storage.blob_store import OnProgress, Progress, Source
from ama_tfx.storage.digest import Digest
from ama_tfx.storage.files import FileState, open_regular, open_regular_file, os_errors
from ama_tfx.storage.packs.cutting import SMALL_BYTES, Raw, cut_file
from ama_tfx.storage.packs.encoding import Hashed
from ama_tfx.storage.packs.format import key_of

MEDIUM_BYTES = 4 << 20
"""Up to this size a file is read, cut and hashed by one thread, beside others; of a larger one the windows are."""

_TASK_FILES = 32
_AHEAD_TASKS = 6
_AHEAD_BYTES = 12 << 20
_BATCH_FILES = 128
_BATCH_BYTES = 8 << 20

Numbered = tuple[int, Source]


@dataclass(frozen=True, slots=True)
class WholeFile:
    """A file in memory.

    Attributes:
        number: Of its source.
        source: Where it is.
        digest: Of all of it.
        pieces: Together all of it.
        size_bytes: Of them.
    """

    number: int
    source: Source
    digest: Digest
    pieces: tuple[Hashed, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look at some files has found: the small ones, and the sizes of the others."""

    small: list[WholeFile]
    others: list[tuple[Numbered, int]]


def whole_files(
    pool: ThreadPoolExecutor,
    sources: Iterable[Numbered],
    is_special: Callable[[Path, int], bool],
    leave: Callable[[Numbered, int], object],
) -> Iterator[list[WholeFile]]:
    """Yield files, some at a time, while the next ones are read, cut and hashed.

    Args:
        pool: Which does that.
        sources: Small ones come in order.
        is_special: Says of a file's path and size whether it is not to be read.
        leave: Told of those files and of those that are larger than `MEDIUM_BYTES`, and of their sizes.
    """
    reading_now: deque[tuple[int, Future[WholeFile]]] = deque()
    ahead_bytes = 0
    for look in _looks(pool, sources, is_special):
        for numbered, size_bytes in look.others:
            if size_bytes > MEDIUM_BYTES or is_special(numbered[1].path, size_bytes):
                leave(numbered, size_bytes)
            else:
                reading_now.append((size_bytes, pool.submit(_read_medium, *numbered)))
                ahead_bytes += size_bytes
        while ahead_bytes > _AHEAD_BYTES:
            size_bytes, future = reading_now.popleft()
            ahead_bytes -= size_bytes
            yield [future.result()]
        yield look.small
    for _, future in reading_now:
        yield [future.result()]


def batches(files: Iterable[list[WholeFile]]) -> Iterator[list[WholeFile]]:
    """Yield files more at a time: a look into the index costs the same for one piece and for a hundred."""
    batch, batch_bytes = list[WholeFile](), 0
    for some in files:
        batch += some
        batch_bytes += sum(file.size_bytes for file in some)
        if len(batch) >= _BATCH_FILES or batch_bytes >= _BATCH_BYTES:
            yield batch
            batch, batch_bytes = [], 0
    if batch:
        yield batch


def _looks(
    pool: ThreadPoolExecutor, sources: Iterable[Numbered], is_special: Callable[[Path, int], bool]
) -> Iterator[_Look]:
    looks: deque[Future[_Look]] = deque()
    coming = iter(sources)
    while True:
        while len(looks) < _AHEAD_TASKS and (some := list(itertools.islice(coming, _TASK_FILES))):
            looks.append(pool.submit(_look, some, is_special))
        if not looks:
            return
        yield looks.popleft().result()


def _look(some: Sequence[Numbered], is_special: Callable[[Path, int], bool]) -> _Look:
    look = _Look([], [])
    for number, source in some:
        with os_errors("read", source.path):
            descriptor, status = open_regular(source.path)
            try:
                if status.st_size > SMALL_BYTES or is_special(source.path, status.st_size):
                    look.others.append(((number, source), status.st_size))
                else:
                    look.small.append(_small(number, source, descriptor, FileState.of(status)))
            finally:
                os.close(descriptor)
    return look


def _small(number: int, source: Source, descriptor: int, state: FileState) -> WholeFile:
    if source.state is not None and state != source.state:
        raise changed(source.path)
    data = read_descriptor(descriptor, state.size_bytes)
    if len(data) != state.size_bytes or FileState.of(os.fstat(descriptor)) != state:
        raise changed(source.path)
    pieces = (Hashed(Raw(memoryview(data)), key_of(data)),) if data else ()
    return WholeFile(number, source, Digest.of(data), pieces, len(data))


def read_descriptor(descriptor: int, size_bytes: int) -> bytes:
    """Return so many bytes of an open file, fewer only where it ends: a stream of its own would cost a small one."""
    data = os.read(descriptor, size_bytes)
    while len(data) < size_bytes and (more := os.read(descriptor, size_bytes - len(data))):
        data += more
    return data


def _read_medium(number: int, source: Source) -> WholeFile:
    hasher, pieces = hashlib.sha256(), list[Hashed]()
    with reading(source) as (stream, state):
        for data, raws in cut_file(source.path, stream, state.size_bytes):
            hasher.update(data)
            pieces += [Hashed(raw, key_of(raw.data)) for raw in raws]
    return WholeFile(number, source, Digest(hasher.hexdigest()), tuple(pieces), state.size_bytes)


@contextlib.contextmanager
def reading(source: Source) -> Iterator[tuple[BinaryIO, FileState]]:
    """Open a file, tell its state, and make sure at the end that it is still in the same.

    Raises:
        ContentChangedError: It is not, or was not in the state in which the caller had found it.
        InvalidInputError, NotFoundError, PermissionDeniedError: It cannot be read.
    """
    with open_regular_file(source.path) as stream, os_errors("read", source.path):
        before = FileState.of(os.fstat(stream.fileno()))
        if source.state is not None and before != source.state:
            raise changed(source.path)
        yield stream, before
        if FileState.of(os.fstat(stream.fileno())) != before:
            raise changed(source.path)


def changed(path: Path) -> ContentChangedError:
    """Return the error for a file that somebody writes to."""
    return ContentChangedError(
        f"file changed while it was read: {str(path)!r}; stop whatever writes it, then try again"
    )


def told(
    windows: Iterable[tuple[memoryview, list[Raw]]], on_progress: OnProgress
) -> Iterator[tuple[memoryview, list[Raw]]]:
    """Yield windows on, and tell of each once it was taken."""
    for data, pieces in windows:
        yield data, pieces
        on_progress(Progress(len(data)))
