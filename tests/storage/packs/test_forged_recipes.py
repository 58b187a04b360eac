"""A recipe that somebody made up costs what its payload allows, and writes nothing: a disk and a memory are finite."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from ama_tfx.errors import IntegrityError
from ama_tfx.storage import Digest, codecs
from ama_tfx.storage.objects import MemoryObjects
from ama_tfx.storage.packs import PackStore
from ama_tfx.storage.packs.checking import Problem, check
from ama_tfx.storage.packs.format import Kind, Payload, key_of, pack_name
from ama_tfx.storage.packs.pack_file import PackFile
from ama_tfx.storage.packs.recipe import Part, Recipe, decode_recipe, encode_recipe
from tests.storage.packs.packs_parts import read, store_on

MEBIBYTE = bytes(1 << 20)
HELLO = Digest.of(b"hello")


@pytest.fixture
def store(tmp_path: Path) -> PackStore:
    return store_on(MemoryObjects(), tmp_path / "store")


def plant(store: PackStore, recipe: Recipe) -> None:
    """Put a pack that says of a recipe that it gives `hello`, with a piece of zeros."""
    pack = PackFile(store.scratch)
    for kind, key, raw in (
        (Kind.PIECE, key_of(MEBIBYTE), MEBIBYTE),
        (Kind.RECIPE, HELLO.raw, encode_recipe(recipe)),
    ):
        encoded = codecs.encode(memoryview(raw))
        pack.add(kind, key, Payload(encoded.payload, encoded.codec, len(raw)))
    store.objects.put(pack_name(pack.finish()), pack.path)
    pack.close()
    store.refresh()
    assert store.has(HELLO)


def repeated(count: int) -> Recipe:
    return Recipe((Part(key_of(MEBIBYTE), len(MEBIBYTE)),) * count)


def counted(count: int) -> Recipe:
    return Recipe(tuple(Part(number.to_bytes(32, "big"), 1) for number in range(count)))


def peak_bytes(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("count", [7, 8, 300_000], ids=["small", "large", "300 GB"])
def test_a_recipe_of_another_size_than_the_file_writes_nothing(store: PackStore, tmp_path: Path, count: int) -> None:
    plant(store, repeated(count))
    target = tmp_path / "target"
    with pytest.raises(IntegrityError, match=f"{HELLO} is damaged: its recipe gives .* bytes, it should have 5"):
        store.export([(HELLO, target)], sizes={HELLO: 5})
    assert not target.exists()


def test_more_keys_than_a_payload_has_room_for_are_refused_before_they_are_held(store: PackStore) -> None:
    recipe = counted(60_000)
    plant(store, recipe)
    raw_bytes = len(encode_recipe(recipe))
    (place,) = store.index.copies(Kind.RECIPE, HELLO.raw)
    assert place.entry.stored_bytes < raw_bytes / 5
    del recipe
    with pytest.raises(IntegrityError, match="more keys than the [0-9]+ that its payload has room for"):
        store.reader.recipe(place)

    def fail() -> None:
        with pytest.raises(IntegrityError):
            store.open(HELLO)

    assert peak_bytes(fail) < 3 * raw_bytes
    findings = check(store, read_data=False).findings
    assert [finding.problem for finding in findings] == [Problem.DAMAGED_PAYLOAD]
    assert "more keys" in findings[0].detail


def test_a_part_that_is_repeated_takes_next_to_no_memory(store: PackStore) -> None:
    plant(store, repeated(150_000))
    raw_bytes = len(encode_recipe(repeated(150_000)))
    held = []
    assert peak_bytes(lambda: held.append(store.open(HELLO))) < 2 * raw_bytes
    held[0].seek(-1, 2)
    assert (held[0].tell() + 1, held[0].read()) == (150_000 << 20, b"\0")
    held[0].close()


def test_an_empty_part_among_others_is_refused() -> None:
    some, empty = Part(bytes(32), 1), Part(b"\1" * 32, 0)
    for parts in ((some, empty), (empty, some), (empty, empty)):
        with pytest.raises(IntegrityError, match="a part of several is empty"):
            decode_recipe(encode_recipe(Recipe(parts)))
    for parts in ((), (empty,), (some, some)):
        assert decode_recipe(encode_recipe(Recipe(parts))).parts == parts


def test_an_honest_file_of_one_byte_value_is_still_stored_and_read(store: PackStore, tmp_path: Path) -> None:
    data = bytes(30_000_000)
    digest = store.put(io.BytesIO(data)).digest
    (place,) = store.index.copies(Kind.RECIPE, digest.raw)
    assert place.entry.stored_bytes < place.entry.raw_bytes / 20
    assert read(store, digest) == data
