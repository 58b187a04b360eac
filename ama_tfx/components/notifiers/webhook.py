"""Notifier ``webhook``: an HTTP POST of the verdict, signed with a secret that is named and never held.

Addresses of this machine and of private networks are refused, as for all URLs, unless ``AMA_ALLOW_PRIVATE_URLS=1``;
redirects are not followed.
"""

import hashlib
import hmac
import http.client
import os
from urllib.parse import SplitResult, urlsplit

from ama_tfx.components.notifiers import Notification
from ama_tfx.errors import BackendError, InvalidInputError, PermissionDeniedError
from ama_tfx.registry.fetching import guarded_connection
from ama_tfx.registry.secrecy import VARIABLE
from ama_tfx.registry.urls import check_url
from ama_tfx.storage import canonical_json

SIGNATURE = "X-Ama-Signature"
"""Header: ``sha256=`` and the HMAC-SHA256 of the body, in hexadecimal."""

ENVIRONMENT = "env:"
"""Before the name of an environment variable that holds the address."""

_SCHEMES = ("http", "https")
_ENOUGH = 64 * 1024


def notify(notification: Notification) -> None:
    """Post a notification; the header ``Idempotency-Key`` is the same for repeats.

    Raises:
        InvalidInputError: The address is no URL of a web server, or the secret's environment variable is not set.
        PermissionDeniedError: It leads to this machine or to a private network.
        BackendError: It cannot be reached, or does not answer with 2xx.
    """
    parts = _address(notification.to)
    body = canonical_json(notification.to_json())
    headers = {"Content-Type": "application/json", "Idempotency-Key": notification.key, "User-Agent": "ama-tfx"}
    if notification.secret_env:
        headers[SIGNATURE] = sign(body, _from_environment(notification.secret_env, "secret").encode())
    status = _post(parts, body, headers)
    if not 200 <= status < 300:
        raise BackendError(f"the webhook of host {parts.hostname!r} answered with {status}; expected 200 to 299")


def check_address(to: str) -> None:
    """Check the address of a webhook: a URL, or ``env:NAME`` of the environment variable that holds a secret one.

    Raises:
        InvalidInputError: It is none, or holds what may be a secret, which TFX would record.
    """
    if to.startswith(ENVIRONMENT):
        if not VARIABLE.fullmatch(to.removeprefix(ENVIRONMENT)):
            raise InvalidInputError(
                f"a webhook's address begins with {to[:7]!r}; expected env: and the name of a variable, upper-case "
                "letters, digits and '_'"
            )
    elif check_url(to).scheme not in _SCHEMES:
        raise InvalidInputError(f"a webhook has the scheme {check_url(to).scheme!r}; expected https://host/path")


def sign(body: bytes, secret: bytes) -> str:
    """Return the signature that a receiver compares with its own."""
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def _address(to: str) -> SplitResult:
    """Return the parts of an address; no error shows more of one from the environment than the variable's name."""
    check_address(to)
    if not to.startswith(ENVIRONMENT):
        return check_url(to)
    name = to.removeprefix(ENVIRONMENT)
    try:
        parts = urlsplit(_from_environment(name, "address").strip())  # `$(cat file)` and YAML leave blanks
        parts.port  # noqa: B018 - raises when it is none
    except ValueError as error:
        raise InvalidInputError(f"environment variable {name!r} holds no URL") from error
    if parts.scheme not in _SCHEMES or not parts.hostname or "@" in parts.netloc:
        raise InvalidInputError(f"environment variable {name!r} holds no URL of a webhook; expected https://host/path")
    return parts


def _from_environment(name: str, what: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise InvalidInputError(f"environment variable {name!r} is not set; expected the webhook's {what} in it")
    return value


def _post(parts: SplitResult, body: bytes, headers: dict[str, str]) -> int:
    connection = guarded_connection(parts)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    try:
        connection.request("POST", target, body, headers)
        answer = connection.getresponse()
        answer.read(_ENOUGH)
    except (PermissionDeniedError, BackendError):
        raise
    except OSError as error:
        told = error.strerror or type(error).__name__
        raise BackendError(f"the webhook of host {parts.hostname!r} cannot be reached: {told}") from error
    except (http.client.HTTPException, ValueError) as error:  # their texts show the address
        told = type(error).__name__
        raise BackendError(f"the webhook of host {parts.hostname!r} cannot be reached: {told}") from None
    finally:
        connection.close()
    return answer.status
