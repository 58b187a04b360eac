"""A blob store of packs: every byte once, across files and versions."""

from __future__ import annotations

import functools
import io
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from ama_tfx.storage.blob_store import BlobInfo, OnProgress
from ama_tfx.storage.cache import default_cache
from ama_tfx.storage.digest import Digest
from ama_tfx.storage.files import PendingFile, make_folder, make_folders, os_errors
from ama_tfx.storage.leftovers import remove_leftovers
from ama_tfx.storage.objects import LocalObjects, ObjectStore
from ama_tfx.storage.packs.finding import Finder
from ama_tfx.storage.packs.format import Kind
from ama_tfx.storage.packs.gzip_stream import GzipStream
from ama_tfx.storage.packs.index import Index
from ama_tfx.storage.packs.own_folder import own_folder
from ama_tfx.storage.packs.reading import FileReader, PackReader
from ama_tfx.storage.packs.restoring import Restorer
from ama_tfx.storage.packs.writing import Writer

_BUFFER_BYTES = 1 << 16


class PackStore:
    """Files kept as pieces in packs (``docs/reference/formats.md``); a `BlobStore`.

    A child that is forked, also beside threads that read and write, may use the store it inherits; not the writers and
    the streams that were open: those are the parent's.

    Args:
        objects: Where the packs are.
        index: Which says where in them; built again from the packs where it is behind.
        scratch: A folder for packs being written: on the file system of the packs, where there is one.
        clock: Seconds that only grow.

    Attributes:
        objects, index, scratch: As given.
        reader: Reads the packs.
        finder: Finds what is in them.
    """

    def __init__(
        self, objects: ObjectStore, index: Index, scratch: Path, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.objects, self.index, self.scratch = objects, index, scratch
        self.reader = PackReader(objects, index)
        self.finder = Finder(objects, index, self.reader, clock)

    @classmethod
    def in_folder(cls, folder: Path) -> PackStore:
        """Return the store in a folder, made when it is missing; whoever may not write there can read."""
        make_folders(folder)
        objects = LocalObjects(folder)
        index = Index(folder / "index.db", instead=functools.partial(_own_index, folder))
        return cls(objects, index, objects.temporary)

    def writer(self) -> Writer:
        """Return a writer, for a ``with`` block that ends with its ``commit``."""
        self.finder.ensure_complete()
        make_folder(self.scratch)  # a store that was opened on a read-only disk has none
        remove_leftovers(self.scratch, PendingFile.is_leftover)
        return Writer(self.objects, self.index, self.reader, self.finder, self.scratch)

    def put(self, stream: BinaryIO, *, expected: Digest | None = None) -> BlobInfo:
        """See `BlobStore.put`."""
        with self.writer() as writer:
            info = writer.add_stream(stream, expected=expected)
            writer.commit()
        return info

    def open(self, digest: Digest) -> BinaryIO:
        """See `BlobStore.open`; the stream can seek, and reads only the pieces it needs.

        One of a gzip file that is kept inflated has to deflate all that is before what it reads.
        """
        recipe = self.finder.recipes([digest])[digest]
        reader: io.RawIOBase
        if recipe.gzip:
            reader = GzipStream(digest, recipe, self.finder.load)
        else:
            reader = FileReader(digest, recipe.parts, self.finder.load)
        return cast(BinaryIO, io.BufferedReader(reader, _BUFFER_BYTES))

    def export(
        self,
        files: Sequence[tuple[Digest, Path]],
        *,
        sizes: Mapping[Digest, int] | None = None,
        on_progress: OnProgress | None = None,
    ) -> None:
        """See `BlobStore.export`."""
        Restorer(self.finder.recipes, self.finder.load, self.finder.expect, sizes or {}).restore(files, on_progress)

    def has(self, digest: Digest) -> bool:
        """See `BlobStore.has`."""
        return self.finder.has(digest)

    def blobs(self) -> Iterator[BlobInfo]:
        """See `BlobStore.blobs`."""
        self.finder.refresh()
        for place in self.index.entries(Kind.RECIPE):
            digest = Digest.from_raw(place.entry.key)
            yield BlobInfo(digest, self.finder.recipes([digest])[digest].size_bytes)

    def close(self) -> None:
        """See `BlobStore.close`."""
        self.index.close()
        if isinstance(self.objects, LocalObjects):
            self.objects.close()

    def rebuild_index(self) -> int:
        """Write the index anew, from the packs; return how many packs there are. Others may read and write."""
        self.index.replace()
        self.finder.unreadable.clear()
        self.finder.refresh()
        return len(self.index.packs())

    def refresh(self) -> int:
        """See `Finder.refresh`."""
        return self.finder.refresh()


def _own_index(folder: Path, owner: Index) -> Path:
    with os_errors("look up", folder):
        identity = f"folder {folder.resolve()} {folder.stat().st_ino}"
    return own_folder(default_cache(), identity, owner) / "index.db"
