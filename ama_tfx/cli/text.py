"""Text for people: what is safe to print, and how sizes, times and tables read."""

from __future__ import annotations

import datetime
import unicodedata
from collections.abc import Sequence

_BIDIRECTIONAL = set("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNITS = ("kB", "MB", "GB", "TB", "PB")


def escape(text: str) -> str:
    """Return text that cannot move the cursor, colour, ring or reorder: such characters become their escapes."""
    return "".join(
        char.encode("unicode_escape").decode()
        if char in _BIDIRECTIONAL or unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}
        else char
        for char in text
    )


def human_size(size_bytes: int) -> str:
    """Return a size in bytes as ``12 B``, ``1.2 kB``, ``3.4 GB`` (powers of 1000)."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    size, units = size_bytes / 1000, list(_UNITS)
    while size >= 999.95 and units[1:]:
        size, units = size / 1000, units[1:]
    return f"{size:.1f} {units[0]}"


def human_time(at: datetime.datetime) -> str:
    """Return a time as ``2026-05-04 13:37:00Z``."""
    return f"{at.astimezone(datetime.timezone.utc):%Y-%m-%d %H:%M:%S}Z"


def plural(count: int, noun: str) -> str:
    """Return ``1 file``, ``2 files``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines whose columns begin below each other; the last column is not padded."""
    if not rows:
        return []
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    return ["  ".join([*map(str.ljust, row, widths), row[-1]]).rstrip() for row in rows]
