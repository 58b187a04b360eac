import errno
import io
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest

from ama_tfx.errors import BackendError, NotFoundError, OutOfSpaceError, PermissionDeniedError
from ama_tfx.storage import Digest, LocalBlobStore, export_blob, import_file
from ama_tfx.testing import BlobStoreContract
from ama_tfx.testing.processes import count_lines, in_process, kill_at_line, race

HELLO = Digest("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
HELLO_PATH = "sha256/2c/f2/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def verified(store):
    """Read every blob of a store to its end and return their digests."""
    digests = [info.digest for info in store.blobs()]
    for digest in digests:
        with store.open(digest) as stream:
            while stream.read(1 << 20):
                pass
    return set(digests)


class TestLocalBlobStore(BlobStoreContract):
    @pytest.fixture
    def store(self, blob_store):
        return blob_store

    def damage(self, store, digest, content):
        path = store.folder / "sha256" / digest.hex[:2] / digest.hex[2:4] / digest.hex
        path.chmod(0o644)
        path.write_bytes(content)


def test_a_blob_is_a_file_that_sha256sum_can_check(blob_store):
    blob_store.put(io.BytesIO(b"hello"))
    path = blob_store.folder / HELLO_PATH
    assert files_below(blob_store.folder) == [HELLO_PATH]
    printed = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout
    assert printed.split()[0] == path.name


def test_a_blob_is_read_only_on_disk(blob_store):
    blob_store.put(io.BytesIO(b"hello"))
    assert (blob_store.folder / HELLO_PATH).stat().st_mode & 0o777 == 0o444


def test_a_store_is_found_again_by_its_folder(blob_store):
    blob_store.put(io.BytesIO(b"hello"))
    assert verified(LocalBlobStore(blob_store.folder)) == {HELLO}


def test_strangers_in_the_folder_are_no_blobs(blob_store):
    blob_store.put(io.BytesIO(b"hello"))
    root = blob_store.folder / "sha256"
    for stranger in ("README", "2c/README", "2c/f2/README", f"2c/{'0' * 64}", f"aa/bb/{HELLO.hex}"):
        (root / stranger).parent.mkdir(parents=True, exist_ok=True)
        (root / stranger).write_text("planted")
    (root / "00/00" / ("0" * 64)).mkdir(parents=True)
    (root / "11/11").mkdir(parents=True)
    (root / "11/11" / ("1" * 64)).symlink_to("/etc/passwd")
    assert [info.digest for info in blob_store.blobs()] == [HELLO]


def test_a_planted_link_is_never_read_as_a_blob_and_the_blob_can_be_stored(blob_store, tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"hello")
    path = blob_store.folder / HELLO_PATH
    path.parent.mkdir(parents=True)
    path.symlink_to(tmp_path / "elsewhere")
    assert not blob_store.has(HELLO)
    with pytest.raises(NotFoundError, match="no blob"):
        blob_store.open(HELLO)
    assert blob_store.put(io.BytesIO(b"hello")).created
    assert not path.is_symlink()
    assert verified(blob_store) == {HELLO}


def test_a_blob_that_vanishes_while_blobs_are_listed_is_passed_over(blob_store):
    for data in (b"a", b"b", b"c"):
        blob_store.put(io.BytesIO(data))
    listing = blob_store.blobs()
    first = next(listing)
    shutil.rmtree(blob_store.folder / "sha256")
    assert list(listing) == []
    assert first.size_bytes == 1


def test_a_folder_of_blobs_that_may_not_be_read_is_an_error_and_not_an_empty_store(blob_store, as_another_user):
    blob_store.put(io.BytesIO(b"hello"))
    (blob_store.folder / "sha256" / "2c").chmod(0)
    with pytest.raises(PermissionDeniedError, match="cannot list"):
        as_another_user(lambda: list(blob_store.blobs()))


def test_a_reader_without_write_permission_can_read(blob_store, as_another_user):
    blob_store.put(io.BytesIO(b"hello"))
    assert as_another_user(lambda: LocalBlobStore(blob_store.folder).open(HELLO).read()) == b"hello"


def test_a_reader_keeps_its_blob_though_it_is_deleted_meanwhile(blob_store):
    blob_store.put(io.BytesIO(b"hello"))
    with blob_store.open(HELLO) as stream:
        blob_store.delete(HELLO)
        assert stream.read() == b"hello"


# --- Failing disks: of the standard library's calls, and real ones.


def _raise(number):
    raise OSError(number, os.strerror(number))


FAULTS = [
    ("fsync", errno.ENOSPC, OutOfSpaceError),
    ("fsync", errno.EDQUOT, OutOfSpaceError),
    ("fsync", errno.EIO, BackendError),
    ("open", errno.ENOSPC, OutOfSpaceError),
    ("open", errno.EMFILE, BackendError),
    ("open", errno.EIO, BackendError),
    ("open", errno.EROFS, PermissionDeniedError),
]


@pytest.mark.parametrize(("call", "number", "expected"), FAULTS, ids=lambda value: getattr(value, "__name__", value))
def test_a_failing_call_is_told_and_nothing_is_stored(blob_store, monkeypatch, call, number, expected):
    with monkeypatch.context() as patch:
        patch.setattr(os, call, lambda *args, **kwargs: _raise(number))
        with pytest.raises(expected, match=os.strerror(number)):
            blob_store.put(io.BytesIO(b"hello"))
    assert files_below(blob_store.folder) == []
    assert blob_store.put(io.BytesIO(b"hello")).created


@pytest.mark.parametrize("event", ["os.mkdir", "os.rename"])
def test_a_failing_rename_or_mkdir_is_told_and_nothing_is_stored(blob_store, event):
    def put():
        sys.addaudithook(lambda name, args: _raise(errno.ENOSPC) if name == event else None)
        blob_store.put(io.BytesIO(b"hello"))

    with pytest.raises(OutOfSpaceError, match="No space left"):
        in_process(put)
    assert files_below(blob_store.folder) == []
    assert blob_store.put(io.BytesIO(b"hello")).created


@pytest.mark.parametrize("call", ["fsync", "open"])
def test_whichever_call_fails_the_store_holds_the_whole_blob_or_nothing(blob_store, monkeypatch, call):
    real, outcomes = getattr(os, call), []
    for failing in range(1, 20):
        calls = 0

        def count(*args, failing=failing, **kwargs):
            nonlocal calls
            calls += 1
            return _raise(errno.EIO) if calls == failing else real(*args, **kwargs)

        data = b"content %d" % failing
        with monkeypatch.context() as patch:
            patch.setattr(os, call, count)
            try:
                blob_store.put(io.BytesIO(data))
            except BackendError:
                outcomes.append("failed")
            else:
                outcomes.append("stored")
        assert verified(blob_store) == {info.digest for info in blob_store.blobs()}
        assert list((blob_store.folder / "tmp").iterdir()) == []
        blob_store.put(io.BytesIO(data))
        assert Digest.of(data) in verified(blob_store)
    assert set(outcomes) == {"failed", "stored"}


def test_no_descriptor_left_is_told_and_nothing_is_stored(blob_store):
    def put():
        lowest = os.dup(0)  # the next one to be opened would have this number
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, lowest))
        blob_store.put(io.BytesIO(b"hello"))

    with pytest.raises(BackendError, match="Too many open files"):
        in_process(put)
    assert files_below(blob_store.folder) == []


