"""Files of versions, to be looked into where they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO

from ama_tfx.registry.downloading import open_blob
from ama_tfx.registry.manifest import FileEntry
from ama_tfx.storage import BlobStore, Digest

if TYPE_CHECKING:
    from ama_tfx.inspection import Inspected


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a version, to be looked into.

    Attributes:
        blobs: Where it is.
        digest: Its content's.
        size_bytes: How long it is.
    """

    blobs: BlobStore
    digest: Digest
    size_bytes: int

    def open(self) -> BinaryIO:
        """Open it for reading, verified as it is read."""
        return open_blob(self.blobs, self.digest, "file")


def not_looked_at(entry: FileEntry) -> str:
    """Say why nothing is told of a file that is kept elsewhere."""
    return f"is kept elsewhere ({entry.url}), not looked at"


def inspect_stored(blobs: BlobStore, entries: Iterable[FileEntry]) -> Inspected:
    """Tell what files of a version contain; one that is kept elsewhere is a problem, and is not fetched.

    Raises:
        IntegrityError: The stored bytes are damaged.
    """
    from ama_tfx.inspection import Problem, inspect_files  # here, because its readers import numpy, which takes 60 ms

    wanted = list(entries)
    told = inspect_files({e.path: StoredFile(blobs, e.digest, e.size_bytes) for e in wanted if e.url is None})
    elsewhere = tuple(Problem(e.path, not_looked_at(e)) for e in wanted if e.url is not None)
    return replace(told, problems=(*told.problems, *elsewhere))
