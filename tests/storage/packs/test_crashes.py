from __future__ import annotations

import io
import os
import resource
import signal
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ama_tfx.errors import AmaError, BackendError, ContentChangedError, OutOfSpaceError
from ama_tfx.storage import Digest, Source
from ama_tfx.storage.objects import MemoryObjects
from ama_tfx.storage.packs import PackStore
from ama_tfx.storage.packs.checking import check
from ama_tfx.storage.packs.collecting import collect, plan_collection
from ama_tfx.storage.packs.format import Kind
from ama_tfx.storage.packs.index import Index
from ama_tfx.testing.faulty_objects import Fault, FaultyObjects
from ama_tfx.testing.processes import in_process, race, race_threads
from tests.storage.packs.packs_parts import npy, put, read, some_bytes, store_on

DAY = timedelta(days=1)


def test_an_ingest_that_fails_at_any_call_shows_nothing_half_and_can_be_repeated(quick_path: Path) -> None:
    contents = {f"{n}": some_bytes(n, size) for n, size in enumerate((0, 100, 200_000))}
    for name, content in contents.items():
        (quick_path / name).write_bytes(content)
    sources = [Source(quick_path / name) for name in contents]
    wanted = {Digest.of(content) for content in contents.values()}
    failures = 0
    for fault in (Fault(BackendError("lost")), Fault(BackendError("lost"), before=False), Fault(nothing_stored=True)):
        for call in range(1, 30):
            objects = FaultyObjects(MemoryObjects())
            store = store_on(objects, quick_path / "work")
            store.index.replace()
            objects.fail("any", fault, call=call)
            try:
                ingest(store, sources)
            except AmaError:
                failures += 1
            objects.faults.clear()
            assert [path.name for path in store.scratch.iterdir() if path.name.endswith(".tmp")] == []
            assert {info.digest for info in store.blobs()} in (set(), wanted)
            ingest(store, sources)
            assert {info.digest for info in store.blobs()} == wanted
            assert check(store, read_data=True).findings == ()
            store.index.close()
    assert failures >= 6


def ingest(store: PackStore, sources: list[Source]) -> None:
    with store.writer() as writer:
        writer.add_files(sources)
        writer.commit()


def test_a_full_disk_leaves_no_scratch_file_and_says_so(tmp_path: Path) -> None:
    def write_too_much() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        store = PackStore.in_folder(tmp_path)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))  # EFBIG, which a full disk is treated as
        put(store, some_bytes(1, 3 << 20))

    with pytest.raises(OutOfSpaceError, match="free some space"):
        in_process(write_too_much)
    assert check(PackStore.in_folder(tmp_path), read_data=True).findings == ()


def test_no_descriptor_to_be_had_is_a_clear_error_and_passes(tmp_path: Path) -> None:
    store = PackStore.in_folder(tmp_path)
    put(store, b"before")

    def with_few_descriptors() -> list[str]:
        highest = max(int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 30, 4096))
        own, held, said = PackStore.in_folder(tmp_path), [], []
        try:
            while True:
                held.append(os.open("/", os.O_RDONLY))
        except OSError:
            pass
        for free in range(12):
            try:
                put(own, f"{free}".encode())
            except AmaError as error:
                said.append(str(error))
            os.close(held.pop())
        put(own, b"after")
        return said

    said = in_process(with_few_descriptors)
    assert said
    assert all("open" in text for text in said)
    assert read(store, Digest.of(b"after")) == b"after"
    assert check(store, read_data=True).findings == ()


def test_a_writer_that_failed_acknowledges_nothing_more(tmp_path: Path) -> None:
    objects = FaultyObjects(MemoryObjects())
    store = store_on(objects, tmp_path)
    with store.writer() as writer:
        writer.add_stream(io.BytesIO(b"content"))
        objects.fail("put", BackendError("lost"))
        with pytest.raises(BackendError, match="lost"):
            writer.commit()
        with pytest.raises(BackendError, match="begin a new one"):
            writer.add_stream(io.BytesIO(b"other"))
        with pytest.raises(BackendError, match="begin a new one"):
            writer.commit()
    assert list(store.blobs()) == []


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "growing"
    source.write_bytes(some_bytes(1, 9 << 20))
    store = PackStore.in_folder(tmp_path / "store")

    def grow(_: int) -> None:
        with source.open("ab") as stream:
            stream.write(b"more")

    with store.writer() as writer, pytest.raises(ContentChangedError, match="growing"):
        writer.add_files([Source(source)], on_progress=grow)
    assert list(store.blobs()) == []