def test_a_limit_of_file_size_is_out_of_space_and_nothing_is_stored(blob_store):
    def put():
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
        blob_store.put(io.BytesIO(bytes(5_000_000)))

    with pytest.raises(OutOfSpaceError, match="File too large"):
        in_process(put)
    assert files_below(blob_store.folder) == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "ama-test", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"FULL DISK NOT TESTED: this machine mounts nothing ({mounted.stderr.decode().strip()})")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_told_nothing_is_stored_and_free_space_helps(small_disk):
    store = LocalBlobStore(small_disk / "blobs")
    store.put(io.BytesIO(b"hello"))
    with pytest.raises(OutOfSpaceError, match="No space left on device; free some space, then try again"):
        store.put(io.BytesIO(random.Random(1).randbytes(4_000_000)))
    assert files_below(store.folder) == [HELLO_PATH]
    assert store.put(io.BytesIO(random.Random(1).randbytes(1_000_000))).created
    assert len(verified(store)) == 2


# --- Killed writers.


def test_a_writer_killed_at_any_line_leaves_the_whole_blob_or_nothing(tmp_path):
    store = LocalBlobStore(tmp_path / "blobs")
    data = random.Random(2).randbytes(2_500_000)
    digest = Digest.of(data)
    counted = LocalBlobStore(tmp_path / "counted")
    lines = count_lines(lambda: counted.put(io.BytesIO(data)))
    assert lines > 50
    left_behind = set()
    for line in range(1, lines + 1):
        assert kill_at_line(lambda: store.put(io.BytesIO(data)), line)
        found = verified(store)
        assert found in (set(), {digest})
        left_behind.add((found == {digest}, bool(list((tmp_path / "blobs" / "tmp").iterdir()))))
        shutil.rmtree(tmp_path / "blobs" / "sha256", ignore_errors=True)
    # Kills met every state: nothing yet, a temporary file alone, the blob.
    assert {(False, False), (False, True), (True, False)} <= left_behind
    assert store.put(io.BytesIO(data)).created


