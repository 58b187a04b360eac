"""What is left out of documents: values whose names say that they are secret, and passwords in URLs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["REDACTED", "redacted"]

REDACTED = "[redacted]"

_SECRET = re.compile(r"(password|passwd|token|secret|key|credentials?)$", re.IGNORECASE)
_PASSWORD = re.compile(r"(\w://[^\s:/@]*):[^\s/@]+@")
_EXACT = 2**53


def redacted(name: str, value: Any) -> Any:
    """Return a value as a document may hold it, which is JSON that canonical JSON can carry.

    A value whose name ends in ``password``, ``token``, ``secret``, ``key`` or ``credentials`` is `REDACTED`, also
    inside JSON and inside a text that is JSON; so is the password of a URL. A number that JSON does not carry exactly
    is text.
    """
    if _SECRET.search(name) and value not in (None, "", {}, []):
        return REDACTED
    if isinstance(value, Mapping):
        return {str(key): redacted(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [redacted("", inner) for inner in value]
    if isinstance(value, str):
        return _text(value)
    return _number(value)


def _text(value: str) -> str:
    if value[:1] in "{[" and (document := _parsed(value)) is not None:
        cleaned = redacted("", document)
        return value if cleaned == document else json.dumps(cleaned, sort_keys=True)
    clean = value.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
    return _PASSWORD.sub(rf"\1:{REDACTED}@", clean)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None


def _number(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < _EXACT else str(value)
    is_finite = isinstance(value, float) and value - value == 0
    return value if is_finite else str(value)
