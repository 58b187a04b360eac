"""How a table fits into a terminal: which columns are shown, and how wide each is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

_FIRST_LEFT_OUT = ("sha256", "digest")
"""Columns for programs: the beginnings of digests, which no command takes."""

_LEFT_OUT = ("by", "size", "semantic", "created", "retired", "pinned", "moved", "who", "tags", "metrics", "when")
"""Columns that a narrow terminal does not show, the least important first."""

_KEYS = {"version", "asset", "alias", "name", "workspace", "role"}
"""Columns that tell rows apart: they are folded last."""

_PROSE = {"message", "reason", "path", "file", "description", "why", "value", "what", "details", "because of"}
"""Columns whose text may be folded, however short it is."""

_LONGEST_NAME = 24
"""A cell with a space that has more characters is prose and may be folded; times have 20."""

_NARROW, _NARROWEST = 12, 3
_COPYABLE = re.compile(r"(?:ama://)?\S*[0-9a-f]{64}\S*")
"""A whole reference or digest: it stays in one line, so that it can be copied."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What of a table is shown.

    Attributes:
        kept: The numbers of the columns.
        widths: Of them, in cells of the terminal.
    """

    kept: tuple[int, ...]
    widths: tuple[int, ...]


def fit(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Fit | None:
    """Return how a table fits into a width, with as little folded and left out as that takes.

    Args:
        columns: The heads.
        rows: The cells under them.
        width: Of the terminal, in cells.

    Returns:
        None when only lines as long as a whole reference could show it.
    """
    shapes = [_Shape.of(column, [row[index] for row in rows]) for index, column in enumerate(columns)]
    copyable = any(shape.copyable for shape in shapes)
    empty = {columns[i] for i in range(len(columns)) if all(row[i] in {"", "-"} for row in rows)} - _KEYS
    for kept, level in _attempts(columns, empty, copyable=copyable):
        floors = [shapes[index].floor(level) for index in kept]
        room = width - sum(floors) - 3 * len(kept) - 1  # between columns are three cells, and two at the ends
        if room >= 0:
            return Fit(kept, _grown(floors, [shapes[index].natural for index in kept], room))
    if copyable:
        return None
    return Fit(kept, tuple(floors))


@dataclass(frozen=True, slots=True)
class _Shape:
    """What a column needs: its widest cell, its longest reference, and how it may be folded."""

    natural: int
    copyable: int
    is_prose: bool
    is_key: bool

    @classmethod
    def of(cls, column: str, cells: Sequence[str]) -> _Shape:
        found = [match[0] for cell in cells for match in _COPYABLE.finditer(cell)]
        prose = column in _PROSE or any(" " in cell and len(cell) > _LONGEST_NAME for cell in cells)
        natural = max(map(cell_len, [column, *cells]))
        return cls(natural, max(map(cell_len, found), default=0), prose, column in _KEYS)

    def floor(self, level: int) -> int:
        """Return how narrow the column may get: from level 0, where prose is folded, to 3, where all is."""
        most = self.natural
        if level and (self.is_prose or level > 1) and (not self.is_key or level > 2):
            most = _NARROW if level < 3 else _NARROWEST
        elif self.is_prose and not level:
            most = _LONGEST_NAME
        return max(self.copyable, min(self.natural, most))


def _attempts(columns: Sequence[str], empty: set[str], *, copyable: bool) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yield columns to keep and how far to fold them; nothing is dropped for a reference that does not fit anyway."""
    kept = tuple(range(len(columns)))
    yield kept, 0
    kept = tuple(index for index in kept if columns[index] not in _FIRST_LEFT_OUT)
    yield kept, 0
    kept = tuple(index for index in kept if columns[index] not in empty) or kept
    yield kept, 1
    if copyable:
        return
    for name in _LEFT_OUT:
        if name in columns and len(kept) > 1:
            kept = tuple(index for index in kept if columns[index] != name)
            yield kept, 1
    yield kept, 2
    yield kept, 3


def _grown(floors: Sequence[int], naturals: Sequence[int], room: int) -> tuple[int, ...]:
    """Return widths that share out what room there is among the columns that could use it."""
    widths = list(floors)
    while room and (hungry := [index for index, width in enumerate(widths) if width < naturals[index]]):
        for index in hungry:
            more = min(max(1, room // len(hungry)), naturals[index] - widths[index], room)
            widths[index] += more
            room -= more
    return tuple(widths)
