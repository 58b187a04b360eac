"""Notifiers: how a gate that stopped a run tells people, once.

A notifier is a function of a `Notification` and an address. Those of the table are known by name; another one is named
by where it is, ``package.module:function``.
"""

import hashlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ama_tfx.components.verdicts import Judgement
from ama_tfx.errors import AmaError, InvalidInputError, UserCodeError, did_you_mean
from ama_tfx.storage import canonical_json

SCHEMA_VERSION = 1
"""Of a notification's document."""

NOTIFIERS = {
    "file": "ama_tfx.components.notifiers.file:notify",
    "webhook": "ama_tfx.components.notifiers.webhook:notify",
}
"""Name -> module and function, imported when it is named."""


@dataclass(frozen=True)
class Notification:
    """What is told.

    Attributes:
        judgement: The gate's verdict.
        to: Address, as the notifier reads it: a folder, a URL.
        secret_env: Name of the environment variable that holds the receiver's secret; empty for none.
    """

    judgement: Judgement
    to: str
    secret_env: str = ""

    @property
    def key(self) -> str:
        """The same for the same verdict on the same subject, so that receivers know repeats by it."""
        return hashlib.sha256(canonical_json(self.judgement.to_json())).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return the document that is sent; ``text`` is for people, as chat services show it."""
        judgement = self.judgement
        text = f"{judgement.gate} stopped a run: {'; '.join(judgement.reasons)}"
        return {"schema_version": SCHEMA_VERSION, "key": self.key, "text": text, "verdict": judgement.to_json()}


Notifier = Callable[[Notification], None]


def load_notifier(name: str) -> Notifier:
    """Return the notifier of a name.

    Raises:
        InvalidInputError: There is none of this name; the message has those there are.
        UserCodeError: Its module cannot be imported.
    """
    place = NOTIFIERS.get(name, name)
    module, mark, function = place.partition(":")
    if not mark or not all(part.isidentifier() for part in (*module.split("."), function)):
        raise InvalidInputError(
            f"unknown notifier {name!r}; known: {', '.join(sorted(NOTIFIERS))}, or package.module:function"
            f"{did_you_mean(name, NOTIFIERS)}"
        )
    try:
        found = getattr(importlib.import_module(module), function)
    except Exception as error:  # importing runs the user's code
        raise UserCodeError(f"notifier {name!r} cannot be imported: {error}") from error
    return _behind_boundary(found, name)


def _behind_boundary(found: Notifier, name: str) -> Notifier:
    def notify(notification: Notification) -> None:
        try:
            found(notification)
        except AmaError:
            raise
        except Exception as error:  # it may be the user's code
            raise UserCodeError(f"notifier {name!r} failed: {error or type(error).__name__}") from error

    return notify
