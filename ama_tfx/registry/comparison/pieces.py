"""Which pieces of stored files are the same: what two versions share, told without reading their bytes."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence

from ama_tfx.errors import AmaError
from ama_tfx.registry.comparison.files import shared_files
from ama_tfx.registry.manifest import FileEntry
from ama_tfx.storage import BlobStore, Digest, PackStore
from ama_tfx.storage.packs.cutting import SMALL_BYTES
from ama_tfx.storage.packs.recipe import Part


class Pieces:
    """Looks up what files of a store are made of.

    Args:
        blobs: The store; one without packs shares whole files only.
    """

    def __init__(self, blobs: BlobStore) -> None:
        self._finder = blobs.finder if isinstance(blobs, PackStore) else None
        self._parts = functools.lru_cache(maxsize=256)(self._look_up)
        self.of_tensors = functools.lru_cache(maxsize=64)(self._of_tensors)

    def shared_bytes(self, first: Sequence[FileEntry], other: Sequence[FileEntry]) -> int:
        """Return how many bytes of the other files are in the first ones: as whole files, or as pieces of files."""
        whole, rest = shared_files(first, other)
        _, missing = shared_files(other, first)
        known = {part.key for part in self._of(missing)} if rest else set()
        return whole + sum(part.size_bytes for part in self._of(rest) if part.key in known)

    def _of(self, files: Iterable[FileEntry]) -> Iterable[Part]:
        # A small file is one piece: it is shared as a whole, or not at all.
        return (part for entry in files if entry.size_bytes > SMALL_BYTES for part in self._parts(entry.digest))

    def _look_up(self, digest: Digest) -> tuple[Part, ...]:
        if self._finder is None:
            return ()
        try:
            recipe = self._finder.recipes([digest])[digest]
        except AmaError:  # what is lost or damaged is named where it is read
            return ()
        return () if recipe.gzip else recipe.parts  # the pieces of a gzip file are not bytes of the file

    def _of_tensors(self, digest: Digest) -> Mapping[str, tuple[bytes, ...]]:
        """Return the pieces of each tensor of a file: label without the block's number -> their keys, in order."""
        keys: dict[str, list[bytes]] = {}
        for part in self._parts(digest):
            if part.label:
                keys.setdefault(part.label.rpartition("#")[0], []).append(part.key)
        return {label: tuple(found) for label, found in keys.items()}
