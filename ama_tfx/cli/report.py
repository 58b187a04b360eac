"""What a command says, as a value: for people, for programs (``--json``) and for scripts (``--quiet``)."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from ama_tfx.cli.text import aligned, escape


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns, with a title when it is one of several."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Labels and values; a value may have several lines."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What a command says.

    Attributes:
        document: What ``--json`` prints: an object, or an array for what is a list.
        ids: What ``--quiet`` prints, one a line.
        blocks: What people read; a `str` is a line.
    """

    document: Any
    ids: tuple[str, ...]
    blocks: tuple[str | Table | Facts, ...]


def print_report(report: Report, *, as_json: bool, quiet: bool, stream: TextIO | None = None) -> None:
    """Print a report in the form that was asked for; tables are drawn only on a terminal."""
    out = stream or sys.stdout
    if as_json:
        out.write(json.dumps(report.document, indent=2) + "\n")
    elif quiet:
        out.writelines(f"{escape(name)}\n" for name in report.ids)
    elif out.isatty():
        _draw(report.blocks, out)
    else:
        out.writelines(f"{line}\n" for block in report.blocks for line in plain_lines(block))


def plain_lines(block: str | Table | Facts) -> list[str]:
    """Return a block as lines of plain text."""
    if isinstance(block, str):
        return [escape(block)]
    if isinstance(block, Facts):
        return aligned([row for label, value in block.rows for row in _lines_of(label, value)])
    head = ["", f"{block.title}:"] if block.title else []
    cells = [tuple(column.upper() for column in block.columns), *(tuple(map(escape, row)) for row in block.rows)]
    return [*head, *aligned(cells)]


def _lines_of(label: str, value: str) -> list[tuple[str, str]]:
    first, *others = value.split("\n")
    return [(f"{label}:", escape(first)), *(("", escape(line)) for line in others)]


def _draw(blocks: Sequence[str | Table | Facts], out: TextIO) -> None:
    # Here, because rich takes 90 ms to import and only a terminal needs it.
    from rich.console import Console
    from rich.text import Text

    console = Console(file=out, highlight=False, emoji=False, markup=False)
    for block in blocks:
        if isinstance(block, str):
            console.print(Text(escape(block)), soft_wrap=True)
        elif isinstance(block, Table):
            console.print(_rich_table(block))
        else:
            console.print(_rich_facts(block))


def _rich_table(block: Table) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    table = RichTable(title=block.title or None, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for column in block.columns:
        table.add_column(column, overflow="fold", justify="right" if column == "size" else "left")
    for row in block.rows:
        table.add_row(*(Text(escape(cell)) for cell in row))
    return table


def _rich_facts(block: Facts) -> Any:
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for label, value in block.rows:
        grid.add_row(Text(label), Text("\n".join(map(escape, value.split("\n")))))
    return grid
