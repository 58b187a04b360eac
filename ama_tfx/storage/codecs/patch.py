"""PATCH: one zstd frame that refers to the bytes of a base as if they stood before it.

The base is what RFC 8878 calls a raw content dictionary: the frame holds what is new, and copies the rest out of the
base, wherever it stands there; the two may be of different sizes.
"""

from __future__ import annotations

import zstandard

from ama_tfx.errors import IntegrityError
from ama_tfx.storage.codecs import zstd

MOST_BYTES = 4 << 20
"""Of a piece and of a base: what encoding and decoding hold is a small multiple of both."""

_LEAST_SAVED_BYTES = 64
"""The key of the base takes 32 bytes beside the payload; below this a small file is not worth two reads."""

_FULL_HASH_LOG = 17
"""Up to here the table has a slot of four bytes for each byte: 512 KiB. Above, for each fourth, as zstd looks up only
each third byte of a base; what a larger table finds more does not pay for clearing it."""

_IN_PLACE_SHARE = 7 / 8
"""Of the blocks of a piece, which being equal to the base's says that it was changed here and there: what stands
between is found with a table of an eighth too, which is filled in half the time. Only where nothing repeats itself: in
records a small table finds the likes of a place, and not the place."""

_SAMPLE_BYTES = 4096
_PROBED_FROM_BYTES = 1 << 18


def compress_if_worth_it(data: memoryview, base: memoryview, plain_bytes: int) -> bytes | None:
    """Return a frame that refers to a base, or None when it is not smaller than three quarters of a plain payload.

    Args:
        data: The piece.
        base: What resembles it. Of a long piece samples are tried first, so that one that does not costs little.
        plain_bytes: How much the piece takes without a base.
    """
    most_bytes = min(plain_bytes * 3 // 4, plain_bytes - _LEAST_SAVED_BYTES)
    if not base or most_bytes <= 0 or max(len(data), len(base)) > MOST_BYTES:
        return None
    compressor = _compressor(base, len(data), is_in_place=plain_bytes >= len(data) and _is_in_place(data, base))
    if len(data) >= _PROBED_FROM_BYTES:
        starts = (0, (len(data) - _SAMPLE_BYTES) // 2, len(data) - _SAMPLE_BYTES)
        sample = b"".join(data[at : at + _SAMPLE_BYTES] for at in starts)
        if len(compressor.compress(sample)) * 4 > len(zstd.compress(memoryview(sample))) * 3:
            return None
    frame = compressor.compress(data)
    return frame if len(frame) <= most_bytes else None


def decompress(frame: memoryview, size_bytes: int, base: memoryview) -> bytes:
    """Return the content of exactly one frame that refers to a base.

    Raises:
        IntegrityError: Not one frame, or not one of this size, or a piece or base that no writer makes a frame of.
    """
    if not base or max(size_bytes, len(base)) > MOST_BYTES:
        raise IntegrityError(f"a patch of {size_bytes} bytes to a base of {len(base)}; at most {MOST_BYTES} are read")
    return zstd.decompress(frame, size_bytes, zstandard.ZstdDecompressor(dict_data=_dictionary(base)))


def _is_in_place(data: memoryview, base: memoryview) -> bool:
    """Return whether a long piece is its base but for a few blocks."""
    if len(data) != len(base) or len(data) < _PROBED_FROM_BYTES:
        return False
    starts = range(0, len(data), _SAMPLE_BYTES)
    same = sum(bytes(data[at : at + _SAMPLE_BYTES]) == bytes(base[at : at + _SAMPLE_BYTES]) for at in starts)
    return same >= _IN_PLACE_SHARE * len(starts)


def _compressor(base: memoryview, size_bytes: int, *, is_in_place: bool) -> zstandard.ZstdCompressor:
    # zstd's own levels size the table for the piece alone: of a base of 1 MiB level 1 finds nothing again.
    window_log = max(zstandard.WINDOWLOG_MIN, (len(base) + size_bytes).bit_length())
    spared = 5 if is_in_place else 2
    parameters = zstandard.ZstdCompressionParameters(
        strategy=zstandard.STRATEGY_FAST,
        window_log=window_log,
        hash_log=max(min(window_log, _FULL_HASH_LOG), window_log - spared),
        chain_log=zstandard.CHAINLOG_MIN,
        search_log=zstandard.SEARCHLOG_MIN,
        min_match=6,
        write_content_size=True,
        write_checksum=False,
    )
    return zstandard.ZstdCompressor(compression_params=parameters, dict_data=_dictionary(base))


def _dictionary(base: memoryview) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
