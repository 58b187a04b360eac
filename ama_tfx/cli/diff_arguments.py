"""What ``ama diff`` is asked to compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ama_tfx.errors import InvalidInputError
from ama_tfx.registry import AssetRef, Registry, WorkingCopy
from ama_tfx.registry.working_copy.differing import Diff, diff_versions, diff_working_copy


def find_diff(
    registry: Registry,
    open_working_copy: Callable[[], WorkingCopy],
    workspace: str,
    arguments: Sequence[str],
    folder: Path,
) -> Diff:
    """Return the difference that arguments ask for.

    Args:
        registry: Where versions are.
        open_working_copy: Called when files on disk are one side.
        workspace: Where short references look.
        arguments: References and paths, as typed.
        folder: What paths are relative to.

    Raises:
        InvalidInputError: More than two references.
    """
    written = [argument for argument in arguments if _is_reference(argument, folder)]
    paths = [argument for argument in arguments if argument not in written]
    if len(written) > 2:
        raise InvalidInputError(f"at most two versions are compared: {written!r}; `ama compare` takes more")
    refs = [AssetRef.parse(text, workspace) for text in written]
    if len(refs) == 2:
        return diff_versions(registry, refs[0], refs[1], paths)
    return diff_working_copy(open_working_copy(), registry, refs[0] if refs else None, paths, folder=folder)


def _is_reference(argument: str, folder: Path) -> bool:
    """Return whether a version is meant: no path in an asset has a ``:``, and a file that is there wins."""
    if ":" not in argument and "@" not in argument:
        return False
    try:
        return not (folder / argument).exists()
    except (OSError, ValueError):
        return True
