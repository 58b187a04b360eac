import io

import pytest

from ama_tfx.errors import IntegrityError
from ama_tfx.storage import Digest
from ama_tfx.storage.verify import verifying

DATA = bytes(range(256)) * 10_000


def test_right_bytes_pass_in_pieces_of_any_size():
    for size in (1_000_003, 65_536, 1 << 20, -1):
        stream = verifying(io.BytesIO(DATA), Digest.of(DATA))
        assert b"".join(iter(lambda: stream.read(size), b"")) == DATA  # noqa: B023 - used at once


def test_wrong_bytes_end_in_an_error_that_names_both_digests():
    stream = verifying(io.BytesIO(b"hellO"), Digest.of(b"hello"))
    with pytest.raises(IntegrityError) as caught:
        stream.read()
    assert "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" in str(caught.value)
    assert "sha256:04a6f55face2f46be8c23f627d539827615851e10751b63ec59db6d2c706b770" in str(caught.value)


def test_the_error_comes_again_to_a_reader_that_ignores_it():
    stream = verifying(io.BytesIO(b"hellO"), Digest.of(b"hello"))
    for _ in range(2):
        with pytest.raises(IntegrityError):
            stream.read()


def test_one_flipped_bit_anywhere_in_a_large_blob_is_found():
    for position in (0, 1 << 20, len(DATA) - 1):
        damaged = bytearray(DATA)
        damaged[position] ^= 1
        stream = verifying(io.BytesIO(damaged), Digest.of(DATA))
        with pytest.raises(IntegrityError):
            for _ in iter(lambda: stream.read(100_000), b""):  # noqa: B023 - used at once
                pass


def test_closing_closes_the_source():
    source = io.BytesIO(DATA)
    with verifying(source, Digest.of(DATA)) as stream:
        stream.read(10)
    assert source.closed
    assert stream.closed


def test_a_stream_that_verifies_cannot_jump():
    with verifying(io.BytesIO(DATA), Digest.of(DATA)) as stream:
        assert not stream.seekable()
        assert not stream.writable()
        assert stream.readable()
