from __future__ import annotations

import contextlib
import io
import os
import sqlite3
import tempfile
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ama_tfx.errors import AmaError, BackendError, ConflictError, IntegrityError
from ama_tfx.storage import Digest, Source
from ama_tfx.storage.objects import MemoryObjects
from ama_tfx.storage.packs import PackStore, condemning
from ama_tfx.storage.packs.checking import check
from ama_tfx.storage.packs.collecting import collect, plan_collection
from ama_tfx.storage.packs.condemning import condemned
from ama_tfx.storage.packs.format import pack_name
from ama_tfx.testing.faulty_objects import FaultyObjects
from ama_tfx.testing.processes import in_process
from tests.storage.packs.packs_parts import npy, overwrite, put, read, some_bytes, store_on

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> PackStore:
    return PackStore.in_folder(tmp_path / "store")


def test_garbage_goes_after_the_quarantine_and_not_before(store: PackStore) -> None:
    wanted, garbage = put(store, b"wanted" * 100), put(store, some_bytes(1, 9000))
    plan = plan_collection(store, [wanted])
    assert len(plan.dead) == 1
    assert plan.won_bytes > 9000
    assert collect(store, plan, NOW, DAY).condemned == plan.dead
    for hours in (0, 23):
        assert collect(store, plan_collection(store, [wanted]), NOW + timedelta(hours=hours), DAY).deleted == ()
        assert read(store, garbage) == some_bytes(1, 9000)
    assert collect(store, plan_collection(store, [wanted]), NOW + DAY, DAY).deleted == plan.dead
    assert not store.has(garbage)
    assert read(store, wanted) == b"wanted" * 100
    assert check(store, read_data=True).findings == ()
    assert {info.name.partition("/")[0] for info in store.objects.list()} <= {
        "packs",
        "index.db",
        "index.db-wal",
        "index.db-shm",
        "index.db-lock",
    }


def test_a_pack_that_is_less_than_half_alive_is_rewritten(store: PackStore, tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}").write_bytes(some_bytes(number, 50_000))
    with store.writer() as writer:
        infos = writer.add_files([Source(tmp_path / f"{number}") for number in range(4)])
        writer.commit()
    keep = [infos[2].digest]
    plan = plan_collection(store, keep)
    (pack,) = plan.rewritten
    assert 150_000 < plan.won_bytes < 152_000
    assert collect(store, plan, NOW, DAY).rewritten == (pack,)
    assert collect(store, plan_collection(store, keep), NOW + DAY, DAY).deleted == (pack,)
    assert read(store, infos[2].digest) == some_bytes(2, 50_000)
    assert [info.digest for info in store.blobs()] == keep


def test_what_a_difference_is_made_to_stays_with_it(store: PackStore, tmp_path: Path) -> None:
    with store.writer() as writer:
        (parent,) = writer.add_files([Source(npy(tmp_path / "1.npy", 1))])
        writer.commit()
    with store.writer() as writer:
        (child,) = writer.add_files([Source(npy(tmp_path / "2.npy", 1, steps=1), (parent.digest,))])
        writer.commit()
    for days in range(3):
        collect(store, plan_collection(store, [child.digest]), NOW + days * DAY, DAY)
    assert read(store, child.digest) == (tmp_path / "2.npy").read_bytes()


def test_nothing_that_stays_refers_to_anything_that_goes(store: PackStore, tmp_path: Path) -> None:
    """Or a writer that meets it again would build upon what cannot be read."""
    with store.writer() as writer:
        (parent,) = writer.add_files([Source(npy(tmp_path / "1.npy", 1))])
        writer.commit()
    wanted = tmp_path / "wanted"
    wanted.write_bytes(some_bytes(1, 600_000))
    child = Source(npy(tmp_path / "2.npy", 1, steps=1), (parent.digest,))
    with store.writer() as writer:
        info, garbage = writer.add_files([Source(wanted), child])
        writer.commit()
    for days in range(3):
        collect(store, plan_collection(store, [info.digest]), NOW + days * DAY, DAY)
    with store.writer() as writer:
        (again,) = writer.add_files([child])
        writer.commit()
    assert again.created
    assert read(store, garbage.digest) == child.path.read_bytes()
    assert check(store, read_data=True).lost == ()


