"""Failing disks, killed writers and planted files: a store in a folder holds the whole blob or nothing, and says so."""

from __future__ import annotations

import errno
import io
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from ama_tfx.errors import (
    AmaError,
    BackendError,
    ConflictError,
    IntegrityError,
    NotFoundError,
    OutOfSpaceError,
    PermissionDeniedError,
)
from ama_tfx.storage import Digest
from ama_tfx.storage.packs import PackStore, pack_file
from ama_tfx.storage.packs.checking import HARMLESS, Problem, check
from ama_tfx.storage.packs.index import Index
from ama_tfx.testing.damage import piece_payloads
from ama_tfx.testing.processes import count_lines, in_process, kill_at_line, race
from tests.storage.packs.packs_parts import put, read, some_bytes

HELLO = Digest("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
AsAnotherUser = Callable[[Callable[[], object]], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def store(folder: Path) -> PackStore:
    return PackStore.in_folder(folder)


def packs_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("packs/*/*"))


def verified(store: PackStore) -> set[Digest]:
    """Read every blob of a store to its end and return their digests."""
    digests = [info.digest for info in store.blobs()]
    assert [Digest.of(read(store, digest)) for digest in digests] == digests
    return set(digests)


def assert_holds_nothing(store: PackStore) -> None:
    assert list(store.blobs()) == []
    assert list(store.scratch.iterdir()) == []
    assert packs_in(store.scratch.parent) == []


# --- Planted files.


def test_a_pack_is_read_only_on_disk(store: PackStore, folder: Path) -> None:
    put(store, b"hello")
    assert [path.stat().st_mode & 0o777 for path in packs_in(folder)] == [0o444]


def test_strangers_in_the_folder_are_no_blobs(store: PackStore, folder: Path) -> None:
    put(store, b"hello")
    (pack,) = packs_in(folder)
    strangers = ["readme", "packs/readme", "packs/00/readme", f"packs/00/{'1' * 64}.pack", f"{'0' * 64}.pack"]
    for stranger in strangers:
        (folder / stranger).parent.mkdir(parents=True, exist_ok=True)
        (folder / stranger).write_text("planted")
    shutil.copy(pack, folder / "packs" / "00" / pack.name)  # a pack under the folder of others
    (folder / "packs" / "22" / f"{'2' * 64}.pack").mkdir(parents=True)
    (folder / "packs" / "33").mkdir()
    (folder / "packs" / "33" / f"{'3' * 64}.pack").symlink_to("/etc/passwd")
    for found in (store, PackStore.in_folder(folder)):
        assert verified(found) == {HELLO}
        report = check(found, read_data=True)
        assert {f.subject for f in report.findings if f.problem is Problem.STRANGER} >= set(strangers)
        assert report.lost == ()
    put(store, b"other")
    assert len(verified(PackStore.in_folder(folder))) == 2


def test_a_planted_pack_is_not_believed(store: PackStore, folder: Path, tmp_path: Path) -> None:
    put(store, b"hello")
    (pack,) = packs_in(folder)
    planted = folder / "packs" / "00" / f"{'0' * 64}.pack"
    planted.parent.mkdir()
    shutil.copy(pack, planted)  # a name promises what is in it
    pack.unlink()
    other = PackStore.in_folder(folder)
    assert list(other.blobs()) == []
    with pytest.raises(IntegrityError, match="0000.pack|0000, which cannot be read"):
        other.open(HELLO)


def test_a_planted_link_is_never_read_as_a_pack(tmp_path: Path) -> None:
    put(PackStore.in_folder(tmp_path / "other"), b"hello")
    (pack,) = packs_in(tmp_path / "other")
    link = tmp_path / "blobs" / pack.relative_to(tmp_path / "other")
    link.parent.mkdir(parents=True)
    link.symlink_to(pack)
    store = PackStore.in_folder(tmp_path / "blobs")
    assert not store.has(HELLO)
    assert list(store.blobs()) == []
    with pytest.raises(NotFoundError, match="no blob"):
        store.open(HELLO)
    before = pack.read_bytes()
    with pytest.raises(ConflictError, match="is no object; move it away"):
        put(store, b"hello")
    assert pack.read_bytes() == before
    put(store, b"something else")
    link.unlink()
    assert put(store, b"hello") == HELLO
    assert len(verified(store)) == 2


def test_a_folder_of_packs_that_may_not_be_read_is_an_error_and_not_an_empty_store(
    store: PackStore, folder: Path, as_another_user: AsAnotherUser
) -> None:
    put(store, b"hello")
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o777)
    (pack,) = packs_in(folder)
    pack.parent.chmod(0)
    with pytest.raises(PermissionDeniedError, match="cannot list"):
        as_another_user(lambda: list(PackStore.in_folder(folder).blobs()))


