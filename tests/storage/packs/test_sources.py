"""Files that somebody writes to, replaces or lets grow while they are stored."""

from __future__ import annotations

import io
import os
import random
import resource
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from ama_tfx.errors import ContentChangedError
from ama_tfx.storage import Digest, Source
from ama_tfx.storage.packs import PackStore, source_files
from ama_tfx.testing.processes import in_process
from tests.storage.packs.packs_parts import put, read, some_bytes

SIZES = pytest.mark.parametrize("size_bytes", [5, 9 << 20], ids=["small", "large"])
Meddle = Callable[[Callable[[], object]], None]


@pytest.fixture
def store(tmp_path: Path) -> PackStore:
    return PackStore.in_folder(tmp_path / "blobs")


@pytest.fixture
def after_first_read(monkeypatch: pytest.MonkeyPatch) -> Meddle:
    """A function that lets something happen once, when a first part of the file has been read."""
    return lambda action: meddle(monkeypatch, action, once=True)


def meddle(monkeypatch: pytest.MonkeyPatch, action: Callable[[], object], *, once: bool) -> None:
    real = source_files.open_regular_file
    done: list[bool] = []

    class Meddled(io.BufferedReader):
        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            if not (done and once):
                done.append(True)
                action()
            return data

    def open_meddled(path: Path) -> BinaryIO:
        with real(path) as stream:
            return Meddled(io.FileIO(os.dup(stream.fileno())))

    def read_meddled(descriptor: int, size_bytes: int) -> bytes:  # of a small file
        with Meddled(io.FileIO(os.dup(descriptor))) as stream:
            return stream.read(size_bytes)

    monkeypatch.setattr(source_files, "open_regular_file", open_meddled)
    monkeypatch.setattr(source_files, "read_descriptor", read_meddled)


def store_files(store: PackStore, *paths: Path) -> list[Digest]:
    with store.writer() as writer:
        infos = writer.add_files([Source(path) for path in paths])
        writer.commit()
    return [info.digest for info in infos]


def assert_refused(store: PackStore, path: Path) -> None:
    with pytest.raises(ContentChangedError, match=f"file changed while it was read: '.*{path.name}'"):
        store_files(store, path)
    assert list(store.blobs()) == []
    assert list(store.scratch.iterdir()) == []


@SIZES
@pytest.mark.parametrize("change", ["longer", "cut", "other", "empty"])
def test_a_file_written_to_while_it_is_read_is_refused(
    store: PackStore, tmp_path: Path, after_first_read: Meddle, size_bytes: int, change: str
) -> None:
    path, content = tmp_path / "file", some_bytes(1, size_bytes)
    path.write_bytes(content)
    after = {"longer": content + b"more", "cut": content[:-1], "other": some_bytes(2, size_bytes), "empty": b""}
    after_first_read(lambda: path.write_bytes(after[change]))
    assert_refused(store, path)
    assert store_files(store, path) == [Digest.of(after[change])]  # nobody writes to it any more


@SIZES
def test_a_file_that_grows_as_fast_as_it_is_read_is_not_read_for_ever(
    store: PackStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size_bytes: int
) -> None:
    path = tmp_path / "log"
    path.write_bytes(bytes(size_bytes))

    def grow() -> None:
        with path.open("ab") as stream:
            stream.write(bytes(5 << 20))

    meddle(monkeypatch, grow, once=False)
    assert_refused(store, path)


@SIZES
def test_a_rewrite_of_known_content_to_the_same_size_is_refused_though_its_times_are_set_back(
    store: PackStore, tmp_path: Path, after_first_read: Meddle, size_bytes: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(some_bytes(1, size_bytes))
    known = put(store, path.read_bytes())
    status = path.stat()

    def rewrite() -> None:
        path.write_bytes(some_bytes(2, size_bytes))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    after_first_read(rewrite)
    with pytest.raises(ContentChangedError, match="file changed while it was read"):
        store_files(store, path)
    assert [info.digest for info in store.blobs()] == [known]


@SIZES
def test_a_file_replaced_by_a_rename_counts_as_changed(
    store: PackStore, tmp_path: Path, after_first_read: Meddle, size_bytes: int
) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_bytes(some_bytes(1, size_bytes))
    other.write_bytes(some_bytes(2, size_bytes))
    after_first_read(lambda: other.replace(path))  # the opened file loses its name, and with it its change time moves
    assert_refused(store, path)


def test_of_many_files_the_one_that_changed_is_named_and_none_is_stored(
    store: PackStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / f"file-{number}" for number in range(300)]
    for path in paths:
        path.write_bytes(path.name.encode())
    real = source_files.open_regular

    def open_and_change(path: Path) -> tuple[int, os.stat_result]:
        opened = real(path)
        if path.name == "file-123":
            path.write_bytes(b"changed!")
        return opened

    monkeypatch.setattr(source_files, "open_regular", open_and_change)
    found = Source(paths[123], state=source_files.FileState.of(paths[123].stat()))
    with store.writer() as writer, pytest.raises(ContentChangedError, match="'.*file-123'"):
        writer.add_files([found if path == paths[123] else Source(path) for path in paths])
    assert list(store.blobs()) == []


def test_memory_stays_constant_however_large_a_file_is(tmp_path: Path) -> None:
    large, copy = tmp_path / "large", tmp_path / "copy"
    chance = random.Random(1)
    with large.open("wb") as stream:
        for _ in range(40):
            stream.write(chance.randbytes(5_000_000))

    def grow() -> tuple[int, int]:
        store = PackStore.in_folder(tmp_path / "blobs")
        put(store, some_bytes(1, 20_000_000))  # every thread and buffer has been used once
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        (digest,) = store_files(store, large)
        with large.open("rb") as stream:
            assert not store.put(stream).created
        with store.open(digest) as stream:
            while stream.read(1 << 20):
                pass
        store.export([(digest, copy)])
        size_bytes = store.finder.recipes([digest])[digest].size_bytes
        return size_bytes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    stored, growth_kb = in_process(grow)
    assert stored == copy.stat().st_size == 200_000_000
    assert growth_kb < 64_000


def test_an_exported_file_is_a_copy_that_may_be_written_to(store: PackStore, tmp_path: Path) -> None:
    digest = put(store, b"hello")
    store.export([(digest, tmp_path / "copy")])
    (tmp_path / "copy").write_bytes(b"mine now")
    assert read(store, digest) == b"hello"
