"""TFRecords, plain and gzip: cut between records, and the gzip file comes back bit for bit."""

from __future__ import annotations

import dataclasses
import gzip
import io
import random
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tfx.errors import ContentChangedError, IntegrityError
from ama_tfx.storage.blob_store import BlobInfo, Progress, Source
from ama_tfx.storage.digest import Digest
from ama_tfx.storage.formats import prove
from ama_tfx.storage.formats.crc32c import masked_crc32c
from ama_tfx.storage.packs import gzip_files
from ama_tfx.storage.packs.checking import check
from ama_tfx.storage.packs.format import Kind, key_of
from ama_tfx.storage.packs.gzip_stream import GzipStream
from ama_tfx.storage.packs.recipe import Part, Recipe, decode_recipe, encode_recipe
from ama_tfx.storage.packs.record_cutting import PLAIN, Cutter
from ama_tfx.storage.packs.repairing import repair
from ama_tfx.storage.packs.store import PackStore
from tests.storage.packs.packs_parts import damage_blob, put, read, some_bytes


@pytest.fixture
def store(tmp_path: Path) -> PackStore:
    return PackStore.in_folder(tmp_path / "store")


def record(data: bytes) -> bytes:
    """Return a record; zlib's CRC stands for the one of the data, which is only taken for a number."""
    length = struct.pack("<Q", len(data))
    return length + struct.pack("<I", masked_crc32c(length)) + data + struct.pack("<I", zlib.crc32(data))


def records(seed: int, count: int, size_bytes: int = 400) -> list[bytes]:
    chance = random.Random(seed)
    return [record(b"%09d" % number * 8 + chance.randbytes(size_bytes)) for number in range(count)]


def changed(some: list[bytes], seed: int) -> list[bytes]:
    """Replace, remove or put in one record of a hundred."""
    chance, found = random.Random(seed), list[bytes]()
    for each in some:
        fate, new = chance.randrange(300), record(chance.randbytes(300))
        found += {0: [new], 1: [], 2: [new, each]}.get(fate, [each])
    return found


def add(store: PackStore, source: Source) -> tuple[BlobInfo, int]:
    with store.writer() as writer:
        (info,) = writer.add_files([source])
        writer.commit()
    return info, writer.new_bytes


def cut(content: bytes, windows: list[int] | None = None) -> list[bytes]:
    cutter, pieces, stream = Cutter(), list[bytes](), io.BytesIO(content)
    for size_bytes in windows or []:
        pieces += map(bytes, cutter.cut(stream.read(size_bytes), is_last=False))
    return pieces + [bytes(piece) for piece in cutter.cut(stream.read(), is_last=True)]


class TestCutting:
    def test_pieces_end_where_records_end(self):
        some = records(1, 6000)
        pieces = cut(b"".join(some))
        assert b"".join(pieces) == b"".join(some)
        assert 30 < len(pieces) < 70
        assert all(PLAIN.least_bytes <= len(piece) <= PLAIN.most_bytes for piece in pieces[:-1])
        assert all(len(piece) % len(some[0]) == 0 for piece in pieces)

    def test_a_record_put_in_changes_one_piece(self):
        some = records(2, 6000)
        before, after = cut(b"".join(some)), cut(b"".join([*some[:3000], record(b"new"), *some[3000:]]))
        assert len(set(after) - set(before)) <= 2
        assert len(set(before)) > 30

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.integers(1, 200_000), max_size=12),
        st.sampled_from(["records", "long records", "damaged", "none", "cut off"]),
    )
    def test_the_pieces_give_the_stream_back_however_it_comes(self, windows: list[int], kind: str):
        content = b"".join(records(3, 900))
        if kind == "long records":
            content = record(some_bytes(1, 700_000)) + content + record(some_bytes(2, 300_000)) + content
        elif kind == "damaged":
            content = content[:200_000] + b"damage" + content
        elif kind == "none":
            content = some_bytes(4, 900_000)
        elif kind == "cut off":
            content = content[:-100]
        pieces = cut(content, windows)
        assert b"".join(pieces) == content
        assert max(map(len, pieces)) <= PLAIN.most_bytes
        if kind != "damaged":
            assert pieces == cut(content)

    def test_an_empty_stream_has_no_pieces(self):
        assert cut(b"") == []


