"""Payloads that nobody wrote: never anything but an IntegrityError, or bytes of the size asked for."""

import tracemalloc

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tfx.errors import IntegrityError
from ama_tfx.storage.codecs import Codec, decode, planes, zstd

ONES_AND_UP = np.array([1, 2, 3, -1], "<f4").tobytes()
BASE = (np.random.default_rng(0).standard_normal(3000) * 0.02).astype("<f4").tobytes()
PIECE = (np.frombuffer(BASE, "<f4") + np.float32(1e-6) * np.arange(3000, dtype="<f4")).astype("<f4").tobytes()
VALID = [
    (Codec.ZSTD, zstd.compress(memoryview(b"a line of a log\n" * 750))),
    (Codec.PLANES, planes.encode_planes(memoryview(PIECE), 4)),
    (Codec.DELTA, planes.encode_planes(memoryview(PIECE), 4, memoryview(BASE))),
]


def malformed() -> list[tuple[str, int, bytes, int]]:
    frame = zstd.compress(memoryview(bytes(1000)))
    two = planes.encode_planes(memoryview(ONES_AND_UP + b"\xff"), 4)
    return [
        ("unknown codec", 77, b"abc", 3),
        ("a mean without its bases", 4, b"abc", 3),
        ("a delta without its base", 3, two, 17),
        ("raw, too short", 0, b"ab", 3),
        ("raw, too long", 0, b"abcd", 3),
        ("zstd, empty", 1, b"", 0),
        ("zstd, not a frame", 1, b"not a frame", 100),
        ("zstd, cut", 1, frame[:-1], 1000),
        ("zstd, another size", 1, frame, 999),
        ("zstd, something after the frame", 1, frame + b"\0", 1000),
        ("zstd, two frames", 1, frame + frame, 2000),
        ("zstd, no content size", 1, zstandard.ZstdCompressor(write_content_size=False).compress(bytes(1000)), 1000),
        ("zstd, a skippable frame", 1, bytes.fromhex("502a4d18 03000000 616263"), 3),
        ("zstd, a size of 1 TiB", 1, bytes.fromhex("28b52ffd e0 0000000000010000 010000"), 1 << 40),
        ("planes, empty", 2, b"", 0),
        ("planes, of 3 bytes", 2, b"\3" + two[1:], 17),
        ("planes, blocks of 2 ** 40", 2, two[:1] + b"\x28" + two[2:], 17),
        ("planes, too long", 2, two + b"\0", 17),
        ("planes, too short", 2, two[:-1], 17),
        ("planes, cut in the headers", 2, two[:12] + two[12:20][:2], 17),
        ("planes, of another size", 2, two, 21),
        ("planes, of a negative size", 2, two, -1),
        ("planes, a size of 1 TiB", 2, two, 1 << 40),
        ("planes, an unknown kind", 2, two[:5] + b"\xc0" + two[6:], 17),
        ("planes, a constant of 4", 2, two[:13] + b"\x80" + two[14:], 17),
        ("planes, a body of 1 GB", 2, two[:2] + b"\xff\xff\xff\x3f" + two[6:], 17),
    ]


class TestMalformed:
    @pytest.mark.parametrize(("codec", "payload", "size"), [pytest.param(*c[1:], id=c[0]) for c in malformed()])
    def test_what_is_malformed_is_an_integrity_error(self, codec: int, payload: bytes, size: int):
        with pytest.raises(IntegrityError):
            decode(codec, memoryview(payload), size)

    def test_the_size_of_the_numbers_is_checked_when_it_is_known(self):
        payload = planes.encode_planes(memoryview(bytes(32)), 4)
        with pytest.raises(IntegrityError, match="expected 8"):
            decode(Codec.PLANES, memoryview(payload), 32, item_bytes=8)

    def test_a_base_of_another_size_is_an_integrity_error(self):
        payload = planes.encode_planes(memoryview(bytes(32)), 4, memoryview(bytes(32)))
        with pytest.raises(IntegrityError, match="the base has 31 bytes"):
            decode(Codec.DELTA, memoryview(payload), 32, bases=[memoryview(bytes(31))])

    @settings(max_examples=600, deadline=None)
    @given(data=st.data())
    def test_damage_is_an_integrity_error_or_other_bytes_of_the_same_size(self, data: st.DataObject):
        codec, payload = data.draw(st.sampled_from(VALID))
        damaged = bytearray(payload)
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, min(len(damaged), 60)) | st.integers(0, len(damaged)))
            damaged[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        assert_harmless(codec, bytes(damaged), 12_000, BASE)

    @settings(max_examples=600, deadline=None)
    @given(
        codec=st.integers(-1, 7),
        start=st.sampled_from([b"", b"\2\x08", b"\4\x10", b"\x08\x12", bytes.fromhex("28b52ffd")]),
        rest=st.binary(max_size=300),
        size=st.integers(-1, 3000) | st.integers(0, 1 << 70),
    )
    def test_garbage_is_an_integrity_error(self, codec: int, start: bytes, rest: bytes, size: int):
        assert_harmless(codec, start + rest, size, bytes(max(0, min(size, 3000))))


def assert_harmless(codec: int, payload: bytes, size: int, base: bytes) -> None:
    tracemalloc.start()
    try:
        assert len(decode(codec, memoryview(payload), size, bases=[memoryview(base)])) == size
    except IntegrityError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 2 * len(base) + (8 << 20)
