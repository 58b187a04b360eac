"""What services and their clients say of a failure, as the errors of ama-tfx, without anything secret."""

from __future__ import annotations

import os
import re

from ama_tfx.errors import AmaError, BackendError, NotFoundError, OutOfSpaceError, PermissionDeniedError

_REFUSED = {401, 403}
_FULL = {402, 413, 507}
_FULL_WORDS = re.compile(r"quota|insufficient.?storage|storage.?full|no space", re.IGNORECASE)
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_QUERY = re.compile(r"\?[^\s\"'<>),]+")
_TOKEN = re.compile(
    r"(?i)\b(authorization|signature|sig|credential|token|secret|key|bearer|sharedkey)\b(\s*[:=]\s*|\s+)"
    r"(?:(?:bearer|sharedkey|basic)\s+)?\S+"
)
_ADDRESS_USER = re.compile(r"//[^/@\s]+@")
_SECRET_VARIABLE = re.compile(r"KEY|SECRET|TOKEN|PASSWORD|SAS|CONNECTION_STRING|CREDENTIAL")
_SHORTEST_SECRET = 6
_LONGEST_REASON = 300


def failure(doing: str, what: str, reason: str, status: int | None = None) -> AmaError:
    """Return the error that says who can act on it.

    Args:
        doing: What failed, as in ``cannot <doing> <what>``.
        what: The object and its store; holds no credentials.
        reason: What the client said; only its first line is shown, without what could be secret.
        status: The HTTP status of the answer, where there was one.
    """
    message = f"cannot {doing} {what}: {without_secrets(reason)}"
    if status in _REFUSED:
        return PermissionDeniedError(f"{message}; look at the credentials in the environment and their rights")
    if status == 404:
        return NotFoundError(message)
    if status in _FULL or _FULL_WORDS.search(reason):
        return OutOfSpaceError(f"{message}; free some space, then try again")
    return BackendError(f"{message}; try again later")


def without_secrets(reason: str) -> str:
    """Return the first line of a message, with everything that is or looks like a credential taken out.

    A signed URL carries its signature in the query; some services send back what they were sent.
    """
    line = _first_line(reason)
    if code := _CODE.search(reason):
        line = f"{line} ({code[1]})"
    for variable, value in os.environ.items():
        if _SECRET_VARIABLE.search(variable) and len(value) >= _SHORTEST_SECRET:
            line = line.replace(value, "***")
    line = _QUERY.sub("?***", _ADDRESS_USER.sub("//***@", line))
    return _TOKEN.sub(r"\1\2***", line)[:_LONGEST_REASON]


def _first_line(reason: str) -> str:
    line = next((line.strip() for line in reason.splitlines() if line.strip()), "no reason given")
    return line.partition("<?xml")[0].rstrip(" :")