class TestPlain:
    def test_one_percent_of_changed_records_takes_less_than_five_percent(self, store: PackStore, tmp_path: Path):
        some = records(1, 5000)
        (tmp_path / "a").write_bytes(b"".join(some))
        (tmp_path / "b").write_bytes(b"".join(changed(some, 2)))
        parent, first_bytes = add(store, Source(tmp_path / "a"))
        child, new_bytes = add(store, Source(tmp_path / "b", (parent.digest,)))
        assert 0 < new_bytes < first_bytes / 20
        assert read(store, child.digest) == (tmp_path / "b").read_bytes()


class TestGzip:
    def test_one_percent_of_changed_records_takes_less_than_five_percent(self, store: PackStore, tmp_path: Path):
        some = records(1, 5000)
        (tmp_path / "a.gz").write_bytes(gzip.compress(b"".join(some), 6))
        (tmp_path / "b.gz").write_bytes(gzip.compress(b"".join(changed(some, 2)), 6))
        parent, first_bytes = add(store, Source(tmp_path / "a.gz"))
        child, new_bytes = add(store, Source(tmp_path / "b.gz", (parent.digest,)))
        assert 0 < new_bytes < first_bytes / 20
        for info, name in ((parent, "a.gz"), (child, "b.gz")):
            content = (tmp_path / name).read_bytes()
            assert (info.digest, info.size_bytes, info.created) == (Digest.of(content), len(content), True)
            store.export([(info.digest, tmp_path / f"{name}.out")])
            assert (tmp_path / f"{name}.out").read_bytes() == content
        assert {info.digest: info.size_bytes for info in store.blobs()} == {
            info.digest: info.size_bytes for info in (parent, child)
        }
        assert check(store, read_data=True).is_clean

    def test_the_same_file_again_is_not_deflated(self, gz: Path, store: PackStore, monkeypatch: pytest.MonkeyPatch):
        first, _ = add(store, Source(gz))
        monkeypatch.setattr(gzip_files, "prove", None)
        again, new_bytes = add(store, Source(gz))
        assert (again.digest, again.size_bytes, again.created, new_bytes) == (first.digest, first.size_bytes, False, 0)

    def test_a_damaged_one_is_replaced(self, gz: Path, store: PackStore):
        first, _ = add(store, Source(gz))
        damage_blob(store, first.digest)
        with pytest.raises(IntegrityError):
            read(store, first.digest)
        assert add(store, Source(gz))[0].created
        assert read(store, first.digest) == gz.read_bytes()

    def test_a_damaged_one_is_repaired_from_a_copy(self, gz: Path, store: PackStore, tmp_path: Path):
        first, _ = add(store, Source(gz))
        copy = PackStore.in_folder(tmp_path / "copy")
        put(copy, gz.read_bytes())
        damage_blob(store, first.digest)
        assert repair(store, [copy]).after.lost == ()
        assert read(store, first.digest) == gz.read_bytes()

    @pytest.mark.parametrize(
        "content",
        [
            gzip.compress(b"".join(records(1, 200)), 6) + b"something after it",
            gzip.compress(b"".join(records(1, 200)), 6)[:-9],
            gzip.compress(b"".join(records(1, 200)), 6) * 2,
            gzip.compress(some_bytes(1, 90_000)),
            some_bytes(2, 90_000),
            b"\x1f\x8b\x08" + some_bytes(3, 300_000),
        ],
        ids=["something after it", "cut off", "two members", "no records", "no gzip", "only its beginning"],
    )
    def test_what_cannot_be_made_again_is_an_ordinary_file(self, store: PackStore, tmp_path: Path, content: bytes):
        (tmp_path / "a.gz").write_bytes(content)
        info, _ = add(store, Source(tmp_path / "a.gz"))
        assert store.finder.recipes([info.digest])[info.digest].gzip is None
        assert read(store, info.digest) == content

    def test_a_file_that_changes_between_two_looks_is_refused(
        self, gz: Path, store: PackStore, monkeypatch: pytest.MonkeyPatch
    ):
        real = gzip_files.prove

        def and_then_change(stream: io.BufferedReader) -> object:
            found = real(stream)
            gz.write_bytes(gzip.compress(b"".join(records(9, 400)), 6))
            return found

        monkeypatch.setattr(gzip_files, "prove", and_then_change)
        with store.writer() as writer, pytest.raises(ContentChangedError):
            writer.add_files([Source(gz)])

    def test_results_come_in_the_order_of_the_sources(self, gz: Path, store: PackStore, tmp_path: Path):
        (tmp_path / "large").write_bytes(some_bytes(1, 400_000))
        (tmp_path / "small").write_bytes(b"small")
        paths = [gz, tmp_path / "large", tmp_path / "small", gz, tmp_path / "large"]
        seen: list[Progress] = []
        with store.writer() as writer:
            infos = writer.add_files((Source(path) for path in paths), on_progress=seen.append)
            writer.commit()
        assert [info.digest for info in infos] == [Digest.of(path.read_bytes()) for path in paths]
        assert sum(done.size_bytes for done in seen) == sum(path.stat().st_size for path in paths)


