"""Reading a store that this user may not write: another's folder, a read-only disk; and closing and new_bytes."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ama_tfx.errors import NotFoundError, PermissionDeniedError
from ama_tfx.registry import Registry
from ama_tfx.storage import Digest, Source
from ama_tfx.storage.packs import PackStore
from ama_tfx.storage.packs.checking import check
from ama_tfx.storage.packs.format import Kind
from ama_tfx.testing.processes import in_process, race_threads
from tests.storage.packs.packs_parts import put, read, some_bytes

AsAnotherUser = Callable[[Callable[[], object]], object]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that every user may write."""
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    monkeypatch.setenv("AMA_CACHE", str(folder))
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "ama-test", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"READ-ONLY DISK NOT TESTED: this machine mounts nothing ({mounted.stderr.decode().strip()})")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def look(folder: Path, digest: Digest) -> tuple[bytes, int, bool]:
    """Do what a reader does; also where nothing has to be looked for in vain."""
    store = PackStore.in_folder(folder)
    found = read(store, digest), len(list(store.blobs())), store.has(Digest.of(b"absent"))
    assert check(store, read_data=True).lost == ()
    store.close()
    return found


CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda folder: None,
    "no index": lambda folder: (folder / "index.db").unlink(),
    "no index and no lock": lambda folder: [path.unlink() for path in folder.glob("index.db*")],
    "no scratch folder": lambda folder: shutil.rmtree(folder / ".tmp"),
    "a damaged index": lambda folder: (folder / "index.db").write_bytes(b"garbage" * 3000),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_user_who_may_not_write_reads_whatever_became_of_the_index(
    folder: Path, as_another_user: AsAnotherUser, change: Callable[[Path], object]
) -> None:
    store = PackStore.in_folder(folder)
    digest = put(store, b"hello")
    store.close()
    change(folder)
    before = sorted(path.name for path in folder.rglob("*"))
    assert as_another_user(lambda: (os.access(folder, os.W_OK), look(folder, digest))) == (
        False,
        (b"hello", 1, False),
    )
    assert sorted(path.name for path in folder.rglob("*")) == before
    with pytest.raises((PermissionDeniedError, NotFoundError), match="blobs"):  # the latter without a scratch folder
        as_another_user(lambda: put(PackStore.in_folder(folder), b"new"))


def test_a_user_who_may_not_write_reads_beside_a_writer_and_sees_what_it_adds(
    folder: Path, as_another_user: AsAnotherUser
) -> None:
    store = PackStore.in_folder(folder)
    first = put(store, b"hello")
    assert (folder / "index.db-wal").stat().st_size > 0

    def work() -> tuple[bytes, bytes]:
        reader = PackStore.in_folder(folder)
        one = read(reader, first)
        (folder.parent / "cache" / "go").touch()
        for _ in range(500):
            if reader.has(Digest.of(b"second")):
                break
            time.sleep(0.02)
        return one, read(reader, Digest.of(b"second"))

    def write() -> None:
        for _ in range(2000):
            if (folder.parent / "cache" / "go").exists():
                break
            time.sleep(0.01)
        put(store, b"second")

    seen, _ = race_threads([lambda: as_another_user(work), write])
    assert seen == (b"hello", b"second")


def test_what_the_index_does_not_know_is_found_by_who_may_not_write_it(
    folder: Path, as_another_user: AsAnotherUser
) -> None:
    store = PackStore.in_folder(folder)
    digest, other = put(store, b"hello"), put(store, b"other")
    place = store.index.find(Kind.RECIPE, digest.raw)
    assert place is not None
    store.index.forget(place.pack)
    store.close()
    assert as_another_user(lambda: look(folder, digest)) == (b"hello", 2, False)
    assert as_another_user(lambda: look(folder, other)) == (b"other", 2, False)
    assert PackStore.in_folder(folder).index.find(Kind.RECIPE, digest.raw) is None  # theirs is a file of their own


def test_a_registry_on_a_read_only_disk_is_read(disk: Path, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(some_bytes(1, 300_000))
    registry = Registry(disk / "registry", create=True)
    registry.register("model", tmp_path / "model")
    registry.close()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)  # busy, if anything were open for writing
    for attempt in ("again", "anew"):
        again = registry if attempt == "again" else Registry(disk / "registry")
        assert [version.number for version in again.versions("model")] == [1]
        again.download("model", tmp_path / attempt)
        with again.open("model:1/model") as stream:
            assert stream.read() == some_bytes(1, 300_000)
        again.close()
    with pytest.raises(PermissionDeniedError):
        put(PackStore.in_folder(disk / "registry" / "blobs"), b"new")
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    (tmp_path / "model").write_bytes(b"new")
    assert registry.register("model", tmp_path / "model").version.number == 2
    assert in_process(lambda: len(list(PackStore.in_folder(disk / "registry" / "blobs").blobs()))) == 4
    registry.close()


def test_an_index_that_another_replaced_is_noticed(folder: Path) -> None:
    store, other = PackStore.in_folder(folder), PackStore.in_folder(folder)
    digest = put(store, b"hello")
    assert other.has(digest)
    store.index.replace()
    time.sleep(0.1)
    assert other.index.find(Kind.RECIPE, digest.raw) is None
    assert other.has(digest)
    other.index.replace()
    late = put(store, b"late")  # at once: a writer does not write into a file that is gone
    assert PackStore.in_folder(folder).index.find(Kind.RECIPE, late.raw) is not None


def test_new_bytes_are_what_the_store_has_grown_by(folder: Path, tmp_path: Path) -> None:
    store = PackStore.in_folder(folder)
    before = 0
    for number in range(3):
        path = tmp_path / f"{number}"
        path.write_bytes(some_bytes(number, 100_000 * (number + 1)))
        with store.writer() as writer:
            writer.add_files([Source(path), Source(tmp_path / "0")])
            told = writer.new_bytes
            writer.commit()
            assert writer.new_bytes == told
        grown = sum(pack.stat().st_size for pack in folder.rglob("*.pack"))
        assert told == grown - before > 100_000
        before = grown
    with store.writer() as writer:
        writer.add_files([Source(tmp_path / "0")])
        writer.commit()
        assert writer.new_bytes == 0


def test_a_closed_store_may_be_used_on(folder: Path) -> None:
    store = PackStore.in_folder(folder)
    digest = put(store, b"hello")
    for _ in range(2):
        store.close()
        assert not [fd for fd in os.listdir("/proc/self/fd") if str(folder) in _target(fd)]  # noqa: PTH208
        assert read(store, digest) == b"hello"


def _target(descriptor: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
    except OSError:
        return ""
