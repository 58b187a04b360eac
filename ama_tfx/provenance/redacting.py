"""What is left out of documents: values whose names say that they are secret, and what looks like one in texts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ama_tfx.registry.secrecy import names_secret, names_secret_in_text, names_secret_in_url

__all__ = ["REDACTED", "redacted"]

REDACTED = "[redacted]"

_QUOTED = r"""\\*"(?:\\.|[^"\\])*"|'[^']*'"""
_WORD, _LINE = re.compile(rf"{_QUOTED}|\S+"), re.compile(rf"{_QUOTED}|[^\r\n]+")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)
_URL_USER = re.compile(
    r"(\w://[^\s:/@]{0,100}):(?!\[redacted\])(?:[^\s/]{1,1000}|(?!\d{1,5}[/?#])[^\s@]{1,1000})@|(https?://)[^\s:/@]{1,1000}@"
)
_PARAMETER = re.compile(r"([?&;])([^\s=&;?#/]{1,100})=([^\s&#\"']+)")
_BEARER = re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE)
_OPTION = re.compile(r"(?<!\S)--?([A-Za-z][\w.-]{0,100})\s{1,20}(?!-)")
_ASSIGNED = re.compile(r"\b([A-Za-z_][\w.-]{0,100})\\{0,8}[\"']?\s{0,20}=\s{0,20}")
_SAID = re.compile(r"\b([A-Za-z_][\w.-]{0,100})\\{0,8}[\"']?\s{0,20}:(?!//)\s{0,20}")
_NAMES, _VALUES = ("name", "key"), ("value",)
_EXACT = 2**53


def redacted(name: str, value: Any) -> Any:
    """Return a value as a document may hold it, which is JSON that canonical JSON can carry.

    A value whose name says that it is secret (``password``, ``api_key``, ``accessToken``) is `REDACTED`: also inside
    JSON, inside a text that is JSON, beside a name (``{"name": "DB_PASSWORD", "value": …}``), behind an option of a
    command, and in a text (``password=…``); so are passwords, tokens and signatures in URLs. This is a best effort:
    a secret that nothing tells from another word stays. A number that JSON does not carry exactly is text.
    """
    if names_secret(name) and not _is_plain(name, value):
        return REDACTED
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, list | tuple):
        return _sequence(value)
    if isinstance(value, str):
        return _text(value)
    return _number(value)


def _is_plain(name: str, value: Any) -> bool:
    """Return whether it is no secret in spite of its name: nothing, a switch, or how many tokens there are."""
    is_count = isinstance(value, int | float) and name.lower().endswith("tokens")
    return is_count or isinstance(value, bool) or value in (None, "", {}, [])


def _mapping(value: Mapping[Any, Any]) -> dict[str, Any]:
    names = [inner for key, inner in value.items() if str(key).lower() in _NAMES and isinstance(inner, str)]
    is_pair = any(map(names_secret, names))
    return {
        str(key): REDACTED if is_pair and str(key).lower() in _VALUES and inner else redacted(str(key), inner)
        for key, inner in value.items()
    }


def _sequence(value: Sequence[Any]) -> list[Any]:
    """Clean each; in a list of arguments and in a pair, a name's value is what follows it."""
    cleaned = [redacted("", inner) for inner in value]
    for place, inner in enumerate(value[:-1]):
        is_name = isinstance(inner, str) and (inner.startswith("-") or len(value) == 2) and "=" not in inner
        if is_name and names_secret_in_text(inner.lstrip("-")) and isinstance(value[place + 1], str):
            cleaned[place + 1] = REDACTED
    return cleaned


def _text(value: str) -> str:
    if value.lstrip()[:1] in ("{", "[") and (document := _parsed(value)) is not None:
        cleaned = redacted("", document)
        return value if cleaned == document else json.dumps(cleaned, sort_keys=True)
    clean = value.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
    clean = _PRIVATE_KEY.sub(REDACTED, clean)
    clean = _URL_USER.sub(lambda m: f"{m[1]}:{REDACTED}@" if m[1] else f"{m[2]}{REDACTED}@", clean)
    clean = _PARAMETER.sub(lambda m: f"{m[1]}{m[2]}={REDACTED}" if names_secret_in_url(m[2]) else m[0], clean)
    for named, behind in ((_OPTION, _WORD), (_ASSIGNED, _WORD), (_SAID, _LINE)):
        clean = _without(clean, named, behind)
    return _BEARER.sub(rf"\1 {REDACTED}", clean)


def _without(text: str, named: re.Pattern[str], behind: re.Pattern[str]) -> str:
    """Return a text without what stands behind the names of secrets."""
    parts, place = [], 0
    while found := named.search(text, place):
        parts.append(text[place : found.end()])
        place = found.end()
        if names_secret_in_text(found[1]) and (value := behind.match(text, place)):
            parts.append(REDACTED)
            place = value.end()
    return "".join([*parts, text[place:]])


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
