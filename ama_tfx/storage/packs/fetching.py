"""Reading packs over a network: neighbours in one request, several requests at once, and never twice what is cached."""

from __future__ import annotations

import bisect
import contextlib
import os
import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import accumulate

from ama_tfx.errors import IntegrityError, NotFoundError
from ama_tfx.storage.cache import Payloads
from ama_tfx.storage.objects import ObjectStore
from ama_tfx.storage.packs.format import Kind, check_of, key_of, named, pack_name
from ama_tfx.storage.packs.index import Index
from ama_tfx.storage.packs.index_file import Place
from ama_tfx.storage.packs.reading import MAX_DEPTH, PackReader
from ama_tfx.storage.packs.recipe import Part

REQUESTS_AT_ONCE = 8
REQUEST_BYTES = 8 << 20
"""What one request asks for at most: eight of them fill a fast line, and memory holds them."""

GAP_BYTES = 1 << 16
"""What is read for nothing at most to save a request: at 50 MB/s it takes 1.3 ms, a request 10 to 100."""

HELD_BYTES = 48 << 20
_LOOKED_AT_BYTES = 1 << 14

_Where = tuple[str, int]


@dataclass(slots=True)
class _UnderWay:
    """What one process is fetching, and what it holds of it. Threads do not survive a fork, so a child has its own."""

    pid: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(REQUESTS_AT_ONCE, thread_name_prefix="ama-fetch")
    )
    coming: dict[_Where, Future[None]] = field(default_factory=dict)
    held: OrderedDict[_Where, bytes] = field(default_factory=OrderedDict)
    held_bytes: int = 0

    def hold(self, where: _Where, data: bytes) -> None:
        """Keep a payload until others need its place."""
        with self.lock:
            self.held_bytes += len(data) - len(self.held.get(where, b""))
            self.held[where] = data
            while self.held_bytes > HELD_BYTES:
                _, old = self.held.popitem(last=False)
                self.held_bytes -= len(old)


