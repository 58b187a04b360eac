"""Paths as people type them for ``ama add``: with commas between them, and globs that no shell has expanded."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from ama_tfx.errors import InvalidInputError, NotFoundError

_MOST_PIECES = 16
"""Trying every number of pieces takes minutes for thousands of names."""


def typed_paths(arguments: Sequence[str], folder: Path) -> list[Path]:
    """Return the paths that arguments mean, each once, in order.

    What exists as it stands is meant as it stands: commas and ``*`` are read as such only in what does not.

    Args:
        arguments: As typed: ``a.yml,``, ``a.yml,b.yml``, ``*.yml``, ``folder``.
        folder: What relative paths are relative to.

    Raises:
        InvalidInputError: An empty argument, or nothing but commas.
        NotFoundError: A pattern that matches nothing.
    """
    if "" in arguments:
        raise InvalidInputError("a path is empty: ''; an unset variable, perhaps?")
    names = [name for argument in arguments for name in _split(argument, folder)]
    if not names:
        raise InvalidInputError(f"no path in {' '.join(arguments)!r}; name files or folders")
    return list(dict.fromkeys(Path(path) for name in names for path in _expand(name, folder)))


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
    if not glob.has_magic(name) or _exists(name, folder):
        return [name]
    # Not Path.glob: that one takes no absolute pattern, and finds hidden files, which a shell does not.
    if found := sorted(glob.glob(name, root_dir=folder, recursive=True)):  # noqa: PTH207
        return found
    raise NotFoundError(f"no file or folder matches {name!r}")


def _exists(name: str, folder: Path) -> bool:
    try:
        return bool(name) and (folder / name).exists()
    except OSError:  # too long for a name: whoever opens it says so
        return False