def test_a_reader_without_write_permission_can_read(
    store: PackStore, folder: Path, as_another_user: AsAnotherUser
) -> None:
    put(store, b"hello")
    assert as_another_user(lambda: read(PackStore.in_folder(folder), HELLO)) == b"hello"


def test_opening_an_absent_blob_names_it_and_the_store(store: PackStore) -> None:
    with pytest.raises(NotFoundError, match="no blob sha256:2cf24dba.* in .*'.*blobs'"):
        store.open(HELLO)


# --- Failing disks: of the standard library's calls, and real ones.


def _raise(number: int) -> NoReturn:
    raise OSError(number, os.strerror(number))


FAULTS = [
    ("fsync", errno.ENOSPC, OutOfSpaceError),
    ("fsync", errno.EDQUOT, OutOfSpaceError),
    ("fsync", errno.EIO, BackendError),
    ("link", errno.ENOSPC, OutOfSpaceError),
    ("link", errno.EIO, BackendError),
    ("open", errno.ENOSPC, OutOfSpaceError),
    ("open", errno.EMFILE, BackendError),
    ("open", errno.EIO, BackendError),
    ("open", errno.EROFS, PermissionDeniedError),
]


@pytest.mark.parametrize(("call", "number", "expected"), FAULTS, ids=lambda value: getattr(value, "__name__", value))
def test_a_failing_call_is_told_and_nothing_is_stored(
    store: PackStore, monkeypatch: pytest.MonkeyPatch, call: str, number: int, expected: type[AmaError]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, call, lambda *args, **kwargs: _raise(number))
        with pytest.raises(expected, match=os.strerror(number)):
            put(store, b"hello")
    assert_holds_nothing(store)
    assert put(store, b"hello") == HELLO
    assert verified(store) == {HELLO}


@pytest.mark.parametrize("event", ["os.mkdir", "os.link"])
def test_a_failing_link_or_mkdir_is_told_and_nothing_is_stored(store: PackStore, folder: Path, event: str) -> None:
    def put_and_fail() -> None:
        own = PackStore.in_folder(folder)
        sys.addaudithook(lambda name, _: _raise(errno.ENOSPC) if name == event else None)
        put(own, b"hello")

    with pytest.raises(OutOfSpaceError, match="No space left"):
        in_process(put_and_fail)
    assert_holds_nothing(store)
    assert put(store, b"hello") == HELLO


@pytest.mark.parametrize("call", ["fsync", "open", "link"])
def test_whichever_call_fails_the_store_holds_the_whole_blob_or_nothing(
    store: PackStore, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    real, outcomes = getattr(os, call), []
    for failing in range(1, 20):
        calls = 0

        def count(*args: object, failing: int = failing, **kwargs: object) -> object:
            nonlocal calls
            calls += 1
            return _raise(errno.EIO) if calls == failing else real(*args, **kwargs)

        data = b"content %d" % failing
        with monkeypatch.context() as patch:
            patch.setattr(os, call, count)
            try:
                put(store, data)
            except BackendError:
                outcomes.append("failed")
            else:
                outcomes.append("stored")
        stored = verified(store)
        assert outcomes[-1] == "failed" or Digest.of(data) in stored
        assert list(store.scratch.iterdir()) == []
        put(store, data)
        assert Digest.of(data) in verified(store)
    assert set(outcomes) == {"failed", "stored"}
    assert check(store, read_data=True).is_clean


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "ama-test", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"FULL DISK NOT TESTED: this machine mounts nothing ({mounted.stderr.decode().strip()})")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_told_nothing_is_stored_and_free_space_helps(small_disk: Path) -> None:
    store = PackStore.in_folder(small_disk / "blobs")
    put(store, b"hello")
    with pytest.raises(OutOfSpaceError, match="No space left on device; free some space, then try again"):
        put(store, some_bytes(1, 4_000_000))
    assert verified(store) == {HELLO}
    assert list(store.scratch.iterdir()) == []
    put(store, some_bytes(1, 500_000))
    assert len(verified(store)) == 2


