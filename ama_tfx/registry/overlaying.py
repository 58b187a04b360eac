"""A version's files with local ones on top: values in, values out."""

from __future__ import annotations

from collections.abc import Sequence

from ama_tfx.registry.manifest import FileEntry, Manifest, folders_of
from ama_tfx.registry.tree import Onto


def overlay(
    content: Onto, base: Manifest | None, files: Sequence[FileEntry], directories: Sequence[str]
) -> tuple[tuple[FileEntry, ...], tuple[str, ...]]:
    """Return the files and empty folders that some content means.

    What is on top wins: a file that it has a folder for goes, and so does what lay in a folder that it has a file for.

    Args:
        content: What is on top, and what is left out.
        base: The manifest of the version below; None for none.
        files: The local files of the content.
        directories: Its empty folders.
    """
    on_top = {entry.path: entry for entry in (*content.external, *files)}
    below = () if base is None else base.files
    filled = {folder for path in (*on_top, *directories) for folder in folders_of(path)}
    kept = [
        entry
        for entry in below
        if entry.path not in content.removed
        and entry.path not in on_top
        and entry.path not in filled
        and entry.path not in directories
        and not any(folder in on_top for folder in folders_of(entry.path))
    ]
    every = tuple(sorted([*kept, *on_top.values()], key=lambda entry: entry.path))
    paths = {entry.path for entry in every}
    full = paths | {folder for path in paths for folder in folders_of(path)}
    empty = {*directories, *(() if base is None else {*base.directories} - content.removed)}
    full |= {folder for path in empty for folder in folders_of(path)}
    free = {path for path in empty if not any(folder in paths for folder in folders_of(path))}
    return every, tuple(sorted(free - full))
