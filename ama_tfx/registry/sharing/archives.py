"""Archives of others, opened without trust: their members are listed, checked, and written to numbered files only."""

from __future__ import annotations

import contextlib
import gzip
import os
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from ama_tfx.errors import IntegrityError, InvalidInputError
from ama_tfx.registry.manifest import check_paths
from ama_tfx.registry.names import check_path
from ama_tfx.registry.sharing.guarded import Guarded
from ama_tfx.registry.tree import scan
from ama_tfx.storage import hash_stream, open_regular_file, os_errors
from ama_tfx.storage.formats.tensor import NotParsedError
from ama_tfx.storage.formats.window import Window
from ama_tfx.storage.formats.zip_members import all_members

MOST_MEMBERS = 100_000
LEAST_LIMIT_BYTES = 1 << 30
MOST_RATIO = 100
NEVER_CONTENT = frozenset({".git", ".ama", "__MACOSX", ".DS_Store"})
"""Passed over with all that is in them: records of programs, which may hold credentials."""

_PIECE_BYTES = 1 << 20
_MOST_HEADER_BYTES = 8 << 10
"""Of a tar: what is longer, the standard library takes quadratic time for."""
_Open = Callable[[], IO[bytes]]


@dataclass(frozen=True)
class Archive:
    """An open archive.

    Attributes:
        digest: SHA-256 of its file as hexadecimal digits; None for a folder.
        sizes: Path of every file -> size in bytes; without a folder that all are in.
        passed_over: How many members are not content.
    """

    digest: str | None
    sizes: Mapping[str, int]
    passed_over: int
    _opens: Mapping[str, _Open]

    def read(self, path: str, most_bytes: int) -> bytes:
        """Return the content of a file, or of its first bytes."""
        with _member_errors(path), self._opens[path]() as stream:
            return stream.read(most_bytes)

    def extract(self, paths: Mapping[str, object] | frozenset[str], folder: Path) -> dict[str, Path]:
        """Write files below a folder, each under a number; return where each path is."""
        written = {}
        for number, path in enumerate(sorted(paths)):
            target = folder / f"{number}{PurePosixPath(path).suffix}"
            with _member_errors(path), self._opens[path]() as source, target.open("xb") as out:
                _copy(source, out, self.sizes[path], path)
            written[path] = target
        return written


@contextlib.contextmanager
def open_archive(path: Path, most_bytes: int | None) -> Iterator[Archive]:
    """Open a zip, a tar, a tar.gz or a folder.

    Args:
        path: Of it.
        most_bytes: How much it may unpack to; None for a hundred times its size, and at least 1 GiB.

    Raises:
        NotFoundError, PermissionDeniedError: It cannot be read.
        InvalidInputError: No such archive, or one with a member that no asset may hold: a name that leads elsewhere, a
            link, a device, one name twice; or more than it may unpack to.
        IntegrityError: It is damaged.
    """
    with os_errors("read", path):
        is_folder = path.is_dir()
    if is_folder:
        yield _folder(path)
        return
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(open_regular_file(path, follow=True))
        with os_errors("read", path):
            digest = hash_stream(stream)[0].hex
            size_bytes = os.fstat(stream.fileno()).st_size
            stream.seek(0)
            magic = stream.read(4)
            stream.seek(0)
        limit = max(LEAST_LIMIT_BYTES, MOST_RATIO * size_bytes) if most_bytes is None else most_bytes
        if size_bytes == 0:
            raise InvalidInputError(f"{str(path)!r} is empty; expected a zip, a tar, a tar.gz or a folder")
        if magic[:2] == b"PK":
            members = _zip_members(stack, stream, path)
        else:
            tar = stream if magic[:2] != b"\x1f\x8b" else stack.enter_context(_inflated(stream, limit, path))
            members = _tar_members(stack, tar, path)
        yield _checked(members, digest, limit, path)


def _folder(path: Path) -> Archive:
    found = scan(path, skip=NEVER_CONTENT).files
    sizes = {name: file.state.size_bytes for name, file in found.items()}
    opens: dict[str, _Open] = {name: _opener(file.local) for name, file in found.items()}
    return Archive(None, sizes, 0, opens)


def _opener(path: Path) -> _Open:
    return lambda: open_regular_file(path)


def _checked(members: list[tuple[str, int, _Open]], digest: str, limit: int, path: Path) -> Archive:
    """Return an archive of members that may lie side by side in a folder."""
    content = [member for member in members if not NEVER_CONTENT & set(member[0].split("/"))]
    if not content:
        raise InvalidInputError(f"{str(path)!r} holds no files")
    check_paths([name for name, _, _ in content], ())
    total = sum(size_bytes for _, size_bytes, _ in content)
    if total > limit:
        raise InvalidInputError(
            f"{str(path)!r} would unpack to {total} bytes, {limit} are allowed; say --most-bytes {total} to allow that"
        )
    prefix = _common_folder([name for name, _, _ in content])
    sizes = {name[len(prefix) :]: size_bytes for name, size_bytes, _ in content}
    opens = {name[len(prefix) :]: opened for name, _, opened in content}
    return Archive(digest, dict(sorted(sizes.items())), len(members) - len(content), opens)