@pytest.fixture
def gz(tmp_path: Path) -> Path:
    path = tmp_path / "data_tfrecord-00000-of-00001.gz"
    path.write_bytes(gzip.compress(b"".join(records(7, 3000)), 6))
    return path


class TestStream:
    @pytest.fixture
    def digest(self, gz: Path, store: PackStore) -> Digest:
        digest = add(store, Source(gz))[0].digest
        assert store.finder.recipes([digest])[digest].gzip
        return digest

    def test_it_can_be_read_anywhere(self, gz: Path, store: PackStore, digest: Digest):
        content, chance = gz.read_bytes(), random.Random(1)
        with store.open(digest) as stream:
            for _ in range(12):
                start, size_bytes = chance.randrange(len(content) + 100), chance.randrange(100_000)
                assert stream.seek(start) == start
                assert stream.read(size_bytes) == content[start : start + size_bytes]
            assert stream.seek(0, io.SEEK_END) == len(content)
            assert stream.read() == b""
            assert stream.seek(0) == 0
            assert stream.read() == content

    def test_a_forged_recipe_ends_in_an_error(self, store: PackStore, digest: Digest):
        place = store.index.find(Kind.RECIPE, digest.raw)
        assert place is not None
        right = store.reader.recipe(place)
        assert right.gzip is not None
        for wrong in (
            dataclasses.replace(right.gzip, level=1),
            dataclasses.replace(right.gzip, size_bytes=right.gzip.size_bytes - 1),
            dataclasses.replace(right.gzip, size_bytes=right.gzip.size_bytes + 1),
            dataclasses.replace(right.gzip, trailer=bytes(8)),
            dataclasses.replace(right.gzip, header=right.gzip.header[:4] + b"1234" + right.gzip.header[8:]),
        ):
            stream = io.BufferedReader(GzipStream(digest, Recipe(right.parts, wrong), store.finder.load))
            with pytest.raises(IntegrityError):
                stream.read()


class TestRecipes:
    PARTS = tuple(Part(key_of(bytes([n])), 1000 + n, "float32:ü#1" * (n % 2)) for n in range(5))

    def gzip_recipe(self) -> Recipe:
        content = gzip.compress(b"a" * 5010)
        found = prove(io.BytesIO(content))
        assert found is not None
        return Recipe(self.PARTS, found)

    def test_both_forms_come_back(self):
        for recipe in (Recipe(), Recipe(self.PARTS), self.gzip_recipe()):
            assert decode_recipe(encode_recipe(recipe)) == recipe
        assert Recipe(self.PARTS).size_bytes == 5010
        assert self.gzip_recipe().size_bytes == len(gzip.compress(b"a" * 5010))

    @pytest.mark.parametrize(
        "changes",
        [
            {"size_bytes": 1 << 50},
            {"size_bytes": 1},
            {"inflated_bytes": 1 << 50},
            {"inflated_bytes": 5009},
            {"level": 0},
            {"level": 10},
            {"memory_level": 0},
        ],
    )
    def test_a_gzip_file_that_cannot_be_is_refused(self, changes: dict[str, int]):
        right = self.gzip_recipe()
        assert right.gzip is not None
        with pytest.raises(IntegrityError, match="malformed"):
            decode_recipe(encode_recipe(Recipe(right.parts, dataclasses.replace(right.gzip, **changes))))

    @pytest.mark.parametrize("raw", [b"", b"\2", b"\1", b"\0" + bytes(37), b"\0" + bytes(36) + b"\xff\xff"])
    def test_an_unknown_form_or_a_cut_recipe_is_refused(self, raw: bytes):
        with pytest.raises(IntegrityError, match="malformed"):
            decode_recipe(raw)

    @settings(max_examples=300, deadline=None)
    @given(data=st.data())
    def test_a_damaged_recipe_is_refused_or_another_recipe(self, data: st.DataObject):
        raw = bytearray(encode_recipe(data.draw(st.sampled_from([Recipe(self.PARTS), self.gzip_recipe()]))))
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(raw)))
            raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        try:
            recipe = decode_recipe(bytes(raw))
        except IntegrityError:
            return
        assert recipe.gzip is None or recipe.size_bytes <= 2 * sum(part.size_bytes for part in recipe.parts) + 1 << 20
