"""Every payload has its checksum, whichever codec made it, and no flipped bit of one is given to anybody."""

from __future__ import annotations

from pathlib import Path

import pytest

from ama_tfx.errors import IntegrityError
from ama_tfx.storage import Source
from ama_tfx.storage.cache import CacheFolder
from ama_tfx.storage.codecs import Codec
from ama_tfx.storage.objects import MemoryObjects
from ama_tfx.storage.packs import PackStore, open_packs
from ama_tfx.storage.packs.format import Kind, Payload, check_of, key_of, pack_name
from ama_tfx.storage.packs.index_file import Place
from ama_tfx.storage.packs.pack_file import PackFile
from ama_tfx.storage.packs.recipe import Part
from tests.storage.packs.packs_parts import flip, npy, put, read, some_bytes, store_on

NOISE = some_bytes(1, 16_000)


@pytest.fixture
def store(tmp_path: Path) -> PackStore:
    return store_on(MemoryObjects(), tmp_path / "store")


def pieces(store: PackStore) -> list[Place]:
    return list(store.index.entries(Kind.PIECE))


def test_the_checksum_of_each_codec_is_that_of_the_payload(store: PackStore, tmp_path: Path) -> None:
    with store.writer() as writer:
        base = writer.add_files([Source(npy(tmp_path / "base.npy", 1))])[0].digest
        writer.commit()
    with store.writer() as writer:
        writer.add_files([Source(npy(tmp_path / "tune.npy", 1, steps=1), (base,))])
        writer.commit()
    put(store, NOISE)
    put(store, b"a line of text\n" * 4000)
    found = pieces(store)
    assert {Codec.RAW, Codec.ZSTD, Codec.PLANES, Codec.DELTA} <= {place.entry.codec for place in found}
    for place in found:
        payload = store.objects.read(pack_name(place.pack), place.entry.offset, place.entry.stored_bytes)
        assert place.entry.check == check_of(payload)


@pytest.mark.parametrize("at", [0, 7, 8_000, 15_999])
def test_a_flipped_bit_of_a_piece_that_is_stored_as_it_is_shows(store: PackStore, at: int) -> None:
    digest = put(store, NOISE)
    (place,) = pieces(store)
    assert place.entry.codec == Codec.RAW
    flip(store.objects, pack_name(place.pack), place.entry.offset + at)
    with pytest.raises(IntegrityError, match=f"pack {place.pack} is damaged at {place.entry.offset}: piece"):
        read(store, digest)


@pytest.fixture(params=["near", "far"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> PackStore:
    if request.param == "near":
        return store_on(MemoryObjects(), tmp_path / "store")
    objects = MemoryObjects()
    return open_packs(lambda: objects, "a bucket", cache=CacheFolder(tmp_path / "cache", 1 << 30))


def plant(store: PackStore, key: bytes, payload: Payload) -> None:
    pack = PackFile(store.scratch)
    pack.add(Kind.PIECE, key, payload)
    store.objects.put(pack_name(pack.finish()), pack.path)
    pack.close()
    store.refresh()


def test_a_wrong_checksum_is_refused_also_where_the_key_is_right(any_store: PackStore) -> None:
    plant(any_store, key_of(NOISE), Payload(NOISE, Codec.RAW, len(NOISE), check=bytes(8)))
    with pytest.raises(IntegrityError, match="is damaged at"):
        any_store.finder.load(Part(key_of(NOISE), len(NOISE)))


def test_a_key_that_is_right_at_its_start_only_is_refused(any_store: PackStore) -> None:
    forged = key_of(NOISE)[:8] + bytes(24)
    plant(any_store, forged, Payload(NOISE, Codec.RAW, len(NOISE)))
    for _ in range(2):  # the second time, what the cache has of it
        with pytest.raises(IntegrityError, match="is damaged at"):
            any_store.finder.load(Part(forged, len(NOISE)))
