"""Codecs of pieces: what goes in comes back, and nothing malformed does harm."""

import random
import struct
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tfx.errors import InvalidInputError
from ama_tfx.storage.codecs import Codec, Encoded, decode, encode, planes, zstd

ZSTD_FRAME = "28b52ffd20644d0000183132330100eee486"
ONES_AND_UP = struct.pack("<4f", 1.0, 2.0, 3.0, -1.0)
SPECIAL = struct.pack(
    "<12I",
    *(0x7F800001, 0xFFC00000, 0x7FC12345, 0xFFFFFFFF),  # NaN: signalling, negative, with a payload, all bits
    *(0x7F800000, 0xFF800000, 0x00000001, 0x807FFFFF),  # infinities and denormals
    *(0x00000000, 0x80000000, 0x7F7FFFFF, 0x3F800000),  # zeros, the largest, one
)


def weights(count: int, *, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(count) * 0.02).astype("<f4")


def fine_tuned(parent: np.ndarray, *, seed: int = 1, step: float = 1e-4) -> np.ndarray:
    """Every weight moved a little, in proportion to the scale of its layer, not to itself."""
    moves = np.random.default_rng(seed).standard_normal(len(parent))
    return (parent + step * 0.02 * moves).astype("<f4")


def bfloat16(numbers: np.ndarray) -> np.ndarray:
    bits = numbers.view("<u4")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def view(numbers: np.ndarray) -> memoryview:
    return memoryview(numbers.tobytes())


def there_and_back(data: memoryview, *, item_bytes: int = 1, base: memoryview | None = None) -> Encoded:
    encoded = encode(data, item_bytes=item_bytes, base=base)
    assert bytes(decode(encoded.codec, memoryview(encoded.payload), data.nbytes, bases=[base])) == data.tobytes()
    return encoded


class TestChoice:
    def test_what_does_not_shrink_stays_raw_without_a_copy(self):
        noise = bytearray(random.Random(0).randbytes(200_000))
        encoded = there_and_back(memoryview(noise))
        assert encoded.codec == Codec.RAW
        noise[0] ^= 255
        assert encoded.payload[0] == noise[0]

    def test_ordinary_bytes_become_a_zstd_frame(self):
        assert there_and_back(memoryview(b"a line of a log\n" * 1000)).codec == Codec.ZSTD

    def test_compressible_bytes_after_an_incompressible_start_are_not_missed(self):
        data = random.Random(0).randbytes(50_000) + bytes(200_000)
        assert len(there_and_back(memoryview(data)).payload) < 55_000

    def test_weights_become_planes(self):
        assert there_and_back(view(weights(50_000)), item_bytes=4).codec == Codec.PLANES

    @pytest.mark.parametrize("lines", [100, 10_000])
    def test_numbers_that_are_better_off_as_ordinary_bytes_become_a_zstd_frame(self, lines: int):
        text = memoryview(b"a line of the log\n" * lines)
        assert there_and_back(text, item_bytes=4).codec == Codec.ZSTD

    def test_a_base_that_helps_is_used(self):
        parent = weights(50_000)
        assert there_and_back(view(fine_tuned(parent)), item_bytes=4, base=view(parent)).codec == Codec.DELTA

    def test_a_base_that_does_not_help_is_not_used(self):
        stranger = view(weights(50_000, seed=9))
        assert there_and_back(view(weights(50_000)), item_bytes=4, base=stranger).codec == Codec.PLANES

    def test_a_base_of_another_size_is_not_used(self):
        parent = weights(50_000)
        assert there_and_back(view(parent), item_bytes=4, base=view(parent[:-1])).codec == Codec.PLANES

    @pytest.mark.parametrize("item_bytes", [3, 16])
    def test_numbers_of_other_sizes_are_ordinary_bytes(self, item_bytes: int):
        assert there_and_back(memoryview(bytes(4800)), item_bytes=item_bytes).codec == Codec.ZSTD

    def test_a_number_has_a_byte_at_least(self):
        with pytest.raises(InvalidInputError, match="item_bytes is 0"):
            encode(memoryview(b"abc"), item_bytes=0)

    def test_the_same_piece_gives_the_same_payload(self):
        parent = weights(70_000)
        child = fine_tuned(parent)
        first = encode(view(child), item_bytes=4, base=view(parent))
        encode(view(weights(100_000, seed=5)), item_bytes=2)
        assert encode(view(child), item_bytes=4, base=view(parent)) == first


