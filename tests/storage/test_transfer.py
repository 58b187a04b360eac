import io
import os

import pytest

from ama_tfx.errors import ContentChangedError, IntegrityError, InvalidInputError, NotFoundError, OutOfSpaceError
from ama_tfx.storage import Digest, export_blob, import_file
from ama_tfx.testing import MemoryBlobStore

HELLO = Digest("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")


class OnceAfterHashing:
    """An ``on_bytes`` that does something when the file's first piece has been hashed."""

    def __init__(self, action):
        self.action = action

    def __call__(self, size):
        action, self.action = self.action, lambda: None
        action()


def test_a_file_is_stored_under_its_digest_and_its_bytes_are_told(blob_store, tmp_path):
    (tmp_path / "file").write_bytes(b"hello")
    seen = []
    info = import_file(blob_store, tmp_path / "file", on_bytes=seen.append)
    assert (info.digest, info.size_bytes, info.created) == (HELLO, 5, True)
    assert seen == [5]
    with blob_store.open(HELLO) as stream:
        assert stream.read() == b"hello"


def test_known_content_is_not_written_again(tmp_path):
    (tmp_path / "file").write_bytes(b"hello")
    store = MemoryBlobStore()
    import_file(store, tmp_path / "file")
    store.failures.append(AssertionError("the content was written again"))
    assert not import_file(store, tmp_path / "file").created


@pytest.mark.parametrize("after", [b"hello and more", b"hell", b"HELLO", b""], ids=["longer", "cut", "other", "empty"])
def test_a_file_written_to_while_it_is_read_is_refused(blob_store, tmp_path, after):
    path = tmp_path / "file"
    path.write_bytes(b"hello")
    with pytest.raises(ContentChangedError, match="file changed while it was read: '.*file'"):
        import_file(blob_store, path, on_bytes=OnceAfterHashing(lambda: path.write_bytes(after)))
    # What was stored before the change was seen, if anything, is right under its own digest.
    assert {info.digest for info in blob_store.blobs()} <= {Digest.of(after)}


@pytest.mark.timeout(10)
def test_a_file_that_grows_as_fast_as_it_is_read_is_not_read_for_ever(blob_store, tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"line\n")

    def grow(_):
        with path.open("ab") as stream:
            stream.write(b"line\n")

    with pytest.raises(ContentChangedError, match="file changed while it was read: '.*log'"):
        import_file(blob_store, path, on_bytes=grow)
    assert list(blob_store.blobs()) == []


def test_a_rewrite_of_known_content_to_the_same_size_is_refused_too(blob_store, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"hello")
    blob_store.put(io.BytesIO(b"hello"))
    with pytest.raises(ContentChangedError, match="file changed while it was read"):
        import_file(blob_store, path, on_bytes=OnceAfterHashing(lambda: path.write_bytes(b"HELLO")))
    assert [info.digest for info in blob_store.blobs()] == [HELLO]


def test_a_rewrite_that_puts_the_old_times_back_is_refused_too(blob_store, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"hello")
    blob_store.put(io.BytesIO(b"hello"))
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns

    def rewrite():
        path.write_bytes(b"HELLO")
        os.utime(path, ns=times)

    with pytest.raises(ContentChangedError):
        import_file(blob_store, path, on_bytes=OnceAfterHashing(rewrite))


def test_a_file_replaced_by_a_rename_counts_as_changed(blob_store, tmp_path):
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_bytes(b"hello")
    other.write_bytes(b"other")
    # The opened file loses its name, and with it its change time moves.
    with pytest.raises(ContentChangedError):
        import_file(blob_store, path, on_bytes=OnceAfterHashing(lambda: other.replace(path)))
    assert {info.digest for info in blob_store.blobs()} <= {HELLO}


@pytest.mark.parametrize("kind", ["symlink", "fifo", "folder"])
@pytest.mark.timeout(10)
def test_only_regular_files_are_imported(blob_store, tmp_path, kind):
    path = tmp_path / "strange"
    make = {"symlink": lambda: path.symlink_to("/etc/passwd"), "fifo": lambda: os.mkfifo(path), "folder": path.mkdir}
    make[kind]()
    with pytest.raises(InvalidInputError, match="not a regular file"):
        import_file(blob_store, path)
    assert list(blob_store.blobs()) == []


def test_a_blob_is_exported_whole_and_its_bytes_are_told(blob_store, tmp_path):
    data = bytes(3_000_000)
    info = blob_store.put(io.BytesIO(data))
    seen = []
    export_blob(blob_store, info.digest, tmp_path / "copy", on_bytes=seen.append)
    assert (tmp_path / "copy").read_bytes() == data
    assert sum(seen) == 3_000_000


def test_an_exported_file_is_a_copy_that_may_be_written_to(blob_store, tmp_path):
    blob_store.put(io.BytesIO(b"hello"))
    export_blob(blob_store, HELLO, tmp_path / "copy")
    (tmp_path / "copy").write_bytes(b"mine now")
    with blob_store.open(HELLO) as stream:
        assert stream.read() == b"hello"


def test_a_damaged_blob_is_not_exported(tmp_path):
    store = MemoryBlobStore()
    store.content[HELLO] = b"hellO"
    (tmp_path / "folder").mkdir()
    with pytest.raises(IntegrityError, match="damaged"):
        export_blob(store, HELLO, tmp_path / "folder" / "copy")
    assert list((tmp_path / "folder").iterdir()) == []


def test_an_absent_blob_is_not_exported(blob_store, tmp_path):
    with pytest.raises(NotFoundError, match="no blob sha256:2cf2"):
        export_blob(blob_store, HELLO, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_store_that_fails_is_told_and_asked_again_it_works(tmp_path):
    (tmp_path / "file").write_bytes(b"hello")
    store = MemoryBlobStore()
    store.failures.append(OutOfSpaceError("full"))
    with pytest.raises(OutOfSpaceError):
        import_file(store, tmp_path / "file")
    assert list(store.blobs()) == []
    assert import_file(store, tmp_path / "file").created
