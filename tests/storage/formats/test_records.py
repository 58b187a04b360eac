"""Records are found, and gzip files are made again to the bit."""

import dataclasses
import functools
import gzip
import random
import struct
import subprocess
import zlib

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ama_tfx.errors import ContentChangedError, IntegrityError, NotFoundError
from ama_tfx.storage.formats import RecordScanner, deflate, inflate, inflate_exactly, record_boundaries
from ama_tfx.storage.formats.crc32c import crc32c
from tests.storage.formats.samples import gzip_of, record


@functools.cache
def text(count: int) -> bytes:
    words = [bytes(random.Random(n).choices(b"abcdefgh", k=n % 9 + 2)) for n in range(500)]
    return b" ".join(random.Random(1).choices(words, k=count))


def cut(content: bytes, size: int) -> list[bytes]:
    return [content[n : n + size] for n in range(0, len(content), size)]


def test_crc32c_of_the_published_examples():
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"") == 0


@given(st.binary(max_size=300))
def test_crc32c_is_google_s(data):
    assert crc32c(data) == google_crc32c.value(data)


def test_records_start_where_they_were_written(tmp_path):
    (tmp_path / "r").write_bytes(record(b"abc") + record(b"") + record(b"x" * 3_000_000) + record(b"z"))
    assert list(record_boundaries(tmp_path / "r")) == [0, 19, 35, 3_000_051]


@pytest.mark.parametrize("content", [b"", b"x", bytes(8), bytes(100), text(100), gzip_of(record(b"abc"))])
def test_other_files_have_no_records(tmp_path, content):
    (tmp_path / "r").write_bytes(content)
    assert list(record_boundaries(tmp_path / "r")) == []


def test_a_damaged_file_has_the_records_before_the_damage(tmp_path):
    content = bytearray(b"".join(record(b"%d" % n) for n in range(10)))
    content[17 * 4] ^= 1
    (tmp_path / "r").write_bytes(content)
    assert list(record_boundaries(tmp_path / "r")) == [0, 17, 34, 51]


@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(1, 50), st.integers(0, 60))
def test_the_pieces_of_a_stream_do_not_matter(records, size, lost):
    content = b"".join(map(record, records))
    content = content[: len(content) - lost]
    whole, scanner = RecordScanner().feed(content), RecordScanner()
    assert [start for piece in cut(content, size) for start in scanner.feed(piece)] == whole
    assert len(whole) <= len(records)
    if lost == 0:
        assert len(whole) == len(records)


@given(st.lists(st.binary(max_size=30), max_size=10))
def test_a_scanner_takes_any_bytes(pieces):
    scanner = RecordScanner()
    assert all(scanner.feed(piece) == [] or b"".join(pieces) for piece in pieces)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(NotFoundError):
        list(record_boundaries(tmp_path / "none"))
    with pytest.raises(NotFoundError):
        inflate_exactly(tmp_path / "none")


@pytest.mark.parametrize("memory_level", [8, 9])
@pytest.mark.parametrize("level", range(1, 10))
def test_a_gzip_file_of_zlib_is_made_again(tmp_path, level, memory_level):
    data = text(60_000)
    (tmp_path / "a.gz").write_bytes(gzip_of(data, level, memory_level))
    recipe = inflate_exactly(tmp_path / "a.gz")
    assert recipe is not None
    assert recipe.inflated_bytes == len(data)
    assert b"".join(inflate(tmp_path / "a.gz", recipe)) == data
    for size in (1000, 1 << 20):
        assert b"".join(deflate(recipe, cut(data, size))) == (tmp_path / "a.gz").read_bytes()


def test_every_field_of_a_header_comes_back(tmp_path):
    header = b"\x1f\x8b\x08\x1f\1\2\3\4\2\3" + b"\x04\0extr" + b"na\xffme\0" + b"comment\0" + b"hc"
    (tmp_path / "a.gz").write_bytes(gzip_of(text(1000), header=header))
    recipe = inflate_exactly(tmp_path / "a.gz")
    assert recipe is not None
    assert recipe.header == header
    assert b"".join(deflate(recipe, [text(1000)])) == (tmp_path / "a.gz").read_bytes()


