"""Exporting a version as the archive that it would have come in: `ama_tfx.registry.sharing.importing` backwards."""

from __future__ import annotations

import functools
import os
import shutil
import zipfile
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ama_tfx.errors import ConflictError, InvalidInputError
from ama_tfx.registry.downloading import open_entry, read_manifest
from ama_tfx.registry.manifest import FileEntry, Manifest, check_paths
from ama_tfx.registry.names import AssetRef
from ama_tfx.storage import (
    BlobStore,
    Digest,
    PendingFile,
    make_folders,
    open_regular_file,
    os_errors,
    remove_leftovers,
)

INPUT_ROLE = "input"
"""The role of the ref by which `importing` links what came out of a training to what went in."""

_PIECE_BYTES = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
_FILE_MODE, _FOLDER_MODE = 0o100644 << 16, 0o40755 << 16
_LARGE_BYTES = 1 << 30


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes:
        path: The zip.
        file_count: How many files are in it.
        content_bytes: Sum of their sizes.
        size_bytes: Of the zip.
        sources: References of the versions that are in it, or the folder.
    """

    path: Path
    file_count: int
    content_bytes: int
    size_bytes: int
    sources: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama export --json`` prints it."""
        return {
            "path": str(self.path),
            "file_count": self.file_count,
            "content_bytes": self.content_bytes,
            "size_bytes": self.size_bytes,
            "sources": list(self.sources),
        }


@dataclass(frozen=True)
class _Member:
    path: str
    size_bytes: int
    open: Callable[[], BinaryIO]


def export_version(
    blobs: BlobStore, reference: AssetRef, target: Path, *, with_inputs: bool, force: bool = False
) -> Exported:
    """Write a version, and what it refers to in the role ``input``, to one zip. See `Sharing.export_zip`."""
    digest = reference.selector
    assert isinstance(digest, Digest)
    manifest = read_manifest(blobs, digest)
    manifests = {str(reference): manifest}
    for ref in manifest.refs if with_inputs else ():
        if ref.role == INPUT_ROLE:
            manifests[str(AssetRef(ref.asset, ref.digest))] = read_manifest(blobs, ref.digest)
    entries = merged(manifests)
    members = [_Member(e.path, e.size_bytes, functools.partial(open_entry, blobs, e)) for e in entries]
    folders = {path for manifest in manifests.values() for path in manifest.directories}
    return _write_zip(target, members, folders, tuple(manifests), force=force)


def manifest_digest(path: Path) -> Digest:
    """Return which version a manifest's file is of: its SHA-256, once it was read as a manifest.

    Raises:
        NotFoundError: There is no such file.
        FormatError, InvalidInputError: It is no manifest.
    """
    with os_errors("read", path):
        content = path.read_bytes()
    Manifest.from_bytes(content)
    return Digest.of(content)


def merged(manifests: Mapping[str, Manifest]) -> list[FileEntry]:
    """Return all files of some versions, each path once.

    Args:
        manifests: By reference.

    Raises:
        ConflictError: Two versions have different files of one path.
        InvalidInputError: Their paths cannot lie side by side.
    """
    found: dict[str, tuple[str, FileEntry]] = {}
    for reference, manifest in manifests.items():
        for entry in manifest.files:
            earlier, other = found.setdefault(entry.path, (reference, entry))
            if other.digest != entry.digest:
                raise ConflictError(
                    f"{entry.path!r} is in {earlier!r} and, with other content, in {reference!r}; one zip cannot hold "
                    "both: export without the inputs"
                )
    check_paths(list(found), ())
    return [entry for _, (_, entry) in sorted(found.items())]


def export_folder(folder: Path, target: Path, *, force: bool = False) -> Exported:
    """Write the files of a folder to a zip of the same form.

    Raises:
        InvalidInputError: There is no file, or one that no asset may hold: a link, to a folder too.
        ConflictError: The target exists.
    """
    if not folder.is_dir():
        raise InvalidInputError(f"nothing to export: {str(folder)!r} is not a folder")
    found = {Path(root): (folders, names) for root, folders, names in os.walk(folder)}
    for path in sorted(root / name for root, (folders, names) in found.items() for name in (*folders, *names)):
        if path.is_symlink():
            raise InvalidInputError(f"{str(path)!r} is a link; expected regular files and folders")
    files = sorted(root / name for root, (_, names) in found.items() for name in names)
    if not files:
        raise InvalidInputError(f"nothing to export: there is no file in {str(folder)!r}")
    members = [
        _Member(path.relative_to(folder).as_posix(), path.lstat().st_size, functools.partial(open_regular_file, path))
        for path in files
    ]
    check_paths([member.path for member in members], ())
    empty = {r.relative_to(folder).as_posix() for r, (folders, names) in found.items() if not folders and not names}
    return _write_zip(target, members, empty, (str(folder),), force=force)


def _write_zip(
    target: Path, members: list[_Member], folders: Set[str], sources: tuple[str, ...], *, force: bool
) -> Exported:
    """Write a zip that appears whole and durable, or not at all."""
    if os.path.lexists(target) and not force:
        raise ConflictError(f"{str(target)!r} exists already; remove it, name another, or say --force")
    parent = target.absolute().parent
    make_folders(parent)
    remove_leftovers(parent, PendingFile.is_leftover)
    with PendingFile(parent) as pending, os_errors("write", target):
        with zipfile.ZipFile(pending.stream, "w") as archive:
            _write(archive, members, folders)
        size_bytes = pending.stream.seek(0, os.SEEK_END)
        pending.commit(target.absolute(), replace=force)
    return Exported(target, len(members), sum(m.size_bytes for m in members), size_bytes, sources)


def _write(archive: zipfile.ZipFile, members: list[_Member], folders: Set[str]) -> None:
    for path in sorted(folders):
        archive.writestr(_info(f"{path}/", _FOLDER_MODE, zipfile.ZIP_STORED), b"")
    for member in sorted(members, key=lambda member: member.path):
        info = _info(member.path, _FILE_MODE, zipfile.ZIP_DEFLATED)
        with member.open() as source, archive.open(info, "w", force_zip64=member.size_bytes > _LARGE_BYTES) as out:
            shutil.copyfileobj(source, out, _PIECE_BYTES)


def _info(path: str, mode: int, compression: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(path, _EPOCH)
    info.create_system, info.external_attr, info.compress_type = 3, mode, compression
    return info
