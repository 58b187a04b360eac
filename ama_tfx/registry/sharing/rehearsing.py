"""Applying a bundle where there may be no registry yet: one is made only for a bundle that is whole and fits."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ama_tfx.errors import NotFoundError
from ama_tfx.registry.sharing.results import Applied
from ama_tfx.registry.tree import AnyPath
from ama_tfx.storage import OnProgress, os_errors

if TYPE_CHECKING:
    from ama_tfx.registry.registry import Registry


def apply_bundle(
    open_registry: Callable[[bool], Registry],
    path: AnyPath,
    *,
    workspace: str | None = None,
    move_aliases: bool = False,
    reason: str = "",
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
) -> Applied:
    """Apply a bundle to a registry, which is made when there is none; see `Sharing.apply_bundle`.

    Without a registry the bundle is first applied to an empty one that is thrown away, so that a bundle that is
    damaged, or lacks what its versions are made from, leaves none behind; and a dry run makes none.

    Args:
        open_registry: Opens the registry; told whether to make it when there is none.
        path: Of the bundle.
        workspace: As for `Sharing.apply_bundle`, and so are the others.
        move_aliases: Likewise.
        reason: Likewise.
        dry_run: Likewise.
        on_progress: Likewise.
    """
    try:
        registry = open_registry(False)
    except NotFoundError:
        planned = _rehearsed(path, workspace, move_aliases)
        if dry_run:
            return planned
        registry = open_registry(True)
    return registry.sharing.apply_bundle(
        path, workspace=workspace, move_aliases=move_aliases, reason=reason, dry_run=dry_run, on_progress=on_progress
    )


def _rehearsed(path: AnyPath, workspace: str | None, move_aliases: bool) -> Applied:
    from ama_tfx.registry.registry import Registry

    with (
        os_errors("write", "a temporary folder"),
        tempfile.TemporaryDirectory(prefix="ama-bundle-") as folder,
        Registry(Path(folder) / "registry", create=True) as empty,
    ):
        return empty.sharing.apply_bundle(path, workspace=workspace, move_aliases=move_aliases, dry_run=True)
