"""Local files that are to become an asset's content."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ama_tfx.errors import ContentChangedError, InvalidInputError, NotFoundError
from ama_tfx.registry.manifest import FileEntry, check_paths
from ama_tfx.registry.names import AssetRef
from ama_tfx.storage import FileState, os_errors


@dataclass(frozen=True)
class Onto:
    """Content made of what a registry has already, and of local files on top.

    Attributes:
        local: Path in the asset -> file or empty folder.
        base: A version by digest: what lies under other paths comes from it. None for no such version.
        removed: Paths of the base that are left out.
        external: Content that stays where it is.
    """

    local: Mapping[str, Path]
    base: AssetRef | None = None
    removed: frozenset[str] = frozenset()
    external: tuple[FileEntry, ...] = ()


Local = Path | Mapping[str, Path]
"""Content that is on disk."""

Content = Local | Onto
"""What is registered: a folder (its content), a file (under its name), paths in the asset -> files and folders, or that
on top of a version."""

AnyPath = str | os.PathLike[str]
"""A path as callers give it."""

AnyContent = AnyPath | Mapping[str, AnyPath] | Onto
"""Content as callers give it."""


def content_of(given: AnyContent) -> Content:
    """Return content with `Path`s in it.

    Raises:
        InvalidInputError: It is neither a path, nor paths in the asset -> paths, nor an `Onto`.
    """
    if isinstance(given, Onto):
        return given
    if isinstance(given, Mapping):
        return {name: path_of(path) for name, path in given.items()}
    return path_of(given)


def path_of(given: object) -> Path:
    """Return a path that a caller gave as text or as a path.

    Raises:
        InvalidInputError: It is neither.
    """
    if isinstance(given, str | os.PathLike):
        return Path(given)
    raise InvalidInputError(f"not a path: {given!r} is {type(given).__name__}; expected a text or a Path")


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


IsIgnored = Callable[[str, bool], bool]
"""Told a path in the asset and whether it is a folder's: whether it is passed over."""


def scan(content: Local, *, skip: Collection[str] = (), is_ignored: IsIgnored | None = None, least: int = 1) -> Tree:
    """Find the files of some content and check that they can be stored.

    Symbolic links inside a folder, sockets, fifos and devices are refused: what they mean elsewhere is unknown. A link
    that the caller names itself is followed. What is found was in the folder: one that a link takes the place of while
    it is looked through is not entered.

    Args:
        content: Where to look.
        skip: Names that are passed over inside folders, with all that is in them.
        is_ignored: Likewise, for paths; a folder of which everything is passed over so is not an empty one.
        least: How many files there have to be: 1, or 0.

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
        for path, found in _walk(prefix, root, skip, is_ignored):
            met += found is not None
            if found is None:
                directories.add(path)
            elif path in files and files[path].local.resolve() != found.local.resolve():
                both = f"{str(files[path].local)!r} and {str(found.local)!r}"
                raise InvalidInputError(f"{both} would both be {path!r}; give one of them another path")
            else:
                files[path] = found
    if len(files) < least:
        raise InvalidInputError(f"nothing to store: no file in {_shown(content)}; an asset needs at least one")
    empty = tuple(sorted(directories))
    check_paths(list(files), empty)
    return Tree(dict(sorted(files.items())), empty, met)


def check_unchanged(content: Local, before: Tree) -> None:
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


def _changed(content: Local, path: str) -> ContentChangedError:
    return ContentChangedError(
        f"{_shown(content)} changed while it was read ({path!r}); stop whatever writes it, then try again"
    )


def _roots(content: Local) -> Iterator[tuple[str, Path]]:
    if isinstance(content, Mapping):
        yield from content.items()
        return
    with os_errors("read", content):
        is_folder = content.is_dir()
    yield "" if is_folder else content.name, content


def _walk(
    prefix: str, root: Path, skip: Collection[str], is_ignored: IsIgnored | None = None
) -> Iterator[tuple[str, LocalFile | None]]:
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
            is_folder = stat.S_ISDIR(status.st_mode)
            if is_ignored and is_ignored(inner, is_folder):
                continue
            if is_folder:
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


def _shown(content: Local) -> str:
    if isinstance(content, Mapping):
        return ", ".join(repr(str(path)) for path in list(content.values())[:5]) or "an empty list of paths"
    return repr(str(content))
