"""Which codec a piece gets, and the way back from any of them.

numpy is imported by the first piece of numbers, not by ``import ama_tfx.storage``: most commands of the CLI never meet
one.
"""

from __future__ import annotations

from collections.abc import Sequence

from ama_tfx.errors import IntegrityError, InvalidInputError
from ama_tfx.storage.codecs.codec import Codec, Encoded, flat

_SLICE_BYTES = 8192
_SLICES = 3
_SAMPLED_FROM_BYTES = 2 * _SLICES * _SLICE_BYTES


def encode(data: memoryview, *, item_bytes: int = 1, base: memoryview | None = None) -> Encoded:
    """Return a piece as the smallest payload that a cheap probe finds.

    A piece of numbers up to 48 KiB is tried with each codec; of a longer one, three samples are. A base is used when
    it makes the payload smaller by more than a 32nd, as following it costs at every read. What does not shrink by a
    32nd stays RAW.

    Args:
        data: The piece: any buffer, contiguous or not.
        item_bytes: Size of its numbers: with 2, 4 or 8, byte planes are tried. Complex numbers are two of half the
            size; numbers of any other size are ordinary bytes, 1.
        base: The bytes of a piece that resembles it. For numbers, one of another size is of no use, and not used.
    """
    from ama_tfx.storage.codecs import zstd

    piece = flat(data)
    if not _has_planes(item_bytes) or not piece:
        return _encode_bytes(piece, flat(base) if base is not None else None)
    flat_base = flat(base) if base is not None else None
    if flat_base is not None and len(flat_base) != len(piece):
        flat_base = None
    codec, payload = _smallest(_sample(piece), item_bytes, _sample(flat_base) if flat_base is not None else None)
    if len(piece) > _SAMPLED_FROM_BYTES:
        payload = _encode_as(codec, piece, item_bytes, flat_base)
    return Encoded(codec, payload) if zstd.is_worth_it(len(payload), len(piece)) else Encoded(Codec.RAW, piece)


def decode(
    codec: int,
    payload: memoryview,
    size_bytes: int,
    *,
    item_bytes: int | None = None,
    bases: Sequence[memoryview] = (),
) -> bytes | memoryview:
    """Return the piece of a payload.

    No more than the piece is allocated, and a constant; of a payload that is not one of a piece of this size, often
    nothing.

    Args:
        codec: As `encode` returned it.
        payload: As `encode` returned it.
        size_bytes: Of the piece.
        item_bytes: When given, what a payload of PLANES or DELTA has to say too; the payload alone is enough.
        bases: With DELTA, LOW_RANK and PATCH one, with MEAN several: the same, in the same order, as when encoding.

    Returns:
        The piece: a view of the payload with RAW, memory of its own otherwise.

    Raises:
        IntegrityError: An unknown codec, or a payload or base that cannot be those of a piece of this size.
    """
    view = flat(payload)
    if codec == Codec.RAW:
        if len(view) != size_bytes:
            raise IntegrityError(f"a raw payload has {len(view)} bytes; expected {size_bytes}")
        return view
    if codec == Codec.ZSTD:
        from ama_tfx.storage.codecs import zstd

        return zstd.decompress(view, size_bytes)
    if codec == Codec.PLANES:
        return _decode_planes(view, size_bytes, item_bytes)
    if codec == Codec.MEAN:
        from ama_tfx.storage.codecs import predictors

        return predictors.decode_mean(view, size_bytes, bases)
    if codec not in {Codec.DELTA, Codec.LOW_RANK, Codec.PATCH}:
        known = ", ".join(f"{known:d}" for known in Codec)
        raise IntegrityError(f"codec {codec!r} is unknown; known: {known}")
    if len(bases) != 1:
        raise IntegrityError(f"a payload with codec {Codec(codec).name} needs the base that it was made with")
    return _decode_with_base(Codec(codec), view, size_bytes, item_bytes, flat(bases[0]))


def _decode_with_base(
    codec: Codec, payload: memoryview, size_bytes: int, item_bytes: int | None, base: memoryview
) -> bytes | memoryview:
    if codec is Codec.PATCH:
        from ama_tfx.storage.codecs import patch

        return patch.decompress(payload, size_bytes, base)
    if len(base) != size_bytes:
        raise IntegrityError(f"the base has {len(base)} bytes; expected {size_bytes}, as in the piece")
    if codec is Codec.DELTA:
        return _decode_planes(payload, size_bytes, item_bytes, base)
    from ama_tfx.storage.codecs import predictors

    return predictors.decode_low_rank(payload, size_bytes, base)


def _encode_bytes(piece: memoryview, base: memoryview | None) -> Encoded:
    from ama_tfx.storage.codecs import patch, zstd

    frame = zstd.compress_if_worth_it(piece)
    plain = Encoded(Codec.RAW, piece) if frame is None else Encoded(Codec.ZSTD, frame)
    patched = patch.compress_if_worth_it(piece, base, len(plain.payload)) if base is not None else None
    return plain if patched is None else Encoded(Codec.PATCH, patched)


def _decode_planes(
    payload: memoryview, size_bytes: int, item_bytes: int | None, base: memoryview | None = None
) -> memoryview:
    from ama_tfx.storage.codecs import planes

    if item_bytes is not None and payload[:1] != bytes((item_bytes,)):
        raise IntegrityError(f"planes of {bytes(payload[:1])!r} bytes an item; expected {item_bytes}")
    return planes.decode_planes(payload, size_bytes, base)


def _has_planes(item_bytes: int) -> bool:
    if not 1 <= item_bytes <= 1 << 16:
        raise InvalidInputError(f"item_bytes is {item_bytes!r}; expected 2, 4 or 8 for numbers, or 1")
    return item_bytes in {2, 4, 8}


def _smallest(sample: memoryview, item_bytes: int, base_sample: memoryview | None) -> tuple[Codec, bytes]:
    best = Codec.PLANES
    payload = _encode_as(best, sample, item_bytes, None)
    frame = _encode_as(Codec.ZSTD, sample, item_bytes, None)
    if len(frame) < len(payload):
        best, payload = Codec.ZSTD, frame
    if base_sample is not None:
        difference = _encode_as(Codec.DELTA, sample, item_bytes, base_sample)
        if len(difference) < len(payload) - len(payload) // 32:
            best, payload = Codec.DELTA, difference
    return best, payload


def _encode_as(codec: Codec, piece: memoryview, item_bytes: int, base: memoryview | None) -> bytes:
    from ama_tfx.storage.codecs import planes, zstd

    if codec == Codec.ZSTD:
        return zstd.compress(piece)
    return planes.encode_planes(piece, item_bytes, base if codec == Codec.DELTA else None)


def _sample(piece: memoryview) -> memoryview:
    """Return the whole of a short piece, and the start, middle and end of a long one, cut between numbers."""
    if len(piece) <= _SAMPLED_FROM_BYTES:
        return piece
    last = (len(piece) - _SLICE_BYTES) // 8 * 8
    starts = (0, last // 16 * 8, last)
    return memoryview(b"".join(piece[at : at + _SLICE_BYTES] for at in starts))
