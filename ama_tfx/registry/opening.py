"""Opening the registry that a process means: with the settings of its options, environment and files."""

from __future__ import annotations

from pathlib import Path

from ama_tfx.registry.registry import Registry
from ama_tfx.settings import Settings


def open_registry(
    url: str | Path | None = None,
    *,
    workspace: str | None = None,
    actor: str | None = None,
    create: bool = False,
    settings: Settings | None = None,
) -> Registry:
    """Open the registry that ``ama`` would open here.

    Args:
        url: Instead of the settings' registry.
        workspace: Instead of the settings' workspace.
        actor: Instead of the settings' actor.
        create: Whether to make the registry when there is none.
        settings: Those of this process unless others are given.

    Raises:
        InvalidInputError: A settings file is broken.
        PermissionDeniedError: What counts stands in a project's file that others may have written.
        NotFoundError, FormatError, BackendError: As `Registry` says.
    """
    told = settings or Settings.load()

    def value(key: str) -> str | None:
        found = told[key].value
        return None if found is None else str(found)

    return Registry(
        (value("registry") or "") if url is None else url,
        workspace=(value("workspace") or "") if workspace is None else workspace,
        actor=actor or value("actor"),
        create=create,
    )
