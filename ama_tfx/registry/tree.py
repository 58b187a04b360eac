"""Local files that are to become an asset's content."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ama_tfx.errors import ContentChangedError, InvalidInputError, NotFoundError
from ama_tfx.registry.manifest import check_paths
from ama_tfx.storage import FileState, os_errors

Content = Path | Mapping[str, Path]
"""What is registered: a folder (its content), a file (under its name), or paths in the asset -> files and folders."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on disk and the state in which it was found.

    Attributes:
        folder: Where it lies; one object for all files of a folder, for there may be a million.
        name: In the folder.
        state: As it was found.
    """

    folder: Path
    name: str
    state: FileState

    @property
    def local(self) -> Path:
        """Its path."""
        return self.folder / self.name


@dataclass(frozen=True, slots=True)
class Tree:
    """What was found on disk.

    Attributes:
        files: Path in the asset -> file; at least one.
        directories: Empty folders, by path in the asset.
        met: How often a file was met: one that the caller named twice counts twice.
    """

    files: Mapping[str, LocalFile]
    directories: tuple[str, ...]
    met: int

    @property
    def size_bytes(self) -> int:
        """Sum of the files' sizes."""
        return sum(file.state.size_bytes for file in self.files.values())


def scan(content: Content, *, skip: Collection[str] = ()) -> Tree:
    """Find the files of some content and check that they can be stored.

    Symbolic links inside a folder, sockets, fifos and devices are refused: what they mean elsewhere is unknown. A link
    that the caller names itself is followed. What is found was in the folder: one that a link takes the place of while
    it is looked through is not entered.

    Args:
        content: Where to look.
        skip: Names that are passed over inside folders, with all that is in them.

    Raises:
        NotFoundError: A path that does not exist.
        InvalidInputError: Nothing there, or something that cannot be stored.
        PermissionDeniedError: A folder that cannot be read.
        ContentChangedError: A folder was replaced meanwhile.
    """
    files: dict[str, LocalFile] = {}
    directories: set[str] = set()
    met = 0
    for prefix, root in _roots(content):
        for path, found in _walk(prefix, root, skip):
            met += found is not None
            if found is None:
                directories.add(path)
            elif path in files and files[path].local.resolve() != found.local.resolve():
                both = f"{str(files[path].local)!r} and {str(found.local)!r}"
                raise InvalidInputError(f"{both} would both be {path!r}; give one of them another path")
            else:
                files[path] = found
    if not files:
        raise InvalidInputError(f"nothing to store: no file in {_shown(content)}; an asset needs at least one")
    empty = tuple(sorted(directories))
    check_paths(list(files), empty)
    return Tree(dict(sorted(files.items())), empty, met)


def check_unchanged(content: Content, before: Tree) -> None:
    """Raise `ContentChangedError` when the content on disk is no longer what `scan` found."""
    left, directories = before.met, set(before.directories)
    try:
        for prefix, root in _roots(content):
            for path, found in _walk(prefix, root, ()):
                if found is None and path in directories:
                    directories.discard(path)
                elif found is None or before.files.get(path) != found:
                    raise _changed(content, path)
                else:
                    left -= 1
    except (InvalidInputError, NotFoundError) as error:
        raise ContentChangedError(f"{_shown(content)} changed while it was read: {error}") from error
    if left or directories:
        raise _changed(content, min(directories, default="files are gone"))


def _changed(content: Content, path: str) -> ContentChangedError:
    return ContentChangedError(
        f"{_shown(content)} changed while it was read ({path!r}); stop whatever writes it, then try again"
    )


def _roots(content: Content) -> Iterator[tuple[str, Path]]:
    if isinstance(content, Mapping):
        yield from content.items()
        return
    with os_errors("read", content):
        is_folder = content.is_dir()
    yield "" if is_folder else content.name, content


def _walk(prefix: str, root: Path, skip: Collection[str]) -> Iterator[tuple[str, LocalFile | None]]:
    """Yield what lies under a path: (path in the asset, file), or (path, None) for an empty folder."""
    with os_errors("read", root):
        status = root.stat()  # follows the link that the caller named
    if not stat.S_ISDIR(status.st_mode):
        resolved = root.resolve()
        yield prefix, _regular(resolved.parent, resolved.name, status)
        return
    pending = [(prefix, root, status)]
    while pending:
        path, folder, status = pending.pop()
        entries = _entries(folder, status, skip)
        if not entries and path:
            yield path, None
        for name, status in entries:
            inner = f"{path}/{name}" if path else name
            if stat.S_ISDIR(status.st_mode):
                pending.append((inner, folder / name, status))
            else:
                yield inner, _regular(folder, name, status)


def _entries(folder: Path, status: os.stat_result, skip: Collection[str]) -> list[tuple[str, os.stat_result]]:
    """Return what is in a folder, by name, provided that its path leads to the folder that had this status."""
    entries = []
    with os_errors("read", folder):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if not os.path.samestat(os.fstat(descriptor), status):
                raise ContentChangedError(f"{str(folder)!r} was replaced while it was read; try again")
            for entry in os.scandir(descriptor):
                if entry.name not in skip:
                    with os_errors("read", folder / entry.name):
                        entries.append((entry.name, entry.stat(follow_symlinks=False)))
        finally:
            os.close(descriptor)
    return sorted(entries, key=lambda entry: entry[0])


def _regular(folder: Path, name: str, status: os.stat_result) -> LocalFile:
    if not stat.S_ISREG(status.st_mode):
        what = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "no regular file"
        path = str(folder / name)
        raise InvalidInputError(f"cannot store {path!r}: it is {what}; put a file or a folder in its place")
    return LocalFile(folder, name, FileState.of(status))


def _shown(content: Content) -> str:
    if isinstance(content, Mapping):
        return ", ".join(repr(str(path)) for path in list(content.values())[:5]) or "an empty list of paths"
    return repr(str(content))
