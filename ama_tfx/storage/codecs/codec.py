"""The names of the codecs, and what encoding returns."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Codec(enum.IntEnum):
    """How a payload is to be read; the numbers are part of the published format and never change their meaning."""

    RAW = 0
    ZSTD = 1
    PLANES = 2
    DELTA = 3
    MEAN = 4
    LOW_RANK = 5
    PATCH = 6


@dataclass(frozen=True, slots=True)
class Encoded:
    """A piece as it is stored.

    Attributes:
        codec: How to read the payload.
        payload: The bytes to store. With RAW it is a view of the caller's own buffer: write it before reusing that.
    """

    codec: Codec
    payload: bytes | memoryview


def flat(data: memoryview | bytes) -> memoryview:
    """Return a buffer's bytes in C order as one dimension of bytes, copied only when they do not lie so already."""
    view = memoryview(data)
    if view.format == "B" and view.ndim == 1 and view.c_contiguous:
        return view
    try:
        return view.cast("B")
    except (TypeError, ValueError):  # not contiguous, no element at all, or a format that only numpy knows
        return memoryview(view.tobytes())
