"""A store of packs in a bucket: its index and what was read of it before are in the user's cache."""

from __future__ import annotations

import bisect
import functools
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

from ama_tfx.storage.blob_store import OnProgress, Progress
from ama_tfx.storage.cache import CacheFolder, Clones, Payloads, default_cache
from ama_tfx.storage.digest import Digest
from ama_tfx.storage.files import PendingFile
from ama_tfx.storage.leftovers import remove_leftovers
from ama_tfx.storage.objects import ObjectInfo, ObjectStore
from ama_tfx.storage.packs.fetching import REQUESTS_AT_ONCE, Ahead, FetchingReader
from ama_tfx.storage.packs.finding import Finder
from ama_tfx.storage.packs.format import Kind, pack_of
from ama_tfx.storage.packs.gzip_stream import GzipStream
from ama_tfx.storage.packs.index import Index
from ama_tfx.storage.packs.own_folder import own_folder
from ama_tfx.storage.packs.reading import FileReader
from ama_tfx.storage.packs.recipe import Part, Recipe
from ama_tfx.storage.packs.restoring import Restorer
from ama_tfx.storage.packs.store import PackStore
from ama_tfx.storage.packs.writing import Writer

PACK_BYTES = 32 << 20
"""Of a pack in a bucket: what a lost connection makes a writer send again is one pack at most."""

EXPORT_AHEAD_BYTES = 16 << 20
READ_AHEAD_BYTES = 4 << 20
"""For whoever reads a file from its beginning in small reads; it grows to this from nothing."""

_BUFFER_BYTES = 1 << 16


def open_packs(objects: Callable[[], ObjectStore], identity: str, *, cache: CacheFolder | None = None) -> PackStore:
    """Return a store of packs that are far away.

    Args:
        objects: Opens the place where they are; called once, when something is asked for that the cache does not have.
        identity: Tells the store from all others that this user has.
        cache: Where its index and what is read of it are kept; the user's by default.

    Raises:
        InvalidInputError: ``AMA_CACHE_SIZE`` is no size.
    """
    return RemotePackStore(objects, identity, default_cache() if cache is None else cache)


