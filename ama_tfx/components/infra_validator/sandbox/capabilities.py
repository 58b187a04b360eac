"""Root's privileges: what the limited process gives up of them, also where it runs as root."""

from __future__ import annotations

import contextlib
import ctypes
import struct

_libc = ctypes.CDLL(None, use_errno=True)
_VERSION_3 = 0x20080522
_READS_ANY_FILE = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: a model may be another user's


def drop() -> None:
    """Keep the capabilities that reading needs; without more the kernel shows nothing of a process that has more."""
    header = ctypes.create_string_buffer(struct.pack("=Ii", _VERSION_3, 0))
    found = ctypes.create_string_buffer(24)
    with contextlib.suppress(AttributeError):
        if _libc.capget(header, found) == 0:
            effective, permitted, *_ = struct.unpack("=6I", found.raw)
            kept = (effective & _READS_ANY_FILE, permitted & _READS_ANY_FILE, 0, 0, 0, 0)
            _libc.capset(header, ctypes.create_string_buffer(struct.pack("=6I", *kept)))
