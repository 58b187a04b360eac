"""Comparing lists of files: by path, then by content under another path. Values only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ama_tfx.registry.comparison.rows import FileCell, FileRow
from ama_tfx.registry.manifest import FileEntry

_MOST_LOOKED_AT = 100
"""Of the paths that one content has lost: a folder may hold the same file ten thousand times."""


@dataclass(frozen=True, slots=True)
class _Column:
    """The files of one column, by the path of their row."""

    cells: Mapping[str, FileCell]
    copies: frozenset[str] = frozenset()


def file_rows(columns: Sequence[Sequence[FileEntry]]) -> tuple[FileRow, ...]:
    """Return the files of all columns, each content that moved in the row of the path it had in the first column.

    Args:
        columns: The files of each.
    """
    first = _by_path(columns[0])
    found = [_Column(first), *(_column(first, _by_path(files)) for files in columns[1:])]
    paths = sorted({path for column in found for path in column.cells})
    return tuple(_row(path, found) for path in paths)


def shared_files(first: Sequence[FileEntry], other: Sequence[FileEntry]) -> tuple[int, list[FileEntry]]:
    """Return how many bytes of the other files are whole files of the first, and the files that are not."""
    known = {entry.digest for entry in first}
    rest = [entry for entry in other if entry.digest not in known]
    return sum(entry.size_bytes for entry in other) - sum(entry.size_bytes for entry in rest), rest


def _by_path(files: Sequence[FileEntry]) -> dict[str, FileCell]:
    return {entry.path: FileCell(entry.path, entry.digest.hex, entry.size_bytes) for entry in files}


def _column(first: Mapping[str, FileCell], files: Mapping[str, FileCell]) -> _Column:
    """Give each file the row of its path, or of the path that its content has lost."""
    lost: dict[str, list[str]] = {}
    kept: set[str] = set()
    for path, cell in first.items():
        if cell.size_bytes:  # empty files are not one file that moved about
            kept.add(cell.sha256)
            if path not in files:
                lost.setdefault(cell.sha256, []).append(path)
    cells, copies = {}, set()
    for path, cell in sorted(files.items()):
        if path in first:
            cells[path] = cell
        elif homeless := lost.get(cell.sha256):
            cells[_nearest(homeless, path)] = cell
        else:
            cells[path] = cell
            if cell.sha256 in kept:
                copies.add(path)
    return _Column(cells, frozenset(copies))


def _nearest(homeless: list[str], path: str) -> str:
    """Take the path out of those that lost a content that has most in common with one that has it now."""
    name = path.rpartition("/")[2]
    looked_at = enumerate(homeless[:_MOST_LOOKED_AT])
    chosen = next((number for number, lost in looked_at if lost.rpartition("/")[2] == name), 0)
    return homeless.pop(chosen)


def _row(path: str, columns: Sequence[_Column]) -> FileRow:
    first = columns[0].cells.get(path)
    changes = ["", *(_change(path, first, column) for column in columns[1:])]
    return FileRow(path, tuple(column.cells.get(path) for column in columns), tuple(changes))


def _change(path: str, first: FileCell | None, column: _Column) -> str:
    cell = column.cells.get(path)
    if first is None:
        return "" if cell is None else "copied" if path in column.copies else "added"
    if cell is None:
        return "removed"
    if cell.path != path:
        return "moved"
    return "same" if cell.sha256 == first.sha256 else "changed"
