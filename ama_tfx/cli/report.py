"""What a command says, as a value: for people, for programs (``--json``) and for scripts (``--quiet``)."""

from __future__ import annotations

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


def print_report(
    report: Report, *, as_json: bool, quiet: bool, color: str = "auto", stream: TextIO | None = None
) -> None:
    """Print a report in the form that was asked for.

    Args:
        report: What to print.
        as_json: Print its document; this counts more than ``quiet``.
        quiet: Print its ids.
        color: ``auto`` draws tables on a terminal; ``always`` also elsewhere, and ``never`` without colours.
        stream: Where to; standard output unless another is given.
    """
    out = stream or sys.stdout
    if as_json:
        import json

        out.write(json.dumps(report.document, indent=2) + "\n")
    elif quiet:
        out.writelines(f"{escape(name)}\n" for name in report.ids)
    elif out.isatty() or color == "always":
        _draw(report.blocks, out, color)
    else:
        out.writelines(f"{line}\n" for block in report.blocks for line in plain_lines(block))


def plain_lines(block: str | Table | Facts) -> list[str]:
    """Return a block as lines of plain text."""
    if isinstance(block, str):
        return [escape(block)]
    if isinstance(block, Facts):
        return aligned([row for label, value in block.rows for row in _lines_of(label, value)])
    head = ["", f"{block.title}:"] if block.title else []
    cells = [tuple(map(_head, block.columns)), *(tuple(map(escape, row)) for row in block.rows)]
    return [*head, *aligned(cells)]


def _head(column: str) -> str:
    """Return the head of a column in capitals, unless it is a name, as of a version."""
    return column.upper() if column.replace(" ", "").isalnum() else column


def _lines_of(label: str, value: str) -> list[tuple[str, str]]:
    first, *others = value.split("\n")
    return [(f"{label}:", escape(first)), *(("", escape(line)) for line in others)]


def _draw(blocks: Sequence[str | Table | Facts], out: TextIO, color: str) -> None:
    # Here, because rich takes 90 ms to import and only a terminal needs it.
    from rich.console import Console
    from rich.text import Text

    settings: dict[str, Any] = {"file": out, "highlight": False, "emoji": False, "markup": False}
    if color == "always":
        settings |= {"force_terminal": True, "no_color": False}
    elif color == "never":
        settings |= {"color_system": None}
    console = Console(**settings)
    for block in blocks:
        if isinstance(block, str):
            console.print(Text(escape(block)), soft_wrap=True)
        elif isinstance(block, Table):
            _print_table(console, block)
        else:
            _print_facts(console, block)


def _print_table(console: Any, block: Table) -> None:
    """Print a table that is no wider than the terminal; where a reference is too long for that, each row as facts."""
    from ama_tfx.cli.fitting import fit

    rows = [tuple(map(escape, row)) for row in block.rows]
    found = fit(block.columns, rows, console.width)
    if found is None:
        _print_records(console, block)
        return
    columns = [(block.columns[index], width) for index, width in zip(found.kept, found.widths, strict=True)]
    console.print(_rich_table(block.title, columns, [[row[index] for index in found.kept] for row in rows]))


def _rich_table(title: str, columns: Sequence[tuple[str, int]], rows: Sequence[Sequence[str]]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    table = RichTable(title=title or None, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for column, width in columns:
        justify: Any = "right" if column == "size" else "left"
        table.add_column(column, overflow="fold", justify=justify, width=width)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _print_records(console: Any, block: Table) -> None:
    from rich.text import Text

    if block.title:
        console.print(Text(f"\n{block.title}", "bold"))
    for row in block.rows:
        console.print()
        _print_facts(console, Facts(tuple(zip(block.columns, row, strict=True))))


def _print_facts(console: Any, block: Facts) -> None:
    """Print labels and values; only lines of several words are broken, so that references can be copied."""
    from rich.text import Text

    indent = max((len(label) for label, _ in block.rows), default=0) + 2
    for label, value in block.rows:
        lines = [piece for line in value.split("\n") for piece in _folded(escape(line), console.width - indent)]
        for head, line in zip([label, *[""] * (len(lines) - 1)], lines, strict=True):
            console.print(Text.assemble((head.ljust(indent), "bold"), line), soft_wrap=True)


def _folded(line: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(line, max(width, 20), break_long_words=False, break_on_hyphens=False) or [""]
