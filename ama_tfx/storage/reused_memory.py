"""Memory that the C library keeps for the next piece instead of giving it back to the system after each."""

from __future__ import annotations

import contextlib
import ctypes
import functools

_MALLOPT_TRIM, _MALLOPT_MMAP = -1, -3
_KEPT_BYTES = 32 << 20
"""The largest that glibc takes for the second; windows of 4 MiB come and go."""


@functools.cache
def reuse_memory() -> None:
    """Have freed memory kept for reuse, up to a bound; of the whole process, once, where its C library is glibc.

    For a program whose main work is storing and restoring, as `ama` is: without it each piece of some 100 KB costs a
    page fault for every 4 KiB, cleared by the kernel, a quarter of the time of storing 1 GB. A library that is a guest
    in a process leaves this alone.
    """
    with contextlib.suppress(AttributeError, OSError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MALLOPT_MMAP, _KEPT_BYTES)
        mallopt(_MALLOPT_TRIM, _KEPT_BYTES)
