"""Which metadata store a command means, and which artifact of it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ama_tfx.errors import AmaError, InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from ama_tfx.cli.session import Session
    from ama_tfx.provenance import Artifact, History

F = TypeVar("F", bound=Callable[..., Any])

STORE_VARIABLE = "AMA_METADATA"


def store_option(command: F) -> F:
    """Add the option that says which metadata store is meant."""
    help_text = "Metadata store of TFX: a file, or mysql://, postgresql://, grpc://…  [env: AMA_METADATA]"
    return click.option("--store", metavar="URL", help=help_text)(command)


def history_of(store: str | None) -> History:
    """Open the metadata store that an option names, or the environment.

    Raises:
        InvalidInputError: Neither names one.
        AmaError: See `ama_tfx.provenance.open_history`.
    """
    url = store if store is not None else os.environ.get(STORE_VARIABLE)
    if not url:
        raise InvalidInputError(
            f"no metadata store is named; use --store URL or {STORE_VARIABLE}, as in --store metadata.db"
        )
    # The store's client logs each failure before it raises it; what is raised is told.
    logging.getLogger("absl").setLevel(logging.CRITICAL)
    from ama_tfx.provenance import open_history

    return open_history(url)


def artifact_of(session: Session, history: History, text: str) -> Artifact:
    """Return the artifact that somebody means; an alias or a number in the registry means a digest first.

    The metadata store is asked first; only what it does not know is looked up in the registry.

    Raises:
        NotFoundError: There is none.
    """
    if text.startswith("ama://"):
        return _registered(history, _pinned(session, text))
    try:
        return history.artifact(text)
    except NotFoundError as error:
        try:
            pinned = _pinned(session, text)
        except AmaError:
            raise error from None
    return _registered(history, pinned)


def _pinned(session: Session, text: str) -> str:
    from ama_tfx.cli.references import version_ref
    from ama_tfx.registry import is_pinned

    ref = version_ref(text, session.workspace)
    return str(ref if is_pinned(ref) else session.registry().resolve(ref).reference)


def _registered(history: History, pinned: str) -> Artifact:
    try:
        return history.artifact(pinned)
    except NotFoundError as error:
        raise NotFoundError(f"no run in the metadata store registered {pinned!r}") from error