def test_a_plan_spares_what_was_built_upon_since(store: PackStore) -> None:
    put(store, some_bytes(1, 900_000))
    plan = plan_collection(store, [])
    assert len(plan.dead) == 1
    put(store, some_bytes(1, 900_000) + b"and a new end")
    assert collect(store, plan, NOW, DAY).condemned == ()


def test_a_writer_stores_again_what_is_condemned(store: PackStore) -> None:
    content = some_bytes(1, 9000)
    put(store, content + b"x")
    put(store, content)
    collect(store, plan_collection(store, []), NOW, DAY)
    old = set(store.index.packs())
    with store.writer() as writer:
        (info, _) = (writer.add_stream(io.BytesIO(content)), writer.add_stream(io.BytesIO(b"other")))
        writer.commit()
    assert info.created
    (new,) = store.index.packs().keys() - old
    assert set(collect(store, plan_collection(store, [info.digest]), NOW + DAY, DAY).deleted) == old
    assert set(store.index.packs()) == {new}
    assert read(store, info.digest) == content


def test_the_very_pack_that_is_condemned_is_kept_when_it_is_written_again(store: PackStore) -> None:
    digest = put(store, b"the same")
    (pack,) = store.index.packs()
    collect(store, plan_collection(store, []), NOW, DAY)
    assert condemned(store.objects) == {pack}
    assert put(store, b"the same") == digest
    assert collect(store, plan_collection(store, []), NOW + DAY, DAY).deleted == ()  # a writer has said: kept
    assert read(store, digest) == b"the same"


def test_a_writer_that_built_on_a_pack_keeps_it_from_a_collection_beside_it(store: PackStore) -> None:
    put(store, b"shared" * 500)
    with store.writer() as writer:
        info = writer.add_stream(io.BytesIO(b"shared" * 500))
        collect(store, plan_collection(store, []), NOW, DAY)
        writer.commit()
    assert collect(store, plan_collection(store, []), NOW + 2 * DAY, DAY).deleted == ()
    assert read(store, info.digest) == b"shared" * 500


def test_a_writer_that_outlives_the_quarantine_is_told_to_write_again(store: PackStore) -> None:
    put(store, b"shared" * 500)
    with store.writer() as writer:
        writer.add_stream(io.BytesIO(b"shared" * 500))
        for days in (0, 1):
            collect(store, plan_collection(store, []), NOW + days * DAY, DAY)
        with pytest.raises(ConflictError, match="write it again"):
            writer.commit()
    assert read(store, put(store, b"shared" * 500)) == b"shared" * 500


def test_nothing_is_collected_from_a_damaged_store(store: PackStore) -> None:
    wanted = put(store, b"wanted")
    (pack,) = store.index.packs()
    store.objects.delete(pack_name(pack))
    with pytest.raises(IntegrityError, match="missing"):
        plan_collection(store, [wanted])
    put(store, b"other")
    (other,) = store.index.packs()
    overwrite(store.objects, pack_name(other), b"AMAPACK1" * 20)
    store.index.replace()
    with pytest.raises(IntegrityError, match="repair"):
        plan_collection(store, [])


def test_a_second_collection_at_the_same_time_is_refused(store: PackStore) -> None:
    faulty = FaultyObjects(store.objects)
    put(store, b"garbage")
    slow = PackStore(faulty, store.index, store.scratch)
    plan = plan_collection(store, [])
    refused: list[type[BaseException]] = []
    original = faulty.list

    def meet(prefix: str = "") -> object:
        if not refused:
            try:
                collect(store, plan, NOW, DAY)
            except ConflictError as error:
                refused.append(type(error))
        return original(prefix)

    faulty.list = meet  # type: ignore[method-assign, assignment]
    collect(slow, plan, NOW, DAY)
    assert refused == [ConflictError]