class RemotePackStore(PackStore):
    """A `PackStore` whose packs are far away.

    It reads only what it has to, neighbouring payloads together, and looks at the list of packs whenever a writer
    begins: what others, or a writer that was interrupted, have put there is not sent again. What it finds there it does
    not read again.

    Args:
        objects: Opens the place where the packs are.
        identity: Tells the store from all others that this user has.
        cache: Where its index and what is read of it are kept.
    """

    def __init__(self, objects: Callable[[], ObjectStore], identity: str, cache: CacheFolder) -> None:
        folder = own_folder(cache, identity, self)
        payloads = Payloads(cache)
        super().__init__(_KeepingObjects(objects, payloads), Index(folder / "index.db"), folder)
        self._clones = Clones(cache)
        self._fetcher = FetchingReader(self.objects, self.index, payloads)
        self.reader = self._fetcher
        self.finder = Finder(self.objects, self.index, self.reader, at_once=REQUESTS_AT_ONCE)

    def writer(self) -> Writer:
        """See `PackStore.writer`."""
        self.finder.refresh()
        remove_leftovers(self.scratch, PendingFile.is_leftover)
        return Writer(
            self.objects, self.index, self.reader, self.finder, self.scratch, rereads=False, pack_bytes=PACK_BYTES
        )

    def open(self, digest: Digest) -> BinaryIO:
        """See `PackStore.open`."""
        exporting = _Exporting(self)
        recipe = exporting.recipes([digest])[digest]
        if recipe.gzip:
            return cast(BinaryIO, io.BufferedReader(GzipStream(digest, recipe, exporting.load), _BUFFER_BYTES))
        parts = recipe.parts
        return cast(BinaryIO, _RemoteStream(_RemoteFile(digest, parts, self.finder, self._fetcher)))

    def export(
        self,
        files: Sequence[tuple[Digest, Path]],
        *,
        sizes: Mapping[Digest, int] | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        """See `PackStore.export`; files that the cache has whole are cloned, where the file system can do that."""
        missing = []
        for digest, target in files:
            if self._clones.give(digest, target):
                if on_progress:
                    on_progress(Progress(target.stat().st_size, files=1))
            else:
                missing.append((digest, target))
        exporting = _Exporting(self)
        Restorer(exporting.recipes, exporting.load, self.finder.expect, sizes or {}).restore(missing, on_progress)
        for digest, target in missing:
            self._clones.keep(digest, target)

    def _recipes(self, digests: Sequence[Digest]) -> dict[Digest, Recipe]:
        keys = {digest.raw for digest in digests}
        if len(self.index.find_all(Kind.RECIPE, list(keys))) < len(keys):
            self.finder.refresh()
        self._fetcher.fetch(Kind.RECIPE, list(keys))
        return self.finder.recipes(digests)


class _Exporting:
    """Gives a `Restorer` what it asks for, fetched before it asks."""

    def __init__(self, store: RemotePackStore) -> None:
        self._store = store
        self._expected: tuple[Ahead, list[Part], dict[int, int]] | None = None

    def recipes(self, digests: Sequence[Digest]) -> dict[Digest, Recipe]:
        found = self._store._recipes(digests)
        parts = [part for digest in dict.fromkeys(digests) for part in found[digest].parts]
        # Of a part that comes again, where it is first: it is fetched once.
        numbers = {id(part): len(parts) - number for number, part in enumerate(reversed(parts), 1)}
        self._expected = Ahead(self._store._fetcher, parts), parts, numbers
        return found

    def load(self, part: Part) -> bytes | memoryview:
        if self._expected is not None:
            ahead, parts, numbers = self._expected
            number = numbers.get(id(part))
            if number is not None and parts[number] is part:
                ahead.reach(number, EXPORT_AHEAD_BYTES)
        return self._store.finder.load(part)


class _RemoteFile(FileReader):
    """A file that fetches at once all that a read will ask it for, and more while reads follow each other."""

    def __init__(self, digest: Digest, parts: Sequence[Part], finder: Finder, fetcher: FetchingReader) -> None:
        super().__init__(digest, parts, finder.load)
        self._ahead = Ahead(fetcher, parts)
        self._run_bytes = self._run_end = self._until = 0

    def foresee(self, position: int, wanted_bytes: int) -> None:
        """Take note that somebody is about to read so many bytes."""
        if position != self._run_end:
            self._run_bytes = 0
        self._until = position + wanted_bytes + min(self._run_bytes, READ_AHEAD_BYTES)
        self._run_bytes += wanted_bytes
        self._run_end = position + wanted_bytes

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """See `FileReader.readinto`."""
        position = self.tell()
        if position < self.size_bytes:
            number = bisect.bisect_right(self._ends, position)
            end = min(self._until, position + EXPORT_AHEAD_BYTES)
            self._ahead.reach(number, max(0, end - self._ends[number]))
        return super().readinto(buffer)


class _RemoteStream(io.BufferedReader):
    """Tells its file what is asked of it; what it asks the file for itself is cut and rounded to its buffer."""

    def __init__(self, file: _RemoteFile) -> None:
        super().__init__(file, _BUFFER_BYTES)
        self._file = file

    def read(self, size: int | None = -1, /) -> bytes:
        """See `io.BufferedReader.read`."""
        position = self.tell()
        all_bytes = max(0, self._file.size_bytes - position)
        self._file.foresee(position, all_bytes if size is None or size < 0 else min(size, all_bytes))
        return super().read(size)

    def readinto(self, buffer: Any, /) -> int:
        """See `io.BufferedReader.readinto`."""
        self._file.foresee(self.tell(), memoryview(buffer).nbytes)
        return super().readinto(buffer)


class _KeepingObjects:
    """An `ObjectStore` that is opened when it is first used, and by several threads perhaps more than once.

    What this user puts there it keeps in the cache too: the next version will be compared with it.
    """

    def __init__(self, opened: Callable[[], ObjectStore], payloads: Payloads) -> None:
        self._open, self._payloads = opened, payloads

    @functools.cached_property
    def _inner(self) -> ObjectStore:
        return self._open()

    def read(self, name: str, start: int = 0, size_bytes: int | None = None) -> bytes:
        """See `ObjectStore.read`."""
        return self._inner.read(name, start, size_bytes)

    def stat(self, name: str) -> ObjectInfo | None:
        """See `ObjectStore.stat`."""
        return self._inner.stat(name)

    def settle(self, name: str) -> None:
        """See `ObjectStore.settle`."""
        self._inner.settle(name)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See `ObjectStore.list`."""
        return self._inner.list(prefix)

    def delete(self, name: str) -> None:
        """See `ObjectStore.delete`."""
        self._inner.delete(name)

    def put(self, name: str, source: Path | bytes) -> bool:
        """See `ObjectStore.put`."""
        created = self._inner.put(name, source)
        if created and isinstance(source, Path) and (pack := pack_of(name)):
            self._payloads.take(pack, source)
        return created

    def __repr__(self) -> str:
        return repr(self._inner)
