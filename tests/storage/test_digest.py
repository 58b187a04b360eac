import hashlib
import io
import subprocess

import pytest

from ama_tfx.errors import InvalidInputError
from ama_tfx.storage import Digest, hash_stream

HELLO = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

# Two messages with one MD5, 79054025255fb1a26e4bc422aef54eb4 (Wang, Feng, Lai and Yu, 2004).
COLLISION = bytes.fromhex(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488832571415a"
    "085125e8f7cdc99fd91dbdf280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0"
    "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
)
COLLISION_TWIN = bytes(
    byte ^ (0x80 if position in {19, 45, 59, 83, 109, 123} else 0) for position, byte in enumerate(COLLISION)
)


def test_a_digest_is_what_sha256sum_prints(tmp_path):
    (tmp_path / "file").write_bytes(b"hello")
    printed = subprocess.run(["sha256sum", tmp_path / "file"], capture_output=True, text=True, check=True).stdout
    assert printed.split()[0] == HELLO
    assert Digest.of(b"hello").hex == HELLO


def test_a_digest_is_written_and_read_in_the_oci_form():
    assert str(Digest(HELLO)) == f"sha256:{HELLO}"
    assert Digest.parse(f"sha256:{HELLO}") == Digest(HELLO)


def test_the_raw_form_is_the_32_bytes_of_the_hash():
    raw = Digest(HELLO).raw
    assert (len(raw), raw[:4]) == (32, b"\x2c\xf2\x4d\xba")
    assert Digest.from_raw(raw) == Digest(HELLO)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        f"sha256:{HELLO[:-1]}",
        f"sha256:{HELLO}0",
        f"sha256:{HELLO}\n",
        f"sha256:{HELLO.upper()}",
        f"SHA256:{HELLO}",
        f"sha256: {HELLO}",
        f" sha256:{HELLO}",
        f"sha256:{chr(0x660) * 64}",  # digits, but Arabic ones
        HELLO,
        "md5:5d41402abc4b2a76b9719d911017c592",
        "sha1:aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d",
        f"sha512:{HELLO}",
    ],
)
def test_what_is_not_a_sha256_is_refused_and_shown(text):
    with pytest.raises(InvalidInputError) as caught:
        Digest.parse(text)
    assert repr(text) in str(caught.value) or repr(text.partition(":")[2]) in str(caught.value)


def test_raw_bytes_of_another_length_are_refused():
    with pytest.raises(InvalidInputError, match="not a SHA-256"):
        Digest.from_raw(b"31 bytes are not a SHA-256 hash")


def test_messages_with_one_md5_have_two_identities(blob_store):
    md5s = {hashlib.md5(data).hexdigest() for data in (COLLISION, COLLISION_TWIN)}
    assert md5s == {"79054025255fb1a26e4bc422aef54eb4"}
    digests = {blob_store.put(io.BytesIO(data)).digest for data in (COLLISION, COLLISION_TWIN)}
    assert len(digests) == 2
    assert len(list(blob_store.blobs())) == 2


def test_hashing_a_stream_tells_digest_size_and_every_piece():
    seen = []
    data = b"x" * 3_000_000
    digest, size_bytes = hash_stream(io.BytesIO(data), seen.append)
    assert (digest, size_bytes) == (Digest.of(data), 3_000_000)
    assert len(seen) > 1
    assert sum(seen) == 3_000_000


def test_digests_sort_by_their_hex():
    assert sorted([Digest("b" * 64), Digest("a" * 64)]) == [Digest("a" * 64), Digest("b" * 64)]
