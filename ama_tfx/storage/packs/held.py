"""Pieces in memory, for whoever decodes the same ones again and again."""

from __future__ import annotations

import threading
from collections import OrderedDict


class Held:
    """Pieces that were decoded not long ago, up to a size; safe to use from many threads.

    Args:
        most_bytes: Of all of them.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes, self._bytes = most_bytes, 0
        self._pieces: OrderedDict[bytes, bytes | memoryview] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: bytes) -> bytes | memoryview | None:
        """Return a piece, if it is held."""
        with self._lock:
            data = self._pieces.get(key)
            if data is not None:
                self._pieces.move_to_end(key)
            return data

    def put(self, key: bytes, data: bytes | memoryview) -> None:
        """Hold a piece until others need its place."""
        with self._lock:
            if key not in self._pieces:
                self._pieces[key] = data
                self._bytes += len(data)
            while self._bytes > self._most_bytes:
                self._bytes -= len(self._pieces.popitem(last=False)[1])
