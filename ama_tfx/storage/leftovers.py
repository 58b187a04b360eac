"""What killed processes left: told from what is in use by a lock that ends with its process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path


def hold(descriptor: int, path: Path) -> bool:
    """Mark a new file or folder as in use for as long as the descriptor is open.

    Args:
        descriptor: Of the file or folder.
        path: Where it was made.

    Returns:
        Whether it is still there: somebody may have taken it for a leftover before it was marked.
    """
    with contextlib.suppress(OSError):  # a file system without locks: nobody can take it for a leftover there either
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def remove_leftovers(folder: Path, is_leftover: Callable[[str], object], *, folders: bool = False) -> None:
    """Remove what killed processes left in a folder; what cannot be removed stays, for that is nobody's failure now.

    Args:
        folder: Where to look.
        is_leftover: Whether a name is one of ours.
        folders: Whether leftovers are folders, not files; the other kind is never touched.
    """
    with contextlib.suppress(OSError):
        # Not Path.iterdir: the folder may be a user's, with a million files.
        for name in filter(is_leftover, os.listdir(folder)):  # noqa: PTH208
            with contextlib.suppress(OSError):
                _remove_unless_held(folder / name, folders=folders)


def _remove_unless_held(path: Path, *, folders: bool) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not (stat.S_ISDIR(mode) if folders else stat.S_ISREG(mode)):
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while somebody uses it
        if folders:
            shutil.rmtree(path)
        else:
            path.unlink()
    finally:
        os.close(descriptor)