class TestRoundTrip:
    @settings(max_examples=300, deadline=None)
    @given(data=st.binary(max_size=3000), repeat=st.integers(1, 40), item_bytes=st.sampled_from([1, 2, 4, 8]))
    def test_any_bytes_come_back_whatever_they_are_said_to_be(self, data: bytes, repeat: int, item_bytes: int):
        there_and_back(memoryview(data * repeat), item_bytes=item_bytes)

    @settings(max_examples=300, deadline=None)
    @given(piece=st.binary(max_size=2000), seed=st.integers(0, 99), item_bytes=st.sampled_from([2, 4, 8]))
    def test_each_codec_gives_back_any_bytes(self, piece: bytes, seed: int, item_bytes: int):
        base, size = memoryview(random.Random(seed).randbytes(len(piece))), len(piece)
        for codec, payload in {
            Codec.RAW: piece,
            Codec.ZSTD: zstd.compress(memoryview(piece)),
            Codec.PLANES: planes.encode_planes(memoryview(piece), item_bytes),
            Codec.DELTA: planes.encode_planes(memoryview(piece), item_bytes, base),
        }.items():
            assert decode(codec, memoryview(payload), size, item_bytes=None, bases=[base]) == piece

    @pytest.mark.parametrize("item_bytes", [2, 4, 8])
    @pytest.mark.parametrize("size", [0, 1, 2, 7, 8, 9, (1 << 19) - 1, 1 << 19, (1 << 19) + 1, 1_234_567])
    def test_blocks_and_tails_of_all_lengths_come_back(self, size: int, item_bytes: int):
        base = np.resize(weights(5000).view("u1"), size).tobytes()
        piece = np.resize(fine_tuned(weights(5000)).view("u1"), size).tobytes()
        payload = planes.encode_planes(memoryview(piece), item_bytes, memoryview(base))
        assert decode(Codec.DELTA, memoryview(payload), size, item_bytes=item_bytes, bases=[memoryview(base)]) == piece

    @pytest.mark.parametrize("item_bytes", [2, 4, 8])
    def test_special_bit_patterns_come_back(self, item_bytes: int):
        backwards = memoryview(SPECIAL[::-1])
        payload = planes.encode_planes(memoryview(SPECIAL), item_bytes, backwards)
        assert decode(Codec.DELTA, memoryview(payload), 48, bases=[backwards]) == SPECIAL
        there_and_back(memoryview(SPECIAL * 100), item_bytes=item_bytes, base=memoryview(SPECIAL[::-1] * 100))

    def test_buffers_need_not_be_flat_or_aligned(self):
        parent, child = weights(4000), fine_tuned(weights(4000))
        odd = memoryview(b"x" + child.tobytes())[1:]
        assert bytes(odd) == child.tobytes()
        for data in (memoryview(child.tobytes())[::2], child.reshape(40, 100).T.data, child.astype("<f2").data, odd):
            there_and_back(data, item_bytes=4, base=memoryview(b"y" + parent.tobytes())[1:])
        there_and_back(np.empty((0, 3), "<f4").data, item_bytes=4)

    def test_threads_do_not_disturb_each_other(self):
        parents = [weights(80_000 + 1000 * number, seed=number) for number in range(8)]
        pieces = [view(fine_tuned(parent, seed=50 + number)) for number, parent in enumerate(parents)]
        alone = [encode(piece, item_bytes=4, base=view(p)) for piece, p in zip(pieces, parents, strict=True)]
        start = threading.Barrier(8)

        def work(number: int) -> list[Encoded]:
            start.wait()
            return [there_and_back(pieces[number], item_bytes=4, base=view(parents[number])) for _ in range(10)]

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(work, range(8))) == [[encoded] * 10 for encoded in alone]