def test_python_s_gzip_is_made_again(tmp_path):
    with gzip.open(tmp_path / "name.gz", "wb") as stream:
        stream.write(text(5000))
    assert inflate_exactly(tmp_path / "name.gz") is not None


def test_an_empty_gzip_file_is_made_again(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip_of(b""))
    recipe = inflate_exactly(tmp_path / "a.gz")
    assert recipe is not None
    assert b"".join(deflate(recipe, [])) == gzip_of(b"")


@functools.cache
def bad_gzip_files() -> dict[str, bytes]:
    whole = gzip_of(text(1000))
    header = b"\x1f\x8b\x08"
    stored = b"\x1f\x8b\x08\0\0\0\0\0\0\3\1\3\0\xfc\xffabc"
    return {
        "two members": whole + whole,
        "bytes after it": whole + b"\0",
        "cut off": whole[:-1],
        "cut off before the trailer": whole[:-8],
        "cut off in the middle": whole[:500],
        "wrong crc": whole[:-8] + bytes(4) + whole[-4:],
        "wrong size": whole[:-1] + b"\1",
        "damaged": whole[:300] + bytes([whole[300] ^ 1]) + whole[301:],
        "no header": header,
        "unknown flags": header + b"\x80" + whole[4:],
        "endless name": header + b"\x08" + whole[4:10] + b"n" * 5000 + whole[10:],
        "endless extra": header + b"\x04" + whole[4:10] + b"\xff\xff" + whole[10:],
        "stored, which zlib would deflate": stored + gzip_of(b"abc")[-8:],
        "flushed in between": flushed(text(1000)),
        "bomb": gzip_of(bytes(100 << 20)),
        "text": text(100),
        "nothing": b"",
    }


def flushed(data: bytes) -> bytes:
    deflater = zlib.compressobj(6, zlib.DEFLATED, 31)
    content = deflater.compress(data[:2000]) + deflater.flush(zlib.Z_SYNC_FLUSH) + deflater.compress(data[2000:])
    content += deflater.flush()
    assert content.endswith(struct.pack("<L", len(data)))
    return content


@pytest.mark.parametrize("what", bad_gzip_files())
def test_what_cannot_be_made_again_is_an_ordinary_file(tmp_path, what):
    (tmp_path / "a.gz").write_bytes(bad_gzip_files()[what])
    assert inflate_exactly(tmp_path / "a.gz") is None


def test_other_bytes_than_the_file_s_are_refused(tmp_path):
    data = text(1000)
    (tmp_path / "a.gz").write_bytes(gzip_of(data))
    recipe = inflate_exactly(tmp_path / "a.gz")
    assert recipe is not None
    for wrong in (data[:-1], data + b"x", b"X" + data[1:], b""):
        with pytest.raises(IntegrityError, match="not the ones"):
            list(deflate(recipe, [wrong]))
    for wrong_file in (gzip_of(data[:-1]), gzip_of(data)[:-1], gzip_of(data) + b"x"):
        (tmp_path / "a.gz").write_bytes(wrong_file)
        with pytest.raises(ContentChangedError, match="changed while it was read"):
            list(inflate(tmp_path / "a.gz", recipe))


def test_a_zlib_that_deflates_otherwise_is_named(tmp_path):
    data = text(50_000)
    (tmp_path / "a.gz").write_bytes(gzip_of(data))
    recipe = inflate_exactly(tmp_path / "a.gz")
    assert recipe is not None
    other = dataclasses.replace(recipe, level=1, zlib_version="9.9")
    with pytest.raises(IntegrityError, match=r"does not deflate as zlib 9\.9 did"):
        list(deflate(other, [data]))


def test_the_gzip_command_s_files_are_made_again_or_left_alone(tmp_path):
    (tmp_path / "a").write_bytes(text(30_000))
    subprocess.run(["gzip", "-k", "a"], cwd=tmp_path, check=True)
    recipe = inflate_exactly(tmp_path / "a.gz")
    if recipe is not None:
        assert b"".join(deflate(recipe, [text(30_000)])) == (tmp_path / "a.gz").read_bytes()
