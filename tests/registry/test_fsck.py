"""What fsck finds, how it names it, and what a repair mends: bit for bit, or told."""

from __future__ import annotations

import datetime
import io
import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ama_tfx.errors import AmaError, BackendError, FormatError, IntegrityError, InvalidInputError, NotFoundError
from ama_tfx.registry import Checked, Facts, Ref, Registry
from ama_tfx.registry.location import Location
from ama_tfx.registry.marking import mend_marker
from ama_tfx.registry.names import AssetRef
from ama_tfx.storage import Digest, PackStore
from ama_tfx.storage.codecs import Codec
from ama_tfx.storage.packs.format import Kind, Payload, key_of, pack_name
from ama_tfx.storage.packs.pack_file import PackFile
from ama_tfx.storage.packs.recipe import Part, Recipe, encode_recipe
from ama_tfx.testing import MemoryBlobStore

Content = dict[str, dict[str, bytes]]


def weights(steps: int) -> bytes:
    values = np.random.default_rng(1).normal(size=60_000).astype(np.float32)
    for _ in range(steps):
        values = values * np.float32(1.0001)
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def fill(registry: Registry, folder: Path) -> Content:
    """Register a small history; return what each version holds, by the reference that never moves."""
    history: list[tuple[str, dict[str, bytes], Facts]] = [
        ("schema", {"schema.pbtxt": b"feature { name: 'miles' }"}, Facts(properties={"columns": 2})),
        (
            "data",
            {f"part-{n}": random.Random(n).randbytes(3000) for n in range(5)},
            Facts(tags=("raw",), provenance={"run": "1"}),
        ),
        ("model", {"weights.npy": weights(0), "empty": b""}, Facts("Model", "the first", properties={"rate": 0.1})),
        ("model", {"weights.npy": weights(1), "empty": b"", "same": b"feature { name: 'miles' }"}, Facts("Model")),
    ]
    content: Content = {}
    for number, (asset, files, facts) in enumerate(history):
        source = folder / "sources" / f"{number}"
        for path, data in files.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes(data)
        if asset == "model":
            refs = (Ref(AssetRef.parse("data")), Ref(AssetRef.parse("schema"), "schema"))
            told_of = Facts(facts.kind, facts.message, properties=facts.properties, refs=refs)
        else:
            told_of = facts
        version = registry.register(asset, source, told_of, alias="newest").version
        content[str(version.reference)] = files
    return content


def read_all(registry: Registry, content: Content) -> None:
    """Make sure that every version holds what was registered."""
    assert content
    for reference, files in content.items():
        assert {entry.path for entry in registry.manifest(reference).files} == files.keys()
        for path, data in files.items():
            with registry.open(f"{reference}/{path}") as stream:
                assert stream.read() == data, (reference, path)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Content]:
    folder = tmp_path_factory.mktemp("original")
    registry = Registry(folder / "registry", create=True, actor="ann")
    content = fill(registry, folder)
    registry.close()
    registry.upkeep._packs.index.close()
    assert len(list((folder / "registry").rglob("*.pack"))) == 4
    return folder / "registry", content


@pytest.fixture
def folder(original: tuple[Path, Content], tmp_path: Path) -> Path:
    shutil.copytree(original[0], tmp_path / "registry")
    return tmp_path / "registry"


@pytest.fixture
def content(original: tuple[Path, Content]) -> Content:
    return original[1]


@pytest.fixture
def copy(original: tuple[Path, Content], tmp_path: Path) -> Path:
    shutil.copytree(original[0], tmp_path / "copy")
    return tmp_path / "copy"


def fsck(folder: Path, read_percent: int = 100) -> Checked:
    return Registry(folder).upkeep.fsck(read_percent=read_percent)


def told(checked: Checked) -> set[tuple[str, str]]:
    return {(finding.problem, finding.subject) for finding in checked.findings}


