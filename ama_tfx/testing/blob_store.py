"""The `BlobStore` contract as tests."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest

from ama_tfx.errors import ConflictError, ContentChangedError, IntegrityError, InvalidInputError, NotFoundError
from ama_tfx.storage import BlobStore, Digest, FileState, Progress, Source

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


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


class BlobStoreContract:
    """Inherit it and define the fixture ``store``: an empty store; define ``damage`` where bytes can be reached."""

    def damage(self, store: BlobStore, digest: Digest) -> None:
        """Change bytes that a blob is read from, past the store's own interface."""
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

    def test_damaged_bytes_are_never_read_as_if_they_were_right(self, store: BlobStore, tmp_path: Path) -> None:
        store.put(io.BytesIO(HELLO))
        self.damage(store, HELLO_DIGEST)
        with pytest.raises(IntegrityError, match=HELLO_DIGEST.hex), store.open(HELLO_DIGEST) as stream:
            stream.read()
        with pytest.raises(IntegrityError, match=HELLO_DIGEST.hex):
            store.export([(HELLO_DIGEST, tmp_path / "out")])
        assert list(tmp_path.iterdir()) == []

    def test_an_open_blob_can_be_read_from_anywhere(self, store: BlobStore) -> None:
        data = b"".join(number.to_bytes(4, "big") for number in range(300_000))
        digest = store.put(io.BytesIO(data)).digest
        with store.open(digest) as stream:
            assert stream.seekable()
            assert stream.seek(-3, io.SEEK_END) == 1_199_997
            assert stream.read() == b"\x04\x93\xdf"
            stream.seek(400_000)
            assert stream.read(4) == (100_000).to_bytes(4, "big")
            assert stream.tell() == 400_004

    def test_files_are_stored_in_one_go_and_reported_in_order(self, store: BlobStore, tmp_path: Path) -> None:
        contents = [b"b" * 300_000, b"", b"small", b"b" * 300_000, b"small"]
        paths = [_write(tmp_path / str(number), content) for number, content in enumerate(contents)]
        seen: list[Progress] = []
        with store.writer() as writer:
            infos = writer.add_files([Source(path) for path in paths], on_progress=seen.append)
            writer.commit()
        assert [info.digest for info in infos] == [Digest.of(content) for content in contents]
        assert [info.size_bytes for info in infos] == [300_000, 0, 5, 300_000, 5]
        assert (sum(done.size_bytes for done in seen), sum(done.files for done in seen)) == (600_010, 5)
        assert sorted(info.size_bytes for info in store.blobs()) == [0, 5, 300_000]

    def test_what_was_not_committed_is_not_there(self, store: BlobStore) -> None:
        with store.writer() as writer:
            writer.add_stream(io.BytesIO(HELLO))
        assert not store.has(HELLO_DIGEST)
        assert list(store.blobs()) == []

    def test_an_empty_commit_stores_nothing(self, store: BlobStore) -> None:
        with store.writer() as writer:
            assert writer.add_files([]) == []
            writer.commit()
            assert writer.new_bytes == 0
        assert list(store.blobs()) == []

    def test_a_file_that_cannot_be_stored_is_named(self, store: BlobStore, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to("nowhere")
        for name, error in (("gone", NotFoundError), ("link", (InvalidInputError, NotFoundError))):
            with store.writer() as writer, pytest.raises(error, match=name):
                writer.add_files([Source(tmp_path / name)])

    def test_exported_files_have_their_bytes(self, store: BlobStore, tmp_path: Path) -> None:
        contents = [b"", b"x" * 9_000_000, b"small"]
        digests = [store.put(io.BytesIO(content)).digest for content in contents]
        seen: list[Progress] = []
        targets = [tmp_path / str(number) for number in range(3)]
        store.export(list(zip(digests, targets, strict=True)), on_progress=seen.append)
        assert [target.read_bytes() for target in targets] == contents
        assert (sum(done.size_bytes for done in seen), sum(done.files for done in seen)) == (9_000_005, 3)

    def test_an_export_of_a_blob_of_another_size_than_expected_writes_nothing(
        self, store: BlobStore, tmp_path: Path
    ) -> None:
        digest = store.put(io.BytesIO(HELLO)).digest
        for wrong in (0, 4, 6, 1 << 40):
            with pytest.raises(IntegrityError, match=f"it should have {wrong}"):
                store.export([(digest, tmp_path / "out")], sizes={digest: wrong})
            assert list(tmp_path.iterdir()) == []
        store.export([(digest, tmp_path / "out")], sizes={digest: 5})
        assert (tmp_path / "out").read_bytes() == HELLO

    def test_nothing_is_exported_of_an_absent_blob(self, store: BlobStore, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError, match="0000"):
            store.export([(ABSENT, tmp_path / "out")])
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("expected", [None, HELLO_DIGEST], ids=["digest unknown", "digest known"])
    def test_putting_a_damaged_blob_again_repairs_it(self, store: BlobStore, expected: Digest | None) -> None:
        store.put(io.BytesIO(HELLO))
        self.damage(store, HELLO_DIGEST)
        assert store.put(io.BytesIO(HELLO), expected=expected).created
        with store.open(HELLO_DIGEST) as stream:
            assert stream.read() == HELLO

    def test_a_file_that_is_not_the_one_found_is_not_stored(self, store: BlobStore, tmp_path: Path) -> None:
        for size_bytes in (5, 1_000_000):
            path = _write(tmp_path / "file", b"x" * size_bytes)
            found = FileState.of(path.stat())
            path.rename(tmp_path / "away")
            _write(path, b"y" * size_bytes)
            with store.writer() as writer, pytest.raises(ContentChangedError, match="file changed"):
                writer.add_files([Source(path, state=found)])
        assert list(store.blobs()) == []

    def test_an_export_replaces_nothing(self, store: BlobStore, tmp_path: Path) -> None:
        digest = store.put(io.BytesIO(HELLO)).digest
        target = _write(tmp_path / "target", b"precious")
        with pytest.raises(ConflictError, match="target' exists already"):
            store.export([(digest, target)])
        assert target.read_bytes() == b"precious"

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
