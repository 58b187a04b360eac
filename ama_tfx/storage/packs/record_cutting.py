"""Cutting a stream: between its records where it consists of TFRecords, by content elsewhere, in constant memory."""

from __future__ import annotations

from dataclasses import dataclass

from ama_tfx.storage.formats import RecordScanner
from ama_tfx.storage.packs import chunks

_HEADER_BYTES = 12
_CRC_BYTES = 4


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large pieces of whole records become; a larger record is cut by content.

    Attributes:
        least_bytes: A piece has at least so many, unless what follows it is too large to be in it.
        mean_bytes: From there on, of a piece's records.
        most_bytes: A piece has at most so many.
    """

    least_bytes: int
    mean_bytes: int
    most_bytes: int


PLAIN = Sizes(1 << 14, 3 << 14, 1 << 18)
"""64 KiB on average."""

INFLATED = Sizes(1 << 17, 3 << 17, 1 << 21)
"""512 KiB on average: no piece of a gzip file is read alone, and zstd needs long ones to be no worse than gzip."""


class Cutter:
    """Cuts one stream that comes window by window.

    A record ends a piece when its own checksum, taken as a number below 1, is smaller than its share of the mean size:
    what was put in, taken out or changed moves no cut but those beside it. How the stream comes changes nothing.
    """

    def __init__(self, sizes: Sizes = PLAIN) -> None:
        self._sizes = sizes
        self._scanner = RecordScanner()
        self._carried = b""
        self._begin = 0  # of the next piece, in the stream
        self._record = 0  # of the last record that was met
        self._is_within_record = False

    def cut(self, data: bytes, *, is_last: bool) -> list[memoryview]:
        """Return the pieces that end in the next window.

        Args:
            data: The window.
            is_last: Whether the stream ends with it.
        """
        start, whole = self._begin, memoryview(self._carried + data if self._carried else data)
        ends: list[int] = []
        least_bytes = self._sizes.least_bytes
        for end in [] if self._scanner.broken else self._scanner.feed(data):
            if end - self._begin >= least_bytes or self._is_within_record:
                ends += self._cuts_before(whole, start, end)
            self._record = end
        pieces = [whole[a - start : b - start] for a, b in zip([start, *ends], ends, strict=False)]
        rest = self._cut_rest(whole[self._begin - start :], is_last=is_last)
        self._begin += sum(map(len, rest))
        self._carried = bytes(whole[self._begin - start :])
        return pieces + rest

    def _cuts_before(self, whole: memoryview, start: int, end: int) -> list[int]:
        """Return where pieces end up to the end of the last record that was met."""
        cuts: list[int] = []
        if end - self._begin > self._sizes.most_bytes and self._record > self._begin:
            cuts.append(self._record)
            self._begin = self._record
        size_bytes = end - self._begin
        if self._is_within_record or size_bytes > self._sizes.most_bytes:
            for chunk in chunks.cut(whole[self._begin - start : end - start], is_last=True):
                self._begin += len(chunk)
                cuts.append(self._begin)
            self._is_within_record = False
        elif size_bytes >= self._sizes.least_bytes:
            crc = int.from_bytes(whole[end - start - _CRC_BYTES : end - start], "little")
            if crc * self._sizes.mean_bytes < (end - self._record) << 32:
                self._begin = end
                cuts.append(end)
        return cuts

    def _cut_rest(self, rest: memoryview, *, is_last: bool) -> list[memoryview]:
        """Return pieces of what is no whole record: a part of one, the end of the stream, or no record at all."""
        if self._scanner.broken:
            return list(chunks.cut(rest, is_last=is_last))
        pieces: list[memoryview] = []
        # The next record's header may be there in part: it does not count before it is whole.
        most_bytes = self._sizes.most_bytes + (0 if is_last else _HEADER_BYTES)
        whole_records = self._record - self._begin
        if len(rest) > most_bytes and whole_records > 0:
            pieces, rest = [rest[:whole_records]], rest[whole_records:]
        if self._is_within_record or len(rest) > most_bytes:
            self._is_within_record = True
            return pieces + list(chunks.cut(rest, is_last=is_last))
        return [*pieces, rest] if is_last and rest else pieces
