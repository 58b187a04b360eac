"""Writing packs one after the other: what is appended becomes visible pack by pack."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from ama_tfx.errors import BackendError
from ama_tfx.storage.objects import ObjectStore
from ama_tfx.storage.packs.format import Kind, Payload, pack_name
from ama_tfx.storage.packs.index import Index
from ama_tfx.storage.packs.leaning import Leaning, is_whole, verify_pack
from ama_tfx.storage.packs.pack_file import PackFile
from ama_tfx.storage.packs.reading import PackReader

_COMING_BYTES = 8 << 20
_ENTRY_BYTES = 256
"""What is held of a payload beside its bytes, about."""


_Payloads = Future[list[Payload]] | list[Payload]


@dataclass(frozen=True, slots=True)
class _Coming:
    """Payloads that are being made."""

    kind: Kind
    keys: Sequence[bytes]
    payloads: _Payloads
    raw_bytes: int


class Publisher:
    """One writer's packs: a pack is published when it is full, and at ``commit``.

    Args:
        objects: Where packs go.
        index: Which is told of them.
        reader: Reads what others have put there.
        there: What the writer builds upon; it stays until what builds upon it is published.
        scratch: A folder for the pack being written.
        pack_bytes: From which size on a pack is full.

    Attributes:
        new_bytes: How many bytes have been written for the store.
    """

    def __init__(
        self,
        objects: ObjectStore,
        index: Index,
        reader: PackReader,
        there: Leaning,
        *,
        scratch: Path,
        pack_bytes: int,
    ) -> None:
        self._objects, self._index, self._reader, self._there = objects, index, reader, there
        self._scratch, self._pack_bytes = scratch, pack_bytes
        self._pack: PackFile | None = None
        self._open: set[tuple[Kind, bytes]] = set()
        self._coming: deque[_Coming] = deque()
        self._coming_keys: set[tuple[Kind, bytes]] = set()
        self._coming_bytes = 0
        self._failed = False
        self._published_bytes = 0

    @property
    def new_bytes(self) -> int:
        """How many bytes the store has grown, or will at ``commit``: whole packs, footers included."""
        return self._published_bytes + (self._pack.whole_bytes if self._pack is not None else 0)

    def holds(self, kind: Kind, key: bytes) -> bool:
        """Return whether something is in the pack that is not published yet; of the others the index knows."""
        return (kind, key) in self._open or (kind, key) in self._coming_keys

    def expect(self, kind: Kind, keys: Sequence[bytes], payloads: _Payloads, raw_bytes: int) -> None:
        """Write payloads once they are there, after all that was expected before.

        Args:
            kind: What they are.
            keys: Theirs.
            payloads: As many.
            raw_bytes: What they are made of, which is held until then: when that is too much, this waits.
        """
        self._check_works()
        self._coming.append(_Coming(kind, keys, payloads, raw_bytes))
        self._coming_keys.update((kind, key) for key in keys)
        self._coming_bytes += raw_bytes
        self._write_those_coming(_COMING_BYTES)

    def append(self, kind: Kind, key: bytes, payload: Payload) -> None:
        """Write a payload, after all that is expected."""
        self.expect(kind, [key], [payload], len(payload.data) + _ENTRY_BYTES)

    def _write_those_coming(self, most_bytes: int) -> None:
        while self._coming and self._coming_bytes > most_bytes:
            coming = self._coming.popleft()
            self._failed = True  # whoever refers to what cannot be made may stand behind it
            payloads = coming.payloads if isinstance(coming.payloads, list) else coming.payloads.result()
            self._failed = False
            for key, payload in zip(coming.keys, payloads, strict=True):
                self._append(coming.kind, key, payload)
                self._coming_keys.discard((coming.kind, key))
            self._coming_bytes -= coming.raw_bytes

    def _append(self, kind: Kind, key: bytes, payload: Payload) -> None:
        """Write a payload, into the next pack when this one is full."""
        if self._pack is not None and self._pack.is_full:
            self._end_pack()
        if self._pack is None:
            self._pack = PackFile(self._scratch, self._pack_bytes)
        self._failed = True  # a payload of which a part was written would shift all that follow
        self._pack.add(kind, key, payload)
        self._failed = False
        self._open.add((kind, key))

    def commit(self) -> None:
        """Publish what is still open: packs first, then the index.

        Raises:
            ConflictError: Meanwhile gc took away what is built upon; a new writer will store it again.
            OutOfSpaceError, BackendError: The store failed; this writer is of no use any more.
        """
        self._check_works()
        self._write_those_coming(-1)
        self._end_pack()

    def _end_pack(self) -> None:
        self._failed = True  # until proven otherwise: what it believes to have stored may not be there
        self._there.secure()
        pack, self._pack = self._pack, None
        if pack is not None:
            try:
                self._publish(pack)
            finally:
                pack.close()
            self._open.clear()
        self._failed = False

    def grown_bytes(self) -> int:
        """Return how many bytes the store has grown, or will at ``commit``."""
        if not self._failed:
            self._write_those_coming(-1)
        return self.new_bytes

    def close(self) -> None:
        """Remove what was not published."""
        if self._pack is not None:
            self._pack.close()
            self._pack = None

    def _check_works(self) -> None:
        if self._failed:
            raise BackendError("this writer failed before and stores nothing more; begin a new one")

    def _can_build_upon(self, key: str, size_bytes: int) -> bool:
        """Return whether the very same pack, of another writer or of long ago, is whole and stays."""
        # One that a collection has decided to delete may still be there: the collection was killed, say.
        return self._there.stays(key) and is_whole(self._objects, self._reader, key, size_bytes)

    def _publish(self, pack: PackFile) -> None:
        """Make a pack durable, then visible, unless others have published all that is in it meanwhile."""
        if self._there.has_all(pack.entries):
            self._there.secure()
            return
        key = pack.finish()
        created = self._objects.put(pack_name(key), pack.path)
        if not created and not self._can_build_upon(key, pack.size_bytes):
            key = pack.rename()
            created = self._objects.put(pack_name(key), pack.path)
        verify_pack(self._objects, key, pack.size_bytes)
        self._published_bytes += pack.size_bytes if created else 0
        self._index.add(key, pack.size_bytes, pack.entries)
        self._there.published(key)
