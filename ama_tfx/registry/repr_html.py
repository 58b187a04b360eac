"""What notebooks show: small tables, in which everything from outside is escaped."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from ama_tfx.registry.manifest import FileEntry

MOST_ROWS = 50
"""How many rows of a list a notebook shows."""

_MOST_CHARACTERS = 300
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}

T = TypeVar("T")


def facts_html(facts: Mapping[str, object]) -> str:
    """Return names and values as a table of two columns."""
    rows = "".join(f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in facts.items())
    return f"<table>{rows}</table>"


def rows_html(rows: Sequence[Mapping[str, object]], *, more: int = 0) -> str:
    """Return rows under the names of their columns.

    Args:
        rows: Each with the same columns.
        more: How many there are that are not among them.
    """
    if not rows:
        return "<em>none</em>"
    head = "".join(f"<th>{_text(name)}</th>" for name in rows[0])
    body = "".join(f"<tr>{''.join(f'<td>{_text(value)}</td>' for value in row.values())}</tr>" for row in rows)
    rest = f"<p>… and {more} more</p>" if more else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


def files_html(files: Sequence[FileEntry]) -> str:
    """Return files as a table."""
    shown = [{"path": f.path, "size_bytes": f.size_bytes, "sha256": f.digest.hex[:12]} for f in files[:MOST_ROWS]]
    return rows_html(shown, more=len(files) - len(shown))


class Listing(list[T]):
    """A list that notebooks show as a table; its elements know their rows."""

    def _repr_html_(self) -> str:
        shown: Iterable[Any] = self[:MOST_ROWS]
        return rows_html([element._html_row() for element in shown], more=max(0, len(self) - MOST_ROWS))


def _text(value: object) -> str:
    """Return a value as HTML: markup is text, and what would reorder or hide text is its escape."""
    import html

    text = "" if value is None else str(value)
    cut = text[:_MOST_CHARACTERS] + ("…" if len(text) > _MOST_CHARACTERS else "")
    seen = "".join(
        char if char == "\n" or unicodedata.category(char) not in _INVISIBLE else char.encode("unicode_escape").decode()
        for char in cut
    )
    return html.escape(seen).replace("\n", "<br>")
