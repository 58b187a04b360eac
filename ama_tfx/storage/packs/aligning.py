"""Which piece of a parent stands where a piece of its child does."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from itertools import accumulate

from ama_tfx.storage.packs.recipe import Part


class Alignment:
    """Walks along a parent while its child's pieces come in order.

    A piece that the parent has too moves the walk behind it, wherever that is; any other one moves it on by its bytes.
    So what was put in, taken out or changed shifts nothing beyond the next piece that both have.

    Args:
        parts: The parent's.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._ends = list(accumulate(part.size_bytes for part in parts))
        self._numbers: dict[bytes, list[int]] = {}
        for number, part in enumerate(parts):
            self._numbers.setdefault(part.key, []).append(number)
        self._labelled = {part.label: part for part in parts if part.label}
        self._position = 0

    def bases(self, pieces: Iterable[Part]) -> dict[bytes, bytes]:
        """Return for the pieces that come next, and that the parent lacks, the keys of the parent's in their place.

        Pieces with a label are only walked over: theirs have the same.
        """
        found: dict[bytes, bytes] = {}
        for piece in pieces:
            if not self._parts:
                break
            if numbers := self._numbers.get(piece.key):
                self._position = self._ends[self._nearest(numbers)]
                continue
            base = self._labelled.get(piece.label) or self._most_overlapping(piece.size_bytes)
            if base is not None and base.label == piece.label:
                found[piece.key] = base.key
            self._position += piece.size_bytes
        return found

    def _nearest(self, numbers: list[int]) -> int:
        """Return the first place of a piece that is not behind; what is the same all over stands in many."""
        here = bisect.bisect_right(self._ends, self._position)
        return numbers[min(bisect.bisect_left(numbers, here), len(numbers) - 1)]

    def _most_overlapping(self, size_bytes: int) -> Part | None:
        start, end = self._position, self._position + size_bytes
        best, most_bytes = None, 0
        for number in range(bisect.bisect_right(self._ends, start), len(self._parts)):
            part, part_end = self._parts[number], self._ends[number]
            overlap_bytes = min(end, part_end) - max(start, part_end - part.size_bytes)
            if overlap_bytes > most_bytes:
                best, most_bytes = part, overlap_bytes
            if part_end >= end:
                break
        return best
