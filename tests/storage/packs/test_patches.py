"""Ordinary files that resemble a parent's: what is stored of them is about as much as has changed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ama_tfx.storage.blob_store import BlobInfo, Source
from ama_tfx.storage.codecs import Codec
from ama_tfx.storage.packs.aligning import Alignment
from ama_tfx.storage.packs.format import Kind
from ama_tfx.storage.packs.reading import MAX_DEPTH
from ama_tfx.storage.packs.recipe import Part
from ama_tfx.storage.packs.store import PackStore
from tests.storage.packs.packs_parts import damage_blob, read, some_bytes


@pytest.fixture
def store(tmp_path: Path) -> PackStore:
    return PackStore.in_folder(tmp_path / "store")


def add(store: PackStore, sources: Sequence[Source]) -> tuple[list[BlobInfo], int]:
    with store.writer() as writer:
        infos = writer.add_files(sources)
        writer.commit()
    return infos, writer.new_bytes


def text(seed: int, lines: int) -> list[bytes]:
    chance = random.Random(seed)
    return [b"%d,%r,%d\n" % (n, chance.random(), chance.randrange(10**9)) for n in range(lines)]


def changed(lines: list[bytes], seed: int) -> list[bytes]:
    """Replace, remove or repeat one line in a hundred."""
    chance, found = random.Random(seed), list[bytes]()
    for line in lines:
        fate = chance.randrange(300)
        found += [b"changed %d\n" % chance.randrange(10**9)] if fate == 0 else [line] * {1: 0, 2: 2}.get(fate, 1)
    return found


def depths(store: PackStore) -> list[int]:
    return [place.entry.depth for place in store.index.entries(Kind.PIECE) if place.entry.codec == Codec.PATCH]


class TestLargeFiles:
    def test_a_text_with_one_percent_of_its_lines_changed_takes_less_than_five_percent(
        self, store: PackStore, tmp_path: Path
    ):
        lines = text(1, 60_000)
        (tmp_path / "a.csv").write_bytes(b"".join(lines))
        (tmp_path / "b.csv").write_bytes(b"".join(changed(lines, 2)))
        (parent,), first_bytes = add(store, [Source(tmp_path / "a.csv")])
        (child,), new_bytes = add(store, [Source(tmp_path / "b.csv", (parent.digest,))])
        assert 0 < new_bytes < first_bytes / 20
        assert read(store, child.digest) == (tmp_path / "b.csv").read_bytes()
        assert read(store, parent.digest) == (tmp_path / "a.csv").read_bytes()

    def test_a_tensor_of_bytes_with_a_few_changed_takes_about_those(self, store: PackStore, tmp_path: Path):
        tensor = np.random.default_rng(1).integers(0, 256, 3 << 20, np.uint8)
        np.save(tmp_path / "a.npy", tensor)
        tensor[1_500_000:1_510_000] = 7
        np.save(tmp_path / "b.npy", tensor)
        (parent,), first_bytes = add(store, [Source(tmp_path / "a.npy")])
        (child,), new_bytes = add(store, [Source(tmp_path / "b.npy", (parent.digest,))])
        assert first_bytes > 3_000_000
        assert 0 < new_bytes < 20_000
        assert read(store, child.digest) == (tmp_path / "b.npy").read_bytes()

    def test_a_wrong_parent_is_no_base(self, store: PackStore, tmp_path: Path):
        (tmp_path / "a").write_bytes(some_bytes(1, 500_000))
        (tmp_path / "b").write_bytes(some_bytes(2, 500_000))
        (parent,), _ = add(store, [Source(tmp_path / "a")])
        (child,), new_bytes = add(store, [Source(tmp_path / "b", (parent.digest,))])
        assert new_bytes > 500_000
        assert depths(store) == []
        assert read(store, child.digest) == some_bytes(2, 500_000)

    def test_a_damaged_parent_is_no_base(self, store: PackStore, tmp_path: Path):
        (tmp_path / "a").write_bytes(some_bytes(1, 500_000))
        (tmp_path / "b").write_bytes(some_bytes(3, 1000) + some_bytes(1, 500_000)[500:])
        (parent,), _ = add(store, [Source(tmp_path / "a")])
        damage_blob(store, parent.digest)
        (child,), _ = add(store, [Source(tmp_path / "b", (parent.digest,))])
        assert read(store, child.digest) == (tmp_path / "b").read_bytes()


class TestSmallFiles:
    def test_each_is_a_patch_to_its_own_parent(self, store: PackStore, tmp_path: Path):
        for number in range(300):
            (tmp_path / f"{number}").write_bytes(some_bytes(number, 3000))
        parents, first_bytes = add(store, [Source(tmp_path / f"{number}") for number in range(300)])
        for number in range(300):
            (tmp_path / f"{number}").write_bytes(some_bytes(number, 3000)[10:] + b"new")
        sources = [Source(tmp_path / f"{number}", (parents[number].digest,)) for number in range(300)]
        children, new_bytes = add(store, sources)
        assert new_bytes < first_bytes / 15
        assert len(depths(store)) == 300
        assert [read(store, info.digest) for info in children] == [
            some_bytes(number, 3000)[10:] + b"new" for number in range(300)
        ]

    def test_a_chain_of_versions_never_gets_deeper_than_a_reader_follows(self, store: PackStore, tmp_path: Path):
        parents: tuple[BlobInfo, ...] = ()
        sizes = []
        for version in range(3 * MAX_DEPTH):
            (tmp_path / "a").write_bytes(some_bytes(1, 50_000) + some_bytes(version, 200))
            infos, new_bytes = add(store, [Source(tmp_path / "a", tuple(info.digest for info in parents))])
            sizes.append(new_bytes)
            parents = tuple(infos)
            assert read(store, infos[0].digest) == (tmp_path / "a").read_bytes()
        assert max(depths(store)) == MAX_DEPTH
        assert max(sizes[1:]) < 1000  # where a chain ends the next one begins at its root, not at nothing

    def test_a_file_that_the_store_has_needs_no_base(self, store: PackStore, tmp_path: Path):
        (tmp_path / "a").write_bytes(some_bytes(1, 5000))
        (tmp_path / "b").write_bytes(some_bytes(2, 5000))
        infos, _ = add(store, [Source(tmp_path / "a"), Source(tmp_path / "b")])
        assert add(store, [Source(tmp_path / "a", (infos[1].digest,))])[1] == 0


def part(name: str, size_bytes: int, label: str = "") -> Part:
    return Part(name.encode(), size_bytes, label)


class TestAlignment:
    PARENT = (part("a", 10), part("b", 10), part("c", 30), part("d", 10))

    def test_a_changed_piece_finds_the_one_in_its_place(self):
        assert Alignment(self.PARENT).bases([part("a", 10), part("B", 12), part("c", 30)]) == {b"B": b"b"}

    def test_a_piece_that_was_cut_in_two_finds_the_same_twice(self):
        child = [part("a", 10), part("b", 10), part("C", 14), part("E", 16), part("d", 10)]
        assert Alignment(self.PARENT).bases(child) == {b"C": b"c", b"E": b"c"}

    def test_what_both_have_brings_the_walk_back(self):
        child = [part("x", 500), part("b", 10), part("C", 30)]
        assert Alignment(self.PARENT).bases(child)[b"C"] == b"c"

    def test_of_a_piece_that_repeats_the_next_one_counts(self):
        parent = (part("0", 5), part("a", 5), part("0", 5), part("b", 5))
        assert Alignment(parent).bases([part("0", 5), part("A", 5), part("0", 5), part("B", 5)]) == {
            b"A": b"a",
            b"B": b"b",
        }

    def test_labels_and_what_is_behind_the_end_get_none(self):
        child = [part("T", 10, "float32:t#0"), part("b", 10), part("c", 30), part("d", 10), part("new", 10)]
        assert Alignment(self.PARENT).bases(child) == {}
        assert Alignment(()).bases(child) == {}
