"""Paths as people type them for ``ama add``: with commas between them, and globs that no shell has expanded."""

from __future__ import annotations

import contextlib
import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from ama_tfx.errors import InvalidInputError, NotFoundError

_MOST_PIECES = 16
"""Trying every number of pieces takes minutes for thousands of names."""


def named_and_found(arguments: Sequence[str], folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the paths that arguments mean: those that stand there, and those that patterns among them found.

    What exists as it stands is meant as it stands: commas and ``*`` are read as such only in what does not.

    Args:
        arguments: As typed: ``a.yml,``, ``a.yml,b.yml``, ``*.yml``, ``folder``.
        folder: What relative paths are relative to.

    Raises:
        InvalidInputError: An empty argument, or nothing but commas.
        NotFoundError: A pattern that matches nothing.
    """
    names = _names(arguments, folder)
    named = [Path(name) for name in names if not _is_pattern(name, folder)]
    found = [Path(path) for name in names if _is_pattern(name, folder) for path in _expand(name, folder)]
    return list(dict.fromkeys(named)), list(dict.fromkeys(found))


def _names(arguments: Sequence[str], folder: Path) -> list[str]:
    if "" in arguments:
        raise InvalidInputError("a path is empty: ''; an unset variable, perhaps?")
    names = [name for argument in arguments for name in _split(argument, folder)]
    if not names:
        raise InvalidInputError(f"no path in {' '.join(arguments)!r}; name files or folders")
    return names


def _split(argument: str, folder: Path) -> Iterator[str]:
    """Yield the names between commas; a name that holds some itself, up to 15, wins where a file has it."""
    if _exists(argument, folder):
        yield argument
        return
    pieces, first = argument.split(","), 0
    while first < len(pieces):
        candidates = (",".join(pieces[first:end]) for end in range(min(first + _MOST_PIECES, len(pieces)), first, -1))
        name = next((name for name in candidates if _exists(name, folder)), pieces[first])
        first += name.count(",") + 1
        if stripped := name if _exists(name, folder) else name.strip():
            yield stripped


def _expand(name: str, folder: Path) -> list[str]:
    if not _is_pattern(name, folder):
        return [name]
    # Not Path.glob: that one takes no absolute pattern, and finds hidden files, which a shell does not.
    if found := sorted(glob.glob(name, root_dir=folder, recursive=True)):  # noqa: PTH207
        return found
    raise NotFoundError(f"no file or folder matches {name!r}")


def _is_pattern(name: str, folder: Path) -> bool:
    return glob.has_magic(name) and not _exists(name, folder)


def _exists(name: str, folder: Path) -> bool:
    try:
        return bool(name) and (folder / name).exists()
    except OSError:  # too long for a name: whoever opens it says so
        return False


def local_path(text: str) -> Path | None:
    """Return the path that an argument means where a reference may stand too; None when it means a reference.

    What begins with ``.``, ``~`` or ``/`` is a path; other words are references, whatever lies in the folder.

    Raises:
        NotFoundError: A path that does not exist.
    """
    if not text.startswith((".", "/", "~")):
        return None
    path = Path(text).expanduser()
    if not path.exists():
        raise NotFoundError(f"no such file or folder: {text!r}")
    return path


@contextlib.contextmanager
def suggesting_path(text: str) -> Iterator[None]:
    """Add to the error that a reference means nothing, where a file or folder has its name, how that is written.

    Raises:
        NotFoundError: As it was raised, with the path.
    """
    try:
        yield
    except NotFoundError as error:
        if text.startswith((".", "/", "~")) or not _exists(text, Path()):
            raise
        raise NotFoundError(f"{error}; did you mean {f'./{text}'!r}?") from error


def check_target(text: str) -> None:
    """Check, before long work, that a file can be written there; ``-`` is standard output.

    Raises:
        NotFoundError: Its folder is not there.
        InvalidInputError: It is a folder.
    """
    target = Path(text)
    if text == "-":
        return
    if not target.parent.is_dir():
        raise NotFoundError(f"cannot write {text!r}: there is no folder {str(target.parent)!r}")
    if target.is_dir():
        raise InvalidInputError(f"cannot write {text!r}: it is a folder; name a file")
