"""Writing files of the store to disk: decoded on all cores, each checked against its SHA-256 before it has its name."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ama_tfx.errors import ConflictError, IntegrityError
from ama_tfx.storage.blob_store import OnProgress, Progress
from ama_tfx.storage.digest import Digest
from ama_tfx.storage.files import os_errors, sync_file_system
from ama_tfx.storage.packs.recipe import Part, Recipe

Load = Callable[[Part], bytes | memoryview]
_AHEAD_BYTES = 16 << 20
_AHEAD_TASKS = 8
_TASK_FILES = 16
_TASK_BYTES = 1 << 20
_AT_ONCE = 256
_EXPECTED_PARTS = 1 << 13
"""Of some files together: where the others are is looked up one by one."""

_File = tuple[Digest, Path, Recipe]
LARGE_BYTES = 8 << 20
"""A file of this size is decoded by all cores together; smaller ones are restored side by side, and so are gzip files:
deflating takes one core far longer than decoding."""


class Restorer:
    """Restores files.

    Args:
        recipes: Gives the recipes of many files at once.
        load: Gives a piece's raw bytes, checked against its key.
        expect: Is told of pieces that are loaded next.
        sizes: Of files, as far as they are known from elsewhere.
    """

    def __init__(
        self,
        recipes: Callable[[Sequence[Digest]], Mapping[Digest, Recipe]],
        load: Load,
        expect: Callable[[Sequence[Part]], object],
        sizes: Mapping[Digest, int],
    ) -> None:
        self._recipes, self._load, self._expect, self._sizes = recipes, load, expect, sizes

    def restore(self, files: Sequence[tuple[Digest, Path]], on_progress: OnProgress | None = None) -> None:
        """Write new files of one file system; see `BlobStore.export`.

        Raises:
            NotFoundError: The store lacks one.
            IntegrityError: One is damaged.
            OutOfSpaceError, PermissionDeniedError: One cannot be written.
        """
        with (
            ThreadPoolExecutor(os.cpu_count() or 2, thread_name_prefix="ama-restore") as pool,
            ThreadPoolExecutor(1, thread_name_prefix="ama-sha256") as hashing,
        ):
            under_way: deque[Future[list[int]]] = deque()
            for some in self._together(files):
                _, target, recipe = some[0]
                if _is_large(recipe):
                    _write(some[0][0], target, self._in_order(pool, recipe.parts, on_progress), hashing)
                    if on_progress:
                        on_progress(Progress(0, files=1))
                    continue
                under_way.append(pool.submit(self._restore_small, some))
                if len(under_way) > _AHEAD_TASKS:
                    _settle(under_way.popleft(), on_progress)
            while under_way:
                _settle(under_way.popleft(), on_progress)
            if files:
                with os_errors("write", files[0][1].parent):
                    sync_file_system(files[0][1].parent)

    def _together(self, files: Sequence[tuple[Digest, Path]]) -> Iterator[list[_File]]:
        """Yield small files, some at a time, and each large one alone."""
        for start in range(0, len(files), _AT_ONCE):
            slice_ = files[start : start + _AT_ONCE]
            recipes = self._recipes([digest for digest, _ in slice_])
            for digest, recipe in recipes.items():
                self._check_size(digest, recipe)
            small = [part for recipe in recipes.values() if not _is_large(recipe) for part in recipe.parts]
            self._expect(small[:_EXPECTED_PARTS])
            some, some_bytes = list[_File](), 0
            for digest, target in slice_:
                recipe = recipes[digest]
                if _is_large(recipe):
                    yield [(digest, target, recipe)]
                    continue
                some.append((digest, target, recipe))
                some_bytes += recipe.size_bytes
                if len(some) >= _TASK_FILES or some_bytes >= _TASK_BYTES:
                    yield some
                    some, some_bytes = [], 0
            if some:
                yield some

    def _check_size(self, digest: Digest, recipe: Recipe) -> None:
        """Refuse a forged recipe, which may be of a file that no disk holds, before its SHA-256 can tell."""
        expected = self._sizes.get(digest)
        if expected is not None and recipe.size_bytes != expected:
            raise IntegrityError(
                f"blob {digest} is damaged: its recipe gives {recipe.size_bytes} bytes, it should have {expected}"
            )

    def _restore_small(self, files: Iterable[_File]) -> list[int]:
        return [_write(digest, target, recipe.join(map(self._load, recipe.parts))) for digest, target, recipe in files]

    def _in_order(
        self, pool: ThreadPoolExecutor, parts: Sequence[Part], on_progress: OnProgress | None
    ) -> Iterator[bytes | memoryview]:
        """Yield decoded pieces in order, decoding ahead in bounded memory."""
        under_way: deque[tuple[int, Future[bytes | memoryview]]] = deque()
        ahead_bytes = 0
        for number, part in enumerate(parts):
            if number % _AT_ONCE == 0:
                self._expect(parts[number : number + _AT_ONCE])
            under_way.append((part.size_bytes, pool.submit(self._load, part)))
            ahead_bytes += part.size_bytes
            while under_way and (ahead_bytes > _AHEAD_BYTES or number == len(parts) - 1):
                size_bytes, future = under_way.popleft()
                ahead_bytes -= size_bytes
                yield future.result()
                if on_progress:
                    on_progress(Progress(size_bytes))


def _is_large(recipe: Recipe) -> bool:
    return not recipe.gzip and recipe.size_bytes >= LARGE_BYTES


def _write(
    digest: Digest, target: Path, pieces: Iterable[bytes | memoryview], hashing: ThreadPoolExecutor | None = None
) -> int:
    """Write a file; what is hashed by a thread of its own is held until it is, two pieces at most."""
    hasher, size_bytes = hashlib.sha256(), 0
    under_way: deque[Future[None]] = deque()
    with _new_file(target) as file:
        for piece in _named(digest, pieces):
            if hashing is not None:
                under_way.append(hashing.submit(hasher.update, piece))
            else:
                hasher.update(piece)
            _write_all(file, piece)
            size_bytes += len(piece)
            while len(under_way) > 2:
                under_way.popleft().result()
        for future in under_way:
            future.result()
        if hasher.hexdigest() != digest.hex:
            raise IntegrityError(f"blob {digest} is damaged: its pieces give sha256:{hasher.hexdigest()}")
    return size_bytes


def _write_all(file: io.FileIO, piece: bytes | memoryview) -> None:
    """Write a piece, each byte of it: pieces are long, and a buffer for small ones takes as long to make as they do."""
    written = file.write(piece)
    while written < len(piece):
        written += file.write(memoryview(piece)[written:])


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[io.FileIO]:
    """Make a file that is removed again when the block fails."""
    with os_errors("write", path):
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError as error:
            raise ConflictError(f"{str(path)!r} exists already; remove it, or name another") from error
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                yield file
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def _named(digest: Digest, pieces: Iterable[bytes | memoryview]) -> Iterator[bytes | memoryview]:
    try:
        yield from pieces
    except IntegrityError as error:
        raise IntegrityError(f"blob {digest} is damaged: {error}") from error


def _settle(future: Future[list[int]], on_progress: OnProgress | None) -> None:
    for size_bytes in future.result():
        if on_progress:
            on_progress(Progress(size_bytes, files=1))
