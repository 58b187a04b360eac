"""Single zstd frames, made and read without surprises; one pair of contexts for each thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

import zstandard

from ama_tfx.errors import IntegrityError

LEVEL = 1
"""Smaller and faster than 3 and 9 on byte planes, and what keeps ordinary files near the speed of the disk."""

_PLANE_MATCH, _PLANE_HASH_LOG, _PLANE_WINDOW_LOG = 7, 11, 16
"""Of a byte plane: short repetitions in it are chance, and each costs more than the bytes that it stands for. Looking
for long ones only, in a table that stays in the first cache, makes fine-tunes up to 5 % smaller than LEVEL does, and
quicker to write and to read (``python -m tests.bench.bench_store --only families``: sizes are the same on any machine);
sorted integers of 8 bytes get 1 to 17 % larger, and text of 2 or 4 bytes a character 11 %."""

_MOST_FROM_A_BYTE = 1 << 15
"""No zstd block holds more than 128 KiB or takes fewer than 4 bytes."""

_SAMPLE_BYTES = 4096
_PROBED_FROM_BYTES = 8 * _SAMPLE_BYTES


def _plane_parameters() -> zstandard.ZstdCompressionParameters:
    return zstandard.ZstdCompressionParameters(
        strategy=zstandard.STRATEGY_FAST,
        window_log=_PLANE_WINDOW_LOG,
        hash_log=_PLANE_HASH_LOG,
        chain_log=zstandard.CHAINLOG_MIN,
        search_log=zstandard.SEARCHLOG_MIN,
        min_match=_PLANE_MATCH,
        write_content_size=True,
        write_checksum=False,
    )


class _Contexts(threading.local):
    """A context may serve one call at a time, and costs more to make than a small piece takes to compress."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=False, write_content_size=True)
        self.plane_compressor = zstandard.ZstdCompressor(compression_params=_plane_parameters())
        self.decompressor = zstandard.ZstdDecompressor()


_contexts = _Contexts()


def compress(data: memoryview) -> bytes:
    """Return one zstd frame with its content size."""
    return _contexts.compressor.compress(data)


def compress_plane(plane: memoryview) -> bytes:
    """Return the same of a byte plane, in less time and mostly fewer bytes."""
    return _contexts.plane_compressor.compress(plane)


def compress_if_worth_it(data: memoryview, compress: Callable[[memoryview], bytes] = compress) -> bytes | None:
    """Return a zstd frame, or None when that would save less than a 32nd.

    Long data is sampled at its start, middle and end first: when no sample shrinks, the rest is not tried.
    """
    size = len(data)
    if size >= _PROBED_FROM_BYTES:
        starts = (0, (size - _SAMPLE_BYTES) // 2, size - _SAMPLE_BYTES)
        if not any(is_worth_it(len(compress(data[at : at + _SAMPLE_BYTES])), _SAMPLE_BYTES) for at in starts):
            return None
    frame = compress(data)
    return frame if is_worth_it(len(frame), size) else None


def is_worth_it(compressed_bytes: int, size_bytes: int) -> bool:
    """Return whether compression saves enough, a 32nd, to pay for undoing it at every read."""
    return compressed_bytes < size_bytes - size_bytes // 32


def decompress(frame: memoryview, size_bytes: int, decompressor: zstandard.ZstdDecompressor | None = None) -> bytes:
    """Return the content of exactly one frame.

    Args:
        frame: The frame.
        size_bytes: Of its content.
        decompressor: One that knows what the frame refers to; without, it refers to nothing.

    Raises:
        IntegrityError: Not one frame, or not one of this size: nothing is allocated before the frame says so itself.
    """
    try:
        header = zstandard.get_frame_parameters(frame)
        if size_bytes > len(frame) * _MOST_FROM_A_BYTE:
            raise IntegrityError(f"a zstd frame of {len(frame)} bytes cannot hold {size_bytes} bytes")
        if header.content_size != size_bytes or header.dict_id:
            raise IntegrityError(f"a zstd frame says it holds {header.content_size} bytes; expected {size_bytes}")
        content = (decompressor or _contexts.decompressor).decompress(frame, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise IntegrityError(f"not a zstd frame of {size_bytes} bytes: {error}") from error
    if len(content) != size_bytes:
        raise IntegrityError(f"a zstd frame holds {len(content)} bytes; expected {size_bytes}")
    return content
