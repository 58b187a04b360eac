"""Storing pieces for one writer: which are missing, and how they are encoded, by all cores and many in a task."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from ama_tfx.storage.codecs import Codec
from ama_tfx.storage.packs.cutting import Raw
from ama_tfx.storage.packs.encoding import NO_PARENTS, Encoder, Hashed, Parents
from ama_tfx.storage.packs.format import CHECK_BYTES, Kind, Payload, check_of, key_of
from ama_tfx.storage.packs.index_file import Place
from ama_tfx.storage.packs.leaning import TRIES, Leaning
from ama_tfx.storage.packs.publishing import Publisher
from ama_tfx.storage.packs.reading import PackReader

_TASK_BYTES = 1 << 19
"""Of what one task hashes, encodes or reads again: giving it to a thread costs as much as encoding some KB."""

_TASK_PIECES = 64

T = TypeVar("T")


class Storing:
    """Looks pieces up and has those stored that are missing; for one thread, which gives the work to others.

    Args:
        reader: Is told which pieces will be read.
        there: What the writer builds upon.
        encoder: Encodes.
        packs: Take what was encoded, in order.

    Attributes:
        pool: Threads for whatever else is to do; made when they are needed.
    """

    def __init__(self, reader: PackReader, there: Leaning, encoder: Encoder, packs: Publisher) -> None:
        self._reader, self._there, self._encoder, self._packs = reader, there, encoder, packs
        self.pool = ThreadPoolExecutor(os.cpu_count() or 2, thread_name_prefix="ama-store")

    def close(self) -> None:
        """End the threads; what they have not begun is not done."""
        self.pool.shutdown(cancel_futures=True)

    def hashing(self, raws: Sequence[Raw]) -> list[Future[list[Hashed]]]:
        """Have pieces hashed."""
        return [self.pool.submit(hash_pieces, some) for some in _tasks(raws, [len(raw.data) for raw in raws])]

    def missing(self, pieces: Iterable[Hashed]) -> dict[bytes, Hashed]:
        """Return those of which the store has no whole copy; build upon the others."""
        missing = {p.key: p for p in pieces if not self._packs.holds(Kind.PIECE, p.key)}
        for _ in range(TRIES):
            there = self._there.find(list(missing)).values()
            in_order = sorted(there, key=lambda place: (place.pack, place.entry.offset))
            tasks = _tasks(in_order, [place.entry.stored_bytes for place in in_order])
            whole = [place for some in self.pool.map(self._whole, tasks) for place in some]
            if self._there.lean_on(whole):
                for place in whole:
                    del missing[place.entry.key]
                break
        return missing

    def store(
        self, missing: Mapping[bytes, Hashed], parents: Parents = NO_PARENTS, bases: Mapping[bytes, bytes] | None = None
    ) -> None:
        """Have pieces stored, those of ordinary bytes as a difference to the bases that are given, where that pays."""
        found = {key: base for key, base in (bases or {}).items() if key in missing}
        if found:
            self._reader.fetch(Kind.PIECE, list(found.values()))
        pieces = list(missing.values())
        for some in _tasks(pieces, [len(piece.raw.data) for piece in pieces]):
            payloads = self.pool.submit(self._encode, some, parents, found)
            raw_bytes = sum(len(piece.raw.data) for piece in some)
            self._packs.expect(Kind.PIECE, [piece.key for piece in some], payloads, raw_bytes)

    def _encode(self, pieces: Sequence[Hashed], parents: Parents, bases: Mapping[bytes, bytes]) -> list[Payload]:
        return [_checked(self._encoder.encode(p.raw, parents, bases.get(p.key)), p.key) for p in pieces]

    def _whole(self, places: Sequence[Place]) -> list[Place]:
        return [whole for place in places if (whole := self._there.whole(place)) is not None]


def _checked(payload: Payload, key: bytes) -> Payload:
    """Return a piece's payload with its checksum: of one that is the piece itself, the key begins with it."""
    p = payload
    check = key[:CHECK_BYTES] if p.codec == Codec.RAW else check_of(p.data)
    return Payload(p.data, p.codec, p.raw_bytes, p.item_bytes, p.depth, p.bases, check)


def hash_pieces(raws: Iterable[Raw]) -> list[Hashed]:
    """Return pieces with their keys."""
    return [Hashed(raw, key_of(raw.data)) for raw in raws]


def _tasks(items: Sequence[T], sizes: Sequence[int]) -> Iterator[list[T]]:
    """Yield items in order, some at a time: up to a size, and up to a number."""
    some: list[T] = []
    task_bytes = 0
    for item, size_bytes in zip(items, sizes, strict=True):
        some.append(item)
        task_bytes += size_bytes
        if task_bytes >= _TASK_BYTES or len(some) >= _TASK_PIECES:
            yield some
            some, task_bytes = [], 0
    if some:
        yield some