def test_a_collection_that_fails_at_any_call_loses_nothing(quick_path: Path) -> None:
    reached = 0
    for call in range(1, 200):
        objects = FaultyObjects(MemoryObjects())
        store = store_on(objects, quick_path / f"{call}")
        wanted = [put(store, some_bytes(seed, 3000)) for seed in range(2)]
        for number in range(3):
            (quick_path / f"s{number}").write_bytes(some_bytes(10 + number, 3000))
        with store.writer() as writer:
            infos = writer.add_files([Source(quick_path / f"s{number}") for number in range(3)])
            writer.commit()
        put(store, some_bytes(99, 3000))
        keep = [*wanted, infos[1].digest]
        objects.fail("any", BackendError("connection lost"), call=call)
        failed = sum(fails(store, keep, NOW + days * DAY) for days in range(3))
        objects.faults.clear()
        assert [read(store, digest) for digest in wanted] == [some_bytes(seed, 3000) for seed in range(2)]
        assert read(store, infos[1].digest) == some_bytes(11, 3000)
        for days in range(3, 6):
            collect(store, plan_collection(store, keep), NOW + days * DAY, DAY)
        assert {info.digest for info in store.blobs()} == set(keep)
        assert check(store, read_data=True).findings == ()
        reached += failed
        if not failed:
            break
    assert reached > 20


def fails(store: PackStore, keep: list[Digest], now: datetime) -> bool:
    try:
        collect(store, plan_collection(store, keep), now, DAY)
    except AmaError:
        return True
    return False


def test_an_edited_index_does_not_decide_what_is_deleted(tmp_path: Path) -> None:
    """A row that says of a pack that it holds a needed piece too would let the only pack that does go."""
    store = PackStore.in_folder(tmp_path)
    contents = [some_bytes(seed, 100_000) for seed in (1, 2)]
    digests = [put(store, content) for content in contents]
    with contextlib.closing(sqlite3.connect(tmp_path / "index.db")) as connection, connection:
        for pack in (1, 2):
            connection.execute(
                "INSERT OR IGNORE INTO entries SELECT kind, key, ?, offset, stored, raw, codec, item, depth, check8,"
                " bases FROM entries WHERE pack != ?",
                (pack, pack),
            )
    for days in (0, 1, 2):
        collect(store, plan_collection(store, digests), NOW + timedelta(days=days), timedelta(0))
    assert [read(store, digest) for digest in digests] == contents
    assert check(store, read_data=True).is_clean


def test_content_whose_pack_a_killed_collection_was_about_to_delete_can_be_stored(tmp_path: Path) -> None:
    store = PackStore.in_folder(tmp_path)
    content = some_bytes(1, 100_000)
    digest = put(store, content)
    collect(store, plan_collection(store, []), NOW, timedelta(0))
    (marker,) = condemning.markers(store.objects)
    assert condemning.decide(store.objects, marker, condemning.Fate.DELETED) is condemning.Fate.DELETED
    assert put(PackStore.in_folder(tmp_path), content) == digest  # under another name: that pack is doomed
    collect(store, plan_collection(store, [digest]), NOW + timedelta(days=1), timedelta(0))
    assert len(list(store.objects.list("packs/"))) == 1
    assert read(store, digest) == content


def test_writers_beside_collections_lose_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    store = PackStore.in_folder(folder)
    kept: dict[Digest, bytes] = {}
    stop = threading.Event()
    registered = threading.Lock()

    deleted: list[str] = []

    def collect_all_the_time() -> None:
        gc, seconds = PackStore.in_folder(folder), 0
        while not stop.is_set():
            with registered:  # what keeps the registry's commit within the quarantine
                plan = plan_collection(gc, list(kept))
                deleted.extend(collect(gc, plan, NOW + timedelta(seconds=seconds), timedelta(seconds=2)).deleted)
            seconds += 1

    collector = threading.Thread(target=collect_all_the_time)
    collector.start()

    def write(seed: int) -> Digest:
        own = PackStore.in_folder(folder)
        put(own, some_bytes(1000 + seed, 5000))  # garbage
        while True:
            try:
                return put(own, some_bytes(seed % 7, 20_000))
            except ConflictError:  # noqa: PERF203 - that is what the loop is for
                continue

    seed = 0
    while seed < 40 or (not deleted and seed < 1000):  # a busy machine may let the collector wait
        seed += 1
        with registered:
            digest = in_process(lambda seed=seed: write(seed)) if seed % 4 == 0 else write(seed)  # type: ignore[misc]
            if seed % 3:
                kept[digest] = some_bytes(seed % 7, 20_000)
    stop.set()
    collector.join()
    assert deleted
    assert len(kept) >= 5
    for digest, content in kept.items():
        assert read(store, digest) == content


