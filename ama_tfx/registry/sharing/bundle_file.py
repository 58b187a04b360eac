"""Reading a bundle's file, trusting nothing: sizes first, then the manifests, then the bytes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from ama_tfx.errors import AmaError, FormatError, IntegrityError
from ama_tfx.registry.manifest import Manifest
from ama_tfx.registry.sharing.contents import BundledVersion, BundleIndex
from ama_tfx.registry.sharing.layout import (
    BLOCK_BYTES,
    END,
    INDEX,
    MOST_INDEX_BYTES,
    SUMS,
    Member,
    blob_name,
    check_header,
    check_padding,
    first_size,
    laid_out,
    manifest_name,
    sums_of,
)
from ama_tfx.storage import Digest, OnProgress, Progress, open_regular_file, os_errors

MOST_MANIFEST_BYTES = 256 << 20
"""A manifest lists some 1.5 million files in so many bytes."""
MOST_KEPT_BYTES = 8 << 20
"""How many bytes of manifests stay parsed, some ten times as many in memory; the last one stays however long it is."""

_PIECE_BYTES = 1 << 20


def needed_files(version: BundledVersion, manifest: Manifest) -> dict[Digest, int]:
    """Return the files of a version whose bytes belong in a bundle, with their sizes.

    Those of a retired version do not, nor those that are kept elsewhere, under a URL.

    Raises:
        IntegrityError: One content has two sizes.
    """
    if version.retired is not None:
        return {}
    sizes: dict[Digest, int] = {}
    for entry in manifest.files:
        if entry.url is None and sizes.setdefault(entry.digest, entry.size_bytes) != entry.size_bytes:
            raise IntegrityError(f"a manifest gives {entry.digest} two sizes; it was not written by ama-tfx")
    return sizes


def member_sizes(
    index_bytes: int, manifests: Mapping[Digest, int], blobs: Mapping[Digest, int]
) -> list[tuple[str, int]]:
    """Return the names and sizes of a bundle's members but the last, in their order."""
    return [
        (INDEX, index_bytes),
        *((manifest_name(digest), manifests[digest]) for digest in sorted(manifests)),
        *((blob_name(digest), blobs[digest]) for digest in sorted(blobs)),
    ]


def sums(index_digest: Digest, manifests: Iterable[Digest], blobs: Iterable[Digest]) -> bytes:
    """Return the content of a bundle's last member."""
    listed = [(INDEX, index_digest), *((manifest_name(digest), digest) for digest in sorted(manifests))]
    return sums_of([*listed, *((blob_name(digest), digest) for digest in sorted(blobs))])


