"""What is durable before what, read off the system calls: what a power loss may take is nobody's ground."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ama_tfx.storage.packs import PackStore
from ama_tfx.storage.packs.collecting import collect, plan_collection
from ama_tfx.storage.packs.repairing import repair
from ama_tfx.testing.system_calls import Call, Fault, calls_of, run_with
from tests.storage.packs.packs_parts import damage_blob, put, some_bytes

pytestmark = pytest.mark.usefixtures("strace")

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=timezone.utc)

_held: list[PackStore] = []


def at(calls: list[Call], kind: str, name: str) -> list[int]:
    """Where, among the calls, those of a kind are that are about such a name."""
    return [number for number, call in enumerate(calls) if call.kind == kind and name in call.text]


def synced(calls: list[Call], folder: Path) -> list[int]:
    return at(calls, "fsync", f"<{folder}>")


def write(folder: Path, *, also: bytes = b"") -> None:
    """Store something, and then neither close nor tidy anything: what is not synced by then is not at all."""
    store = PackStore.in_folder(folder)
    _held.append(store)
    with store.writer() as writer:
        writer.add_stream(io.BytesIO(some_bytes(1, 200_000)))
        if also:
            writer.add_stream(io.BytesIO(also))
        writer.commit()


def killed_after_naming_its_pack(folder: Path) -> Path:
    """Let a writer be killed when its pack can be seen, and the folder is not synced; return the folder."""
    calls = calls_of(lambda: write(folder / "rehearsal"), about=folder)
    (named,) = at(calls, "linkat", ".pack")
    sync = next(call for call in calls[named:] if call.kind == "fsync")
    with pytest.raises(ChildProcessError):
        run_with(Fault(sync, "signal=KILL"), lambda: write(folder / "store"))
    (pack,) = folder.glob("store/packs/*/*.pack")
    return pack.parent


def test_the_bytes_are_durable_before_they_have_a_name_and_the_name_before_it_is_indexed(tmp_path: Path) -> None:
    PackStore.in_folder(tmp_path).index.close()
    calls = calls_of(lambda: write(tmp_path), about=tmp_path)
    (named,) = at(calls, "linkat", ".pack")
    (pack,) = tmp_path.glob("packs/*/*.pack")
    last_write = at(calls, "write", "/.tmp/")[-1]
    assert last_write < at(calls, "fsync", "/.tmp/")[0] < named
    indexed = next(number for number in at(calls, "pwrite64", "index.db-wal") if number > named)
    for folder in (pack.parent, tmp_path / "packs", tmp_path):
        assert any(named < number < indexed for number in synced(calls, folder))


@pytest.mark.parametrize("also", [b"", b"more"], ids=["the same", "more"])
def test_a_pack_whose_writer_was_killed_before_its_sync_is_synced_by_whoever_builds_upon_it(
    tmp_path: Path, also: bytes
) -> None:
    unsynced = killed_after_naming_its_pack(tmp_path)
    if also:  # the same content comes out as the same pack; with more, the writer leans on it where it knows it
        (tmp_path / "store" / "index.db").unlink()
    calls = calls_of(lambda: write(tmp_path / "store", also=also), about=tmp_path)
    named = at(calls, "linkat", ".pack")
    assert len(named) == 1
    for folder in (unsynced, tmp_path / "store" / "packs", tmp_path / "store"):
        assert any((number < named[0]) == bool(also) for number in synced(calls, folder))
    sizes = [path.stat().st_size for path in tmp_path.glob("store/packs/*/*.pack")]
    assert min(sizes) < 1000 or not also


def test_whoever_indexes_a_pack_has_synced_it(tmp_path: Path) -> None:
    unsynced = killed_after_naming_its_pack(tmp_path)

    def look() -> None:
        _held.append(PackStore.in_folder(tmp_path / "store"))
        assert len(list(_held[-1].blobs())) == 1

    calls = calls_of(look, about=tmp_path)
    read = at(calls, "pread64", ".pack")[0]
    indexed = next(number for number in at(calls, "pwrite64", "index.db-wal") if number > read)
    assert synced(calls, unsynced)[0] < indexed


def test_gc_makes_durable_what_it_decides_before_it_deletes(tmp_path: Path) -> None:
    store = PackStore.in_folder(tmp_path)
    (put(store, b"garbage"), put(store, b"kept"))
    collect(store, plan_collection(store, []), START, DAY)
    store.index.close()

    def delete() -> None:
        again = PackStore.in_folder(tmp_path)
        assert len(collect(again, plan_collection(again, []), START + 2 * DAY, DAY).deleted) == 2

    calls = calls_of(delete, about=tmp_path)
    gone = at(calls, "unlink", ".pack")
    decided = at(calls, "linkat", "/fates/")
    assert len(gone) == len(decided) == 2
    for fate, deleted in zip(decided, gone, strict=True):
        assert any(fate < number < deleted for number in synced(calls, tmp_path / "fates"))


def test_repair_keeps_a_damaged_packs_bytes_before_it_deletes_it(tmp_path: Path) -> None:
    store = PackStore.in_folder(tmp_path)
    damage_blob(store, put(store, some_bytes(1, 1000)))
    store.index.close()
    calls = calls_of(lambda: repair(PackStore.in_folder(tmp_path)), about=tmp_path)
    (kept,) = at(calls, "linkat", "/damaged/")
    (gone,) = at(calls, "unlink", ".pack")
    assert any(number < kept for number in at(calls, "fsync", "/.tmp/"))
    assert any(kept < number < gone for number in synced(calls, tmp_path / "damaged"))
