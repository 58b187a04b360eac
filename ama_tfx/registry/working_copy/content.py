"""From a draft to what is registered."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.registry.manifest import Manifest
from ama_tfx.registry.tree import Content, Onto, Tree, scan
from ama_tfx.registry.working_copy.draft import Draft
from ama_tfx.registry.working_copy.ignoring import Ignoring
from ama_tfx.registry.working_copy.paths import refuse_new_links
from ama_tfx.registry.working_copy.records import FOLDER

NEVER_CONTENT = frozenset({FOLDER, ".git"})
"""Passed over inside folders: our own records, and git's, which may hold credentials."""


def find_content(
    named: Collection[str], root: Path, ignoring: Ignoring | None = None, kept: Collection[str] = ()
) -> Tree:
    """Return the files that are under some paths now.

    Args:
        named: Paths from the root.
        root: The working copy's.
        ignoring: What is passed over; None for nothing.
        kept: What is content already, and stays so, as in git.

    Raises:
        InvalidInputError: Something there cannot be stored.
    """

    def is_ignored(path: str, is_folder: bool) -> bool:
        return ignoring is not None and path not in kept and ignoring.entry(path, is_folder=is_folder)

    return scan({path: root / path for path in sorted(named)}, skip=NEVER_CONTENT, is_ignored=is_ignored)


def paths_of(manifest: Manifest | None) -> set[str]:
    """Return the paths of a version's files and empty folders; none of no version."""
    return set() if manifest is None else {*(entry.path for entry in manifest.files), *manifest.directories}


def content_of(draft: Draft, root: Path) -> Content:
    """Return the content that a draft means: local files, on top of its base when it has one."""
    local = local_content(draft, root)
    if draft.base is None and not draft.external:
        return local
    return Onto(local, draft.base, frozenset(draft.removed), draft.external)


def local_content(draft: Draft, root: Path) -> dict[str, Path]:
    """Return the local files and empty folders of a draft."""
    return {path: root / path for path in (*draft.files, *draft.directories)}


def check_pending(draft: Draft, root: Path) -> Tree:
    """Return the local files of a draft after checking that they are there.

    Raises:
        InvalidInputError: There is nothing to register, or something else has a file's place.
        NotFoundError: One is missing by now.
    """
    if not (draft.files or draft.external or draft.base):
        raise InvalidInputError(
            f"nothing to upload: no file was added to {draft.asset.name!r}; run `ama add PATH...` first"
        )
    refuse_new_links(draft, root)
    content = local_content(draft, root)
    if missing := [path for path, local in content.items() if not local.exists()]:
        more = f" (and {len(missing) - 1} more)" if missing[1:] else ""
        raise NotFoundError(
            f"{missing[0]!r}{more} was added and is missing now; put it back, "
            f"or start again with `ama init {draft.asset} --clear`"
        )
    tree = scan(content, least=0)
    if changed := {*tree.files, *tree.directories} ^ set(content):
        raise InvalidInputError(f"{min(changed)!r} is not what was added, a file or an empty folder; add it again")
    return tree
