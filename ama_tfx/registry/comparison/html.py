"""A comparison as a page: one file, without a script and without anything from elsewhere."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterator

from ama_tfx.registry.comparison.results import Comparison
from ama_tfx.registry.comparison.tables import Cell, Grid, grids

MOST_ROWS = 1_000
"""Of one table; a browser, or a notebook, gets slow with more."""

# Tints with transparency read well on light and dark grounds, of notebooks too, which follow no media query.
_STYLE = """
.ama-compare { font: 14px/1.45 system-ui, sans-serif; color: inherit; }
.ama-compare table { border-collapse: collapse; margin: .3em 0 .8em; font-variant-numeric: tabular-nums; }
.ama-compare caption { text-align: left; font-weight: 600; padding: .6em 0 .3em; }
.ama-compare th, .ama-compare td { text-align: left; vertical-align: top; padding: .25em .7em;
  border-bottom: 1px solid rgba(128, 128, 128, .35); overflow-wrap: anywhere; white-space: pre-wrap; color: inherit; }
.ama-compare thead th { border-bottom: 2px solid rgba(128, 128, 128, .7); }
.ama-compare .added, .ama-compare .good { background: rgba(46, 160, 67, .22); }
.ama-compare .removed, .ama-compare .bad { background: rgba(248, 81, 73, .22); }
.ama-compare .changed { background: rgba(210, 153, 34, .25); }
.ama-compare p { margin: .2em 0; }
@media print { .ama-compare { font-size: 10px; } .ama-compare tr { break-inside: avoid; }
  .ama-compare * { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }
"""

_PAGE_STYLE = """
:root { color-scheme: light dark; }
body { background: Canvas; color: CanvasText; margin: 2em auto; max-width: 90em; padding: 0 1.5em; }
h1 { font: 600 20px/1.3 system-ui, sans-serif; overflow-wrap: anywhere; }
@media print { :root { color-scheme: light; } body { margin: 0; padding: 0; max-width: none; } }
"""


def page(comparison: Comparison) -> str:
    """Return a comparison as a page of HTML: everything in it is text, whatever the names are."""
    title = " and ".join(map(_text, comparison.heads))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_PAGE_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f"{fragment(comparison)}</body>\n</html>\n"
    )


def fragment(comparison: Comparison) -> str:
    """Return a comparison as a piece of HTML, for a notebook or for a page."""
    tables = "".join(_table(grid) for grid in grids(comparison))
    told = "" if comparison.differing else "<p>Nothing that was compared differs.</p>\n"
    return f'<div class="ama-compare">\n<style>{_STYLE}</style>\n{told}{tables}</div>\n'


def _table(grid: Grid) -> str:
    heads = "".join(f'<th scope="col">{_isolated(column)}</th>' for column in grid.columns)
    rows = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in grid.rows[:MOST_ROWS])
    return (
        f"<table>\n<caption>{_text(grid.title)}</caption>\n<thead><tr>{heads}</tr></thead>\n"
        f"<tbody>\n{rows}</tbody>\n</table>\n{''.join(_notes(grid))}"
    )


def _notes(grid: Grid) -> Iterator[str]:
    if len(grid.rows) > MOST_ROWS:
        yield f"<p>… and {len(grid.rows) - MOST_ROWS:,} more rows; <code>--json</code> has them all.</p>\n"
    for note in grid.notes:
        yield f"<p>{_isolated(note)}</p>\n"


def _cell(cell: Cell) -> str:
    mark = f' class="{cell.mark}"' if cell.mark else ""
    return f"<td{mark}>{_isolated(cell.text)}</td>"


def _isolated(text: str) -> str:
    """Return text that can reorder nothing around it, for a name may be of a language written from the right."""
    return f"<bdi>{_text(text)}</bdi>"


def _text(text: str) -> str:
    """Return text without a meaning in HTML; what is not seen, or reorders what is, becomes its escape."""
    visible = "".join(
        char if unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} else _escape(char) for char in text
    )
    return html.escape(visible, quote=True)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode()