def packs_of(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.pack"))


def pack_with(folder: Path, reference: str) -> Path:
    """Return the pack that holds a version's manifest, and what was new with it."""
    registry = Registry(folder)
    place = registry.upkeep._packs.index.find(Kind.RECIPE, registry.resolve(reference).digest.raw)
    assert place is not None
    return folder / "blobs" / pack_name(place.pack)


def overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(content)


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    overwrite(path, bytes(data))


def edit(folder: Path, *statements: str) -> None:
    """Edit the catalog as whoever owns the file can, and leave no trace in its schema."""
    with sqlite3.connect(folder / "catalog.db", isolation_level=None) as connection:
        connection.create_function("sha", 0, lambda: Digest("0" * 64).raw)
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        assert len(triggers) == 16
        for trigger, _ in triggers:
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, statement
        for _, made in triggers:
            connection.execute(made)
    connection.close()


def test_a_sound_registry_is_clean(folder: Path, content: Content) -> None:
    checked = fsck(folder)
    assert (checked.findings, checked.lost, checked.is_clean) == ((), (), True)
    assert (checked.version_count, checked.file_count, checked.pack_count) == (4, 11, 4)
    assert checked.blob_count == 4 + 10 - 1  # manifests and files; of the empty file and the schema there is one
    assert (checked.unreferenced_count, checked.read_percent) == (0, 100)


def test_on_each_database(registry_url: str, tmp_path: Path) -> None:
    registry = Registry(registry_url, create=True)
    content = fill(registry, tmp_path)
    steps: list[str] = []
    assert registry.upkeep.fsck(read_percent=100, on_event=steps.append).findings == ()
    assert steps == ["bytes", "catalog", "versions", "audit log"]
    read_all(registry, content)


@pytest.mark.parametrize("part", range(4))
def test_every_flipped_bit_of_a_pack_is_found_with_the_versions_it_harms(
    folder: Path, copy: Path, content: Content, part: int
) -> None:
    pack = packs_of(folder)[part]
    sound = pack.read_bytes()
    chance = random.Random(part)
    ends = [*range(8 * (len(sound) - 80), 8 * len(sound), 37)]
    bits = [*chance.sample(range(8 * len(sound)), 12), *chance.sample(ends, 4), 0]
    for bit in bits:
        flip(pack, bit)
        checked = fsck(folder)
        assert not checked.is_clean, bit
        assert pack.stem in {finding.subject for finding in checked.findings}, bit
        assert checked.lost, bit
        overwrite(pack, sound)
    flip(pack, bits[0])
    done = Registry(folder).upkeep.repair([copy])
    assert done.before.lost
    assert done.moved_packs == (pack.stem,)
    assert (done.after.findings, done.after.lost) == ((), ())
    read_all(Registry(folder), content)


@pytest.mark.parametrize("how", ["delete", "cut", "add", "empty", "footer"])
@pytest.mark.parametrize("part", range(4))
def test_a_pack_gone_cut_or_grown_is_found_and_mended(
    folder: Path, copy: Path, content: Content, how: str, part: int
) -> None:
    pack = packs_of(folder)[part]
    data = pack.read_bytes()
    if how == "delete":
        pack.unlink()
    else:
        damaged = {"cut": data[: len(data) // 2], "add": data + b"\0", "empty": b"", "footer": data[:-100] + data[-99:]}
        overwrite(pack, damaged[how])
    checked = fsck(folder, 0)  # that shows without reading the payloads
    assert not checked.is_clean
    assert pack.stem in {finding.subject for finding in checked.findings}
    assert checked.lost
    done = Registry(folder).upkeep.repair([copy])
    assert done.after.is_clean
    assert done.after.lost == ()
    read_all(Registry(folder), content)


def test_what_is_lost_is_named_to_the_piece(folder: Path) -> None:
    pack = pack_with(folder, "model:1")
    registry = Registry(folder)
    digest = registry.show("model:1").files[1].digest
    (part, *_) = registry.upkeep._packs.finder.recipes([digest])[digest].parts
    place = registry.upkeep._packs.index.find(Kind.PIECE, part.key)
    assert place is not None
    flip(pack, 8 * (place.entry.offset + 3))
    checked = fsck(folder)
    assert told(checked) == {("damaged payload", pack.stem)}
    assert {(str(file.version.asset), file.version.number, file.path) for file in checked.lost} >= {
        ("ama://default/model", 1, "weights.npy")
    }
    assert str(checked.lost[0]) == (
        f"ama://default/model:1 cannot be restored: file 'weights.npy' (blob {checked.lost[0].digest}) "
        f"needs piece {part.key.hex()} in pack {pack.stem}"
    ) or checked.lost[0].reason.startswith(f"needs piece {part.key.hex()} in pack {pack.stem} and ")


def test_two_swapped_packs_are_found_and_mended(folder: Path, copy: Path, content: Content) -> None:
    one, other, *_ = packs_of(folder)
    first, second = one.read_bytes(), other.read_bytes()
    overwrite(one, second)
    overwrite(other, first)
    checked = fsck(folder, 0)
    assert {("damaged pack", one.stem), ("damaged pack", other.stem)} <= told(checked)
    assert Registry(folder).upkeep.repair([copy]).after.is_clean
    read_all(Registry(folder), content)


def test_packs_deleted_together_with_the_index_are_missed_by_the_catalog(
    folder: Path, copy: Path, content: Content
) -> None:
    for path in [*packs_of(folder), folder / "blobs" / "index.db"]:
        path.unlink()
    checked = fsck(folder)
    assert not checked.is_clean
    assert {finding.problem for finding in checked.findings} == {"missing blob"}
    assert len(checked.lost) == 11 + 4
    assert {file.reason for file in checked.lost} == {"is in no pack of the store"}
    assert Registry(folder).upkeep.repair([copy]).after.is_clean
    read_all(Registry(folder), content)


def test_what_is_in_no_copy_is_told_and_the_rest_is_mended(folder: Path, copy: Path, content: Content) -> None:
    pack_with(folder, "data:1").unlink()
    pack_with(folder, "schema:1").unlink()
    for path in [pack_with(copy, "schema:1"), copy / "blobs" / "index.db"]:
        path.unlink()
    done = Registry(folder).upkeep.repair([copy])
    assert not done.after.is_clean
    lost = {(file.version.asset.name, file.path) for file in done.after.lost}
    assert lost == {("schema", "schema.pbtxt"), ("model", "same")}  # its manifest came from the catalog
    again = Registry(folder).upkeep.repair([])
    assert again.after.lost == done.after.lost
    sound = {reference: files for reference, files in content.items() if "/data@" in reference}
    read_all(Registry(folder), sound)


def test_any_store_of_blobs_may_be_the_copy(folder: Path, content: Content) -> None:
    memory = MemoryBlobStore()
    for files in content.values():
        for data in files.values():
            memory.put(io.BytesIO(data))
    for pack in packs_of(folder):
        flip(pack, 800)
        flip(pack, pack.stat().st_size * 8 - 300)
    assert fsck(folder).lost
    assert Registry(folder).upkeep.repair([memory]).after.is_clean
    read_all(Registry(folder), content)


def test_a_manifest_is_written_again_from_the_catalog(folder: Path, content: Content) -> None:
    pack_with(folder, "data:1").unlink()
    source = PackStore.in_folder(folder / "blobs")
    source.refresh()
    for files in content.values():
        for data in files.values():
            source.put(io.BytesIO(data))
    checked = fsck(folder)
    assert [(file.version.asset.name, file.path) for file in checked.lost] == [("data", None)]
    assert "cannot be restored: its manifest" in str(checked.lost[0])
    assert Registry(folder).upkeep.repair().after.is_clean
    read_all(Registry(folder), content)


@pytest.mark.parametrize("how", ["delete", "garbage", "cut", "empty", "rows"])
def test_an_index_that_is_lost_or_wrong_costs_nothing(folder: Path, content: Content, how: str) -> None:
    index = folder / "blobs" / "index.db"
    if how == "rows":
        with sqlite3.connect(index) as connection:
            assert connection.execute("UPDATE entries SET offset = offset + 1").rowcount
        connection.close()
    else:
        data = index.read_bytes()
        index.unlink()
        if how != "delete":
            index.write_bytes({"garbage": b"no index" * 999, "cut": data[: len(data) // 2], "empty": b""}[how])
    checked = fsck(folder)
    assert not checked.is_clean
    assert {finding.problem for finding in checked.findings} == {"wrong index"} | (
        {"unindexed pack"} if how != "rows" else set()
    )
    assert checked.lost == ()
    registry = Registry(folder)
    assert registry.upkeep.rebuild_index() == 4
    assert registry.upkeep.fsck(read_percent=100).findings == ()
    read_all(registry, content)


@pytest.mark.parametrize("name", ["blobs/packs/ab/stranger", "blobs/stranger", "blobs/condemned/1"])
def test_a_planted_object_is_found(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"planted")
    assert told(fsck(folder, 0)) == {("stranger", name.removeprefix("blobs/"))}
    assert not fsck(folder, 0).is_clean


def test_a_planted_file_beside_the_registry_is_noted(folder: Path) -> None:
    (folder / "notes.txt").write_text("hello")
    checked = fsck(folder)
    assert told(checked) == {("stranger", "notes.txt")}
    assert checked.is_clean


def plant(folder: Path, entries: list[tuple[Kind, bytes, bytes]]) -> str:
    """Put a pack in that is whole in itself: anybody who can write the disk can make one."""
    store = PackStore.in_folder(folder / "blobs")
    pack = PackFile(store.scratch)
    for kind, key, raw in entries:
        pack.add(kind, key, Payload(raw, Codec.RAW, len(raw)))
    name = pack.finish()
    assert store.objects.put(pack_name(name), pack.path)
    pack.close()
    return name


def test_a_planted_pack_that_forges_a_blob_is_found_and_taken_away(folder: Path, content: Content) -> None:
    registry = Registry(folder)
    victim = registry.show("schema").files[0].digest
    piece = key_of(b"forged")
    forged = encode_recipe(Recipe((Part(piece, 6),)))
    pack = plant(folder, [(Kind.PIECE, piece, b"forged"), (Kind.RECIPE, victim.raw, forged)])
    registry.upkeep._packs.refresh()
    checked = fsck(folder)
    assert ("damaged payload", pack) in told(checked)
    assert not checked.is_clean
    assert checked.lost == ()  # the right one is there too
    done = Registry(folder).upkeep.repair()
    assert done.after.is_clean
    assert done.moved_packs == (pack,)
    read_all(Registry(folder), content)


def test_a_planted_pack_that_forges_a_piece_is_found_and_taken_away(folder: Path, content: Content) -> None:
    registry = Registry(folder)
    (part,) = registry.upkeep._packs.finder.recipes([Digest.of(b"feature { name: 'miles' }")]).popitem()[1].parts
    pack = plant(folder, [(Kind.PIECE, part.key, b"feature { name: 'miLes' }")])
    registry.upkeep._packs.refresh()
    assert ("damaged payload", pack) in told(fsck(folder))
    done = Registry(folder).upkeep.repair()
    assert done.after.is_clean
    read_all(Registry(folder), content)


def test_blobs_that_no_version_needs_are_a_note(folder: Path) -> None:
    digest = PackStore.in_folder(folder / "blobs").put(io.BytesIO(b"of a killed writer")).digest
    checked = fsck(folder)
    assert checked.is_clean
    assert checked.unreferenced_count == 1
    (finding,) = checked.findings
    assert (finding.problem, finding.is_note, finding.blobs) == ("unreferenced", True, (digest,))


def test_damage_to_what_no_version_needs_says_so(folder: Path) -> None:
    store = PackStore.in_folder(folder / "blobs")
    before = set(packs_of(folder))
    store.put(io.BytesIO(b"of a killed writer" * 99))
    (pack,) = set(packs_of(folder)) - before
    flip(pack, 100)
    checked = fsck(folder)
    assert [f.detail.endswith("no version needs what it held") for f in checked.findings][:1] == [True]
    assert checked.lost == ()


EDITS = {
    "a file's digest": ("UPDATE files SET sha256 = sha() WHERE path = 'weights.npy'", "model:"),
    "a file's size": ("UPDATE files SET size_bytes = 7 WHERE path = 'part-1'", "data:1"),
    "a file's path": ("UPDATE files SET path = 'part-9' WHERE path = 'part-1'", "data:1"),
    "a file removed": ("DELETE FROM files WHERE path = 'part-1'", "data:1"),
    "a file put in": (
        "INSERT INTO files SELECT version_id, 'z', sha256, size_bytes, url FROM files LIMIT 1",
        "schema:1",
    ),
    "a file said to be elsewhere": ("UPDATE files SET url = 'https://example.org/a' WHERE path = 'part-1'", "data:1"),
    "a size": ("UPDATE versions SET size_bytes = 1 WHERE kind = 'Model'", "model:1"),
    "a count": ("UPDATE versions SET file_count = 99 WHERE kind = 'Model'", "model:1"),
    "a kind": ("UPDATE versions SET kind = 'Schema' WHERE kind = 'Model'", "model:1"),
    "a property": ("UPDATE properties SET value = '0.2' WHERE key = 'rate'", "model:1"),
    "a property removed": ("DELETE FROM properties WHERE key = 'rate'", "model:1"),
    "a property that is no JSON": ("UPDATE properties SET value = '{' WHERE key = 'rate'", "model:1"),
    "a ref": ("UPDATE refs SET role = 'other' WHERE role = 'schema'", "model:1"),
    "a ref removed": ("DELETE FROM refs WHERE role = 'schema'", "model:1"),
    "a version's digest": ("UPDATE versions SET digest = sha() WHERE kind = 'Model' AND number = 1", "model:1"),
    "a version's number": ("UPDATE versions SET number = 7 WHERE kind = 'Model' AND number = 1", "model:7"),
    "a semantic version": ("UPDATE versions SET semantic = '9.9.9' WHERE number = 2", "model:2"),
    "no semantic version": ("UPDATE versions SET semantic = 'x' WHERE number = 2", "model:2"),
    "a message": ("UPDATE versions SET message = 'the best' WHERE message = 'the first'", "model:1"),
    "an author": ("UPDATE versions SET created_by = 'bob' WHERE number = 2", "model:2"),
    "a time": ("UPDATE versions SET created_at = '2020-01-01 00:00:00.000000' WHERE number = 2", "model:2"),
    "a tag": ("UPDATE tags SET name = 'clean'", "data:1"),
    "a tag removed": ("DELETE FROM tags", "data:1"),
    "an alias": ("UPDATE aliases SET version_id = (SELECT max(id) - 1 FROM versions) "
                 "WHERE version_id = (SELECT max(id) FROM versions)", "model:newest"),
    "an alias to another asset": ("UPDATE aliases SET version_id = (SELECT min(id) FROM versions) "
                                  "WHERE version_id = (SELECT max(id) FROM versions)", "catalog"),
    "a move": ("UPDATE alias_moves SET to_version = 2 WHERE from_version IS NULL", "model:newest"),
    "an asset's name": ("UPDATE assets SET name = 'modem' WHERE name = 'model'", "model:1"),
    "an audit entry": ("UPDATE audit SET actor = 'bob' WHERE sequence = 3", "audit log"),
    "an audit entry removed": ("DELETE FROM audit WHERE sequence = 3", "audit log"),
    "a version removed": ("DELETE FROM versions WHERE number = 2", "catalog"),
    "a move's reason": ("UPDATE alias_moves SET reason = 'it was better'", "model:newest"),
    "a move's time": ("UPDATE alias_moves SET moved_at = '2020-01-01 00:00:00.000000'", "model:newest"),
    "an alias's time": ("UPDATE aliases SET moved_at = '2020-01-01 00:00:00.000000'", "model:newest"),
    "a provenance": ("UPDATE registrations SET provenance = '{}'", "data:1"),
    "a provenance and its digest": (
        "UPDATE registrations SET provenance = '{\"run\":\"9\"}', provenance_sha256 = sha()", "data:1"
    ),
    "a registration's time": ("UPDATE registrations SET registered_at = '2020-01-01 00:00:00.000000'", "data:1"),
    "a registration's author": ("UPDATE registrations SET registered_by = 'bob'", "data:1"),
    "a registration removed": ("DELETE FROM registrations", "data:1"),
}  # fmt: skip


@pytest.mark.parametrize(("statement", "named"), EDITS.values(), ids=EDITS)
def test_an_edited_catalog_is_found_and_named(folder: Path, statement: str, named: str) -> None:
    edit(folder, statement)
    checked = fsck(folder, 0)
    assert not checked.is_clean
    subjects = {finding.subject for finding in checked.findings if not finding.is_note}
    subjects |= {f"{file.version.asset}:{file.version.number}" for file in checked.lost}
    assert any(named in subject for subject in subjects), subjects


def test_a_trigger_that_was_dropped_or_does_nothing_is_found(folder: Path) -> None:
    with sqlite3.connect(folder / "catalog.db", isolation_level=None) as connection:
        connection.execute("DROP TRIGGER files_no_update")
        connection.execute("DROP TRIGGER audit_no_delete")
        connection.execute("CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT 1; END")
    connection.close()
    (finding,) = fsck(folder, 0).findings
    assert (finding.problem, finding.is_note) == ("unguarded catalog", False)
    assert "do nothing: audit_no_delete, files_no_update;" in finding.detail


def test_an_edited_catalog_is_not_mended_and_not_made_worse(folder: Path, copy: Path) -> None:
    edit(folder, "UPDATE versions SET kind = 'Schema' WHERE kind = 'Model'")
    before = (folder / "catalog.db").read_bytes()
    done = Registry(folder).upkeep.repair([copy])
    assert [finding.problem for finding in done.after.findings] == ["wrong version"] * 2
    assert "restore the catalog from a backup" in done.after.findings[0].detail
    assert (folder / "catalog.db").read_bytes() == before


@pytest.mark.parametrize("name", ["catalog.db", "blobs/index.db"])
def test_a_flipped_bit_in_a_database_is_found_or_harms_nothing(folder: Path, content: Content, name: str) -> None:
    path = folder / name
    sound = path.read_bytes()
    found = 0
    chance = random.Random(name)
    used = [bit for bit in range(8 * len(sound)) if sound[bit // 8]]
    for bit in chance.sample(used, 60):
        shutil.rmtree(path.parent / "nothing", ignore_errors=True)
        for leftover in path.parent.glob(f"{path.name}-*"):
            leftover.unlink()
        overwrite(path, sound)
        flip(path, bit)
        try:
            checked = fsck(folder)
        except AmaError:
            found += 1
            continue
        if checked.is_clean:
            read_all(Registry(folder), content)
        else:
            found += 1
    assert found > 20


@pytest.mark.parametrize("damaged", [b"", b"{}", b'{"format":"ama-registry/2","id":"x"}\n', b"\xff"])
def test_a_damaged_marker_is_named(folder: Path, damaged: bytes) -> None:
    (folder / "registry.json").write_bytes(damaged)
    with pytest.raises(AmaError, match="registry"):
        Registry(folder)


@pytest.mark.parametrize("damaged", [None, b"", b"{}", b'{"format":"ama-registry/1"}', b"\xff"])
def test_a_lost_marker_is_written_again_from_the_catalog(folder: Path, damaged: bytes | None) -> None:
    before = (folder / "registry.json").read_bytes()
    assert not mend_marker(Location.parse(folder))
    (folder / "registry.json").unlink()
    if damaged is not None:
        (folder / "registry.json").write_bytes(damaged)
    assert mend_marker(Location.parse(folder))
    assert (folder / "registry.json").read_bytes() == before
    assert fsck(folder, 0).is_clean


def test_a_marker_is_not_written_for_another_release_nor_for_blobs_that_are_not_the_catalogs(
    folder: Path, tmp_path: Path
) -> None:
    marker = folder / "registry.json"
    marker.write_bytes(b'{"format":"ama-registry/2","id":"x"}\n')
    with pytest.raises(FormatError, match="ama-registry/2"):
        mend_marker(Location.parse(folder))
    marker.unlink()
    shutil.move(folder / "blobs", tmp_path / "blobs-of-it")
    with pytest.raises(BackendError, match="no blobs in .*; if they are in a bucket"):
        mend_marker(Location.parse(folder))
    PackStore.in_folder(folder / "blobs").put(io.BytesIO(b"of another"))
    with pytest.raises(BackendError, match="are not those of the catalog"):
        mend_marker(Location.parse(folder))
    assert not marker.exists()


def test_with_a_part_of_the_packs_others_are_read_each_time(folder: Path) -> None:
    for pack in packs_of(folder):
        flip(pack, 100)
    clock = iter(range(60))

    def now() -> datetime.datetime:
        return datetime.datetime(2026, 1, 1, 0, 0, next(clock), tzinfo=datetime.timezone.utc)

    registry = Registry(folder, clock=now)
    seen: set[str] = set()
    for _ in range(40):
        (finding,) = registry.upkeep.fsck(read_percent=25).findings
        seen.add(finding.subject)
    assert seen == {pack.stem for pack in packs_of(folder)}
    assert len(registry.upkeep.fsck(read_percent=26).findings) == 2
    assert registry.upkeep.fsck().findings == ()


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_part_that_is_none_is_refused(folder: Path, percent: int) -> None:
    with pytest.raises(InvalidInputError, match="from 0 to 100"):
        Registry(folder).upkeep.fsck(read_percent=percent)


def test_a_copy_that_is_not_there_is_refused_before_anything_is_done(folder: Path, tmp_path: Path) -> None:
    flip(packs_of(folder)[0], 100)
    with pytest.raises(NotFoundError, match="no registry at"):
        Registry(folder).upkeep.repair([tmp_path / "nowhere"])
    assert len(packs_of(folder)) == 4


def test_a_damaged_copy_gives_only_what_is_right_in_it(folder: Path, copy: Path) -> None:
    for side in (folder, copy):
        flip(pack_with(side, "schema:1"), 100)
    done = Registry(folder).upkeep.repair([copy])
    assert {file.path for file in done.after.lost} == {"schema.pbtxt", "same"}
    with pytest.raises(IntegrityError), Registry(folder).open("schema:1/schema.pbtxt") as stream:
        stream.read()


def test_json_of_a_check_and_of_a_repair_has_all_of_it(folder: Path, copy: Path) -> None:
    pack_with(folder, "schema:1").unlink()
    document: dict[str, Any] = Registry(folder).upkeep.repair([copy]).to_json()
    assert document["clean"] is True
    assert document["before"]["clean"] is False
    assert document["before"]["lost"][0].keys() == {
        "asset", "workspace", "version", "reference", "path", "blob", "reason"
    }  # fmt: skip
    assert document["before"]["findings"][0]["problem"] == "missing pack"
