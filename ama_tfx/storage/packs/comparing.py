"""What packs say of themselves, held for a writer: what it builds upon is compared with that."""

from __future__ import annotations

import bisect
import struct
import threading
from array import array
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor

from ama_tfx.errors import FormatError, IntegrityError, NotFoundError
from ama_tfx.storage.packs.format import encode_entry, split_footer
from ama_tfx.storage.packs.index_file import Place
from ama_tfx.storage.packs.reading import PackReader

_HELD_ENTRIES = 8 << 20
"""Of all packs together; one takes 8 bytes. Beyond that a footer may be read once more."""


class Footers:
    """The footers of packs, each read when it is first asked for; safe to use from many threads.

    An entry is held as its hash, which depends on a secret of the process (PEP 456): nobody finds another entry of the
    same. Comparing places costs 2 us each, reading a footer 0.5 us for each entry.

    Args:
        reader: Reads them.
        at_once: How many at once.
    """

    def __init__(self, reader: PackReader, *, at_once: int) -> None:
        self._reader, self._at_once = reader, at_once
        self._trusted: set[str] = set()
        self._held: dict[str, array[int]] = {}
        self._held_entries = 0
        self._lock = threading.Lock()

    def trust(self, pack: str) -> None:
        """Take note that a pack need not be compared: the index has just been told of it by its writer."""
        self._trusted.add(pack)

    def wrong(self, places: Collection[Place]) -> frozenset[str]:
        """Return the packs that do not say what the places say of them, or cannot be read.

        One that is gone is none of them: that is found out when what builds upon it is published.
        """
        with self._lock:
            asked = {place.pack for place in places} - self._trusted
            if new := asked - self._held.keys():
                self._make_room(asked)
                self._read(sorted(new))
            return frozenset(place.pack for place in places if not self._says(place))

    def _says(self, place: Place) -> bool:
        if place.pack in self._trusted:
            return True
        hashes = self._held[place.pack]
        try:
            wanted = hash(encode_entry(place.entry))
        except struct.error:  # a number that no entry can have
            return False
        found = bisect.bisect_left(hashes, wanted)
        return found < len(hashes) and hashes[found] == wanted

    def _make_room(self, asked: Collection[str]) -> None:
        for pack in [pack for pack in self._held if pack not in asked]:
            if self._held_entries <= _HELD_ENTRIES:
                break
            self._held_entries -= len(self._held.pop(pack))

    def _read(self, packs: list[str]) -> None:
        if self._at_once == 1 or len(packs) == 1:
            self._hold(packs, map(self._hashes, packs))
            return
        with ThreadPoolExecutor(self._at_once, thread_name_prefix="ama-compare") as pool:
            self._hold(packs, pool.map(self._hashes, packs))

    def _hold(self, packs: list[str], found: Iterable[array[int] | None]) -> None:
        for pack, hashes in zip(packs, found, strict=True):
            if hashes is None:
                self._trusted.add(pack)
            else:
                self._held[pack] = hashes
                self._held_entries += len(hashes)

    def _hashes(self, pack: str) -> array[int] | None:
        """Return the hashes of a pack's entries in order: none when it cannot be read, None when it is gone."""
        try:
            return array("q", sorted(map(hash, split_footer(self._reader.footer_of(pack)))))
        except NotFoundError:
            return None
        except (IntegrityError, FormatError):
            return array("q")
