"""URLs of content that stays where it is: which are taken, and none with a secret in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, unquote, unquote_plus, urlsplit

from ama_tfx.errors import InvalidInputError

SCHEMES = ("file", "http", "https")
MAX_URL_BYTES = 2048

_SECRET = re.compile(
    r"^(x-(amz|goog|oss)-.*|awsaccesskeyid|googleaccessid|signature|sig|se|sp|sv|skoid|.*token.*|.*secret.*|.*passw.*"
    r"|.*api[-_]?key.*|access[-_]?key.*|auth.*|credential.*|key|pwd|.*jwt.*|.*bearer.*|.*accesssignature.*"
    r"|.*private[-_]?key.*|.*hmac.*|code|.*session.*|samlresponse|policy|key-pair-id)$",
    re.IGNORECASE,
)


def check_url(url: str) -> SplitResult:
    """Return the parts of a URL after checking it; no error shows more of it than its scheme and host.

    Raises:
        InvalidInputError: Of an unknown scheme, with characters that no URL has, or with what may be a secret: a
            user's name or password, a signature, a token.
    """
    if not isinstance(url, str) or not 1 <= len(url.encode(errors="surrogatepass")) <= MAX_URL_BYTES:
        raise InvalidInputError(f"a URL has 1 to {MAX_URL_BYTES} bytes")
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises when it is none
    except ValueError as error:
        raise InvalidInputError("not a URL; expected something like https://host/path") from error
    if parts.scheme not in SCHEMES:
        raise InvalidInputError(f"a URL has the scheme {parts.scheme[:20]!r}; known: {', '.join(SCHEMES)}")
    if not re.fullmatch(r"[!$&'()*+,\-./0-9:;=?@A-Z_a-z~%\[\]]+", url):
        raise InvalidInputError(
            f"{_shown(parts)}: a URL holds no spaces, '#' or letters beyond ASCII; quote them with %"
        )
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise InvalidInputError(f"{_shown(parts)}: a URL that is recorded may hold no user and no password")
    for name in _parameters(parts):
        if may_be_secret(name):
            raise InvalidInputError(
                f"{_shown(parts)}: its parameter {name[:40]!r} may be a secret, and what is recorded stays; use a URL "
                "that needs none"
            )
    _check_place(parts)
    return parts


def may_be_secret(parameter: str) -> bool:
    """Return whether a URL's parameter of this name may hold a secret."""
    return _SECRET.match(parameter) is not None


def name_of(url: str) -> str:
    """Return the last name of a URL's path, or an empty one."""
    return unquote(check_url(url).path).rstrip("/").rpartition("/")[2]


def _parameters(parts: SplitResult) -> Iterator[str]:
    """Yield the names of a URL's parameters, after ``?`` or ``;`` as in ``/path;name=value``."""
    behind = (piece for segment in parts.path.split("/") for piece in segment.split(";")[1:])
    for piece in (*re.split("[&;]", parts.query), *behind):
        yield unquote_plus(piece.partition("=")[0])


def _check_place(parts: SplitResult) -> None:
    if parts.scheme == "file":
        if parts.netloc not in {"", "localhost"} or not re.match("/.*[^/]$", parts.path) or parts.query:
            raise InvalidInputError("a file's URL is file:///absolute/path")
        if {"..", "."} & set(unquote(parts.path).split("/")) or "\0" in unquote(parts.path):
            raise InvalidInputError("a file's URL is file:///absolute/path, without '..'")
    elif not parts.hostname:
        raise InvalidInputError(f"a URL of scheme {parts.scheme!r} has no host; expected {parts.scheme}://host/path")


def _shown(parts: SplitResult) -> str:
    return repr(f"{parts.scheme}://{(parts.hostname or '')[:100]}/…")
