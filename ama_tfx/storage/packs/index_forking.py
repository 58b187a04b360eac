"""Forking beside threads that ask an index: SQLite has locks of its own, and a child would find them held for ever.

Of 200 children forked beside six reading threads, five hung before there was this module.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

WAIT_SECONDS = 10.0
"""How long a fork waits for others to be done; a thread that waits for another process holds no lock of SQLite's."""

_PAUSE_SECONDS = 0.05

_in_use: weakref.WeakKeyDictionary[object, Sequence[threading.Lock]] = weakref.WeakKeyDictionary()
_opening = threading.RLock()
_held: dict[int, list[AbstractContextManager[bool]]] = {}
"""By the thread that forks: two may do so at once."""


def at_rest_while_forking(owner: object, locks: Sequence[threading.Lock]) -> None:
    """Have a fork wait until nobody holds these locks, for as long as the owner lives."""
    with _opening:
        _in_use[owner] = locks


@contextlib.contextmanager
def forking_waits() -> Iterator[None]:
    """Have a fork wait until the block has ended; for one thread at a time."""
    with _opening:
        yield


def _hold_all() -> None:
    last = time.monotonic() + WAIT_SECONDS
    while not _holds_all() and time.monotonic() < last:
        _release_all()  # whoever holds one of them may wait for another
        time.sleep(_PAUSE_SECONDS / 10)


def _holds_all() -> bool:
    held = _held.setdefault(threading.get_ident(), [])
    if not _opening.acquire(timeout=_PAUSE_SECONDS):
        return False
    held.append(_opening)
    for lock in [lock for locks in list(_in_use.values()) for lock in locks]:
        if not lock.acquire(timeout=_PAUSE_SECONDS):
            return False
        held.append(lock)
    return True


def _release_all() -> None:
    for lock in reversed(_held.pop(threading.get_ident(), [])):
        lock.__exit__(None, None, None)


def _begin_anew() -> None:
    global _opening  # noqa: PLW0603 - another thread, which is none of the child's, may hold the old one
    _release_all()
    _opening = threading.RLock()
    _held.clear()


os.register_at_fork(before=_hold_all, after_in_parent=_release_all, after_in_child=_begin_anew)
