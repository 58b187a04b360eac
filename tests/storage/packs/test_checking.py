from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest

from ama_tfx.storage import Digest, Source
from ama_tfx.storage.objects import MemoryObjects, ObjectInfo
from ama_tfx.storage.packs import PackStore
from ama_tfx.storage.packs.checking import Problem, check
from ama_tfx.storage.packs.collecting import collect, plan_collection
from ama_tfx.storage.packs.format import TRAILER_BYTES, Kind, pack_name
from ama_tfx.storage.packs.repairing import repair
from tests.storage.packs.packs_parts import damage_blob, flip, npy, overwrite, put, read, some_bytes, store_on


@pytest.fixture
def store(tmp_path: Path) -> PackStore:
    return PackStore.in_folder(tmp_path / "store")


@pytest.fixture
def copy(tmp_path: Path) -> PackStore:
    return PackStore.in_folder(tmp_path / "copy")


def only_pack(store: PackStore) -> str:
    (pack,) = store.index.packs()
    return pack


def problems(store: PackStore) -> set[Problem]:
    return {finding.problem for finding in check(store, read_data=True).findings}


def test_a_sound_store_is_clean(store: PackStore) -> None:
    put(store, some_bytes(1, 300_000))
    report = check(store, read_data=True)
    assert (report.findings, report.packs, report.blobs, report.lost) == ((), 1, 1, ())


def test_every_flipped_bit_of_a_pack_is_found_and_its_blobs_named(tmp_path: Path) -> None:
    store = store_on(MemoryObjects(), tmp_path)
    contents = [b"a" * 1000, some_bytes(2, 700), b""]
    digests = set()
    with store.writer() as writer:
        for number, content in enumerate(contents):
            path = store.scratch / f"source-{number}"
            path.write_bytes(content)
            digests |= {info.digest for info in writer.add_files([Source(path)])}
            path.unlink()
        writer.commit()
    pack = only_pack(store)
    info = store.objects.stat(pack_name(pack))
    assert info is not None
    assert info.size_bytes > 800
    sound = store.objects.read(pack_name(pack))
    for position in range(info.size_bytes):
        flip(store.objects, pack_name(pack), position)
        report = check(store, read_data=True)
        assert {f.problem for f in report.findings} & {Problem.DAMAGED_PACK, Problem.DAMAGED_PAYLOAD}, position
        assert {f.subject for f in report.findings} == {pack}, position
        assert report.lost, position
        assert set(report.lost) <= digests
        overwrite(store.objects, pack_name(pack), sound)
    assert check(store, read_data=True).is_clean


@pytest.mark.parametrize("cut", [1, 8, TRAILER_BYTES, TRAILER_BYTES + 5, 400, "all", "added"])
def test_a_truncation_and_added_bytes_are_found(store: PackStore, cut: int | str) -> None:
    digest = put(store, some_bytes(1, 3000))
    name = pack_name(only_pack(store))
    content = store.objects.read(name)
    damaged = {"all": b"", "added": content + b"\0"}.get(str(cut)) if isinstance(cut, str) else content[:-cut]
    assert damaged is not None
    overwrite(store.objects, name, damaged)
    report = check(store, read_data=False)
    assert [f.problem for f in report.findings] == [Problem.DAMAGED_PACK]
    assert report.findings[0].files == report.lost == (digest,)


def test_two_swapped_packs_are_both_named(store: PackStore) -> None:
    first, second = put(store, b"first" * 100), put(store, b"second" * 100)
    one, other = map(pack_name, store.index.packs())
    contents = store.objects.read(one), store.objects.read(other)
    overwrite(store.objects, one, contents[1])
    overwrite(store.objects, other, contents[0])
    report = check(store, read_data=False)
    assert [f.problem for f in report.findings] == [Problem.DAMAGED_PACK] * 2
    assert set(report.lost) == {first, second}


def test_a_deleted_pack_is_missing_and_its_blobs_named(store: PackStore) -> None:
    digest = put(store, b"content")
    store.objects.delete(pack_name(only_pack(store)))
    (finding,) = check(store, read_data=False).findings
    assert (finding.problem, finding.files) == (Problem.MISSING_PACK, (digest,))


