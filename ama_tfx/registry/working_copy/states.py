"""What is known of a working copy's files by their state: digests, and in which state a file was added.

A file of the same device, inode, size and times has the same content. It is a cache: what is lost or damaged is made
again.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import astuple
from pathlib import Path
from typing import Any

from ama_tfx.registry.tree import Tree
from ama_tfx.storage import Digest, FileState, hash_stream, make_folders, open_regular_file, os_errors, write_file

FORMAT = "ama-states/1"

_TOO_FRESH_NS = 1_000_000_000
"""A file that changed so shortly before it was read may change again without another time: it is read again."""


class States:
    """The states of one asset's files.

    Args:
        path: Where they are kept.
        known: Path from the root -> state and SHA-256.
        added: Path from the root -> state when it was added, and SHA-256 if that was read in this state.
    """

    def __init__(
        self, path: Path, known: dict[str, tuple[FileState, str]], added: dict[str, tuple[FileState, str | None]]
    ) -> None:
        self._path = path
        self._known = known
        self._added = added
        self._is_changed = False

    @classmethod
    def of(cls, path: Path) -> States:
        """Return what is kept in a file; nothing when it is not there or damaged."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            document = json.loads(path.read_bytes())
            if document["format"] == FORMAT:
                known = {name: (_state(row), _digest(row[5])) for name, row in document["known"].items()}
                added = {name: (_state(row), row[5] and _digest(row[5])) for name, row in document["added"].items()}
                return cls(path, known, added)
        return cls(path, {}, {})

    def save(self) -> None:
        """Keep what was learned."""
        if not self._is_changed:
            return
        make_folders(self._path.parent)
        document = {
            "format": FORMAT,
            "known": {name: [*astuple(state), digest] for name, (state, digest) in self._known.items()},
            "added": {name: [*astuple(state), digest] for name, (state, digest) in self._added.items()},
        }
        write_file(self._path, json.dumps(document).encode())
        self._is_changed = False

    def note_added(self, tree: Tree) -> None:
        """Keep the states of files that are added now."""
        self._added.update((path, (file.state, None)) for path, file in tree.files.items())
        self._is_changed = True
        self.save()

    def keep_only(self, paths: set[str]) -> None:
        """Forget all other files."""
        for kept in (self._known, self._added):
            for path in kept.keys() - paths:
                del kept[path]
                self._is_changed = True

    def digest(self, path: str, local: Path, state: FileState) -> Digest:
        """Return the SHA-256 of a file in this state; it is read when that is not known.

        Raises:
            NotFoundError, InvalidInputError, PermissionDeniedError: It cannot be read.
        """
        if path in self._known and self._known[path][0] == state:
            return Digest(self._known[path][1])
        with open_regular_file(local, follow=True) as stream, os_errors("read", local):
            digest = hash_stream(stream)[0]
        self.remember(path, state, digest)
        if path in self._added and self._added[path][0] == state:
            self._added[path] = (state, digest.hex)
            self._is_changed = True
        return digest

    def remember(self, path: str, state: FileState, digest: Digest) -> None:
        """Keep a file's digest, unless it is so fresh that its state may not tell of another change."""
        if time.time_ns() - max(state.changed_ns, state.modified_ns) > _TOO_FRESH_NS:
            self._known[path] = (state, digest.hex)
            self._is_changed = True

    def is_changed(self, path: str, local: Path, state: FileState) -> bool:
        """Return whether a file is another one than the one that was added, as far as that is known."""
        if path not in self._added or self._added[path][0] == state:
            return False
        before = self._added[path][1]
        return before is None or self.digest(path, local, state).hex != before


def _state(row: list[Any]) -> FileState:
    return FileState(*map(int, row[:5]))


def _digest(text: str) -> str:
    return Digest(text).hex
