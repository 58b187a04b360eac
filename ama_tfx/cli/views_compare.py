"""What ``ama compare`` reads and says."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ama_tfx.cli.report import Report, Table
from ama_tfx.cli.text import escape
from ama_tfx.cli.views_inspect import path_on_disk
from ama_tfx.registry import AssetRef, Comparison
from ama_tfx.registry.comparison.html import page as page_of
from ama_tfx.registry.comparison.results import SECTIONS
from ama_tfx.registry.comparison.tables import Grid, grids
from ama_tfx.storage import write_file

FIRST_ROWS = 100
"""How many rows of a table a terminal is given; ``--json`` and ``--html`` have more."""


def compared_references(texts: Sequence[str], workspace: str) -> list[AssetRef | Path]:
    """Read what is to be compared: references, or paths on disk.

    Raises:
        InvalidInputError: Neither.
    """
    return [path_on_disk(text) or AssetRef.parse(text, workspace) for text in texts]


def sections_of(only: str | None) -> tuple[str, ...]:
    """Read the value of ``--only``; None stands for all sections."""
    return SECTIONS if only is None else tuple(part.strip() for part in only.split(","))


def write_page(comparison: Comparison, target: str) -> None:
    """Write the page of a comparison to a file, or to standard output for ``-``.

    Raises:
        PermissionDeniedError, OutOfSpaceError, NotFoundError: The file cannot be written.
    """
    if target == "-":
        sys.stdout.write(page_of(comparison))
        return
    write_file(Path(target), page_of(comparison).encode(errors="backslashreplace"))


def comparison_report(comparison: Comparison, page: str | None) -> Report:
    """Tell how things differ.

    Args:
        comparison: Of them.
        page: Where it was written as a page too.
    """
    first, *others = comparison.heads
    head = f"{first} and {', '.join(others)}: "
    head += f"different in {', '.join(comparison.differing)}" if comparison.differing else "the same"
    told = (f"written to {page}",) if page is not None else ()
    blocks = [block for grid in grids(comparison) for block in _blocks(grid)]
    return Report(comparison.to_json(), comparison.differing, (head, *blocks, *told))


def _blocks(grid: Grid) -> Iterator[Table | str]:
    if grid.rows:
        rows = tuple(tuple(cell.text for cell in row) for row in grid.rows[:FIRST_ROWS])
        yield Table(tuple(map(escape, grid.columns)), rows, grid.title)
    if (more := len(grid.rows) - FIRST_ROWS) > 0:
        yield f"… and {more:,} more rows; --json has them all"
    yield from grid.notes