def _zip_members(stack: contextlib.ExitStack, stream: BinaryIO, path: Path) -> list[tuple[str, int, _Open]]:
    try:
        # Before the standard library sees it: bounded, and no member may contradict the directory or another one.
        all_members(Window.of(stream))
        archive = stack.enter_context(zipfile.ZipFile(stream))
    except (NotParsedError, zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise IntegrityError(f"{str(path)!r} is no sound zip archive: {error}") from error
    found: list[tuple[str, int, _Open]] = []
    for info in archive.infolist():
        if _is_zip_folder(info, path):
            _check_folder(info.filename)
            continue
        found.append((info.filename, info.file_size, _zip_opener(archive, info)))
    return found


def _is_zip_folder(info: zipfile.ZipInfo, path: Path) -> bool:
    mode = info.external_attr >> 16
    kind = stat.S_IFMT(mode) if info.create_system == 3 else 0  # Unix
    if info.orig_filename != info.filename or info.flag_bits & 0x2041:
        raise InvalidInputError(f"{str(path)!r}: member {info.orig_filename[:100]!r} is encrypted, or hides its name")
    if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
        raise InvalidInputError(
            f"{str(path)!r}: member {info.filename[:100]!r} is a link or a device; no asset has those"
        )
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise InvalidInputError(
            f"{str(path)!r}: member {info.filename[:100]!r} is neither stored nor deflated; repack it"
        )
    return info.is_dir()


def _zip_opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Open:
    return lambda: archive.open(info)


def _tar_members(stack: contextlib.ExitStack, stream: BinaryIO, path: Path) -> list[tuple[str, int, _Open]]:
    guarded = Guarded(stream)
    content_bytes, guarded.most_at_once = guarded.most_at_once, _MOST_HEADER_BYTES
    try:
        archive = stack.enter_context(tarfile.TarFile(fileobj=guarded))  # type: ignore[arg-type]
        members = list(_listed(archive, path))
    except (tarfile.TarError, RecursionError, ValueError, OverflowError, EOFError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise IntegrityError(f"{str(path)!r} is no sound zip or tar archive: {error}") from error
    guarded.most_at_once = content_bytes
    return members


def _listed(archive: tarfile.TarFile, path: Path) -> Iterator[tuple[str, int, _Open]]:
    count = 0
    while (info := archive.next()) is not None:
        count += 1
        if count > MOST_MEMBERS:
            raise InvalidInputError(f"{str(path)!r} has more than {MOST_MEMBERS} members")
        if info.size < 0 or info.issparse() or not (info.isreg() or info.isdir()):
            raise InvalidInputError(
                f"{str(path)!r}: member {info.name[:100]!r} is a link, a device or a sparse file; no asset has those"
            )
        name = info.name.removeprefix("./")
        if info.isreg():
            yield name, info.size, _tar_opener(archive, info)
        elif name not in {"", "."}:
            _check_folder(name)


def _tar_opener(archive: tarfile.TarFile, info: tarfile.TarInfo) -> _Open:
    def opened() -> IO[bytes]:
        stream = archive.extractfile(info)
        assert stream is not None
        return stream

    return opened


@contextlib.contextmanager
def _inflated(stream: BinaryIO, limit: int, path: Path) -> Iterator[BinaryIO]:
    """Give a gzip file's content as a temporary file: a tar is read here and there."""
    with tempfile.TemporaryFile(prefix="ama-import-") as whole:
        written, most = 0, limit + MOST_MEMBERS * 2 * tarfile.BLOCKSIZE
        with _member_errors(str(path)), gzip.GzipFile(fileobj=stream) as inflated:
            while piece := inflated.read(_PIECE_BYTES):
                written += len(piece)
                if written > most:
                    raise InvalidInputError(
                        f"{str(path)!r} unpacks to more than {limit} bytes; say --most-bytes to allow more"
                    )
                whole.write(piece)
        whole.seek(0)
        yield whole


@contextlib.contextmanager
def _member_errors(path: str) -> Iterator[None]:
    try:
        with os_errors("unpack", path):
            yield
    except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, tarfile.TarError, NotImplementedError) as error:
        raise IntegrityError(f"the archive is damaged at {path!r}: {error}") from error


def _copy(source: IO[bytes], out: BinaryIO, size_bytes: int, path: str) -> None:
    left = size_bytes
    while left and (piece := source.read(min(left, _PIECE_BYTES))):
        out.write(piece)
        left -= len(piece)
    if left or source.read(1):
        raise IntegrityError(f"the archive is damaged: {path!r} has not the {size_bytes} bytes that it says")


def _check_folder(name: str) -> None:
    """Refuse a folder's name that no asset may hold; empty folders are not taken over."""
    if not NEVER_CONTENT & set(name.split("/")):
        check_path(name.removesuffix("/"))


def _common_folder(names: list[str]) -> str:
    first = names[0].partition("/")
    prefix = first[0] + first[1]
    return prefix if first[1] and all(name.startswith(prefix) for name in names) else ""
