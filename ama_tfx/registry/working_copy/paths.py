"""Paths of a working copy: from what users type to paths from its root, and what may not be there."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from ama_tfx.errors import InvalidInputError, NotFoundError, did_you_mean
from ama_tfx.registry.manifest import folders_of
from ama_tfx.registry.working_copy.draft import Draft
from ama_tfx.registry.working_copy.ignoring import Ignoring, has_magic, literally, matching
from ama_tfx.registry.working_copy.records import FOLDER
from ama_tfx.storage import os_errors


def from_root(path: Path, root: Path) -> str:
    """Return the path, from the root, of something that is there; ``""`` is the root itself.

    Raises:
        NotFoundError: Nothing is there.
        InvalidInputError: It is outside the root, or in ``.ama``.
    """
    if "\0" in str(path):
        raise InvalidInputError(f"not a path: {str(path)!r} holds '\\x00'")
    with os_errors("read", path):
        # The last name is kept as it is, for a link that the user names is content under its own name.
        whole = path.absolute()
        local = whole.resolve() if path.name in {"", ".."} else whole.parent.resolve() / whole.name
        top = root.resolve()
    if not local.is_relative_to(top):
        raise InvalidInputError(f"{str(path)!r} is outside the working copy {str(top)!r}; copy it there first")
    if not os.path.lexists(local):
        raise NotFoundError(f"no such file or folder: {str(path)!r}{_near(local)}")
    parts = local.relative_to(top).parts
    if FOLDER in map(str.casefold, parts):
        raise InvalidInputError(f"{str(path)!r} is ama's own record of the working copy, which is never content")
    return "/".join(parts)


def not_ignored(named: Collection[str], met: Collection[str], root: Path, ignoring: Ignoring) -> set[str]:
    """Return what is to be added of paths that the user named, and of those that patterns found.

    Raises:
        InvalidInputError: ``.amaignore`` leaves out a path that the user named, or all that patterns found.
    """
    _refuse_ignored(named, root, ignoring)
    wanted = {*named} | {path for path in met if not ignoring.path(path, is_folder=(root / path).is_dir())}
    if not wanted:
        raise InvalidInputError("nothing to add: .amaignore leaves all of it out; add it with --force if it is meant")
    return wanted


def _refuse_ignored(paths: Iterable[str], root: Path, ignoring: Ignoring) -> None:
    found = [path for path in sorted(paths) if path and ignoring.path(path, is_folder=(root / path).is_dir())]
    if found:
        more = f" (and {len(found) - 1} more)" if found[1:] else ""
        raise InvalidInputError(f"{found[0]!r}{more} is left out by .amaignore; add it with --force if it is meant")


def refuse_new_links(draft: Draft, root: Path) -> None:
    """Raise `InvalidInputError` where a link has a file's or a folder's place: it would bring in other content."""
    paths = {found for path in (*draft.files, *draft.directories) for found in (path, *folders_of(path))}
    for path in sorted(paths - {*draft.links}):
        with os_errors("read", root / path):
            if (root / path).is_symlink():
                raise InvalidInputError(
                    f"{path!r} is a symbolic link now, and was none when it was added; "
                    "add it again if what it leads to is meant"
                )


def select_known(typed: str, known: Collection[str], folder: Path, root: Path) -> list[str]:
    """Return which of some paths from the root are meant: one, those in a folder, or those that a pattern matches.

    Nothing has to be there on disk.

    Args:
        typed: Relative to ``folder``, or absolute.
        known: The paths to choose from.
        folder: Where the user is.
        root: The working copy's.

    Raises:
        InvalidInputError: Outside the working copy.
        NotFoundError: None is meant.
    """
    whole = os.path.normpath(folder / typed)
    top = os.path.normpath(root)
    if "\0" in typed or (whole != top and not whole.startswith(f"{top}{os.sep}")):
        raise InvalidInputError(f"{typed!r} is outside the working copy {top!r}")
    path = whole[len(top) + 1 :]
    found = [name for name in known if not path or name == path or name.startswith(f"{path}/")]
    if not found and has_magic(typed):
        around = os.path.relpath(folder, top) if not Path(typed).is_absolute() else "."
        found = matching(known, _anchored(typed, path, "" if around == "." else around))
    if not found:
        raise NotFoundError(f"nothing that is pending or in the base is called {typed!r}{did_you_mean(path, known)}")
    return found


def names_between_commas(argument: str, known: Collection[str]) -> list[str]:
    """Return what an argument names: itself when that is known or it has no comma, else what stands between them."""
    if argument in known or "," not in argument:
        return [argument]
    return [name for piece in argument.split(",") if (name := piece.strip())]


def _anchored(typed: str, path: str, around: str) -> str:
    if around and path.startswith(f"{around}/"):
        return f"/{literally(around)}/{path[len(around) + 1 :]}"
    return f"/{path}" if path else typed


def _near(path: Path) -> str:
    try:
        return did_you_mean(path.name, [entry.name for entry in path.parent.iterdir()])
    except OSError:  # a hint is not worth an error
        return ""