class TestFormat:
    """Literal payloads of format 1: these bytes are read forever."""

    GOLDENS = (
        (Codec.RAW, "616263", b"abc", None),
        # Sign and exponent of 1, 2, 3, -1: 3f 40 40 bf; then 80 00 40 80; the lower planes are all 0.
        (
            Codec.PLANES,
            "0410" "01000080" "01000080" "04000000" "04000000" "00" "00" "80004080" "3f4040bf" "ff",
            ONES_AND_UP + b"\xff",
            None,
        ),
        # 1 - 3 = -2 -> 3, 3 - 1 = 2 -> 4, 0 - 65535 wraps to 1 -> 2, and a tail of one byte.
        (
            Codec.DELTA,
            "0210" "03000000" "01000080" "030402" "00" "ff",
            struct.pack("<3H", 1, 3, 0) + b"\xff",
            struct.pack("<3H", 3, 1, 65535) + b"\x00",
        ),
    )  # fmt: skip

    @pytest.mark.parametrize(("codec", "payload", "piece", "base"), GOLDENS)
    def test_a_payload_of_format_1_is_read(self, codec: Codec, payload: str, piece: bytes, base: bytes | None):
        stored = memoryview(bytes.fromhex(payload))
        assert decode(codec, stored, len(piece), bases=[memoryview(base)] if base else []) == piece

    @pytest.mark.parametrize(("codec", "payload", "piece", "base"), GOLDENS[1:])
    def test_planes_are_written_as_in_format_1(self, codec: Codec, payload: str, piece: bytes, base: bytes | None):
        item_bytes = int(payload[:2])
        written = planes.encode_planes(memoryview(piece), item_bytes, base and memoryview(base))
        assert written.hex() == payload

    def test_a_zstd_frame_of_format_1_is_read(self):
        assert decode(Codec.ZSTD, memoryview(bytes.fromhex(ZSTD_FRAME)), 100) == b"123" * 33 + b"1"

    @pytest.mark.skipif(zstandard.ZSTD_VERSION != (1, 5, 6), reason="other releases of zstd choose other sequences")
    def test_a_zstd_frame_is_written_as_in_format_1(self):
        assert zstd.compress(memoryview(b"123" * 33 + b"1")).hex() == ZSTD_FRAME

    def test_blocks_of_other_sizes_are_read(self):
        piece = bytes(range(256)) * 4  # 512 items of 2 bytes: two blocks of 256
        block = bytes.fromhex("0001000000010000") + bytes(range(0, 256, 2)) * 2 + bytes(range(1, 256, 2)) * 2
        assert decode(Codec.PLANES, memoryview(b"\x02\x08" + block * 2), 1024) == piece

    def test_ids_never_change(self):
        ids = {"RAW": 0, "ZSTD": 1, "PLANES": 2, "DELTA": 3, "MEAN": 4, "LOW_RANK": 5, "PATCH": 6}
        assert {codec.name: codec.value for codec in Codec} == ids


class TestRatios:
    """On a parent of a million weights and a child whose every weight moved."""

    parent = weights(1 << 20)
    child = fine_tuned(parent)

    @pytest.mark.parametrize(
        ("item_bytes", "cast", "alone", "with_parent"),
        [
            pytest.param(4, lambda numbers: numbers, 1.17, 2.2, id="fp32"),
            pytest.param(2, bfloat16, 1.43, 17.0, id="bf16"),
            pytest.param(2, lambda numbers: numbers.astype("<f2"), 1.17, 6.5, id="fp16"),
            pytest.param(8, lambda numbers: numbers.astype("<f8"), 2.3, 3.3, id="fp64 that was fp32"),
        ],
    )
    def test_a_fine_tuned_model_shrinks(self, item_bytes: int, cast, alone: float, with_parent: float):
        child, parent = view(cast(self.child)), view(cast(self.parent))
        assert len(child) / len(there_and_back(child, item_bytes=item_bytes).payload) > alone
        assert len(child) / len(there_and_back(child, item_bytes=item_bytes, base=parent).payload) > with_parent

    def test_a_frozen_tensor_costs_next_to_nothing(self):
        piece = view(self.parent)
        assert len(there_and_back(piece, item_bytes=4, base=piece).payload) < 400

    def test_token_ids_shrink_by_their_empty_bytes(self):
        tokens = np.random.default_rng(0).integers(0, 30_000, 100_000).astype("<i8")
        assert 800_000 / len(there_and_back(view(tokens), item_bytes=8).payload) > 4.0


def test_importing_the_codecs_does_not_import_numpy():
    code = "import sys, ama_tfx.storage.codecs.choice; print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
