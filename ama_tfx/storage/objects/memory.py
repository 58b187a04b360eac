"""Objects in a dictionary: for tests and trials."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

from ama_tfx.errors import NotFoundError
from ama_tfx.storage.files import open_regular_file, os_errors
from ama_tfx.storage.objects.contract import ObjectInfo, check_name, check_prefix, check_range, size_inside


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


class MemoryObjects:
    """An `ObjectStore` in a dictionary, gone with its process.

    Args:
        clock: Tells when an object is received.

    Attributes:
        content: The objects' bytes; a test may damage them.
    """

    def __init__(self, clock: Callable[[], datetime] = _utc_now) -> None:
        self.content: dict[str, bytes] = {}
        self._modified_at: dict[str, datetime] = {}
        self._clock = clock
        self._lock = threading.Lock()

    def put(self, name: str, source: Path | bytes) -> bool:
        """See `ObjectStore.put`."""
        check_name(name)
        data = source if isinstance(source, bytes) else _read_file(source)
        with self._lock:
            if name in self.content:
                return False
            self._modified_at[name] = self._clock()
            self.content[name] = data
            return True

    def read(self, name: str, start: int = 0, size_bytes: int | None = None) -> bytes:
        """See `ObjectStore.read`."""
        check_range(start, size_bytes)
        data = self.content.get(check_name(name))
        if data is None:
            raise NotFoundError(f"no object {name!r} in memory")
        wanted = size_inside(f"{name!r} in memory", len(data), start, size_bytes)
        return data[start : start + wanted]

    def stat(self, name: str) -> ObjectInfo | None:
        """See `ObjectStore.stat`."""
        data = self.content.get(check_name(name))
        if data is None:
            return None
        return ObjectInfo(name, len(data), self._modified_at.get(name) or self._clock())

    def settle(self, name: str) -> None:
        """See `ObjectStore.settle`: what can be seen here is stored."""
        check_name(name)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """See `ObjectStore.list`."""
        check_prefix(prefix)
        names = [name for name in list(self.content) if name.startswith(prefix)]
        return (info for name in names if (info := self.stat(name)))

    def delete(self, name: str) -> None:
        """See `ObjectStore.delete`."""
        with self._lock:
            self.content.pop(check_name(name), None)
            self._modified_at.pop(name, None)


def _read_file(path: Path) -> bytes:
    with open_regular_file(path) as stream, os_errors("read", path):
        return stream.read()
