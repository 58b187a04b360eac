"""Pushing to where nothing can be renamed at once: an object store.

There the order is the promise: files first, each read back and compared, then ``saved_model.pb``, which TensorFlow
Serving looks for, and the marker last. A push that was killed leaves a version directory without a marker; a server
that tries to load it fails to, and keeps the version that it has.
"""

import posixpath
from datetime import datetime
from pathlib import Path

from tfx.dsl.io import fileio

from ama_tfx.components.asset_pusher.work import (
    MARKER_FILE,
    Content,
    Pushed,
    newest_version,
    next_version,
    read_content,
)
from ama_tfx.components.tree import file_digest, tree_digests
from ama_tfx.errors import IntegrityError
from ama_tfx.storage import Digest

_LAST = "saved_model.pb"


def push_remote(source: Path, base: str, now: datetime, reference: str | None = None) -> Pushed:
    """Write a model as the newest version below a URI, unless it is that already, by its digests; see `work.push`.

    Raises:
        IntegrityError: What was written is not what is read back; the version has no marker then.
    """
    wanted = read_content(source)
    newest = newest_version(_names(base))
    if newest is not None and _holds(version := posixpath.join(base, str(newest)), wanted):
        if reference is not None:
            _mark(version, wanted.marker(reference))
        return Pushed(version, str(newest), changed=False)
    number = next_version(base, newest, now)
    target = posixpath.join(base, str(number))
    for folder in sorted(wanted.folders):
        fileio.makedirs(posixpath.join(target, folder))
    for path in sorted(wanted.files, key=lambda path: (path == _LAST, path)):
        _write(source / path, posixpath.join(target, path), wanted.files[path])
    _mark(target, wanted.marker(reference))
    return Pushed(target, str(number), changed=True)


def _write(source: Path, uri: str, digest: Digest) -> None:
    fileio.makedirs(posixpath.dirname(uri))
    fileio.copy(str(source), uri)
    if file_digest(uri) != digest.hex:
        raise IntegrityError(f"{uri!r} is not what was written; push again")


def _names(base: str) -> list[str]:
    return [name.rstrip("/") for name in fileio.listdir(base)] if fileio.exists(base) else []


def _holds(version: str, wanted: Content) -> bool:
    """Return whether a version was pushed whole and is exactly this; all of it is read."""
    if not fileio.exists(posixpath.join(version, MARKER_FILE)):
        return False
    found = tree_digests(version)
    found.pop(MARKER_FILE, None)
    return found == {path: digest.hex for path, digest in wanted.files.items()}


def _mark(version: str, marker: bytes) -> None:
    path = posixpath.join(version, MARKER_FILE)
    if fileio.exists(path) and _content(path) == marker:
        return
    partial = f"{path}.partial"
    with fileio.open(partial, "wb") as stream:
        stream.write(marker)
    fileio.rename(partial, path, overwrite=True)


def _content(path: str) -> bytes:
    with fileio.open(path, "rb") as stream:
        content: bytes = stream.read()
    return content
