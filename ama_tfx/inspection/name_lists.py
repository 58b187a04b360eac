"""Lists of names in the code, as text: one to a line would be pages of them."""

from __future__ import annotations


def names(text: str) -> tuple[str, ...]:
    """Return the names in a text, between which there is space."""
    return tuple(text.split())