def test_a_deleted_pack_is_missed_by_its_referrers_also_without_an_index(store: PackStore, tmp_path: Path) -> None:
    base = npy(tmp_path / "1.npy", 1)
    child = npy(tmp_path / "2.npy", 1, steps=1)
    with store.writer() as writer:
        (parent,) = writer.add_files([Source(base)])
        writer.commit()
    first = only_pack(store)
    with store.writer() as writer:
        (info,) = writer.add_files([Source(child, (parent.digest,))])
        writer.commit()
    assert any(place.entry.bases for place in store.index.entries(Kind.PIECE))
    store.objects.delete(pack_name(first))
    store.index.replace()
    store.refresh()
    report = check(store, read_data=True)
    assert {f.problem for f in report.findings} == {Problem.MISSING_PIECE}
    assert report.lost == (info.digest,)


@pytest.mark.parametrize("name", ["packs/zz", "packs/00/" + "1" * 64 + ".pack", "stranger", "condemned/1"])
def test_an_added_object_is_a_stranger(store: PackStore, name: str) -> None:
    store.objects.put(name, b"whatever")
    (finding,) = check(store, read_data=False).findings
    assert (finding.problem, finding.subject) == (Problem.STRANGER, name)


def test_a_scratch_file_is_a_leftover_and_harmless(store: PackStore) -> None:
    (store.scratch / f".{'0' * 24}.tmp").write_bytes(b"half a pack")
    report = check(store, read_data=False)
    assert [f.problem for f in report.findings] == [Problem.LEFTOVER]
    assert report.is_clean


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entries SET offset = offset + 1",
        "UPDATE entries SET depth = 3",
        "UPDATE entries SET check8 = x'0000000000000000'",
        "UPDATE entries SET bases = key WHERE kind = 0",
        "UPDATE entries SET raw = 'text'",
        "UPDATE packs SET size_bytes = 7",
        "DELETE FROM entries WHERE kind = 1",
        "UPDATE entries SET key = zeroblob(32) WHERE kind = 0",
        "UPDATE packs SET name = 'nonsense'",
    ],
)
def test_an_index_that_says_something_else_is_found_and_mended(store: PackStore, change: str) -> None:
    digest = put(store, some_bytes(3, 2000))
    with sqlite3.connect(store.index.path) as connection:
        connection.execute(change)
    connection.close()
    assert Problem.WRONG_INDEX in problems(store)
    assert repair(store).after.findings == ()
    assert read(store, digest) == some_bytes(3, 2000)


