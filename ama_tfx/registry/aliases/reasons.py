"""Reasons: text that tells whoever reads it something."""

from __future__ import annotations

import unicodedata

from ama_tfx.errors import InvalidInputError
from ama_tfx.registry.names import check_text

_BLANK = set("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and a symbol, as Unicode has it, of which nothing is seen."""


def says_something(text: str) -> bool:
    """Return whether text has a character that is seen: a letter, a digit, a mark of punctuation or a symbol."""
    return any(unicodedata.category(char)[0] in "LNPS" and char not in _BLANK for char in text)


def check_told(text: str, what: str) -> str:
    """Return a reason after checking that it is one, and that it can be shown wherever it is read.

    Args:
        text: The reason.
        what: How errors call it.

    Raises:
        InvalidInputError: It is empty, nothing of it is seen, or it holds a control character.
    """
    if not says_something(check_text(text, what)):
        raise InvalidInputError(f"{what} {text[:60]!r} says nothing; expected some words")
    if any(unicodedata.category(char) == "Cc" and char not in "\n\t" for char in text):
        raise InvalidInputError(f"{what} {text[:60]!r} holds a control character; leave that out")
    return text


def as_told(text: str) -> str:
    """Return a reason that was recorded, as `check_told` lets it pass: releases before 1.0 checked less."""
    told = "".join("\ufffd" if unicodedata.category(char) == "Cc" and char not in "\n\t" else char for char in text)
    return told if says_something(told) else "no reason was given"
