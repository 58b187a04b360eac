"""Storing the bytes of a bundle's new versions, as if their files were registered here."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ama_tfx import catalog
from ama_tfx.catalog import Database
from ama_tfx.errors import IntegrityError, NotFoundError
from ama_tfx.registry.lineage.ancestors import Ancestor, Ancestors
from ama_tfx.registry.manifest import FileEntry, Manifest
from ama_tfx.registry.names import AssetName
from ama_tfx.registry.registering import MAX_PARENT_FILES, Stored
from ama_tfx.registry.sharing.bundle_file import BundleFile, needed_files
from ama_tfx.registry.sharing.results import Placement
from ama_tfx.storage import BlobStore, BlobWriter, Digest, OnProgress, Source, os_errors

_BATCH_BYTES = 64 << 20
_BATCH_FILES = 1000


def refuse_other_sizes(blobs: BlobStore, bundle: BundleFile) -> None:
    """Refuse manifests of retired versions that say another size of a content than it has here.

    The bundle has no bytes of theirs, so that it does not prove their sizes itself.

    Raises:
        IntegrityError: One does.
    """
    known: dict[Digest, int | None] = {}
    for version in bundle.index.versions:
        if version.retired is None:
            continue
        for entry in bundle.manifest(version).files:
            if entry.url is None and entry.digest not in known:
                known[entry.digest] = _size_here(blobs, entry.digest)
            if entry.url is None and known[entry.digest] not in {None, entry.size_bytes}:
                raise IntegrityError(
                    f"{version.reference} says that {entry.path!r} has {entry.size_bytes} bytes, and that content has "
                    f"{known[entry.digest]}; the bundle was not written by ama-tfx"
                )


def store_new(
    database: Database, blobs: BlobStore, bundle: BundleFile, new: Iterable[Placement], on_progress: OnProgress | None
) -> Stored | None:
    """Store manifests and files of new versions, visible to nobody yet; None when nothing is new.

    Raises:
        IntegrityError: The bundle was changed since it was verified.
    """
    wanted = list(new)
    if not wanted:
        return None
    done: set[Digest] = set()
    before: dict[AssetName, Ancestor] = {}
    with blobs.writer() as writer, tempfile.TemporaryDirectory(prefix="ama-bundle-") as scratch:
        for placement in wanted:
            manifest = bundle.manifest(placement.version)
            writer.add_stream(io.BytesIO(manifest.to_bytes()), expected=placement.version.digest)
            parents = Ancestors([*_parents(database, placement.asset, before)])
            if len(manifest.files) <= MAX_PARENT_FILES:
                before[placement.asset] = Ancestor({entry.path: entry.digest for entry in manifest.files})
            needed = needed_files(placement.version, manifest)
            files = [entry for entry in _first_paths(manifest) if entry.digest in needed and entry.digest not in done]
            done.update(needed)
            for batch in _batches(files):
                _add(writer, bundle, batch, parents, Path(scratch), on_progress)
        writer.commit()
    return Stored(manifest, bundle.digest, writer.new_bytes, writer.secure)


def _size_here(blobs: BlobStore, digest: Digest) -> int | None:
    try:
        with blobs.open(digest) as stream:
            return stream.seek(0, io.SEEK_END)
    except (NotFoundError, IntegrityError):
        return None


def _parents(database: Database, asset: AssetName, before: Mapping[AssetName, Ancestor]) -> Iterator[Ancestor]:
    """Yield what new files may be newer versions of: those of the version before, in the bundle or here."""
    if asset in before:
        yield before[asset]
        return
    with database.read() as connection:
        asset_id = catalog.find_asset_id(connection, asset.workspace, asset.name)
        newest = None if asset_id is None else catalog.newest_version(connection, asset_id)
        if newest is not None and newest.file_count <= MAX_PARENT_FILES:
            yield Ancestor({file.path: file.digest for file in catalog.files_of(connection, newest.id)})


def _first_paths(manifest: Manifest) -> list[FileEntry]:
    """Return the files of a version, each content once."""
    return list({entry.digest: entry for entry in reversed(manifest.files)}.values())


def _batches(files: Iterable[FileEntry]) -> Iterator[list[FileEntry]]:
    batch: list[FileEntry] = []
    size_bytes = 0
    for entry in files:
        batch.append(entry)
        size_bytes += entry.size_bytes
        if size_bytes >= _BATCH_BYTES or len(batch) >= _BATCH_FILES:
            yield batch
            batch, size_bytes = [], 0
    if batch:
        yield batch


def _add(
    writer: BlobWriter,
    bundle: BundleFile,
    batch: list[FileEntry],
    parents: Ancestors,
    scratch: Path,
    on_progress: OnProgress | None,
) -> None:
    """Store files by way of the disk: how a file is cut follows from its name and from what stands where in it."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        sources = []
        for number, entry in enumerate(batch):
            path = Path(folder) / f"{number}{Path(entry.path).suffix}"
            with os_errors("write", path), path.open("xb") as out:
                out.writelines(bundle.pieces(entry.digest))
            sources.append(Source(path, parents.of(entry.path)))
        infos = writer.add_files(sources, on_progress=on_progress)
    for entry, info in zip(batch, infos, strict=True):
        if info.digest != entry.digest:
            raise IntegrityError(f"the bundle {str(bundle.path)!r} was written to while it was applied; nothing was")
