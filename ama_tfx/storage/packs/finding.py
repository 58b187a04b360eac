"""Finding blobs and pieces: by the index, which is brought up to date, or mended, when it does not have an answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ama_tfx.errors import FormatError, IntegrityError, NotFoundError
from ama_tfx.storage.digest import Digest
from ama_tfx.storage.objects import ObjectStore
from ama_tfx.storage.packs.format import PREFIX, Entry, Kind, pack_name, pack_of
from ama_tfx.storage.packs.index import Index
from ama_tfx.storage.packs.index_file import Place
from ama_tfx.storage.packs.reading import PackReader
from ama_tfx.storage.packs.recipe import Part, Recipe

T = TypeVar("T")

_ENDS_AT_ONCE = 64  # in memory: 64 packs of 500 pieces are 10 MB


class Finder:
    """Reads by key; safe to use from many threads.

    Args:
        objects: Where the packs are.
        index: Which says where in them.
        reader: Reads them.
        clock: Seconds that only grow.
        at_once: How many packs' ends are read at once.

    Attributes:
        at_once: As given.
        unreadable: Packs that could not be indexed, and why.
    """

    def __init__(
        self,
        objects: ObjectStore,
        index: Index,
        reader: PackReader,
        clock: Callable[[], float] = time.monotonic,
        *,
        at_once: int = 1,
    ) -> None:
        self._objects, self._index, self._reader, self._clock = objects, index, reader, clock
        self.at_once = at_once
        self.unreadable: dict[str, str] = {}
        self._next_look = clock()
        self._is_mended = False
        self._expected: Mapping[bytes, Place] = {}

    def has(self, digest: Digest) -> bool:
        """Return whether a blob is there.

        Absent blobs cost a listing of the packs each, but no more than half of the time is spent on listings.
        """
        if self._index.find(Kind.RECIPE, digest.raw) is not None:
            return True
        started = self._clock()
        if started < self._next_look:
            return False
        self.refresh()
        ended = self._clock()
        self._next_look = ended + (ended - started)
        return self._index.find(Kind.RECIPE, digest.raw) is not None

    def refresh(self) -> int:
        """Index the packs that the index does not know, and forget those that are gone; return how many those are.

        A pack that cannot be read is passed over and named in `unreadable`.
        """
        known = self._index.packs()  # before the listing: what is published meanwhile is never taken for gone
        there = {pack: info for info in self._objects.list(PREFIX) if (pack := pack_of(info.name))}
        changed = 0
        for pack in known.keys() - there.keys():
            if self._objects.stat(pack_name(pack)) is None:
                self._index.forget(pack)
                changed += 1
        changed += self._add({pack: info.size_bytes for pack, info in there.items() if pack not in known})
        if not self._index.is_complete:
            self._index.set_complete()
        return changed

    def ensure_complete(self) -> None:
        """Fill an index that was just made, so that nothing is stored a second time."""
        if not self._index.is_complete:
            self.refresh()

    def recipes(self, digests: Sequence[Digest]) -> dict[Digest, Recipe]:
        """Return how files are put together.

        Raises:
            NotFoundError: One is not there.
            IntegrityError: One is damaged, or may be in a pack that cannot be read.
        """
        keys = list({digest.raw for digest in digests})
        places = self._index.find_all(Kind.RECIPE, keys)
        if len(keys) > 1 and len(places) < len(keys):  # one listing for all that the index does not know
            self.refresh()
            places = self._index.find_all(Kind.RECIPE, keys)
        return {digest: self._recipe(digest, places.get(digest.raw)) for digest in dict.fromkeys(digests)}

    def expect(self, parts: Sequence[Part]) -> None:
        """Look up at once where pieces are that are loaded next, in place of those that were expected before."""
        self._expected = self._index.find_all(Kind.PIECE, list({part.key for part in parts}))

    def load(self, part: Part) -> bytes | memoryview:
        """Return a piece's raw bytes, checked.

        Raises:
            IntegrityError: No copy of it is whole.
        """
        place = self._expected.get(part.key) or self._index.find(Kind.PIECE, part.key)
        if place is not None and place.entry.raw_bytes != part.size_bytes:  # before it is decoded: it may be huge
            place = None
        raw = self._read(place, Kind.PIECE, part.key, self._reader.piece)
        if raw is None:
            raise IntegrityError(f"piece {part.key.hex()} is missing from {self._objects!r}; restore it from a copy")
        if len(raw) != part.size_bytes:
            raise IntegrityError(f"piece {part.key.hex()} has {len(raw)} bytes; its recipe says {part.size_bytes}")
        return raw

    def _recipe(self, digest: Digest, place: Place | None) -> Recipe:
        recipe = self._read(place, Kind.RECIPE, digest.raw, self._reader.recipe)
        if recipe is None:
            if self.unreadable:
                pack, why = next(iter(self.unreadable.items()))
                raise IntegrityError(f"no blob {digest}; it may be in pack {pack}, which cannot be read: {why}")
            raise NotFoundError(f"no blob {digest} in {self._objects!r}")
        return recipe

    def _read(self, place: Place | None, kind: Kind, key: bytes, read: Callable[[Place], T]) -> T | None:
        """Read from the first place, or another, or where the packs themselves say; None when it is nowhere."""
        try:
            if place is not None:
                return read(place)
        except (IntegrityError, NotFoundError):
            pass  # another copy may be whole, or gc has moved it
        self.refresh()
        try:
            found = self._read_any(kind, key, read)
        except IntegrityError:
            if not self._mend():
                raise
        else:
            if found is not None or not self._mend():
                return found
        return self._read_any(kind, key, read)

    def _read_any(self, kind: Kind, key: bytes, read: Callable[[Place], T]) -> T | None:
        problem: Exception | None = None
        for place in self._index.copies(kind, key):
            try:
                return read(place)
            except (IntegrityError, NotFoundError) as error:  # noqa: PERF203 - there is one copy, as a rule
                problem = error
        if problem is not None:
            raise IntegrityError(f"{'piece' if kind is Kind.PIECE else 'blob'} {key.hex()}: {problem}") from problem
        return None

    def _mend(self) -> bool:
        return not self._is_mended and self.mend()

    def mend(self) -> bool:
        """Compare the index with every pack's own footer; return whether anything was wrong with it."""
        self._is_mended = True
        return self._add(self._index.packs()) > 0

    def compare(self, packs: Iterable[str]) -> bool:
        """Compare the index with the footers of some packs, and mend it; return whether anything was wrong with it."""
        known = self._index.packs()
        return self._add({pack: known.get(pack, 0) for pack in packs}) > 0

    def _add(self, packs: Mapping[str, int]) -> int:
        """Index what packs say of themselves; return of how many the index did not know it."""
        changed = 0
        for pack, end in self._ends(packs):
            if end is None:
                continue
            size_bytes, entries = end
            if entries and size_bytes == packs[pack] and _are_same(self._index.entries_of(pack), entries):
                continue
            # Whoever builds upon the index's packs takes them for durable; this one's writer may not have come so far.
            self._objects.settle(pack_name(pack))
            self._index.add(pack, size_bytes, entries)
            changed += 1
        return changed

    def _ends(self, packs: Mapping[str, int]) -> Iterator[tuple[str, tuple[int, list[Entry]] | None]]:
        if self.at_once == 1 or len(packs) < 2:
            yield from ((pack, self._end(pack, size_bytes)) for pack, size_bytes in packs.items())
            return
        names = list(packs)
        with ThreadPoolExecutor(self.at_once, thread_name_prefix="ama-index") as pool:
            for start in range(0, len(names), _ENDS_AT_ONCE):
                some = names[start : start + _ENDS_AT_ONCE]
                yield from zip(some, pool.map(self._end, some, map(packs.__getitem__, some)), strict=True)

    def _end(self, pack: str, size_bytes: int) -> tuple[int, list[Entry]] | None:
        try:
            found = self._end_of(pack, size_bytes)
        except NotFoundError:
            return None  # gc was quicker
        except (IntegrityError, FormatError) as error:
            self.unreadable[pack] = str(error)
            return None
        self.unreadable.pop(pack, None)
        return found

    def _end_of(self, pack: str, size_bytes: int) -> tuple[int, list[Entry]]:
        try:
            return size_bytes, self._reader.end_of(pack, size_bytes)[1]
        except (IntegrityError, FormatError):
            info = self._objects.stat(pack_name(pack))
            if info is None or info.size_bytes == size_bytes:  # else it is the index that has a wrong size
                raise
            return info.size_bytes, self._reader.end_of(pack, info.size_bytes)[1]


def _are_same(some: list[Entry], others: list[Entry]) -> bool:
    return some == others or set(some) == set(others)