def test_a_pack_whose_indexing_was_killed_is_found_by_whoever_misses_it(tmp_path: Path) -> None:
    objects = MemoryObjects()
    digest = put(store_on(objects, tmp_path / "killed"), b"content")
    other = store_on(objects, tmp_path / "other")
    assert read(other, digest) == b"content"
    assert store_on(objects, tmp_path / "third").has(digest)
    assert [info.digest for info in store_on(objects, tmp_path / "fourth").blobs()] == [digest]


def test_one_damaged_pack_hides_no_other(tmp_path: Path) -> None:
    objects = MemoryObjects()
    digest = put(store_on(objects, tmp_path / "1"), b"content")
    objects.content["packs/00/" + "0" * 64 + ".pack"] = b"damaged"
    other = store_on(objects, tmp_path / "2")
    assert read(other, digest) == b"content"
    assert not other.has(Digest("1" * 64))


def test_absent_blobs_do_not_cost_a_listing_each(tmp_path: Path) -> None:
    now = [0.0]

    class Listed(MemoryObjects):
        listings = 0

        def list(self, prefix: str = "") -> object:  # type: ignore[override]
            self.listings += 1
            now[0] += 10
            return super().list(prefix)

    objects = Listed()
    store = PackStore(objects, Index(tmp_path / "index.db"), tmp_path, clock=lambda: now[0])
    for _ in range(1000):
        assert not store.has(Digest("1" * 64))
    assert objects.listings == 1
    now[0] += 10
    assert not store.has(Digest("1" * 64))
    assert objects.listings == 2


def test_many_processes_and_threads_write_and_rebuild_the_index_at_once(tmp_path: Path) -> None:
    store = PackStore.in_folder(tmp_path)
    digests = [put(store, some_bytes(seed, 5000)) for seed in range(5)]
    store.index.path.write_bytes(b"garbage" * 3000)

    def work(number: int) -> list[Digest]:
        own = PackStore.in_folder(tmp_path)
        added = race_threads([lambda n=n: put(own, some_bytes(100 + n, 5000)) for n in range(number, number + 3)])  # type: ignore[misc]
        assert [read(own, digest) for digest in digests] == [some_bytes(seed, 5000) for seed in range(5)]
        return [digest for digest in added if isinstance(digest, Digest)]

    results = race([lambda number=number: work(number) for number in range(4)])  # type: ignore[misc]
    assert [len(result) for result in results if isinstance(result, list)] == [3, 3, 3, 3]
    assert {info.digest for info in store.blobs()} == {
        *digests,
        *(Digest.of(some_bytes(100 + n, 5000)) for n in range(6)),
    }
    assert check(store, read_data=True).is_clean


def test_a_store_works_in_a_forked_child_and_in_its_parent(tmp_path: Path) -> None:
    store = PackStore.in_folder(tmp_path)
    first = put(store, b"first")
    assert in_process(lambda: (read(store, first), put(store, b"second"))[1]) == Digest.of(b"second")
    assert read(store, Digest.of(b"second")) == b"second"


def test_stores_and_writers_leave_no_descriptor_open(tmp_path: Path) -> None:
    def open_after(stores: int) -> int:
        for number in range(stores):
            put(PackStore.in_folder(tmp_path), some_bytes(number, 1000))
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    assert in_process(lambda: open_after(30)) <= in_process(lambda: open_after(2)) + 2


def test_a_duplicate_of_greater_depth_never_closes_a_chain(tmp_path: Path) -> None:
    """Two machines store the same array, one as a difference; each is a base of the other's next."""
    objects = MemoryObjects()
    elsewhere = MemoryObjects()
    one, other = store_on(objects, tmp_path / "one"), store_on(elsewhere, tmp_path / "other")
    first, second = npy(tmp_path / "1.npy", 1), npy(tmp_path / "2.npy", 1, steps=1)
    for store, order in ((one, (first, second)), (other, (second, first))):
        parents: tuple[Digest, ...] = ()
        for path in order:
            with store.writer() as writer:
                (info,) = writer.add_files([Source(path, parents)])
                writer.commit()
            parents = (info.digest,)
    objects.content.update(elsewhere.content)
    assert len(objects.content) == 4
    for name in ("a", "b"):
        fresh = store_on(objects, tmp_path / name)
        for path in (first, second):
            assert read(fresh, Digest.of(path.read_bytes())) == path.read_bytes()
        found = [fresh.index.find(Kind.PIECE, place.entry.key) for place in fresh.index.entries(Kind.PIECE)]
        assert {place.entry.depth for place in found if place} == {0}
        assert max(e.depth for pack in fresh.index.packs() for e in fresh.index.entries_of(pack)) == 1
    assert check(one, read_data=True).lost == ()
    for days in range(3):  # whichever copies go, what stays can be read
        collect(one, plan_collection(one, [info.digest]), datetime(2026, 1, 1 + days, tzinfo=timezone.utc), DAY)
    assert read(one, info.digest) == first.read_bytes()
