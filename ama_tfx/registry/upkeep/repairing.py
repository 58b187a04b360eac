"""Repair: lost blobs from other copies, manifests from the catalog, the index from the packs; deletes nothing."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ama_tfx import catalog
from ama_tfx.catalog import Database, VersionRow
from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.registry.location import BLOBS, Location, open_location
from ama_tfx.registry.manifest import FileEntry, Manifest, RefEntry
from ama_tfx.registry.names import AssetName
from ama_tfx.registry.upkeep.checking import OnEvent, check_registry, needed_blobs
from ama_tfx.registry.upkeep.findings import Repaired
from ama_tfx.storage import BlobStore, Digest, PackStore
from ama_tfx.storage.packs.repairing import BlobSource, repair

if TYPE_CHECKING:
    import sqlalchemy as sa

Copy = str | Path | BlobStore
"""Where lost blobs may be: another registry, by its folder or address, or a store of blobs."""


def repair_registry(
    database: Database,
    store: PackStore,
    folder: Path | None,
    copies: Sequence[Copy],
    on_event: OnEvent | None,
) -> Repaired:
    """Make as much of a registry readable as there are bytes for; see `storage.packs.repairing.repair`."""
    say = on_event or (lambda _: None)
    sources: list[BlobSource] = [ManifestsOfCatalog(database), *map(open_copy, copies)]
    before = check_registry(database, store, folder, read_percent=100, salt="", on_event=on_event)
    say("repair")
    done = repair(store, sources, wanted=needed_blobs(database))
    after = check_registry(database, store, folder, read_percent=100, salt="", on_event=on_event, report=done.after)
    return Repaired(before, after, done.moved)


def open_copy(copy: Copy) -> BlobSource:
    """Open another copy of blobs, for reading.

    A registry whose catalog or marker is lost is good for its blobs still.

    Raises:
        NotFoundError: There are no blobs.
    """
    if not isinstance(copy, str | Path):
        return copy
    location = Location.parse(copy)
    folder = location.folder
    if folder is not None and (folder / BLOBS).is_dir():
        return PackStore.in_folder(folder / BLOBS)
    if folder is not None and location.database is None and (folder / "packs").is_dir():
        return PackStore.in_folder(folder)
    _, database, open_blobs = open_location(location, create=False)
    database.close()
    return open_blobs()


class ManifestsOfCatalog:
    """Manifests written once more from the catalog's rows: where that gives the right digest, it is the right one.

    What the catalog does not have are empty folders: a version with such needs a copy.

    Args:
        database: The catalog.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, digest: Digest) -> BinaryIO:
        """Return a manifest's bytes.

        Raises:
            NotFoundError: The catalog's rows do not give it.
        """
        with self._database.read() as connection:
            for row in catalog.versions_with_digest(connection, digest):
                content = _manifest_of(connection, row)
                if content is not None and Digest.of(content) == digest:
                    return io.BytesIO(content)
        raise NotFoundError(f"the catalog does not give manifest {digest}")


def _manifest_of(connection: sa.Connection, row: VersionRow) -> bytes | None:
    files = tuple(
        FileEntry(file.path, file.digest, file.size_bytes, file.url) for file in catalog.files_of(connection, row.id)
    )
    edges = [
        RefEntry(role, AssetName(other.workspace, other.asset), other.digest)
        for role, other in catalog.refs_of(connection, row.id)
    ]
    try:
        return Manifest(row.kind, files, (), tuple(edges), catalog.properties_of(connection, row.id)).to_bytes()
    except InvalidInputError:
        return None