@pytest.mark.parametrize("missing_bytes", [1, 60_000])
def test_a_file_of_which_the_disk_takes_a_part_is_not_restored(
    store: PackStore, folder: Path, tmp_path: Path, missing_bytes: int
) -> None:
    """The last write of a file is cut there, and no other follows that could fail."""
    content, target = some_bytes(5, 120_000), tmp_path / "target"
    digest = put(store, content)

    def restore() -> None:
        limit_bytes = len(content) - missing_bytes
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
        PackStore.in_folder(folder).export([(digest, target)])

    with pytest.raises(OutOfSpaceError, match="File too large"):
        in_process(restore)
    assert not target.exists()
    store.export([(digest, target)])
    assert target.read_bytes() == content


def test_whatever_room_is_left_on_a_disk_what_is_acknowledged_can_be_read(small_disk: Path) -> None:
    store = PackStore.in_folder(small_disk / "blobs")
    acknowledged, refused = {put(store, b"hello")}, 0
    filler = small_disk / "filler"
    for number, leave_bytes in enumerate(range(0, 160_000, 8192)):
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize
        filler.write_bytes(bytes(max(0, free - leave_bytes)))
        try:
            acknowledged.add(put(store, some_bytes(number, 20_000)))
        except (OutOfSpaceError, BackendError):
            refused += 1
        filler.unlink()
        assert acknowledged <= verified(store)
    assert refused > 0
    assert len(acknowledged) > 2
    assert check(store, read_data=True).is_clean


# --- Killed writers.


def test_a_writer_killed_at_any_line_leaves_the_whole_blob_or_nothing(quick_path: Path) -> None:
    folder, data = quick_path / "blobs", some_bytes(2, 1_500_000)
    digest = Digest.of(data)

    def write() -> None:
        put(PackStore.in_folder(folder), data)

    lines = count_lines(lambda: put(PackStore.in_folder(quick_path / "counted"), data))
    assert lines > 200
    left_behind = set()
    for line in [*range(1, lines - 120, 41), *range(lines - 120, lines + 1, 4)]:
        # How many lines threads run differs from run to run: only the last few may be beyond the end of one.
        assert kill_at_line(write, line) or line > lines - 400
        store = PackStore.in_folder(folder)
        found = verified(store)
        assert found in (set(), {digest})
        assert {finding.problem for finding in check(store, read_data=True).findings} <= HARMLESS
        left_behind.add((found == {digest}, bool(list(store.scratch.iterdir()))))
        shutil.rmtree(folder)
    # Kills met every state: nothing yet, a scratch file alone, the blob with and without one.
    assert left_behind == {(False, False), (False, True), (True, True), (True, False)}
    write()
    assert verified(PackStore.in_folder(folder)) == {digest}


def test_many_processes_that_put_the_same_bytes_store_them_once(store: PackStore, folder: Path) -> None:
    data = some_bytes(4, 1_000_000)
    results = race([lambda: PackStore.in_folder(folder).put(io.BytesIO(data))] * 6)
    assert [getattr(info, "digest", info) for info in results] == [Digest.of(data)] * 6
    assert any(getattr(info, "created", False) for info in results)
    assert verified(store) == {Digest.of(data)}
    assert list(store.scratch.iterdir()) == []
    assert sum(path.stat().st_size for path in packs_in(folder)) < 1_100_000


