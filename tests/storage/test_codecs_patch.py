"""PATCH: what resembles its base takes little, and nothing that anybody forges is more than an IntegrityError."""

import contextlib
import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tfx.errors import IntegrityError
from ama_tfx.storage.codecs import Codec, decode, encode, patch, zstd


def noise(seed: int, size_bytes: int) -> bytes:
    return random.Random(seed).randbytes(size_bytes)


def edited(data: bytes, seed: int, edits: int) -> bytes:
    chance, content = random.Random(seed), bytearray(data)
    for _ in range(edits):
        at = chance.randrange(len(content))
        content[at : at + chance.randrange(20)] = chance.randbytes(chance.randrange(20))
    return bytes(content)


class TestPatch:
    @pytest.mark.parametrize("size_bytes", [300, 4096, 1 << 16, 1 << 18, 1 << 20, 3 << 20])
    def test_an_edited_copy_takes_less_than_two_percent_and_comes_back(self, size_bytes: int):
        base = noise(1, size_bytes)
        piece = edited(base, 2, max(1, size_bytes // 20_000))
        encoded = encode(memoryview(piece), base=memoryview(base))
        assert encoded.codec is Codec.PATCH
        assert len(encoded.payload) < size_bytes // 50 + 60
        assert decode(6, memoryview(encoded.payload), len(piece), bases=[memoryview(base)]) == piece

    @pytest.mark.parametrize("size_bytes", [1 << 18, 1 << 20, patch.MOST_BYTES])
    def test_what_was_changed_in_place_takes_little_more_than_the_changes(self, size_bytes: int):
        base, changed_bytes = noise(1, size_bytes), size_bytes // 64
        piece = bytearray(base)
        for number in range(4):
            at = size_bytes // 5 * (number + 1) - changed_bytes
            piece[at : at + changed_bytes] = noise(number + 2, changed_bytes)
        encoded = encode(memoryview(piece), base=memoryview(base))
        assert encoded.codec is Codec.PATCH
        assert len(encoded.payload) < 4 * changed_bytes + 4096
        assert decode(6, memoryview(encoded.payload), size_bytes, bases=[memoryview(base)]) == piece

    @pytest.mark.parametrize(("base_bytes", "piece_bytes"), [(1 << 16, 1 << 14), (1 << 15, 1 << 16), (1 << 20, 5000)])
    def test_the_base_may_be_larger_or_smaller(self, base_bytes: int, piece_bytes: int):
        content = noise(3, max(base_bytes, piece_bytes))
        base, piece = content[-base_bytes:], content[-piece_bytes:]
        encoded = encode(memoryview(piece), base=memoryview(base))
        assert encoded.codec is Codec.PATCH
        assert decode(6, memoryview(encoded.payload), piece_bytes, bases=[memoryview(base)]) == piece

    @pytest.mark.parametrize(
        ("piece", "base", "codec"),
        [
            (noise(1, 1 << 16), noise(2, 1 << 16), Codec.RAW),
            (noise(1, 1 << 19), noise(2, 1 << 19), Codec.RAW),
            (b"a line of a log\n" * 9999, noise(2, 1 << 16), Codec.ZSTD),
            (bytes(1 << 16), bytes(1 << 16), Codec.ZSTD),
            (noise(1, 70), noise(1, 70), Codec.RAW),
            (noise(1, 1 << 16), b"", Codec.RAW),
            (b"", noise(1, 100), Codec.RAW),
        ],
    )
    def test_a_base_is_not_used_where_it_saves_little(self, piece: bytes, base: bytes, codec: Codec):
        assert encode(memoryview(piece), base=memoryview(base)).codec is codec

    def test_what_is_too_large_to_be_held_twice_is_stored_without_base(self):
        assert patch.compress_if_worth_it(memoryview(bytes(100)), memoryview(bytes(patch.MOST_BYTES + 1)), 100) is None

    def test_a_base_that_looks_like_a_dictionary_of_zstd_is_bytes_like_any_other(self):
        base = bytes.fromhex("37a430ec") + noise(4, 5000)
        encoded = encode(memoryview(base[100:]), base=memoryview(base))
        assert encoded.codec is Codec.PATCH
        assert decode(6, memoryview(encoded.payload), len(base) - 100, bases=[memoryview(base)]) == base[100:]


BASE = noise(5, 40_000)
PIECE = edited(BASE, 6, 5)
FRAME = bytes(encode(memoryview(PIECE), base=memoryview(BASE)).payload)


class TestMalformed:
    @pytest.mark.parametrize(
        ("payload", "size_bytes", "bases"),
        [
            (FRAME, len(PIECE), []),
            (FRAME, len(PIECE), [BASE, BASE]),
            (FRAME, len(PIECE), [b""]),
            (FRAME, len(PIECE), [BASE[:100]]),
            (FRAME, len(PIECE) + 1, [BASE]),
            (FRAME, -1, [BASE]),
            (FRAME[:-1], len(PIECE), [BASE]),
            (FRAME + b"\0", len(PIECE), [BASE]),
            (b"", 0, [BASE]),
            (bytes.fromhex("28b52ffd e0 0000000000010000 010000"), 1 << 40, [BASE]),
            (bytes.fromhex("28b52ffd a0 00000008 010000"), 1 << 27, [BASE]),
        ],
    )
    def test_what_is_malformed_is_an_integrity_error(self, payload: bytes, size_bytes: int, bases: list[bytes]):
        with pytest.raises(IntegrityError):
            decode(6, memoryview(payload), size_bytes, bases=[memoryview(base) for base in bases])

    @settings(max_examples=300, deadline=None)
    @given(data=st.data())
    def test_damage_is_an_integrity_error_or_other_bytes_of_the_same_size(self, data: st.DataObject):
        damaged = bytearray(FRAME)
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(damaged)))
            damaged[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        with contextlib.suppress(IntegrityError):
            assert len(decode(6, memoryview(damaged), len(PIECE), bases=[memoryview(BASE)])) == len(PIECE)

    def test_nothing_is_allocated_for_a_size_that_is_only_claimed(self):
        frame = zstd.compress(memoryview(bytes(1 << 20)))
        tracemalloc.start()
        try:
            with pytest.raises(IntegrityError):
                decode(6, memoryview(frame), 1 << 23, bases=[memoryview(BASE)])
            assert tracemalloc.get_traced_memory()[1] < 1 << 20
        finally:
            tracemalloc.stop()
