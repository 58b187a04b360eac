"""The marker of a registry, written again where it is lost or damaged: the catalog has the same identity."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from ama_tfx import catalog
from ama_tfx.catalog import Database
from ama_tfx.errors import BackendError, FormatError, NotFoundError
from ama_tfx.registry.bucket import FORMAT, MARKER, marker, read_id
from ama_tfx.registry.location import BLOBS, Location, database_of, locked, read_marker
from ama_tfx.storage import BlobStore, PackStore, open_objects, os_errors, write_file


def mend_marker(location: Location) -> bool:
    """Write ``registry.json`` again, if it is lost or cannot be read; return whether that was needed.

    Args:
        location: Of the registry; with its bucket, where its blobs are in one: only the marker knew it.

    Raises:
        NotFoundError: There is no catalog, and so no registry.
        FormatError: It is of another release, as far as it can be read.
        BackendError: The blobs are not there, or are not those of the catalog.
    """
    folder = location.folder
    if folder is None or not folder.is_dir() or not _is_lost(folder):
        return False
    database = database_of(location)
    with contextlib.closing(database), locked(folder):
        if not _is_lost(folder):  # another has mended it meanwhile
            return False
        registry_id = database.check()
        _check_blobs(database, registry_id, folder / BLOBS, location.bucket)
        write_file(folder / MARKER, marker(registry_id, location.bucket))
    return True


def _is_lost(folder: Path) -> bool:
    try:
        read_marker(folder)
    except NotFoundError:
        return True
    except FormatError:
        if _names_other_format(folder / MARKER):
            raise
        return True
    return False


def _names_other_format(path: Path) -> bool:
    with os_errors("read", path):
        content = path.read_bytes()
    with contextlib.suppress(ValueError):
        document = json.loads(content)
        return isinstance(document, dict) and document.get("format", FORMAT) != FORMAT
    return False


def _check_blobs(database: Database, registry_id: str, folder: Path, bucket: str | None) -> None:
    """Make sure that blobs are the catalog's: that they are marked so, or that a version's manifest is among them."""
    if bucket is not None:
        if (found := read_id(open_objects(bucket), bucket)) != registry_id:
            raise BackendError(f"{bucket} holds the blobs of registry {found}, the catalog is of {registry_id}")
        return
    if not folder.is_dir():
        raise BackendError(
            f"{MARKER} is lost and there are no blobs in {str(folder)!r}; if they are in a bucket, "
            "add ?blobs=s3://bucket/prefix to the registry's folder"
        )
    with database.read() as connection:
        rows = catalog.versions_after(connection, 0)
    with contextlib.closing(PackStore.in_folder(folder)) as blobs:
        if rows and not _has_any(blobs, rows):
            raise BackendError(f"the blobs in {str(folder)!r} are not those of the catalog {database.name}")


def _has_any(blobs: BlobStore, rows: list[catalog.VersionRow]) -> bool:
    return any(blobs.has(row.digest) for row in rows)
