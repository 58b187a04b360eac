"""The `ObjectStore` contract as tests."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ama_tfx.errors import IntegrityError, InvalidInputError, NotFoundError
from ama_tfx.storage.objects import MemoryObjects, ObjectStore
from ama_tfx.testing.attacks import HOSTILE_NAMES
from ama_tfx.testing.faulty_objects import CONNECTION_LOST, Fault, FaultyObjects, connection_lost
from ama_tfx.testing.processes import race_threads

__all__ = [
    "CONNECTION_LOST",
    "Fault",
    "FaultyObjects",
    "MemoryObjects",
    "ObjectStoreContract",
    "connection_lost",
]

NAME = "packs/ab/0f.pack"
DATA = bytes(range(256))
# Whoever names objects does it in code: devices of other systems are left to the names that users type.
_HOSTILE = {
    what: name for what, name in HOSTILE_NAMES.items() if not what.startswith("device in small") and name != "aux.txt"
}


class ObjectStoreContract:
    """Inherit it and define the fixture ``objects``: an empty store.

    Attributes:
        clock_skew: How far the store's clock may be from this machine's.
        big_bytes: The size of an object that the store cannot send in one request of its client.
        writers: How many put one name at once.
    """

    clock_skew = timedelta(seconds=5)
    big_bytes = 20_000_003
    writers = 8

    def test_what_was_put_is_read_back(self, objects: ObjectStore) -> None:
        assert objects.put(NAME, DATA) is True
        assert objects.read(NAME) == DATA

    def test_a_file_is_read_and_left_where_it_is(self, objects: ObjectStore, tmp_path: Path) -> None:
        source = tmp_path / "source"
        source.write_bytes(DATA)
        assert objects.put(NAME, source) is True
        assert source.read_bytes() == DATA
        assert objects.read(NAME) == DATA

    def test_a_missing_source_stores_nothing(self, objects: ObjectStore, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError, match="absent"):
            objects.put(NAME, tmp_path / "absent")
        assert objects.stat(NAME) is None

    def test_a_source_that_is_no_file_is_refused(self, objects: ObjectStore, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "target")
        (tmp_path / "target").write_bytes(DATA)
        for source in (tmp_path, tmp_path / "link"):
            with pytest.raises(InvalidInputError, match="not a regular file"):
                objects.put(NAME, source)
        assert objects.stat(NAME) is None

    @pytest.mark.parametrize("size_bytes", [0, 1, 256])
    def test_the_first_writer_wins_and_nothing_is_replaced(self, objects: ObjectStore, size_bytes: int) -> None:
        assert objects.put(NAME, DATA[:size_bytes]) is True
        assert objects.put(NAME, DATA[:size_bytes]) is False
        assert objects.put(NAME, b"of another writer") is False
        assert objects.read(NAME) == DATA[:size_bytes]

    def test_the_first_writer_of_a_file_wins_too(self, objects: ObjectStore, tmp_path: Path) -> None:
        (tmp_path / "source").write_bytes(b"of another writer")
        assert objects.put(NAME, DATA) is True
        assert objects.put(NAME, tmp_path / "source") is False
        assert objects.read(NAME) == DATA

    def test_one_of_many_writers_of_one_name_wins(self, objects: ObjectStore) -> None:
        outcomes = race_threads([lambda n=n: objects.put(NAME, bytes([n]) * 1000) for n in range(self.writers)])  # type: ignore[misc]
        assert sorted(map(repr, outcomes)) == ["False"] * (self.writers - 1) + ["True"]
        assert objects.read(NAME) == bytes([outcomes.index(True)]) * 1000

    def test_many_threads_read_and_write_at_once(self, objects: ObjectStore) -> None:
        def work(n: int) -> bool:
            name = f"packs/{n}"
            return objects.put(name, bytes([n]) * 1000) and objects.read(name, 10, 20) == bytes([n]) * 20

        assert race_threads([lambda n=n: work(n) for n in range(self.writers)]) == [True] * self.writers  # type: ignore[misc]
        assert {info.name for info in objects.list("packs/")} == {f"packs/{n}" for n in range(self.writers)}

    def test_a_big_file_comes_back_whole_and_in_parts(self, objects: ObjectStore, tmp_path: Path) -> None:
        data = (DATA * (self.big_bytes // 256 + 1))[: self.big_bytes]
        source = tmp_path / "source"
        source.write_bytes(data)
        assert objects.put(NAME, source) is True
        assert objects.put(NAME, source) is False
        assert objects.read(NAME, self.big_bytes - 7) == data[-7:]
        assert objects.read(NAME, 9_999_990, 20) == data[9_999_990:10_000_010]
        assert objects.read(NAME) == data
        assert [info.name for info in objects.list()] == [NAME]

    @pytest.mark.parametrize(
        ("start", "size_bytes", "expected"),
        [
            (0, None, DATA),
            (0, 256, DATA),
            (0, 1, DATA[:1]),
            (255, 1, DATA[255:]),
            (100, 50, DATA[100:150]),
            (100, None, DATA[100:]),
            (256, None, b""),
            (256, 0, b""),
            (0, 0, b""),
            (7, 0, b""),
        ],
    )
    def test_a_range_is_exactly_these_bytes(
        self, objects: ObjectStore, start: int, size_bytes: int | None, expected: bytes
    ) -> None:
        objects.put(NAME, DATA)
        assert objects.read(NAME, start, size_bytes) == expected
        assert type(objects.read(NAME, start, size_bytes)) is bytes

    @pytest.mark.parametrize(("start", "size_bytes"), [(0, 257), (256, 1), (257, None), (257, 0), (10**12, 10**12)])
    def test_an_object_that_ends_before_the_range_is_damaged(
        self, objects: ObjectStore, start: int, size_bytes: int | None
    ) -> None:
        objects.put(NAME, DATA)
        with pytest.raises(IntegrityError, match="ends at byte 256"):
            objects.read(NAME, start, size_bytes)

    @pytest.mark.parametrize(("start", "size_bytes"), [(-1, None), (0, -1), (-5, 3)])
    def test_a_negative_range_is_refused(self, objects: ObjectStore, start: int, size_bytes: int | None) -> None:
        objects.put(NAME, DATA)
        with pytest.raises(InvalidInputError, match="negative"):
            objects.read(NAME, start, size_bytes)

    def test_the_empty_object_is_an_object(self, objects: ObjectStore) -> None:
        objects.put(NAME, b"")
        assert objects.read(NAME) == b""
        assert [info.size_bytes for info in objects.list()] == [0]

    @pytest.mark.parametrize(("start", "size_bytes"), [(0, None), (5, None), (0, 0), (3, 4)])
    def test_an_absent_object_is_not_found(self, objects: ObjectStore, start: int, size_bytes: int | None) -> None:
        assert objects.stat(NAME) is None
        with pytest.raises(NotFoundError, match=r"0f\.pack"):
            objects.read(NAME, start, size_bytes)

    def test_a_folder_of_objects_is_no_object(self, objects: ObjectStore) -> None:
        objects.put("packs/ab", DATA)
        objects.delete("packs")
        assert objects.stat("packs") is None
        with pytest.raises(NotFoundError):
            objects.read("packs")
        assert objects.stat("packs/ab/c") is None
        objects.delete("packs/ab/c")
        assert objects.read("packs/ab") == DATA

    def test_stat_tells_size_and_time_in_utc(self, objects: ObjectStore) -> None:
        before = datetime.now(timezone.utc) - self.clock_skew
        objects.put(NAME, DATA)
        info = objects.stat(NAME)
        assert info is not None
        assert (info.name, info.size_bytes) == (NAME, 256)
        assert info.modified_at.utcoffset() == timedelta(0)
        assert before <= info.modified_at <= datetime.now(timezone.utc) + self.clock_skew

    def test_list_tells_what_stat_tells(self, objects: ObjectStore) -> None:
        for size_bytes, name in enumerate(("a", "b/c", "b/d/e")):
            objects.put(name, DATA[:size_bytes])
        listed = {info.name: _to_seconds(info) for info in objects.list()}
        assert listed.keys() == {"a", "b/c", "b/d/e"}
        assert listed == {name: _to_seconds(info) for name in listed if (info := objects.stat(name))}

    @pytest.mark.parametrize(
        ("prefix", "expected"),
        [
            ("", {"packs/ab", "packs/abc/1", "packs/b", "pack", "manifests/ab"}),
            ("packs/", {"packs/ab", "packs/abc/1", "packs/b"}),
            ("packs/ab", {"packs/ab", "packs/abc/1"}),
            ("packs/abc/", {"packs/abc/1"}),
            ("pack", {"packs/ab", "packs/abc/1", "packs/b", "pack"}),
            ("packs/ab/", set()),
            ("nothing/", set()),
        ],
    )
    def test_list_yields_the_names_that_start_with_the_prefix(
        self, objects: ObjectStore, prefix: str, expected: set[str]
    ) -> None:
        for name in ("packs/ab", "packs/abc/1", "packs/b", "pack", "manifests/ab"):
            objects.put(name, DATA)
        names = [info.name for info in objects.list(prefix)]
        assert set(names) == expected
        assert len(names) == len(expected)

    def test_settling_changes_nothing_that_can_be_seen(self, objects: ObjectStore) -> None:
        objects.put(NAME, DATA)
        objects.settle(NAME)
        objects.settle("absent/name")
        assert [info.name for info in objects.list()] == [NAME]
        assert objects.read(NAME) == DATA

    def test_a_listing_of_many_is_whole(self, objects: ObjectStore) -> None:
        names = {f"many/{n:04}" for n in range(120)}
        for name in names:
            objects.put(name, b"")
        listed = [info.name for info in objects.list("many/")]
        assert len(listed) == 120
        assert set(listed) == names

    def test_a_deleted_object_is_gone_and_deleting_it_again_is_no_error(self, objects: ObjectStore) -> None:
        objects.put(NAME, DATA)
        assert objects.read(NAME, 0, 3) == DATA[:3]
        objects.delete(NAME)
        objects.delete(NAME)
        assert objects.stat(NAME) is None
        assert list(objects.list()) == []
        with pytest.raises(NotFoundError):
            objects.read(NAME, 0, 3)

    def test_a_deleted_name_can_be_used_again(self, objects: ObjectStore) -> None:
        objects.put(NAME, DATA)
        assert objects.read(NAME) == DATA
        objects.delete(NAME)
        assert objects.put(NAME, b"anew") is True
        assert objects.read(NAME) == b"anew"

    @pytest.mark.parametrize("name", _HOSTILE.values(), ids=_HOSTILE.keys())
    def test_a_hostile_name_is_refused_everywhere(self, objects: ObjectStore, name: str) -> None:
        for call in (objects.read, objects.stat, objects.settle, objects.delete, lambda name: objects.put(name, DATA)):
            with pytest.raises(InvalidInputError, match="not an object's name"):
                call(name)
        assert list(objects.list()) == []

    @pytest.mark.parametrize("prefix", ["/", "../", "a/../", "a//", "A", "a b", ".tmp/", "a\n"])
    def test_a_hostile_prefix_is_refused(self, objects: ObjectStore, prefix: str) -> None:
        with pytest.raises(InvalidInputError, match="not .*object's name"):
            list(objects.list(prefix))

    @pytest.mark.parametrize("name", ["a", "a.b", "a-b_c", "_", "0/1/2", "x" * 200, "/".join(["long"] * 100)])
    def test_every_name_of_the_grammar_can_be_used(self, objects: ObjectStore, name: str) -> None:
        assert objects.put(name, DATA) is True
        assert [info.name for info in objects.list()] == [name]
        assert objects.read(name) == DATA


def _to_seconds(info: object) -> object:
    """Return what is known of an object, its time in whole seconds: an HTTP header has no more."""
    assert dataclasses.is_dataclass(info)
    known = {field.name: getattr(info, field.name) for field in dataclasses.fields(info)}
    return known | {"modified_at": known["modified_at"].replace(microsecond=0)}
