"""Patterns as git knows them: what ``.amaignore`` leaves out, and what a glob chooses among paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.registry.manifest import folders_of
from ama_tfx.storage import open_regular_file, os_errors

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".amaignore"

_MOST_BYTES = 2**20
_MAGIC = frozenset("*?[")
MAX_EXTRA_STARS = 2
MAX_DEEP_STARS = 2
MAX_BOTH_STARS = 3
"""Matching tries every place for each of these, and for each of those every place for the next."""


class Ignoring:
    """What the ``.amaignore`` files of a folder and of those in it leave out.

    As in git: the last line that matches decides, ``!`` takes one back, a file deeper in the tree counts more, and what
    lies in a folder that is left out cannot be taken back.

    Args:
        root: The folder; paths are relative to it, with ``/``.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._rules: dict[str, GitIgnoreSpec | None] = {}

    def entry(self, path: str, *, is_folder: bool) -> bool:
        """Return whether something is left out, by itself: whether a folder around it is was asked before.

        Raises:
            InvalidInputError: An ``.amaignore`` is no text, is too long, or holds what is no pattern.
        """
        for folder in (*folders_of(path), ""):
            if (rules := self._in(folder)) is None:
                continue
            inner = path[len(folder) + 1 :] if folder else path
            found = rules.check_file(f"{inner}/" if is_folder else inner).include
            if found is not None:
                return found
        return False

    def path(self, path: str, *, is_folder: bool) -> bool:
        """Return whether something is left out, by itself or with a folder that it lies in."""
        around = reversed([*folders_of(path)])
        return any(self.entry(folder, is_folder=True) for folder in around) or self.entry(path, is_folder=is_folder)

    def _in(self, folder: str) -> GitIgnoreSpec | None:
        if folder not in self._rules:
            self._rules[folder] = _read(self._root / folder / IGNORE_FILE)
        return self._rules[folder]


def has_magic(text: str) -> bool:
    """Return whether a text is a pattern: holds ``*``, ``?`` or ``[``."""
    return not _MAGIC.isdisjoint(text)


def literally(text: str) -> str:
    """Return the pattern that matches a text as it stands."""
    return "".join(f"\\{char}" if char in "*?[\\!# " else char for char in text)


def matching(paths: Iterable[str], pattern: str) -> list[str]:
    """Return the paths that a pattern of ``.amaignore`` matches, in order, with all that lies in folders it matches.

    Raises:
        InvalidInputError: No pattern, or one with too many ``*``.
    """
    _check_stars(pattern, "this pattern")
    rules = _compiled([pattern], repr(pattern))
    return [path for path in paths if rules.match_file(path)]


def chosen(paths: Sequence[str], include: Sequence[str], exclude: Sequence[str]) -> set[str]:
    """Return the paths that are wanted.

    Args:
        paths: To choose from.
        include: Patterns of which a path has to match one; none for all.
        exclude: Patterns of which it may match none.

    Raises:
        NotFoundError: A pattern to include matches nothing, or nothing is left.
    """
    found = set[str]() if include else {*paths}
    for pattern in include:
        if not (matched := matching(paths, pattern)):
            raise NotFoundError(f"nothing in this version matches {pattern!r}; `ama show --all` lists its files")
        found.update(matched)
    for pattern in exclude:
        found.difference_update(matching(paths, pattern))
    if not found:
        raise NotFoundError(f"nothing is left when {', '.join(map(repr, exclude))} is excluded")
    return found


def _read(path: Path) -> GitIgnoreSpec | None:
    with os_errors("read", path):
        if path.is_symlink():
            raise InvalidInputError(f"{str(path)!r} is a symbolic link; put a file in its place")
        if not path.is_file():
            return None
        with open_regular_file(path) as stream:
            content = stream.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise InvalidInputError(f"{str(path)!r} has more than {_MOST_BYTES} bytes; expected patterns, one a line")
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{str(path)!r} is no UTF-8 text: {error}; expected patterns, one a line") from error
    for number, line in enumerate(lines, 1):
        _check_stars(line, f"{str(path)!r}, line {number}")
    return _compiled(lines, repr(str(path)))


def _check_stars(line: str, where: str) -> None:
    """Refuse a pattern that would take a regular expression for ever."""
    if line.startswith("#"):
        return
    names = re.sub(r"\\.", "x", line.rstrip()).split("/")
    deep = names[:-1].count("**")
    extra = sum(max(0, name.count("*") - 1) for name in names if name != "**")
    if deep > MAX_DEEP_STARS or extra > MAX_EXTRA_STARS or deep + extra > MAX_BOTH_STARS:
        raise InvalidInputError(
            f"{where}: {line[:60]!r} has too many '*'; expected at most {MAX_DEEP_STARS} '**/', {MAX_EXTRA_STARS} '*' "
            f"beyond the first of each name, and {MAX_BOTH_STARS} of both"
        )


def _compiled(lines: Sequence[str], where: str) -> GitIgnoreSpec:
    # Here: what has no patterns does without the 10 ms of this import.
    from pathspec import GitIgnoreSpec

    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise InvalidInputError(f"{where}: {error}; expected a pattern as in .gitignore") from error
