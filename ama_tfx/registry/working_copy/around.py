"""What lies in a working copy beside what is pending and what the base has."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from ama_tfx.registry.manifest import folders_of
from ama_tfx.registry.working_copy.content import NEVER_CONTENT
from ama_tfx.registry.working_copy.ignoring import Ignoring
from ama_tfx.storage import os_errors


def look_around(root: Path, tracked: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what lies in a folder and is not tracked, and what of it ``.amaignore`` leaves out; folders end in ``/``.

    A folder with nothing tracked in it is told as one, when there is any file in it that is not left out. What is left
    out is told wherever it lies, in such folders too; a folder that is left out as a whole is told as one.
    """
    holding = {folder for path in tracked for folder in folders_of(path)} | {""}
    untracked, ignored = list[str](), list[str]()
    ignoring = Ignoring(root)
    pending = [""]
    while pending:
        folder = pending.pop()
        for name, is_folder in _entries(root / folder):
            path = f"{folder}/{name}" if folder else name
            if path in tracked or (is_folder and path in holding):
                pending += [path] if is_folder else []
            elif ignoring.entry(path, is_folder=is_folder):
                ignored.append(_told(path, is_folder))
            elif not is_folder:
                untracked.append(path)
            else:
                holds_one, left_out = _look_into(root, path, ignoring)
                untracked += [f"{path}/"] if holds_one else []
                ignored += left_out
    return tuple(sorted(untracked)), tuple(sorted(ignored))


def _look_into(root: Path, folder: str, ignoring: Ignoring) -> tuple[bool, list[str]]:
    """Return whether a folder has a file that is not left out, and what in it is."""
    holds_one, ignored = False, list[str]()
    pending = [folder]
    while pending:
        inside = pending.pop()
        for name, is_folder in _entries(root / inside):
            path = f"{inside}/{name}"
            if ignoring.entry(path, is_folder=is_folder):
                ignored.append(_told(path, is_folder))
            elif is_folder:
                pending.append(path)
            else:
                holds_one = True
    return holds_one, ignored


def _told(path: str, is_folder: bool) -> str:
    return f"{path}/" if is_folder else path


def _entries(folder: Path) -> list[tuple[str, bool]]:
    with os_errors("read", folder):
        return [(e.name, e.is_dir(follow_symlinks=False)) for e in os.scandir(folder) if e.name not in NEVER_CONTENT]
