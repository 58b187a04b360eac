"""Writing one pack: payloads as they come, footer and trailer at the end."""

from __future__ import annotations

import os
import secrets
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from ama_tfx.storage.codecs import Codec
from ama_tfx.storage.files import PendingFile, os_errors
from ama_tfx.storage.packs.format import MAGIC, Entry, Kind, Payload, check_of, encode_end, key_of

FULL_BYTES = 256 << 20
"""A pack of this size is closed and the next one begun."""

FULL_ENTRIES = 1 << 16
"""And one of so many payloads: a writer holds what it knows of them, some 40 MB."""

_BATCH_BYTES = 2 << 20
"""What is written at once, by a thread of its own; while it is, so much is collected again."""

_SYNC_BYTES = 16 << 20
"""After so much what was written is synced, by that thread: at the end little is left to wait for."""

_JOINED_BYTES = 1 << 15
"""Payloads below this size on average are joined before they are written: a call for each would cost more."""


class PackFile:
    """A pack being written in a scratch folder.

    Args:
        scratch: On the file system of the store, where there is one.
        full_bytes: From which size on it is full.
    """

    def __init__(self, scratch: Path, full_bytes: int = FULL_BYTES) -> None:
        self._full_bytes = full_bytes
        self._pending = PendingFile(scratch, mode=0o444)
        self._stream = self._pending.stream
        self.entries: list[Entry] = []
        self.size_bytes = 0
        self._body_bytes = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ama-pack")
        self._batch: list[bytes | memoryview] = []
        self._batch_bytes = self._unsynced_bytes = 0
        self._writing: Future[None] | None = None
        self._write(MAGIC)

    @property
    def path(self) -> Path:
        """Where it is being written."""
        return self._pending.path

    @property
    def is_full(self) -> bool:
        """Whether the next payload belongs into the next pack."""
        return self.size_bytes >= self._full_bytes or len(self.entries) >= FULL_ENTRIES

    @property
    def whole_bytes(self) -> int:
        """Its size once it is finished."""
        return self.size_bytes if self._body_bytes else self.size_bytes + len(encode_end(self.entries)[0])

    def add(self, kind: Kind, key: bytes, payload: Payload) -> Entry:
        """Append a payload; return its entry. That it cannot be written may show only later, or at the end."""
        entry = Entry(
            kind,
            key,
            payload.codec,
            payload.item_bytes,
            payload.depth,
            payload.raw_bytes,
            len(payload.data),
            self.size_bytes,
            payload.check or check_of(payload.data),
            payload.bases,
        )
        self._write(payload.data)
        self.entries.append(entry)
        return entry

    def finish(self) -> str:
        """Write the end, make all of it durable, and return the pack's key."""
        end, trailer = encode_end(self.entries)
        self._body_bytes = self.size_bytes
        self._write(end)
        self._settle()
        self._write_out(self._taken())
        with os_errors("write", self.path):
            self._stream.flush()
            os.fsync(self._stream.fileno())
        return trailer.pack_key

    def rename(self) -> str:
        """Give a finished pack another key, by an entry that nobody asks for; return the key."""
        with os_errors("write", self.path):
            self._stream.seek(self._body_bytes)
            self._stream.truncate()
        self.size_bytes = self._body_bytes
        salt = secrets.token_bytes(16)
        self.add(Kind.PIECE, key_of(salt), Payload(salt, Codec.RAW, len(salt)))
        return self.finish()

    def close(self) -> None:
        """Remove the scratch file; what was published has its own name by now."""
        self._thread.shutdown()
        self._pending.__exit__()

    def _write(self, data: bytes | memoryview) -> None:
        self._batch.append(data)
        self._batch_bytes += len(data)
        self.size_bytes += len(data)
        if self._batch_bytes >= _BATCH_BYTES:
            self._settle()
            self._writing = self._thread.submit(self._write_out, self._taken())

    def _taken(self) -> list[bytes | memoryview]:
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        return batch

    def _settle(self) -> None:
        """Wait for what is being written; raise what became of it."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _write_out(self, batch: list[bytes | memoryview]) -> None:
        with os_errors("write", self.path):
            if sum(map(len, batch)) < len(batch) * _JOINED_BYTES:
                batch = [b"".join(batch)]
            for data in batch:
                self._stream.write(data)
                self._unsynced_bytes += len(data)
            if self._unsynced_bytes >= _SYNC_BYTES:
                self._stream.flush()
                os.fdatasync(self._stream.fileno())
                self._unsynced_bytes = 0
