"""The `BlobStore` contract as tests."""

from __future__ import annotations

import io
import threading
from typing import TYPE_CHECKING, BinaryIO

import pytest

from ama_tfx.errors import ContentChangedError, IntegrityError, NotFoundError
from ama_tfx.storage import BlobStore, Digest

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

HELLO = b"hello"
HELLO_DIGEST = Digest("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
ABSENT = Digest("0" * 64)


class _TornStream(io.RawIOBase):
    """Yields some bytes, then fails like a lost network."""

    def __init__(self) -> None:
        self._pieces = [b"first part"]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        if not self._pieces:
            raise ConnectionResetError("connection reset")
        piece = self._pieces.pop()
        memoryview(buffer).cast("B")[: len(piece)] = piece
        return len(piece)


class BlobStoreContract:
    """Inherit it and define the fixture ``store``: an empty store; define ``damage`` where bytes can be reached."""

    def damage(self, store: BlobStore, digest: Digest, content: bytes) -> None:
        """Put other bytes behind a digest, past the store's own interface."""
        pytest.skip("this backend gives no way to damage a blob")

    def test_what_was_put_is_found_under_its_sha256(self, store: BlobStore) -> None:
        info = store.put(io.BytesIO(HELLO))
        assert (info.digest, info.size_bytes, info.created) == (HELLO_DIGEST, 5, True)
        assert store.has(HELLO_DIGEST)
        with store.open(HELLO_DIGEST) as stream:
            assert stream.read() == HELLO

    def test_the_same_bytes_are_stored_once(self, store: BlobStore) -> None:
        store.put(io.BytesIO(HELLO))
        again = store.put(io.BytesIO(HELLO))
        assert not again.created
        assert [info.digest for info in store.blobs()] == [HELLO_DIGEST]

    def test_the_empty_blob_is_a_blob(self, store: BlobStore) -> None:
        info = store.put(io.BytesIO(b""))
        assert info.digest.hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        with store.open(info.digest) as stream:
            assert stream.read() == b""

    def test_a_blob_larger_than_any_buffer_comes_back_whole(self, store: BlobStore) -> None:
        data = bytes(range(256)) * 20_000 + b"odd end"
        info = store.put(io.BytesIO(data))
        with store.open(info.digest) as stream:
            pieces = iter(lambda: stream.read(65_537), b"")
            assert b"".join(pieces) == data

    def test_an_absent_blob_is_not_found(self, store: BlobStore) -> None:
        assert not store.has(ABSENT)
        with pytest.raises(NotFoundError, match="0000"):
            store.open(ABSENT)

    def test_has_with_a_size_is_true_for_that_size_only(self, store: BlobStore) -> None:
        store.put(io.BytesIO(HELLO))
        assert store.has(HELLO_DIGEST, size_bytes=5)
        assert not store.has(HELLO_DIGEST, size_bytes=4)

    def test_unexpected_content_is_refused_and_not_stored(self, store: BlobStore) -> None:
        with pytest.raises(ContentChangedError, match="expected sha256:0000"):
            store.put(io.BytesIO(HELLO), expected=ABSENT)
        assert list(store.blobs()) == []

    def test_a_stream_that_fails_leaves_nothing(self, store: BlobStore) -> None:
        torn: BinaryIO = _TornStream()  # type: ignore[assignment]
        with pytest.raises(OSError, match="reset"):
            store.put(torn)
        assert list(store.blobs()) == []

    def test_blobs_lists_each_blob_with_its_size(self, store: BlobStore) -> None:
        for data in (b"a", b"bb", b"ccc"):
            store.put(io.BytesIO(data))
        assert sorted(info.size_bytes for info in store.blobs()) == [1, 2, 3]

    def test_a_deleted_blob_is_gone_and_deleting_it_again_is_no_error(self, store: BlobStore) -> None:
        store.put(io.BytesIO(HELLO))
        store.delete(HELLO_DIGEST)
        store.delete(HELLO_DIGEST)
        assert not store.has(HELLO_DIGEST)
        assert list(store.blobs()) == []

    @pytest.mark.parametrize("content", [b"hellO", b"hell", b"hello!", b""], ids=["flipped", "cut", "longer", "empty"])
    def test_damaged_bytes_are_never_read_as_if_they_were_right(self, store: BlobStore, content: bytes) -> None:
        store.put(io.BytesIO(HELLO))
        self.damage(store, HELLO_DIGEST, content)
        with store.open(HELLO_DIGEST) as stream, pytest.raises(IntegrityError, match=HELLO_DIGEST.hex):
            stream.read()

    @pytest.mark.parametrize("expected", [None, HELLO_DIGEST], ids=["digest unknown", "digest known"])
    @pytest.mark.parametrize("content", [b"hellO", b"hell", b"hello!", b""], ids=["flipped", "cut", "longer", "empty"])
    def test_putting_a_damaged_blob_again_repairs_it(
        self, store: BlobStore, content: bytes, expected: Digest | None
    ) -> None:
        store.put(io.BytesIO(HELLO))
        self.damage(store, HELLO_DIGEST, content)
        assert store.put(io.BytesIO(HELLO), expected=expected).created
        with store.open(HELLO_DIGEST) as stream:
            assert stream.read() == HELLO

    def test_putting_a_known_digest_again_stores_nothing_and_tells_the_size(self, store: BlobStore) -> None:
        store.put(io.BytesIO(HELLO))
        again = store.put(io.BytesIO(HELLO), expected=HELLO_DIGEST)
        assert (again.digest, again.size_bytes, again.created) == (HELLO_DIGEST, 5, False)

    def test_many_writers_of_the_same_bytes_all_succeed_and_store_them_once(self, store: BlobStore) -> None:
        data, results = b"shared" * 50_000, []
        threads = [threading.Thread(target=lambda: results.append(store.put(io.BytesIO(data)))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [info.digest for info in results] == [Digest.of(data)] * 8
        assert [info.digest for info in store.blobs()] == [Digest.of(data)]
