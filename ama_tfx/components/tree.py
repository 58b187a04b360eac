"""The files of an artifact, wherever they lie: how large they are, their digests, and local copies."""

import contextlib
import hashlib
import posixpath
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfx.dsl.io import fileio
from tfx.utils import io_utils

_CHUNK = 2**20


def tree_size(uri: str) -> int:
    """Return the sum of the sizes of an artifact's files, in bytes."""
    return sum(tree_sizes(uri).values())


def tree_sizes(uri: str) -> dict[str, int]:
    """Return the size of each file of an artifact, in bytes, by its path in it; empty when there is none."""
    return {path: _file_size(file) for path, file in _files(uri)}


def tree_digests(uri: str) -> dict[str, str]:
    """Return the SHA-256 of each file of an artifact, by its path in it; empty when there is none."""
    return {path: file_digest(file) for path, file in _files(uri)}


def file_digest(uri: str) -> str:
    """Return the SHA-256 of one file, in hexadecimal."""
    hasher = hashlib.sha256()
    for chunk in _chunks(uri):
        hasher.update(chunk)
    return hasher.hexdigest()


@contextlib.contextmanager
def local_copy(uri: str) -> Iterator[Path]:
    """Give an artifact's files, or its one file, as local ones: what lies in an object store is copied for the block.

    A local one is given as it is, so nobody may write to what is given.
    """
    if "://" not in uri:
        yield Path(uri)
        return
    with tempfile.TemporaryDirectory(prefix="ama-local-copy-") as folder:
        copy = Path(folder, posixpath.basename(uri.rstrip("/")))
        if fileio.isdir(uri):
            io_utils.copy_dir(uri, str(copy))
        else:
            fileio.copy(uri, str(copy))
        yield copy


def _files(uri: str) -> Iterator[tuple[str, str]]:
    """Yield the path in the artifact, and the URI, of each file."""
    root = uri.rstrip("/")
    for folder, _, names in fileio.walk(root):
        for name in names:
            file = posixpath.join(folder, name)
            yield file[len(root) + 1 :], file


def _chunks(path: str) -> Iterator[bytes]:
    with fileio.open(path, "rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _file_size(path: str) -> int:
    with fileio.open(path, "rb") as stream:
        return _length(stream)


def _length(stream: Any) -> int:
    try:
        return int(stream.size())  # tf.io.gfile knows without reading
    except AttributeError:
        return int(stream.seek(0, 2))
