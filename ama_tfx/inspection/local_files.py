"""Files on disk, to be inspected."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.storage import open_regular_file, os_errors


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on disk.

    Attributes:
        path: Where.
        size_bytes: How long it is.
    """

    path: Path
    size_bytes: int

    def open(self) -> BinaryIO:
        """Open it for reading; what is no regular file by now is refused."""
        return open_regular_file(self.path)


def local_files(path: Path) -> dict[str, LocalFile]:
    """Return a file under its name, or the files below a folder under their paths in it, sorted.

    Symbolic links in a folder are not followed, and with sockets and the like not returned.

    Raises:
        NotFoundError: Nothing is there.
        InvalidInputError: Neither a file nor a folder.
        PermissionDeniedError: A folder that cannot be read.
    """
    with os_errors("read", path):
        if path.is_dir():
            return dict(sorted(_below(path)))
        if not path.exists():
            raise NotFoundError(f"no file or folder {str(path)!r}")
        if not path.is_file():
            raise InvalidInputError(f"{str(path)!r} is neither a file nor a folder; name one of these")
        return {path.name: LocalFile(path.resolve(), path.stat().st_size)}


def _below(folder: Path) -> Iterator[tuple[str, LocalFile]]:
    def fail(error: OSError) -> None:
        raise error

    for parent, _, names in os.walk(folder, onerror=fail):
        for name in names:
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix(), LocalFile(path, path.lstat().st_size)