def test_writers_killed_at_any_moment_leave_only_whole_blobs(tmp_path):
    store = LocalBlobStore(tmp_path / "blobs")
    moments = random.Random(3)
    for number in range(40):
        data = moments.randbytes(50_000)
        writer = os.fork()
        if writer == 0:
            for serial in range(10_000):
                store.put(io.BytesIO(data + b"%d %d" % (number, serial)))
            os._exit(0)
        time.sleep(moments.random() * 0.03)
        os.kill(writer, signal.SIGKILL)
        _, status = os.waitpid(writer, 0)
        assert os.WIFSIGNALED(status)
    assert len(verified(store)) > 10
    names = {path.name for path in (tmp_path / "blobs").rglob("*") if path.is_file()}
    assert {name for name in names if not name.endswith(".tmp")} == {info.digest.hex for info in store.blobs()}


def test_what_killed_writers_left_keeps_nobody_from_writing(tmp_path):
    store = LocalBlobStore(tmp_path / "blobs")
    for n in range(5):
        (tmp_path / "blobs" / "tmp" / f".{n:024x}.tmp").write_bytes(b"left over")
    assert list(store.blobs()) == []
    assert store.put(io.BytesIO(b"hello")).created


def test_many_processes_that_put_the_same_bytes_store_them_once(blob_store):
    data = random.Random(4).randbytes(1_000_000)
    results = race([lambda: blob_store.put(io.BytesIO(data))] * 6)
    assert [info.digest for info in results] == [Digest.of(data)] * 6
    assert any(info.created for info in results)
    assert verified(blob_store) == {Digest.of(data)}
    assert list((blob_store.folder / "tmp").iterdir()) == []


# --- Memory.


def test_memory_stays_constant_however_large_a_file_is(tmp_path):
    size_bytes = 300_000_000
    large, copy = tmp_path / "large", tmp_path / "copy"
    with large.open("wb") as stream:
        stream.seek(size_bytes - 1)
        stream.write(b"\1")

    def grow():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        store = LocalBlobStore(tmp_path / "blobs")
        info = import_file(store, large)
        with store.open(info.digest) as stream:
            while stream.read(1 << 20):
                pass
        export_blob(store, info.digest, copy)
        return info.size_bytes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    stored, growth_kb = in_process(grow)
    assert stored == size_bytes
    assert copy.stat().st_size == size_bytes
    assert growth_kb < 64_000


def test_opening_an_absent_blob_names_it_and_the_store(blob_store):
    with pytest.raises(NotFoundError, match="no blob sha256:2cf24dba.* in '.*blobs'"):
        blob_store.open(HELLO)
