"""Keeps the secrets of this process's environment out of what a model or a server says."""

import os
import re
from collections.abc import Iterator

MASK = "***"
_SHORTEST = 6  # a shorter one would mask what is no secret
_NAMES_SECRET = re.compile(
    r"PASS|SECRET|TOKEN|KEY|CREDENTIAL|AUTH|PRIVATE|SIGNATURE|COOKIE|SESSION|DSN|CONN", re.IGNORECASE
)
_USER_INFO = re.compile(r"//[^/@\s]*:([^/@\s]+)@")


def masked(text: str) -> str:
    """Return a text without the values of variables that are named like secrets, and without passwords of URLs."""
    for secret in sorted(set(_secrets()), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def _secrets() -> Iterator[str]:
    for name, value in os.environ.items():
        found = [value] if _NAMES_SECRET.search(name) and not os.path.exists(value) else []  # noqa: PTH110 - it takes what is no path, too
        for secret in (*found, *_USER_INFO.findall(value)):
            # Reasons are told on one line, and a value with several is then another text.
            yield from (form for form in (secret, " ".join(secret.split())) if len(form) >= _SHORTEST)