class FetchingReader(PackReader):
    """Reads payloads from the cache where it has them, else from the store; safe to use from many threads.

    Args:
        objects: Where the packs are.
        index: Which says where in them.
        payloads: The user's cache.
    """

    def __init__(self, objects: ObjectStore, index: Index, payloads: Payloads) -> None:
        super().__init__(objects, index)
        self._payloads = payloads
        self._current: _UnderWay | None = None

    def fetch(self, kind: Kind, keys: Sequence[bytes]) -> None:
        """Begin to fetch what will be read soon, with all that it is a difference to; what fails is found out then."""
        under_way = self._under_way()
        wanted = {_where(place): place for place in self._with_bases(kind, keys)}
        with under_way.lock:
            known = under_way.coming.keys() | under_way.held.keys()
        missing = [place for where, place in wanted.items() if where not in known and not self._is_cached(place)]
        for places in requests_for(missing):
            with under_way.lock:
                future = under_way.pool.submit(self._fetch, under_way, places)
                under_way.coming.update({_where(place): future for place in places})

    def payload(self, place: Place) -> bytes:
        """Return a payload as it lies in its pack, checked: of what is held, cached, or read now."""
        if not place.entry.stored_bytes and check_of(b"") == place.entry.check:
            return b""
        under_way, where = self._under_way(), _where(place)
        if future := under_way.coming.get(where):
            with contextlib.suppress(IntegrityError, NotFoundError):  # of a neighbour, perhaps; see for this one
                future.result()
        data = under_way.held.get(where)
        if data is None:
            data = self._cached(place)
        if data is None:
            data = super().payload(place)
            self._payloads.write(place.pack, [(place.entry.offset, data)])
        return data

    def raw_piece(self, place: Place) -> bytes:
        """See `PackReader.raw_piece`; what is held or cached too is the piece that the whole key says."""
        data = self.payload(place)
        if key_of(data) != place.entry.key:
            raise IntegrityError(f"pack {place.pack} is damaged at {place.entry.offset}: {named(place.entry)}")
        return data

    def _with_bases(self, kind: Kind, keys: Sequence[bytes]) -> Iterator[Place]:
        for _ in range(MAX_DEPTH + 1):
            places = self._index.find_all(kind, keys)
            # An empty payload begins where the next one does, and needs no reading.
            yield from (place for place in places.values() if place.entry.stored_bytes)
            kind, keys = Kind.PIECE, list({base for place in places.values() for base in place.entry.bases})
            if not keys:
                return

    def _fetch(self, under_way: _UnderWay, places: Sequence[Place]) -> None:
        try:
            pack, start = places[0].pack, places[0].entry.offset
            end = places[-1].entry.offset + places[-1].entry.stored_bytes
            data = self._objects.read(pack_name(pack), start, end - start)
            whole = []
            for place in places:
                entry = place.entry
                payload = data[entry.offset - start : entry.offset - start + entry.stored_bytes]
                if check_of(payload) == entry.check:  # what is not whole is read again, by itself, and told then
                    under_way.hold(_where(place), payload)
                    whole.append((entry.offset, payload))
            self._payloads.write(pack, whole)
        finally:
            with under_way.lock:
                for place in places:
                    under_way.coming.pop(_where(place), None)

    def _is_cached(self, place: Place) -> bool:
        """Return whether a payload seems to be cached: a small one is looked at, as a block of the disk holds many."""
        entry = place.entry
        if not self._payloads.may_have(place.pack, entry.offset, entry.stored_bytes):
            return False
        return entry.stored_bytes > _LOOKED_AT_BYTES or self._cached(place) is not None

    def _cached(self, place: Place) -> bytes | None:
        entry = place.entry
        data = self._payloads.read(place.pack, entry.offset, entry.stored_bytes)
        return data if data is not None and check_of(data) == entry.check else None

    def _under_way(self) -> _UnderWay:
        current = self._current
        if current is None or current.pid != os.getpid():
            current = self._current = _UnderWay(os.getpid())
        return current


class Ahead:
    """Fetches the parts of a sequence a while before they are read.

    Args:
        reader: Fetches.
        parts: In the order in which they will be read.
    """

    def __init__(self, reader: FetchingReader, parts: Sequence[Part]) -> None:
        self._reader, self._parts = reader, parts
        self._ends = array("q", accumulate(part.size_bytes for part in parts))
        self._lock = threading.Lock()
        self._first = self._next = 0

    def reach(self, number: int, ahead_bytes: int) -> None:
        """Have part ``number`` fetched, and what follows it up to so many bytes, unless half of that is on its way."""
        with self._lock:
            if not self._first <= number <= self._next:
                self._first = self._next = number
            start, end = self._next, min(self._ends[number] + ahead_bytes, self._ends[-1])
            if start > number and self._ends[start - 1] >= min(end, self._ends[number] + ahead_bytes // 2):
                return
            self._next = max(start, bisect.bisect_left(self._ends, end) + 1)
            wanted = self._parts[start : self._next]
            # Still under the lock: another thread that finds them planned finds them coming, too.
            self._reader.fetch(Kind.PIECE, list({part.key for part in wanted}))


def requests_for(places: Iterable[Place]) -> list[list[Place]]:
    """Return which payloads to read in one request each: neighbours of one pack, up to a size."""
    groups: list[list[Place]] = []
    for place in sorted(places, key=_where):
        last = groups[-1][-1] if groups else None
        if (
            last is not None
            and last.pack == place.pack
            and place.entry.offset - (last.entry.offset + last.entry.stored_bytes) <= GAP_BYTES
            and place.entry.offset + place.entry.stored_bytes - groups[-1][0].entry.offset <= REQUEST_BYTES
        ):
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def _where(place: Place) -> _Where:
    return place.pack, place.entry.offset
