"""What looks like a secret in names and texts: a best effort, by patterns; each errs on the side of taking one for it.

`urls` says which URLs may be recorded; here is what is looked for in texts that somebody else wrote.
"""

from __future__ import annotations

import re

from ama_tfx.registry.urls import may_be_secret

VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
"""A name that an environment variable is taken by: upper-case, as no token is that somebody took for a name."""

_LIKE_A_KEY = r"(?:(?:gh[a-z]_|github_pat_|glpat-|hf_|xox[a-z]-|sk-|pypi-|dckr_pat_)[\w.~%+-]{1,300}|[\w.~%+-]{16,300})"
_NO_PORT = r"(?!\d{1,5}[/?#])"
_CHARACTER = r'(?:[^\s/@"\\\x00-\x1f\x7f]|\\(?![nrt"]))'  # of a line in JSON too
_WITH_SLASH = r'(?:[^\s@"\\\x00-\x1f\x7f]|\\(?![nrt"]))'
_USER = r'[^\s/@:"\\<>\[\]\x00-\x1f\x7f]{0,100}'
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}$")
_SECRET_IN_URL = re.compile(
    rf"://(?P<user>{_USER}):(?:{_CHARACTER}{{1,300}}|{_NO_PORT}{_WITH_SLASH}{{1,300}})@(?!sha256:)"
    rf"|(?:(?<=http)|(?<=https))://{_LIKE_A_KEY}@",
    re.ASCII,
)

_SUFFIX = re.compile(
    r"(passwords?|passwd|passphrases?|passcode|pwd|tokens?|secrets?|key|(api|access|private|secret|signing|encryption|ssh)"
    r"[-_]?keys|credentials?|creds|authorization|bearer|cookies?|jwt|(^|[-_])(auth|pw|pat))$",
    re.IGNORECASE,
)
_WORDS = re.compile(r"(password|passwords|passwd|passphrase|pwd|secrets?|tokens?|credentials?|authorization)")
_OF_A_NAME = re.compile(r"(envs?|names?|files?|paths?|counts?|size|length|len|limit|max|ttl|type)")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def secret_in_url(text: str) -> str | None:
    """Look for a URL with a user's password, or over HTTP with a token for the user.

    Returns:
        How the first one begins, as much as an error may show: its scheme and three letters of the user. None for none.
    """
    found = _SECRET_IN_URL.search(text)
    if found is None:
        return None
    scheme = _SCHEME.search(text[max(0, found.start() - 31) : found.start()])
    return f"{scheme[0] if scheme else ''}://{(found['user'] or '')[:3]}"


def names_secret(name: str) -> bool:
    """Return whether what has this name is to be taken for a secret: ``DB_PASSWORD``, ``accessToken``, ``pwd``.

    A name of where one is (``token_env``, ``password_file``) is none.
    """
    if _SUFFIX.search(name):
        return True
    words = [word.lower() for word in _WORD.findall(name)]
    return any(map(_WORDS.fullmatch, words)) and not _OF_A_NAME.fullmatch(words[-1])


def names_secret_in_text(name: str) -> bool:
    """Return the same for a word in a text, where ``key`` alone is mostly of a dictionary or of a table."""
    if name.lower().endswith("key") and not name.isupper():
        return bool(
            re.search(r"(api|access|secret|account|private|shared|signing|encryption|ssh)[-_]?key$", name, re.I)
        )
    return names_secret(name)


def names_secret_in_url(name: str) -> bool:
    """Return the same for a parameter of a URL."""
    return may_be_secret(name) or names_secret(name)
