"""Many digests in little memory."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ama_tfx.storage.digest import Digest
from ama_tfx.storage.packs.format import KEY_BYTES


@dataclass(frozen=True, slots=True)
class DigestSet:
    """An immutable set of digests in order: a million of them take 32 MB, as Python's set 200.

    Attributes:
        raw: Their bytes, one after the other.
    """

    raw: bytes | bytearray

    @classmethod
    def of(cls, digests: Iterable[Digest]) -> DigestSet:
        """Return the set of some digests; those that come in order take no more memory than the set."""
        if isinstance(digests, DigestSet):
            return digests
        return cls.of_keys(digest.raw for digest in digests)

    @classmethod
    def of_keys(cls, keys: Iterable[bytes]) -> DigestSet:
        """Return the set of the digests with some bytes."""
        found, last, is_sorted = bytearray(), b"", True
        for key in keys:
            if key != last:
                found += key
                is_sorted &= last < key
                last = key
        if is_sorted:
            return cls(found)  # not copied: there may be no room for two
        return cls(b"".join(sorted({bytes(found[at : at + KEY_BYTES]) for at in range(0, len(found), KEY_BYTES)})))

    def keys(self) -> Iterator[bytes]:
        """Yield the digests' bytes in order."""
        return (bytes(self.raw[at : at + KEY_BYTES]) for at in range(0, len(self.raw), KEY_BYTES))

    def with_keys(self, keys: Iterable[bytes]) -> DigestSet:
        """Return the set of these and of others, which come in order."""
        return DigestSet.of_keys(heapq.merge(self.keys(), keys))

    def __len__(self) -> int:
        return len(self.raw) // KEY_BYTES

    def __iter__(self) -> Iterator[Digest]:
        return map(Digest.from_raw, self.keys())
