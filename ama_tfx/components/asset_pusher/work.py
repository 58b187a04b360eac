"""What AssetPusher does with files, without TFX: a folder becomes a numbered version directory, whole or not at all.

Staged under a hidden name that TensorFlow Serving does not take for a version, read back and compared with the source,
given its marker as the last file, made durable, then renamed. A process that is killed anywhere leaves a hidden folder
at most, which the next push removes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ama_tfx.components.links import refuse_links
from ama_tfx.errors import ContentChangedError, IntegrityError, InvalidInputError
from ama_tfx.registry.downloading import partial_folder
from ama_tfx.storage import (
    Digest,
    canonical_json,
    fsync_directory,
    hash_stream,
    make_folders,
    open_regular_file,
    os_errors,
    sync_file_system,
    write_file,
)

MARKER_FILE = "ama_push.json"
"""The last file of a pushed version: what was pushed, verified."""

LAST_VERSION = 2**63 - 1
"""The highest number that TensorFlow Serving reads; it passes over a folder whose name is more."""

_CHUNK_BYTES = 1 << 20
_LONGEST_NAME = 100
"""Characters: a file system's names may be longer than what Python takes for a number."""
_TAKEN = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}


@dataclass(frozen=True)
class Content:
    """What a model's folder holds: files by path with their digests, and its empty folders."""

    files: Mapping[str, Digest]
    folders: frozenset[str] = frozenset()

    def marker(self, reference: str | None) -> bytes:
        """Return the document that marks it as pushed: verified files, and the asset version that they are."""
        files = {path: str(digest) for path, digest in sorted(self.files.items())}
        return canonical_json({"schema_version": 1, "asset": reference, "files": files})


@dataclass(frozen=True)
class Pushed:
    """Where a model is served from.

    Attributes:
        destination: Its version directory.
        version: The directory's name, a number.
        changed: False when the newest version was exactly this model already; its marker then names the asset version
            that it was pushed as last.
    """

    destination: str
    version: str
    changed: bool


def read_content(folder: Path) -> Content:
    """Hash a folder; the marker of a push is not part of it.

    Raises:
        InvalidInputError: There is nothing in it, or a link or another special file is.
    """
    files: dict[str, Digest] = {}
    folders: set[str] = set()
    with os_errors("read", folder):
        for root, names, found in os.walk(folder):
            place = Path(root)
            refuse_links(place / name for name in names)
            if not names and not found and place != folder:
                folders.add(place.relative_to(folder).as_posix())
            for name in found:
                path = (place / name).relative_to(folder).as_posix()
                if path != MARKER_FILE:
                    files[path] = digest_of(place / name)
    if not files:
        raise InvalidInputError(f"nothing to push: {str(folder)!r} holds no file; expected an exported model")
    return Content(files, frozenset(folders))


def digest_of(path: Path) -> Digest:
    """Return the SHA-256 of a regular file."""
    with open_regular_file(path) as stream:
        return hash_stream(stream)[0]


def push(source: Path, base: Path, now: datetime, reference: str | None = None) -> Pushed:
    """Let a model appear as the newest version below a folder, unless it is that already.

    Args:
        source: The exported model.
        base: The folder of the model's versions, as TensorFlow Serving's ``base_path``; made when there is none.
        now: The time, in UTC: its seconds are the version's number, as with TFX's Pusher, if none is higher.
        reference: The asset version that the model is, for the marker.

    Raises:
        InvalidInputError: The source is no folder of regular files; no higher version can be.
        ContentChangedError: The source was written to meanwhile.
        IntegrityError: What was written is not what is read back.
        PermissionDeniedError, OutOfSpaceError, BackendError: The operating system refused. Whatever is raised, no
            version appears.
    """
    wanted = read_content(source)
    make_folders(base)
    with _turn(base):
        newest = newest_version([path.name for path in base.iterdir()])
        if newest is not None and _holds(base / str(newest), wanted):
            _tell_reference(base / str(newest) / MARKER_FILE, wanted, reference)
            return Pushed(str(base / str(newest)), str(newest), changed=False)
        number = next_version(str(base), newest, now)
        while not _appear(source, base / str(number), wanted, wanted.marker(reference)):
            number += 1
    return Pushed(str(base / str(number)), str(number), changed=True)


def newest_version(names: list[str]) -> int | None:
    """Return the highest number among the names of a folder's entries: the version that is served."""
    numbers = (int(name) for name in names if name.isascii() and name.isdigit() and len(name) < _LONGEST_NAME)
    return max((number for number in numbers if number <= LAST_VERSION), default=None)


def next_version(base: str, newest: int | None, now: datetime) -> int:
    """Return the number of the version to add.

    Raises:
        InvalidInputError: The newest has the highest number that there is.
    """
    if newest == LAST_VERSION:
        raise InvalidInputError(
            f"{base!r} holds version {LAST_VERSION}, after which there is none that TensorFlow Serving reads; "
            "remove or rename it"
        )
    return max(int(now.timestamp()), (newest or 0) + 1)


def _appear(source: Path, target: Path, wanted: Content, marker: bytes) -> bool:
    """Stage, verify, mark and rename; return False when the name is taken."""
    with os_errors("write", target), partial_folder(target) as partial:
        for path in sorted(wanted.folders):
            (partial / path).mkdir(parents=True, exist_ok=True)
        for path in sorted(wanted.files):
            _copy(source / path, partial / path)
        _verify(read_content(partial), wanted, source)
        write_file(partial / MARKER_FILE, marker)
        sync_file_system(partial)
        try:
            partial.rename(target)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            return False
        fsync_directory(target.parent)
    return True


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with open_regular_file(source) as stream, target.open("xb") as copy:
        while chunk := stream.read(_CHUNK_BYTES):
            copy.write(chunk)


def _verify(staged: Content, wanted: Content, source: Path) -> None:
    """Compare what was written with what was read before.

    Raises:
        ContentChangedError: They differ because the source changed.
        IntegrityError: They differ though it did not.
    """
    different = sorted(path for path in wanted.files if staged.files.get(path) != wanted.files[path])
    if not different:
        return
    if read_content(source) != wanted:
        raise ContentChangedError(f"the model changed while it was pushed: {different[0]!r} in {str(source)!r}")
    raise IntegrityError(f"{different[0]!r} is not what was written; check the disk, then push again")


def _holds(version: Path, wanted: Content) -> bool:
    """Return whether a version was pushed whole and is exactly this."""
    if not (version / MARKER_FILE).is_file():
        return False
    with contextlib.suppress(InvalidInputError):
        return read_content(version) == wanted
    return False


def _tell_reference(marker: Path, wanted: Content, reference: str | None) -> None:
    """Let the marker of a version that is there already name the asset version that it was now pushed as."""
    if reference is not None and marker.read_bytes() != wanted.marker(reference):
        write_file(marker, wanted.marker(reference))


@contextlib.contextmanager
def _turn(base: Path) -> Iterator[None]:
    """Let one push at a time look what the newest version is and add the next; the turn ends with the process too."""
    descriptor = os.open(base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
