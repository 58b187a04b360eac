"""Where the records of a TFRecord file start.

https://www.tensorflow.org/tutorials/load_data/tfrecord: eight bytes of length, the masked CRC-32C of these, the data,
the masked CRC-32C of the data.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from pathlib import Path

from ama_tfx.storage.digest import CHUNK_BYTES
from ama_tfx.storage.files import open_regular_file, os_errors
from ama_tfx.storage.formats.crc32c import masked_crc32c

_HEADER = struct.Struct("<8sI")
_AROUND_DATA_BYTES = _HEADER.size + 4

# Lengths repeat, and our CRC of one takes as long as all else that is done for a record.
_length_crc = functools.lru_cache(maxsize=1 << 14)(masked_crc32c)


class RecordScanner:
    """Finds the starts of records in a stream that is fed piece by piece; one record's header is all it remembers.

    Attributes:
        broken: Whether something was met that is no record; from there on nothing is found.
    """

    def __init__(self) -> None:
        self.broken = False
        self._position = 0  # in the stream, of the next piece
        self._next = 0  # in the stream, of the next record
        self._carried = b""

    def feed(self, piece: bytes) -> list[int]:
        """Return the offsets in the stream of the records whose header ends in this piece.

        A record that is cut off by the end of the stream is found like any other; only its length is checked, not its
        data.
        """
        if self._carried:
            piece = self._carried + piece
            self._position -= len(self._carried)
            self._carried = b""
        starts: list[int] = []
        end = self._position + len(piece)
        while not self.broken and self._next + _HEADER.size <= end:
            length, crc = _HEADER.unpack_from(piece, self._next - self._position)
            if _length_crc(length) != crc:
                self.broken = True
                break
            starts.append(self._next)
            self._next += _AROUND_DATA_BYTES + int.from_bytes(length, "little")
        if not self.broken and self._next < end:
            self._carried = piece[self._next - self._position :]
        self._position = end
        return starts


def record_boundaries(path: Path) -> Iterator[int]:
    """Yield the offsets at which the records of an uncompressed TFRecord file start, in order, in constant memory.

    Args:
        path: Any file; one that is not of records yields nothing, a damaged one the records before the damage.

    Raises:
        NotFoundError, PermissionDeniedError, BackendError: As the operating system says.
        InvalidInputError: Not a regular file.
    """
    scanner = RecordScanner()
    with open_regular_file(path) as stream, os_errors("read", path):
        while not scanner.broken and (piece := stream.read(CHUNK_BYTES)):
            yield from scanner.feed(piece)
