"""No links in models: whatever copies one next would follow them to elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ama_tfx.errors import InvalidInputError


def refuse_links(paths: Iterable[Path]) -> None:
    """Make sure that none of these is a link.

    Raises:
        InvalidInputError: One is.
    """
    for path in paths:
        if path.is_symlink():
            raise InvalidInputError(f"{str(path)!r} is a link; expected a model of regular files and folders")


def refuse_links_below(uri: str) -> None:
    """Make sure that there is no link below an artifact; in an object store there are none.

    Raises:
        InvalidInputError: There is one.
    """
    for folder, folders, names in os.walk(uri) if "://" not in uri else ():
        refuse_links(Path(folder, name) for name in (*folders, *names))
