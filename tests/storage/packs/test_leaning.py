"""What a writer builds upon is what the packs say, whatever the index says: SQLite has no checksums."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from pathlib import Path

import pytest

from ama_tfx.storage import Digest, Source
from ama_tfx.storage.cache import CacheFolder
from ama_tfx.storage.objects import MemoryObjects
from ama_tfx.storage.packs import PackStore
from ama_tfx.storage.packs.checking import Problem, check
from ama_tfx.storage.packs.comparing import Footers
from ama_tfx.storage.packs.format import Kind, key_of, pack_name
from ama_tfx.storage.packs.opening import open_packs
from ama_tfx.testing.faulty_objects import FaultyObjects
from tests.storage.packs.packs_parts import flip, put, read, some_bytes, store_on

OLD, NEW = some_bytes(1, 9000), some_bytes(2, 9000)


@pytest.fixture(params=["a folder", "far away"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PackStore:
    if request.param == "a folder":
        return PackStore.in_folder(tmp_path / "store")
    return open_packs(MemoryObjects, "a store", cache=CacheFolder(tmp_path / "cache"))


def forge(store: PackStore, change: str, *values: object) -> None:
    """Change rows of the index, past the store."""
    with contextlib.closing(sqlite3.connect(store.index.path)) as connection, connection:
        assert connection.execute(change, values).rowcount > 0


def claim(store: PackStore, kind: Kind, old: bytes, new: bytes) -> None:
    forge(store, "UPDATE entries SET key = ? WHERE kind = ? AND key = ?", new, int(kind), old)


FORGERIES = {
    "a piece": [Kind.PIECE],
    "a recipe": [Kind.RECIPE],
    "a piece and a recipe": [Kind.PIECE, Kind.RECIPE],
}


@pytest.mark.parametrize("kinds", FORGERIES.values(), ids=FORGERIES)
def test_a_row_that_claims_the_key_of_other_bytes_is_not_built_upon(
    store: PackStore, tmp_path: Path, kinds: list[Kind]
) -> None:
    put(store, OLD)
    for kind in kinds:
        key = key_of if kind is Kind.PIECE else lambda data: hashlib.sha256(data).digest()
        claim(store, kind, key(OLD), key(NEW))
    assert put(store, NEW) == Digest.of(NEW)
    again = store_on(store.objects, tmp_path / "again")
    assert read(again, Digest.of(NEW)) == NEW
    assert read(again, Digest.of(OLD)) == OLD
    assert check(store, read_data=True).findings == ()


def test_a_wrong_size_of_a_pack_does_no_harm_and_is_mended(store: PackStore) -> None:
    digest = put(store, OLD)
    for change in ("size_bytes + 1", "size_bytes - 1", "0"):
        forge(store, f"UPDATE packs SET size_bytes = {change}")
        before = list(store.objects.list("packs/"))
        assert put(store, OLD) == digest
        assert list(store.objects.list("packs/")) == before
        assert store.finder.mend()
        assert not store.finder.unreadable
        assert check(store, read_data=True).findings == ()


def test_what_is_in_a_pack_whose_footer_is_damaged_is_stored_again(store: PackStore, tmp_path: Path) -> None:
    digest = put(store, OLD)
    (pack,) = store.index.packs()
    flip(store.objects, pack_name(pack), -80)
    assert read(store, digest) == OLD  # the index knows all
    assert put(store, OLD) == digest
    assert read(store_on(store.objects, tmp_path / "again"), digest) == OLD
    report = check(store, read_data=True)
    assert [(finding.problem, finding.subject) for finding in report.findings] == [(Problem.DAMAGED_PACK, pack)]
    assert report.lost == ()


def two_versions(store: PackStore, folder: Path) -> tuple[Path, str]:
    """Store a file and a near-copy; return the near-copy, and the pack of what it is a difference to."""
    first, second = folder / "first", folder / "second"
    first.write_bytes(some_bytes(1, 90_000))
    second.write_bytes(some_bytes(1, 45_000) + b"!" + some_bytes(1, 90_000)[45_000:])
    with store.writer() as writer:
        (parent,) = writer.add_files([Source(first)])
        writer.commit()
    (base,) = store.index.packs()
    with store.writer() as writer:
        writer.add_files([Source(second, (parent.digest,))])
        writer.commit()
    (pack,) = store.index.packs().keys() - {base}
    assert any(entry.bases for entry in store.index.entries_of(pack))
    return second, base


def test_what_is_a_difference_to_something_in_a_damaged_pack_is_stored_whole(store: PackStore, tmp_path: Path) -> None:
    second, base = two_versions(store, tmp_path)
    flip(store.objects, pack_name(base), -80)
    with store.writer() as writer:
        (info,) = writer.add_files([Source(second)])
        writer.commit()
        assert info.created
    assert read(store_on(store.objects, tmp_path / "again"), info.digest) == second.read_bytes()


def test_nothing_is_stored_as_a_difference_to_something_in_a_damaged_pack(store: PackStore, tmp_path: Path) -> None:
    second, base = two_versions(store, tmp_path)
    flip(store.objects, pack_name(base), -80)
    third = tmp_path / "third"
    third.write_bytes(second.read_bytes() + b"and more")
    for _ in range(2):  # the second time the store knows of the damage
        with store.writer() as writer:
            (info,) = writer.add_files([Source(third, (Digest.of(second.read_bytes()),))])
            writer.commit()
        assert read(store_on(store.objects, tmp_path / "again"), info.digest) == third.read_bytes()
        third.write_bytes(third.read_bytes() + b"and more")


def test_a_base_that_claims_another_key_is_not_built_upon(store: PackStore, tmp_path: Path) -> None:
    second, base = two_versions(store, tmp_path)
    (first,) = (entry.key for entry in store.index.entries_of(base) if entry.kind is Kind.PIECE)
    claim(store, Kind.PIECE, first, key_of(NEW))
    forge(store, "UPDATE entries SET bases = ? WHERE bases = ?", key_of(NEW), first)
    with store.writer() as writer:
        (info,) = writer.add_files([Source(second)])
        writer.commit()
    assert read(store_on(store.objects, tmp_path / "again"), info.digest) == second.read_bytes()
    assert check(store, read_data=True).lost == ()


def test_a_pack_is_compared_once_by_each_writer_and_never_by_the_one_that_wrote_it(tmp_path: Path) -> None:
    objects = FaultyObjects(MemoryObjects())
    store = open_packs(lambda: objects, "a store", cache=CacheFolder(tmp_path / "cache"))
    for number in range(3):
        put(store, some_bytes(number, 9000))
    known = {pack_name(pack) for pack in store.index.packs()}
    objects.calls.clear()
    with store.writer() as writer:
        for _ in range(2):
            for number in range(4):
                (tmp_path / "file").write_bytes(some_bytes(number, 9000))
                writer.add_files([Source(tmp_path / "file")])
            writer.commit()
        writer.secure()
    assert sorted(name for verb, name in objects.calls if verb == "read") == sorted(known)
    assert len(store.index.packs()) == 4


def test_footers_make_room_for_others_and_stay_while_they_are_asked_for(
    store: PackStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ama_tfx.storage.packs.comparing._HELD_ENTRIES", 0)
    contents = [some_bytes(number, 9000) for number in range(3)]
    for content in contents:
        put(store, content)
    found = store.index.find_all(Kind.PIECE, [key_of(content) for content in contents])
    one, two, three = (found[key_of(content)] for content in contents)
    assert len({one.pack, two.pack, three.pack}) == 3
    footers = Footers(store.reader, at_once=1)
    assert footers.wrong([one]) == frozenset()
    assert footers.wrong([one, two]) == frozenset()
    assert footers.wrong([three]) == frozenset()
    assert set(footers._held) == {three.pack}
