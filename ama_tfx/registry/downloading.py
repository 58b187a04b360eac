"""Downloading: verified into a hidden folder beside the target, which then appears with one rename."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from ama_tfx.errors import ConflictError, NotFoundError, did_you_mean
from ama_tfx.registry.manifest import FileEntry, Manifest
from ama_tfx.storage import (
    BlobStore,
    OnBytes,
    export_blob,
    fsync_directory,
    hash_stream,
    make_folders,
    open_regular_file,
    os_errors,
)


def select(manifest: Manifest, path: str | None) -> tuple[tuple[FileEntry, ...], tuple[str, ...], bool]:
    """Choose the part of a version below a path.

    Args:
        manifest: The version's.
        path: A file or a folder in it; None for all of it.

    Returns:
        The files with paths relative to the chosen folder, its empty folders, and whether one file was named.

    Raises:
        NotFoundError: No such path in the version.
    """
    if path is None:
        return manifest.files, manifest.directories, False
    for entry in manifest.files:
        if entry.path == path:
            return (FileEntry(path.rpartition("/")[2], entry.digest, entry.size_bytes),), (), True
    prefix = f"{path}/"
    files = tuple(
        FileEntry(entry.path[len(prefix) :], entry.digest, entry.size_bytes)
        for entry in manifest.files
        if entry.path.startswith(prefix)
    )
    directories = tuple(found[len(prefix) :] for found in manifest.directories if found.startswith(prefix))
    if not files and path not in manifest.directories and not directories:
        known = [entry.path for entry in manifest.files]
        raise NotFoundError(f"no path {path!r} in this version{did_you_mean(path, known)}")
    return files, directories, False


def write_folder(
    blobs: BlobStore,
    files: Sequence[FileEntry],
    directories: Sequence[str],
    target: Path,
    on_bytes: OnBytes | None,
) -> bool:
    """Write files into a folder that appears whole; return False when it already held exactly them.

    Raises:
        ConflictError: The folder exists with other content.
        IntegrityError, BackendError: The store is damaged or failed; nothing appears.
    """
    if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
        if _holds(target, files, directories):
            return False
        raise ConflictError(f"{str(target)!r} exists and holds something else; remove it, or name another target")
    make_folders(target.parent)
    partial = target.parent / f".{target.name[:100]}.{secrets.token_hex(8)}.partial"
    try:
        with os_errors("write", target):
            partial.mkdir()
            for path in directories:
                (partial / path).mkdir(parents=True, exist_ok=True)
            for entry in files:
                local = partial / entry.path
                local.parent.mkdir(parents=True, exist_ok=True)
                export_blob(blobs, entry.digest, local, on_bytes=on_bytes)
            partial.rename(target)
            fsync_directory(target.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return True


def write_one(blobs: BlobStore, entry: FileEntry, target: Path, on_bytes: OnBytes | None) -> bool:
    """Write one file; return False when it was there already.

    Raises:
        ConflictError: Something else has its name.
    """
    if target.is_symlink() or target.exists():
        if target.is_file() and _is(target, entry):
            return False
        raise ConflictError(f"{str(target)!r} exists and is something else; remove it, or name another target")
    make_folders(target.parent)
    export_blob(blobs, entry.digest, target, on_bytes=on_bytes)
    return True


def _holds(folder: Path, files: Sequence[FileEntry], directories: Sequence[str]) -> bool:
    if folder.is_symlink() or not folder.is_dir():
        return False
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}
    if there != {entry.path for entry in files} or not all((folder / path).is_dir() for path in directories):
        return False
    return all(_is(folder / entry.path, entry) for entry in files)


def _is(path: Path, entry: FileEntry) -> bool:
    if path.is_symlink() or path.stat().st_size != entry.size_bytes:
        return False
    with open_regular_file(path) as stream:
        return hash_stream(stream)[0] == entry.digest
