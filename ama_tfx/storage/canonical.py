"""The one function that turns a document into bytes."""

from __future__ import annotations

import json
from typing import Any

import rfc8785

from ama_tfx.errors import InvalidInputError


def canonical_json(document: Any) -> bytes:
    """Return the canonical bytes of a JSON document (RFC 8785): equal documents give equal bytes, anywhere, forever.

    Raises:
        InvalidInputError: A value that JSON cannot carry exactly: NaN, an infinity, an integer beyond 2**53, another
            type.
    """
    try:
        return rfc8785.dumps(document)
    except rfc8785.CanonicalizationError as error:
        raise InvalidInputError(f"cannot be written as JSON: {document!r}: {error}") from error


def parse_json(content: bytes | str, what: str) -> Any:
    """Read JSON, refusing what two readers could understand differently: duplicate keys, NaN and infinities.

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
        return json.loads(content, object_pairs_hook=unique, parse_constant=no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{what} is not valid JSON: {error}") from error
