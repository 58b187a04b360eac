"""Downloading: verified into a hidden folder beside the target, which then appears with one rename."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from ama_tfx.errors import ConflictError, IntegrityError, InvalidInputError, NotFoundError, did_you_mean
from ama_tfx.registry.manifest import FileEntry, Manifest
from ama_tfx.storage import (
    BlobStore,
    Digest,
    OnProgress,
    fsync_directory,
    give_new_name,
    hash_stream,
    hold,
    make_folders,
    open_regular_file,
    os_errors,
    remove_leftovers,
)

_PARTIAL = re.compile(r"\..{0,50}\.[0-9a-f]{16}\.partial", re.DOTALL)


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
            return (replace(entry, path=path.rpartition("/")[2]),), (), True
    prefix = f"{path}/"
    files = tuple(
        replace(entry, path=entry.path[len(prefix) :]) for entry in manifest.files if entry.path.startswith(prefix)
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
    on_progress: OnProgress | None,
) -> bool:
    """Write files into a folder that appears whole; return False when it already held exactly them.

    Raises:
        ConflictError: The folder exists with other content.
        IntegrityError, BackendError: The store is damaged or failed; nothing appears.
    """
    with os_errors("write", target):
        if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
            return _keep(target, files, directories)
        with partial_folder(target) as partial:
            for path in directories:
                (partial / path).mkdir(parents=True, exist_ok=True)
            for folder in {(partial / entry.path).parent for entry in files}:
                folder.mkdir(parents=True, exist_ok=True)
            _export(blobs, [(entry, partial / entry.path) for entry in files], on_progress)
            try:
                partial.rename(target)
            except OSError as error:
                if error.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
                    raise
                return _keep(target, files, directories)  # somebody else was quicker
            fsync_directory(target.parent)
    return True


def write_one(blobs: BlobStore, entry: FileEntry, target: Path, on_progress: OnProgress | None) -> bool:
    """Write one file; return False when it was there already.

    Raises:
        ConflictError: Something else has its name.
    """
    with os_errors("write", target):
        if target.is_symlink() or target.exists():
            if _is(target, entry):
                return False
            raise ConflictError(f"{str(target)!r} exists and is something else; remove it, or name another target")
        with partial_folder(target) as partial:
            _export(blobs, [(entry, partial / entry.path)], on_progress)
            try:
                give_new_name(partial / entry.path, target)
            except ConflictError:  # it appeared meanwhile
                if _is(target, entry):
                    return False
                raise
            fsync_directory(target.parent)
    return True


def read_manifest(blobs: BlobStore, digest: Digest) -> Manifest:
    """Return the manifest that the catalog names.

    Raises:
        IntegrityError: It is lost, damaged, or was put in by something that is not ama-tfx.
        FormatError: It was written by another release.
    """
    with open_blob(blobs, digest, "manifest") as stream:
        content = stream.read()
    try:
        return Manifest.from_bytes(content)
    except InvalidInputError as error:
        raise IntegrityError(f"the manifest {digest} was not written by ama-tfx: {error}") from error


def open_blob(blobs: BlobStore, digest: Digest, what: str) -> BinaryIO:
    """Open a blob that the catalog or a manifest names.

    Raises:
        IntegrityError: The store has lost it.
    """
    try:
        return blobs.open(digest)
    except NotFoundError as error:
        raise _lost(digest, what) from error


def open_entry(blobs: BlobStore, entry: FileEntry) -> BinaryIO:
    """Open a file of a version, wherever its bytes are.

    Raises:
        IntegrityError: The store has lost it, or its URL holds something else now.
        BackendError, PermissionDeniedError: Its URL cannot be read, or may not be.
    """
    if entry.url is None:
        return open_blob(blobs, entry.digest, f"file {entry.path!r}")
    from ama_tfx.registry.fetching import open_external  # takes 20 ms, and few versions have such files

    return open_external(entry)


def _export(blobs: BlobStore, files: Sequence[tuple[FileEntry, Path]], on_progress: OnProgress | None) -> None:
    """Write files, those of the store first; tell a blob that it has lost from a folder of the target that is gone."""
    external = [(entry, target) for entry, target in files if entry.url is not None]
    _export_stored(blobs, [(entry, target) for entry, target in files if entry.url is None], on_progress)
    if external:
        from ama_tfx.registry.fetching import fetch_file
    for entry, target in external:
        fetch_file(entry, target, on_progress)


def _export_stored(blobs: BlobStore, files: Sequence[tuple[FileEntry, Path]], on_progress: OnProgress | None) -> None:
    try:
        blobs.export(
            [(entry.digest, target) for entry, target in files],
            sizes={entry.digest: entry.size_bytes for entry, _ in files},
            on_progress=on_progress,
        )
    except NotFoundError:
        for entry, _ in files:
            if not blobs.has(entry.digest):
                raise _lost(entry.digest, f"file {entry.path!r}") from None
        raise


def give_place(partial: Path, target: Path) -> None:
    """Let a folder appear in the place of nothing, or of an empty folder.

    Raises:
        ConflictError: Something else has its place.
    """
    with os_errors("write", target):
        try:
            partial.rename(target)
        except OSError as error:
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}:
                raise
            raise ConflictError(f"{str(target)!r} exists and holds something else; name another target") from error
        fsync_directory(target.parent)


@contextlib.contextmanager
def partial_folder(target: Path) -> Iterator[Path]:
    """Make a hidden folder beside the target, locked while it is in use, and remove it unless it was renamed."""
    make_folders(target.parent)
    remove_leftovers(target.parent, _PARTIAL.fullmatch, folders=True)
    partial = target.parent / f".{target.name[:50]}.{secrets.token_hex(8)}.partial"
    descriptor = _make_held(partial)
    try:
        yield partial
    finally:
        os.close(descriptor)
        shutil.rmtree(partial, ignore_errors=True)


def _make_held(folder: Path) -> int:
    while True:
        folder.mkdir()
        with contextlib.suppress(FileNotFoundError):  # taken for a leftover before it was locked: once more
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            if hold(descriptor, folder):
                return descriptor
            os.close(descriptor)


def _lost(digest: Digest, what: str) -> IntegrityError:
    return IntegrityError(f"the {what} is missing from the store, as blob {digest}; restore it from a copy")


def _keep(target: Path, files: Sequence[FileEntry], directories: Sequence[str]) -> bool:
    """Return False, for nothing was changed, when the target holds exactly these files and folders already."""
    if not _holds(target, files, directories):
        raise ConflictError(f"{str(target)!r} exists and holds something else; remove it, or name another target")
    return False


def _holds(folder: Path, files: Sequence[FileEntry], directories: Sequence[str]) -> bool:
    if folder.is_symlink() or not folder.is_dir():
        return False
    wanted = {Path(path) for path in (*directories, *(entry.path for entry in files))}
    wanted |= {parent for path in wanted for parent in path.parents} - {Path()}
    if not _lists(folder, wanted) or not all(
        (folder / path).is_dir() and not (folder / path).is_symlink() for path in directories
    ):
        return False
    return all(_is(folder / entry.path, entry) for entry in files)


def _lists(folder: Path, wanted: Set[Path]) -> bool:
    """Return whether these paths and no others lie in a folder; the first other one ends it: it may be the root."""
    left = set(wanted)
    for root, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = (Path(root) / name).relative_to(folder)
            if path not in wanted:
                return False
            left.discard(path)
    return not left


def _is(path: Path, entry: FileEntry) -> bool:
    if path.is_symlink() or not path.is_file() or path.stat().st_size != entry.size_bytes:
        return False
    with open_regular_file(path) as stream:
        return hash_stream(stream)[0] == entry.digest
