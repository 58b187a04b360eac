"""Every error of ama-tfx, grouped by who can act on it.

Each class is also the matching built-in, so callers that know nothing of ama-tfx still catch the right thing; each has
a stable ``code`` (used in ``--json`` output and by the server) and an ``exit_code`` (used by the CLI). A message says
what is wrong, shows the value, and says what would be right. Every error survives pickling, because Beam and TFX move
exceptions between processes.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "AmaError",
    "BackendError",
    "ConflictError",
    "ContentChangedError",
    "FormatError",
    "GateError",
    "IntegrityError",
    "InvalidInputError",
    "MissingExtraError",
    "NotFoundError",
    "OutOfSpaceError",
    "PermissionDeniedError",
    "QueryError",
    "RunFailedError",
    "UserCodeError",
    "did_you_mean",
]


class AmaError(Exception):
    """Base of every error that ama-tfx raises on purpose.

    Attributes:
        code: Stable machine-readable name of the kind of error.
        exit_code: What the ``ama`` command exits with.
    """

    code = "error"
    exit_code = 1


class InvalidInputError(AmaError, ValueError):
    """The caller passed something that can never work: fix the input."""

    code = "invalid_input"
    exit_code = 2


class QueryError(InvalidInputError):
    """A query cannot be read: fix it where ``excerpt`` points.

    Attributes:
        message: What is wrong, in one line.
        excerpt: The query, and a line below it whose carets stand under what is wrong; empty when no place is.
    """

    def __init__(self, message: str, excerpt: str = "") -> None:
        self.message, self.excerpt = message, excerpt
        super().__init__(message, excerpt)

    def __str__(self) -> str:
        return f"{self.message}\n{self.excerpt}" if self.excerpt else self.message


class NotFoundError(AmaError, LookupError):
    """The thing named does not exist: name another, or create it."""

    code = "not_found"
    exit_code = 3


class ConflictError(AmaError, RuntimeError):
    """Somebody else got there first: look at the new state and try again."""

    code = "conflict"
    exit_code = 4


class IntegrityError(AmaError, ValueError):
    """Stored or received bytes are not what their digest promises: repair, or restore from a copy."""

    code = "integrity"
    exit_code = 5


class PermissionDeniedError(AmaError, PermissionError):
    """The operating system or the registry refuses this user: get the permission."""

    code = "permission_denied"
    exit_code = 6


class BackendError(AmaError, OSError):
    """A disk, database or service failed: look after it, then try again."""

    code = "backend"
    exit_code = 7


class OutOfSpaceError(BackendError):
    """The disk or the quota is full: free some space, then try again."""

    code = "out_of_space"
    exit_code = 7


class FormatError(AmaError, ValueError):
    """The registry was written in a format that this release cannot read: use the release that can."""

    code = "format"
    exit_code = 8


class UserCodeError(AmaError, RuntimeError):
    """Code that the user supplied raised: fix that code."""

    code = "user_code"
    exit_code = 9


class GateError(AmaError, RuntimeError):
    """A gate refused what was asked: read its reasons."""

    code = "gate"
    exit_code = 10


class MissingExtraError(AmaError, ImportError):
    """An optional part is not installed: the message holds the command that installs it."""

    code = "missing_extra"
    exit_code = 11

    def __init__(self, extra: str, needed_for: str) -> None:
        self.extra = extra
        self.needed_for = needed_for
        super().__init__(f"{needed_for} needs an extra that is not installed; run: pip install 'ama-tfx[{extra}]'")

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        return type(self), (self.extra, self.needed_for)


class ContentChangedError(ConflictError):
    """A file changed while it was being read: stop whatever writes it, then try again."""

    code = "content_changed"


class RunFailedError(AmaError, RuntimeError):
    """A pipeline run did not do everything that its pipeline says: read which node failed and why."""

    code = "run_failed"
    exit_code = 12


def did_you_mean(wrong: str, known: Iterable[str], *, most: int = 3) -> str:
    """Return ``"; did you mean 'x'?"`` for the known names near to a wrong one, or an empty string."""
    import difflib  # most errors have no near name

    near = difflib.get_close_matches(wrong, list(known), n=most, cutoff=0.6)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""