class BundleFile:
    """A bundle that is open for reading; for a ``with`` block.

    All but the bytes of the files is checked when it is opened: nothing is interpreted that a writer would not have
    written, and nothing is read that the file's own size does not allow.

    Args:
        path: Of the bundle; a symbolic link is followed.

    Attributes:
        path: As given.
        index: Its index.
        digest: SHA-256 of the index: names the bundle with all that is in it.
        size_bytes: Of the file.

    Raises:
        NotFoundError, PermissionDeniedError, InvalidInputError: The file cannot be read, or is none.
        FormatError: Of another format.
        IntegrityError: It is damaged, or was not written by ama-tfx.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream: BinaryIO = open_regular_file(path, follow=True)
        try:
            self._parsed: dict[Digest, Manifest] = {}
            with os_errors("read", path):
                self.size_bytes = os.fstat(self._stream.fileno()).st_size
                self._open()
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> BundleFile:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._stream.close()

    @property
    def blobs(self) -> Mapping[Digest, int]:
        """The files whose bytes it holds, by digest, with their sizes."""
        return {digest: member.size_bytes for digest, member in self._blobs.items()}

    def manifest(self, version: BundledVersion) -> Manifest:
        """Return the manifest of one of its versions, verified.

        Raises:
            FormatError: Of another format.
            IntegrityError: It is damaged, or not one.
        """
        if (known := self._parsed.pop(version.digest, None)) is None:
            self._make_room(self._manifests[version.digest].size_bytes)
            known = self._parse(version)
        self._parsed[version.digest] = known  # the last one used is the last one to go
        return known

    def _make_room(self, size_bytes: int) -> None:
        kept = sum(self._manifests[digest].size_bytes for digest in self._parsed)
        while self._parsed and kept + size_bytes > MOST_KEPT_BYTES:
            oldest = next(iter(self._parsed))
            del self._parsed[oldest]
            kept -= self._manifests[oldest].size_bytes

    def _parse(self, version: BundledVersion) -> Manifest:
        member = self._manifests[version.digest]
        content = self._content(member)
        if Digest.of(content) != version.digest:
            raise IntegrityError(f"the bundle is damaged: its member {member.name!r} is not what its name says")
        try:
            return Manifest.from_bytes(content)
        except FormatError:
            raise
        except AmaError as error:
            raise IntegrityError(f"the manifest {version.digest} was not written by ama-tfx: {error}") from error

    def pieces(self, digest: Digest) -> Iterator[bytes]:
        """Yield the bytes of a file, which are not what was promised until the last one is read.

        Raises:
            IntegrityError: They are not those of the digest.
        """
        member, hasher = self._blobs[digest], hashlib.sha256()
        left = member.size_bytes
        with os_errors("read", self.path):
            self._stream.seek(member.start)
        while left:
            with os_errors("read", self.path):
                piece = self._stream.read(min(left, _PIECE_BYTES))
            if not piece:
                raise IntegrityError(f"the bundle ends within member {member.name!r}")
            hasher.update(piece)
            left -= len(piece)
            yield piece
        if hasher.hexdigest() != digest.hex:
            raise IntegrityError(f"the bundle is damaged: its member {member.name!r} is not what its name says")

    def verify(self, on_progress: OnProgress | None = None) -> None:
        """Read the bytes of every file.

        Raises:
            IntegrityError: Some are not those of their digest.
        """
        for digest in self._blobs:
            for piece in self.pieces(digest):
                if on_progress:
                    on_progress(Progress(len(piece)))
            if on_progress:
                on_progress(Progress(0, files=1))

    def _open(self) -> None:
        index_bytes = first_size(self._stream.read(BLOCK_BYTES), MOST_INDEX_BYTES)
        content = self._stream.read(index_bytes)
        self.index, self.digest = BundleIndex.from_bytes(content), Digest.of(content)
        manifests = self._manifest_sizes()
        members = list(laid_out(member_sizes(index_bytes, manifests, {}), 0))
        self._require(members[-1].end)
        self._manifests = dict(zip(sorted(manifests), members[1:], strict=True))
        blobs = self._files_of_versions()
        sums_content = sums(self.digest, manifests, blobs)
        names = [*member_sizes(index_bytes, manifests, blobs), (SUMS, len(sums_content))]
        members = list(laid_out(names, 0))
        self._require(members[-1].end + len(END), exactly=True)
        self._blobs = dict(zip(sorted(blobs), members[1 + len(manifests) : -1], strict=True))
        for member in members:
            check_header(self._stream, member)
            check_padding(self._stream, member)
        if self._content(members[-1]) != sums_content or self._stream.read() not in _ends(members[-1]):
            raise IntegrityError(f"the bundle is damaged: its {SUMS} or its end is not that of its other members")

    def _manifest_sizes(self) -> dict[Digest, int]:
        sizes: dict[Digest, int] = {}
        for version in self.index.versions:
            size_bytes = version.manifest_bytes
            if size_bytes > MOST_MANIFEST_BYTES:
                raise IntegrityError(f"a manifest of {size_bytes} bytes is too large; at most {MOST_MANIFEST_BYTES}")
            if sizes.setdefault(version.digest, size_bytes) != size_bytes:
                raise IntegrityError(f"the bundle's index gives the manifest {version.digest} two sizes")
        return sizes

    def _files_of_versions(self) -> dict[Digest, int]:
        sizes: dict[Digest, int] = {}
        for version in self.index.versions:
            for digest, size_bytes in needed_files(version, self.manifest(version)).items():
                if sizes.setdefault(digest, size_bytes) != size_bytes:
                    raise IntegrityError(f"two manifests of the bundle give {digest} different sizes")
        return sizes

    def _content(self, member: Member) -> bytes:
        with os_errors("read", self.path):
            self._stream.seek(member.start)
            return self._stream.read(member.size_bytes)

    def _require(self, size_bytes: int, *, exactly: bool = False) -> None:
        if self.size_bytes < size_bytes or (exactly and self.size_bytes != size_bytes):
            what = "cut off" if self.size_bytes < size_bytes else "followed by other bytes"
            raise IntegrityError(
                f"the bundle {str(self.path)!r} is {what}: it has {self.size_bytes} bytes, "
                f"its index asks for {'' if exactly else 'at least '}{size_bytes}; copy it again"
            )


def _ends(last: Member) -> tuple[bytes, ...]:
    return (bytes(last.end - last.start - last.size_bytes) + END,)