def test_any_flipped_byte_of_the_index_file_is_found_or_changes_nothing(tmp_path: Path) -> None:
    store = PackStore.in_folder(tmp_path / "store")
    digests = [put(store, some_bytes(seed, 300)) for seed in range(3)]
    store.index.close()
    sound = store.index.path.read_bytes()
    assert len(sound) > 10_000
    found = 0
    for position in [*range(0, 100, 9), *range(100, len(sound), len(sound) // 50)]:
        damaged = bytearray(sound)
        damaged[position] ^= 0x55
        store.index.path.write_bytes(damaged)
        again = PackStore.in_folder(tmp_path / "store")
        found += Problem.WRONG_INDEX in problems(again) or Problem.UNINDEXED in problems(again)
        assert [read(again, digest) for digest in digests] == [some_bytes(seed, 300) for seed in range(3)], position
        assert {info.digest for info in again.blobs()} >= set(digests) or not check(again, read_data=False).is_clean
        again.index.close()
        store.index.path.with_name("index.db-wal").unlink(missing_ok=True)
    assert found > 5


def test_repair_saves_what_is_whole_and_fetches_the_rest(store: PackStore, copy: PackStore, tmp_path: Path) -> None:
    paths = []
    for seed in range(4):
        paths.append(tmp_path / f"{seed}")
        paths[-1].write_bytes(some_bytes(seed, 200_000))
    with store.writer() as writer:
        infos = writer.add_files([Source(path) for path in paths])
        writer.commit()
    put(copy, some_bytes(0, 200_000))
    damage_blob(store, infos[0].digest)
    damage_blob(store, infos[1].digest)
    pack = only_pack(store)
    done = repair(store, [copy])
    assert set(done.before.lost) == {infos[0].digest, infos[1].digest}
    assert done.after.lost == (infos[1].digest,)  # no copy has it
    assert done.moved == (pack,)
    assert [info.name.startswith(f"damaged/{pack}.") for info in store.objects.list("damaged/")] == [True]
    for number in (0, 2, 3):
        assert read(store, infos[number].digest) == some_bytes(number, 200_000)
    again = repair(store, [copy])
    assert (again.moved, again.after.lost) == ((), (infos[1].digest,))


@pytest.mark.parametrize("position", [0, 9, -1, -TRAILER_BYTES, -TRAILER_BYTES - 3])
def test_repair_needs_no_copy_for_what_only_the_frame_of_a_pack_lost(store: PackStore, position: int) -> None:
    digest = put(store, some_bytes(5, 150_000))
    name = pack_name(only_pack(store))
    flip(store.objects, name, position % len(store.objects.read(name)))
    done = repair(store)
    assert done.after.findings == () or position == 9
    if position != 9:
        assert read(store, digest) == some_bytes(5, 150_000)


def test_repair_mends_differences_whose_base_is_lost(store: PackStore, copy: PackStore, tmp_path: Path) -> None:
    base, child = npy(tmp_path / "1.npy", 1), npy(tmp_path / "2.npy", 1, steps=1)
    with store.writer() as writer:
        (parent,) = writer.add_files([Source(base)])
        writer.commit()
    first = only_pack(store)
    with store.writer() as writer:
        (info,) = writer.add_files([Source(child, (parent.digest,))])
        writer.commit()
    put(copy, child.read_bytes())
    store.objects.delete(pack_name(first))
    done = repair(store, [copy])
    assert parent.digest in done.before.lost
    assert info.digest not in done.after.lost
    assert read(store, info.digest) == child.read_bytes()


def test_a_damaged_copy_gives_nothing(store: PackStore, copy: PackStore) -> None:
    digest = put(store, b"content" * 1000)
    put(copy, b"content" * 1000)
    damage_blob(store, digest)
    damage_blob(copy, digest)
    assert repair(store, [copy]).after.lost == (digest,)


# --- Beside gc.


class _Collected(MemoryObjects):
    """Objects of which a call is the moment at which a collection, begun before, does its deletions."""

    def __init__(self) -> None:
        super().__init__()
        self.calls_left = -1
        self.collect: Callable[[], object] = list

    def _called(self) -> None:
        self.calls_left -= 1
        if self.calls_left == 0:
            self.collect()

    def read(self, name: str, start: int = 0, size_bytes: int | None = None) -> bytes:
        self._called()
        return super().read(name, start, size_bytes)

    def stat(self, name: str) -> ObjectInfo | None:
        self._called()
        return super().stat(name)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        self._called()
        found = list(super().list(prefix))
        self._called()
        yield from found


def collect_at(store: PackStore, keep: Digest, *times: datetime) -> None:
    for now in times:
        collect(store, plan_collection(store, [keep]), now, timedelta(0))


@pytest.mark.parametrize("read_data", [True, False])
def test_a_collection_at_any_moment_of_a_check_is_no_damage(quick_path: Path, read_data: bool) -> None:
    """It deletes garbage of packs that build upon each other, and a pack whose needed half lies elsewhere now."""
    first, later = datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2026, 1, 2, tzinfo=timezone.utc)
    call, met = 0, True
    while met:
        call += 1
        objects = _Collected()
        store = store_on(objects, quick_path / f"{call}")
        (parent, child, *files) = [quick_path / f"{call}" / name for name in ("parent", "child", "1", "2", "3")]
        parent.write_bytes(some_bytes(1, 30_000))
        child.write_bytes(some_bytes(1, 30_000) + b"more")
        for number, path in enumerate(files):
            path.write_bytes(some_bytes(10 + number, 9000))
        digest: Digest | None = None
        for path in (parent, child):
            with store.writer() as writer:
                digest = writer.add_files([Source(path, (digest,) if digest else ())])[0].digest
                writer.commit()
        with store.writer() as writer:
            keep = writer.add_files([Source(path) for path in files])[0].digest
            writer.commit()
        if call % 2:  # condemned already: the next one deletes
            collect_at(store, keep, first)
        objects.calls_left = call // 2 + 1
        objects.collect = partial(collect_at, store, keep, *([later] if call % 2 else [first, later]))
        report = check(store, read_data=read_data)
        met = objects.calls_left <= 0
        assert report.lost == ()
        assert report.broken == frozenset()
        assert {finding.problem for finding in report.findings} <= {Problem.UNINDEXED}, call
        assert read(store, keep) == some_bytes(10, 9000)
    assert call > 20
