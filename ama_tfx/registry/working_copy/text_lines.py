"""The lines of a text that is to be compared line by line."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

MAX_TEXT_BYTES = 2**18
"""A file that is longer is not compared line by line."""

MAX_LINES = 5_000
"""Likewise: the comparison takes time with the square of this."""


def text_lines(open_file: Callable[[str], BinaryIO], path: str, size_bytes: int) -> list[str] | str:
    """Return a text's lines, or why there are none to compare."""
    if size_bytes > MAX_TEXT_BYTES:
        return "too long"
    with open_file(path) as stream:
        content = stream.read(MAX_TEXT_BYTES + 1)
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return "binary"
    if "\0" in text:
        return "binary"
    lines = text.split("\n")
    return "too long" if len(lines) > MAX_LINES else _ended(lines)


def _ended(lines: list[str]) -> list[str]:
    """Tell a last line with an end from one without, as git does."""
    return lines[:-1] if lines[-1] == "" else [*lines[:-1], f"{lines[-1]}\n\\ No newline at end of file"]