# --- Power loss.


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders and files that were synced."""
    paths: list[Path] = []
    real = os.fsync

    def record(descriptor: int) -> None:
        paths.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    return paths


def test_a_pack_is_synced_before_it_has_its_name_and_its_folders_after(
    store: PackStore, folder: Path, synced: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.link
    named: list[int] = []

    def link(*args: object, **kwargs: object) -> None:
        named.append(len(synced))
        real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "link", link)
    put(store, b"hello")
    (pack,) = packs_in(folder)
    (before_the_name,) = named
    assert {path.parent for path in synced[:before_the_name] if path.suffix == ".tmp"} == {store.scratch}
    assert {folder, folder / "packs"} <= set(synced[:before_the_name])
    assert pack.parent in synced[before_the_name:]


@pytest.mark.parametrize("reader", ["another process", "the writer itself"])
def test_what_a_killed_writer_published_is_synced_before_others_build_upon_it(
    store: PackStore, folder: Path, synced: list[Path], monkeypatch: pytest.MonkeyPatch, reader: str
) -> None:
    def publish_and_die() -> None:
        real = os.link

        def link(*args: object, **kwargs: object) -> None:
            real(*args, **kwargs)  # type: ignore[arg-type]
            os.kill(os.getpid(), signal.SIGKILL)

        os.link = link  # type: ignore[assignment]
        put(PackStore.in_folder(folder), b"hello")

    with pytest.raises(ChildProcessError):
        in_process(publish_and_die)
    (pack,) = packs_in(folder)
    synced.clear()
    real, indexed = Index.add, list[bool]()

    def add(*args: object) -> None:
        indexed.append(pack.parent in synced)
        real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(Index, "add", add)
    found = PackStore.in_folder(folder) if reader == "another process" else store
    assert found.has(HELLO)  # from now on everybody who finds it in the index takes it for durable
    assert indexed == [True]
    assert put(store, b"hello") == HELLO
    assert packs_in(folder) == [pack]


# --- A folder that is gone.


@pytest.mark.parametrize(
    "change", [shutil.rmtree, lambda folder: folder.rename(folder.with_name("away"))], ids=["removed", "moved away"]
)
def test_a_store_whose_folder_is_gone_is_not_made_anew_by_whoever_has_it_open(
    store: PackStore, folder: Path, change: Callable[[Path], object]
) -> None:
    """A disk that was unmounted: what is stored beside it is gone when the disk is back."""
    put(store, b"hello")
    change(folder)
    for act in (lambda: put(store, b"more"), lambda: store.objects.put("condemned/marker", b"")):
        with pytest.raises(NotFoundError, match=str(folder)):
            act()
        assert not folder.exists()


# --- Damage.


@pytest.mark.parametrize("position", [0.0, 0.5, 1.0])
def test_one_flipped_bit_anywhere_in_a_large_blob_is_found(store: PackStore, folder: Path, position: float) -> None:
    digest = put(store, some_bytes(3, 5_000_000))
    payloads = piece_payloads(folder, digest)
    assert len(payloads) > 10
    payload = payloads[round(position * (len(payloads) - 1))]
    payload.flip()
    stream = store.open(digest)
    for _ in range(2):  # also for a reader that ignores the error
        with pytest.raises(IntegrityError, match=f"{digest} is damaged"):
            list(iter(lambda: stream.read(100_000), b""))
    stream.close()
    put(store, some_bytes(3, 5_000_000))
    assert verified(store) == {digest}


def test_an_index_that_is_no_file_is_told_and_not_waited_for(folder: Path) -> None:
    digest = put(PackStore.in_folder(folder), b"content")
    for name in ("index.db", "index.db-wal", "index.db-shm"):
        (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / "index.db")
    with pytest.raises(BackendError, match="index.db' is no regular file; move it away"):
        in_process(lambda: read(PackStore.in_folder(folder), digest))


def test_a_disk_that_fails_while_a_pack_is_synced_meanwhile_is_told_and_nothing_is_stored(
    store: PackStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack_file, "_SYNC_BYTES", 1 << 20)
    synced: list[int] = []

    def fail(descriptor: int) -> None:
        synced.append(descriptor)
        raise OSError(errno.EIO, "Input/output error")

    content = some_bytes(3, 9 << 20)
    with monkeypatch.context() as failing:
        failing.setattr(os, "fdatasync", fail)
        with pytest.raises(BackendError, match=r"cannot write '.*\.tmp': Input/output error"):
            put(store, content)
    assert synced
    assert_holds_nothing(store)
    assert read(store, put(store, content)) == content
