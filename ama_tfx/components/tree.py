"""The files of an artifact, wherever they lie: how large they are, and their digests."""

import hashlib
import os
import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfx.dsl.io import fileio

from ama_tfx.errors import InvalidInputError

_CHUNK = 2**20


def tree_size(uri: str) -> int:
    """Return the sum of the sizes of an artifact's files, in bytes."""
    return sum(_file_size(path) for path in _files(uri))


def tree_digests(uri: str) -> dict[str, str]:
    """Return the SHA-256 of each file of an artifact, by its path in it; empty when there is none."""
    prefix = uri.rstrip("/") + "/"
    return {path[len(prefix) :]: _digest(path) for path in _files(uri)}


def refuse_links(uri: str) -> None:
    """Make sure that there is no link below an artifact: whatever copies it next would follow it to elsewhere.

    Raises:
        InvalidInputError: There is one; in an object store there are none.
    """
    for folder, folders, names in os.walk(uri) if "://" not in uri else ():
        for path in (Path(folder, name) for name in (*folders, *names)):
            if path.is_symlink():
                raise InvalidInputError(f"{str(path)!r} is a link; expected a model of regular files and folders")


def _files(uri: str) -> Iterator[str]:
    for folder, _, names in fileio.walk(uri.rstrip("/")):
        for name in names:
            yield posixpath.join(folder, name)


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


def _digest(path: str) -> str:
    hasher = hashlib.sha256()
    for chunk in _chunks(path):
        hasher.update(chunk)
    return hasher.hexdigest()
