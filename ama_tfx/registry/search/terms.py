"""What may stand behind a field, and what it then means."""

from __future__ import annotations

import re
from collections.abc import Callable

from ama_tfx.catalog.patterns import Pattern
from ama_tfx.errors import InvalidInputError
from ama_tfx.registry.names import AssetRef
from ama_tfx.registry.search.query import LABELS, MAX_STARS, ORDERED, Field, Op, Span
from ama_tfx.registry.search.values import SemanticPrefix, Value, When, read_number, read_size, read_whole

MIN_DIGITS = 8
"""Fewest digits of a SHA-256 that are taken for the beginning of one."""

_HEX = re.compile(r"[0-9a-f]+")
_JSON_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_NUMERIC = re.compile(r"[-+.]?[0-9]")
_EQUAL = {Op.IS, Op.IS_NOT}
_READERS: dict[Field, Callable[[str], Value]] = {
    Field.METRIC: read_number,
    Field.SIZE: read_size,
    Field.VERSION: read_whole,
    Field.CREATED: lambda text: When(text.replace(" ", "T")),
    Field.SEMANTIC: SemanticPrefix.parse,
}


def read_words(token: str) -> Pattern:
    """Return what a free word or a quoted phrase looks for."""
    return _pattern(token)


def read_value(field: Field, op: Op, token: str) -> Value | Span:
    """Return the value that a field is compared with.

    Args:
        field: Which.
        op: How.
        token: As it stands in the query, with its quotes.

    Raises:
        InvalidInputError: The field cannot be compared so, or not with this.
    """
    if op not in _EQUAL and field not in ORDERED:
        raise InvalidInputError(f"{field.value} has no order: {op.value!r} cannot be asked of it; use ':', '=' or '!='")
    if field in LABELS:
        return _pattern(token)
    if field is Field.PROPERTY:
        return _property(op, token)
    if field is Field.SHA256:
        return Pattern(_digits(unquoted(token)))
    if field is Field.REFS:
        return _reference(unquoted(token))
    return _ordered(_READERS[field], op, unquoted(token), any_too=field is Field.METRIC)


def unquoted(token: str, *, keep_escapes: bool = True) -> str:
    r"""Return the text of a word or a quoted phrase; ``\"`` in quotes is a quote.

    Args:
        token: With its quotes, if it has some.
        keep_escapes: Whether other backslashes stay, for a pattern to read.
    """
    if not token.startswith('"'):
        return token
    body = token[1:-1]
    return re.sub(r'\\(["\\])', r"\1", body) if not keep_escapes else body.replace('\\"', '"')


def _pattern(token: str) -> Pattern:
    source = ""
    for char, wild in Pattern(unquoted(token)).tokens():
        if wild and char == "*" and source.endswith("*") and not source.endswith("\\*"):
            continue
        source += f"\\{char}" if not wild and char in "*?\\" else char
    if not source:
        raise InvalidInputError("an empty text is nowhere; expected at least one character, or '*' for any")
    if sum(wild and char == "*" for char, wild in Pattern(source).tokens()) > MAX_STARS:
        raise InvalidInputError(f"{source[:60]!r} has more than {MAX_STARS} '*'; leave some out")
    return Pattern(source)


def _property(op: Op, token: str) -> Value | Span:
    """A bare value is JSON where it reads as JSON, like those of ``ama set --property``; in quotes it is text."""
    if not token.startswith('"'):
        if token in _JSON_WORDS:
            if op not in _EQUAL:
                raise InvalidInputError(f"{token} has no order; use ':', '=' or '!='")
            return _JSON_WORDS[token]
        if _is_numeric(token):
            return _ordered(read_number, op, token, any_too=False)
    pattern = _pattern(token)
    if op not in _EQUAL and pattern.literal is None:
        raise InvalidInputError(f"{pattern.source!r} stands for many texts, which have no order; use ':', '=' or '!='")
    return pattern


def _is_numeric(token: str) -> bool:
    try:
        _ordered(read_number, Op.IS, token, any_too=False)
    except InvalidInputError:
        return False
    return True


def _ordered(read: Callable[[str], Value], op: Op, text: str, *, any_too: bool) -> Value | Span:
    if any_too and text == "*" and op in _EQUAL:
        return Pattern("*")
    if ".." not in text:
        return read(text)
    if op not in _EQUAL:
        raise InvalidInputError(f"{text!r} is a range, which {op.value!r} cannot be asked of; use ':'")
    low, _, high = text.partition("..")
    if not (low or high):
        raise InvalidInputError("'..' has no ends; expected LOW..HIGH, LOW.. or ..HIGH")
    return Span(read(low) if low else None, read(high) if high else None)


def _digits(text: str) -> str:
    digits = text.lower().removeprefix("sha256:")
    if not _HEX.fullmatch(digits) or not MIN_DIGITS <= len(digits) <= 64:
        raise InvalidInputError(f"not a SHA-256: {text[:80]!r}; expected {MIN_DIGITS} to 64 hexadecimal digits")
    return digits


def _reference(text: str) -> Pattern:
    if AssetRef.parse(text).path is not None:
        raise InvalidInputError(f"expected an asset or a version, not a path in one: {text!r}")
    return Pattern(text)
