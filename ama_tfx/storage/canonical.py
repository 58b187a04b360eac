"""The one function that turns a document into bytes."""

from __future__ import annotations

import json
import math
import reprlib
from typing import Any

import rfc8785

from ama_tfx.errors import InvalidInputError

_EXACT = 2**53


def canonical_json(document: Any) -> bytes:
    """Return the canonical bytes of a JSON document (RFC 8785): equal documents give equal bytes, anywhere, forever.

    Raises:
        InvalidInputError: A value that JSON cannot carry exactly: NaN, an infinity, an integer from 2**53 on, another
            type, half of a surrogate pair, a nesting too deep.
    """
    try:
        return rfc8785.dumps(document)
    except (rfc8785.CanonicalizationError, UnicodeError, RecursionError) as error:
        raise InvalidInputError(f"cannot be written as JSON: {reprlib.repr(document)}: {error}") from error


def parse_json(content: bytes | str, what: str) -> Any:
    """Read JSON, refusing what two readers could understand differently: duplicate keys, NaN and infinities.

    A number from 2**53 on is a float however it is written, as it is to every reader that follows RFC 8785: what
    `canonical_json` wrote can be read and written again.

    Args:
        content: The text.
        what: What it is, for the error.

    Raises:
        InvalidInputError: Not such a document.
    """

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = dict(pairs)
        if len(seen) != len(pairs):
            raise ValueError("a key stands twice in one object")
        return seen

    def no_constant(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    try:
        return json.loads(
            content, object_pairs_hook=unique, parse_constant=no_constant, parse_int=_integer, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{what} is not valid JSON: {error}") from error


def _integer(digits: str) -> int | float:
    value = int(digits)
    return value if -_EXACT < value < _EXACT else _finite(digits)


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"{digits[:40]} is beyond every number of JSON")
    return value