class Histories(RuleBasedStateMachine):
    """Random histories against a dictionary of what was committed and is to be kept."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.store = PackStore.in_folder(Path(self._folder.name) / "store")
        self.now = NOW
        self.kept: dict[Digest, bytes] = {}
        self.family: Digest | None = None
        self.steps = 0

    def teardown(self) -> None:
        self.store.index.close()
        self._folder.cleanup()

    @initialize()
    def begin(self) -> None:
        put(self.store, b"garbage from the start")

    def _add(self, content: bytes, *, keep: bool, parents: tuple[Digest, ...] = (), commit: bool = True) -> Digest:
        path = Path(self._folder.name) / "source"
        path.write_bytes(content)
        with self.store.writer() as writer:
            (info,) = writer.add_files([Source(path, parents)])
            if commit:
                writer.commit()
        if keep and commit:
            self.kept[info.digest] = content
        return info.digest

    @rule(seed=st.integers(0, 4), keep=st.booleans(), commit=st.booleans())
    def put_file(self, seed: int, keep: bool, commit: bool) -> None:
        self._add(some_bytes(seed, 200 + seed * 60_000), keep=keep, commit=commit)

    @rule(seeds=st.lists(st.integers(0, 4), min_size=1, max_size=4), keep=st.booleans())
    def put_many(self, seeds: list[int], keep: bool) -> None:
        with self.store.writer() as writer:
            infos = [writer.add_stream(io.BytesIO(some_bytes(seed, 400))) for seed in seeds]
            writer.commit()
        if keep:
            self.kept[infos[0].digest] = some_bytes(seeds[0], 400)

    @rule(keep=st.booleans(), again=st.booleans())
    def put_next_of_a_family(self, keep: bool, again: bool) -> None:
        self.steps += not again
        values = np.random.default_rng(1).normal(size=40_000).astype(np.float32)
        for _ in range(self.steps % 6):
            values = values * np.float32(1.0001)
        stream = io.BytesIO()
        np.save(stream, values)
        self.family = self._add(stream.getvalue(), keep=keep, parents=(self.family,) if self.family else ())

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        del self.kept[data.draw(st.sampled_from(sorted(self.kept)))]

    @rule(hours=st.sampled_from([1, 25]))
    def collect(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        collect(self.store, plan_collection(self.store, list(self.kept)), self.now, DAY)

    @rule(seed=st.integers(0, 4))
    def collect_with_a_plan_older_than_a_blob(self, seed: int) -> None:
        plan = plan_collection(self.store, list(self.kept))
        self._add(some_bytes(seed + 10, 500), keep=True)
        self.now += timedelta(hours=13)
        collect(self.store, plan, self.now, DAY)

    @rule(how=st.sampled_from(["delete", "garbage", "cut"]))
    def damage_index(self, how: str) -> None:
        path = self.store.index.path
        self.store.index.close()
        content = path.read_bytes()
        path.with_name("index.db-wal").unlink(missing_ok=True)
        path.unlink()
        if how != "delete":
            path.write_bytes(b"garbage" * 999 if how == "garbage" else content[: len(content) // 2])
        self.store = PackStore.in_folder(path.parent)

    @invariant()
    def what_is_kept_can_be_read(self) -> None:
        for digest, content in self.kept.items():
            assert read(self.store, digest) == content


Histories.TestCase.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestHistories = Histories.TestCase
