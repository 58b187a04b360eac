"""Verifying: whether a version can be restored, and whether a folder is a version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ama_tfx.errors import AmaError, IntegrityError, NotFoundError
from ama_tfx.registry.manifest import FileEntry, Manifest
from ama_tfx.registry.results import Version
from ama_tfx.registry.tree import scan
from ama_tfx.storage import BlobStore, Digest, OnProgress, Progress, hash_stream, open_regular_file, os_errors

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Verified:
    """What verifying found.

    Attributes:
        version: Which version it is, or was compared with.
        file_count: How many files were read.
        size_bytes: Sum of their sizes.
        problems: What is wrong: a path, and what it is; empty when nothing is.
        elsewhere_count: How many of the files are kept elsewhere, at URLs, and were read from there.
    """

    version: Version
    file_count: int
    size_bytes: int
    problems: tuple[tuple[str, str], ...]
    elsewhere_count: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether everything is as it was registered."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama verify --json`` prints it."""
        return {
            **self.version.to_json(),
            "whole": self.is_whole,
            "file_count": self.file_count,
            "size_bytes": self.size_bytes,
            "elsewhere_count": self.elsewhere_count,
            "problems": [{"path": path, "problem": what} for path, what in self.problems],
        }


def verify_blobs(
    blobs: BlobStore, files: tuple[FileEntry, ...], on_progress: OnProgress | None
) -> Iterator[tuple[str, str]]:
    """Read every byte of some files, from the store or from where they are kept, and yield what is wrong."""
    known: dict[tuple[Digest, str | None], str | None] = {}
    for entry in files:
        key = (entry.digest, entry.url)
        if key not in known:
            find = _problem_of if entry.url is None else _problem_elsewhere
            known[key] = find(blobs, entry, on_progress)
        if problem := known[key]:
            yield entry.path, problem


def _problem_elsewhere(_: BlobStore, entry: FileEntry, on_progress: OnProgress | None) -> str | None:
    from ama_tfx.registry.fetching import check_external  # takes 20 ms, and few versions have such files

    try:
        check_external(entry, on_progress)
    except IntegrityError as error:
        return str(error)
    except AmaError as error:
        return f"is kept elsewhere ({entry.url}), and cannot be reached: {error}"
    return None


def _problem_of(blobs: BlobStore, entry: FileEntry, on_progress: OnProgress | None) -> str | None:
    size_bytes = 0
    try:
        with blobs.open(entry.digest) as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                size_bytes += len(chunk)
                if on_progress:
                    on_progress(Progress(len(chunk), 0))
    except (IntegrityError, NotFoundError) as error:
        return str(error)
    if on_progress:
        on_progress(Progress(0, 1))
    return None if size_bytes == entry.size_bytes else f"has {size_bytes} bytes, not {entry.size_bytes}"


def verify_local(folder: Path, manifest: Manifest, on_progress: OnProgress | None) -> Iterator[tuple[str, str]]:
    """Compare a folder, or one file, with a version, and yield what differs."""
    tree = scan(folder, least=0, skip=frozenset({".ama", ".git"}))
    wanted = {entry.path: entry for entry in manifest.files}
    if folder.is_file() and len(wanted) == 1:  # one file is compared whatever it is called
        yield from _differs(next(iter(wanted.values())), folder, on_progress)
        return
    for path, entry in wanted.items():
        if path not in tree.files:
            yield path, "is missing"
        else:
            yield from _differs(entry, folder / path, on_progress)
    yield from ((path, "is not in the version") for path in sorted(tree.files.keys() - wanted.keys()))


def _differs(entry: FileEntry, local: Path, on_progress: OnProgress | None) -> Iterator[tuple[str, str]]:
    with open_regular_file(local, follow=True) as stream, os_errors("read", local):
        digest, size_bytes = hash_stream(stream)
    if on_progress:
        on_progress(Progress(size_bytes, 1))
    if digest != entry.digest:
        yield entry.path, f"is other content: {digest}, not {entry.digest}"


def local_contents(folder: Path, on_progress: OnProgress | None) -> dict[str, Digest]:
    """Return the SHA-256 of every file in a folder, by path; ``.ama`` and ``.git`` do not count."""
    found: dict[str, Digest] = {}
    for path, file in scan(folder, skip=frozenset({".ama", ".git"})).files.items():
        with open_regular_file(file.local, follow=True) as stream, os_errors("read", file.local):
            found[path], size_bytes = hash_stream(stream)
        if on_progress:
            on_progress(Progress(size_bytes, 1))
    return found
