"""Attack class G as a whole: somebody who can write to the registry's disk."""

import contextlib
import hashlib
import io
import random
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from ama_tfx.errors import AmaError, BackendError, PermissionDeniedError
from ama_tfx.registry import Registry
from ama_tfx.storage import PackStore
from ama_tfx.storage.packs.checking import check
from ama_tfx.storage.packs.format import Kind, key_of

V1 = Path(__file__).parents[1] / "compat" / "v1"
INDEX = Path("blobs/index.db")
FILES = sorted({*(path.relative_to(V1) for path in V1.rglob("*") if path.is_file()), INDEX})


def copy_of_v1(folder):
    """Copy the registry, and let it have its index as in daily use; return where the copy is."""
    shutil.copytree(V1, folder)
    store = PackStore.in_folder(folder / "blobs")
    store.refresh()
    assert len(list(store.blobs())) == 9
    store.index.close()
    assert (folder / INDEX).stat().st_size > 4096
    return folder


def test_every_kind_of_file_of_a_registry_is_attacked():
    assert {path.suffix for path in FILES} == {".pack", ".db", ".json"}
    assert len([path for path in FILES if path.suffix == ".pack"]) == 4


def downloaded(registry, reference, target):
    registry.download(reference, target)
    return {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def right(tmp_path_factory):
    """What each version of the registry holds, by the reference that never moves."""
    folder = tmp_path_factory.mktemp("right")
    registry = Registry(copy_of_v1(folder / "registry"))
    versions = [version for asset in registry.assets() for version in registry.versions(asset.name)]
    assert len(versions) == 4
    return {
        str(version.reference): downloaded(registry, version.reference, folder / f"{number}")
        for number, version in enumerate(versions)
    }


def flip_one_bit(path, chance):
    data = bytearray(path.read_bytes())
    position = chance.randrange(len(data) * 8)
    data[position // 8] ^= 1 << position % 8
    path.write_bytes(data)


def swap_with_another(path, chance):
    registry = next(parent for parent in path.parents if parent.name == "registry")
    other = chance.choice([p for p in sorted(registry.rglob("*")) if p.is_file() and p != path and p.stat().st_size])
    here, there = path.read_bytes(), other.read_bytes()
    path.write_bytes(there)
    other.write_bytes(here)


ATTACKS = {
    "flip one bit": flip_one_bit,
    "cut": lambda path, chance: path.write_bytes(path.read_bytes()[: chance.randrange(path.stat().st_size)]),
    "add": lambda path, chance: path.write_bytes(path.read_bytes() + b"\0"),
    "delete": lambda path, chance: path.unlink(),
    "empty": lambda path, chance: path.write_bytes(b""),
    "swap": swap_with_another,
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name[:12])
@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_what_is_named_by_digest_is_right_or_refused_whatever_was_done(right, tmp_path, path, attack):
    folder = copy_of_v1(tmp_path / "registry")
    for file in folder.rglob("*"):
        file.chmod(0o755)
    attack(folder / path, random.Random(str(path)))
    for number, (reference, expected) in enumerate(right.items()):
        target = tmp_path / "targets" / f"{number}"
        try:
            assert downloaded(Registry(folder), reference, target) == expected
        except AmaError:
            assert not target.exists()


def overwrite_somewhere(path, chance):
    data = bytearray(path.read_bytes())
    start = chance.randrange(len(data))
    data[start : start + 300] = chance.randbytes(len(data[start : start + 300]))
    path.write_bytes(data)


def replace_by_another_stores(path, chance):
    other = PackStore.in_folder(path.parents[2] / "other")
    other.put(io.BytesIO(chance.randbytes(1000)))
    other.refresh()
    other.index.close()
    shutil.copy(path.parents[2] / "other" / "index.db", path)


def forget_packs(path, chance):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "DELETE FROM entries WHERE key IN (SELECT key FROM entries LIMIT ?)", (chance.randint(1, 9),)
        )


def point_elsewhere(path, chance):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE entries SET offset = offset + ?", (chance.randint(1, 99),))


def swap_packs(path, chance):
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE entries SET pack = (SELECT max(id) FROM packs) + 1 - pack")


ON_THE_INDEX = {
    **{name: attack for name, attack in ATTACKS.items() if name != "swap"},
    "overwrite somewhere": overwrite_somewhere,
    "another store's": replace_by_another_stores,
    "rows missing": forget_packs,
    "rows that point elsewhere": point_elsewhere,
    "rows of another pack": swap_packs,
}


@pytest.mark.parametrize("attack", ON_THE_INDEX.values(), ids=ON_THE_INDEX)
def test_whatever_is_done_to_the_index_nothing_is_lost(right, tmp_path, attack):
    for seed in range(6):
        folder = copy_of_v1(tmp_path / f"{seed}" / "registry")
        attack(folder / INDEX, random.Random(seed))
        registry = Registry(folder)
        for number, (reference, expected) in enumerate(right.items()):
            assert downloaded(registry, reference, folder / "targets" / f"{number}") == expected
        registry.register("model", {"new": V1 / "registry.json"})
        store = PackStore.in_folder(folder / "blobs")
        assert len(list(store.blobs())) == 11
        assert check(store, read_data=True).lost == ()


@pytest.mark.parametrize("kinds", [(Kind.PIECE,), (Kind.RECIPE,), tuple(Kind)], ids=["piece", "recipe", "both"])
def test_an_index_that_claims_new_content_for_old_bytes_does_not_make_it_acknowledged(right, tmp_path, kinds):
    folder = copy_of_v1(tmp_path / "registry")
    new = b"never stored before"
    keys = {Kind.PIECE: key_of(new), Kind.RECIPE: hashlib.sha256(new).digest()}
    with contextlib.closing(sqlite3.connect(folder / INDEX)) as connection, connection:
        for kind in kinds:
            query = "UPDATE entries SET key = ? WHERE kind = ? AND key = (SELECT max(key) FROM entries WHERE kind = ?)"
            assert connection.execute(query, (keys[kind], int(kind), int(kind))).rowcount == 1
    (tmp_path / "file").write_bytes(new)
    registered = Registry(folder).register("model", tmp_path / "file")
    for path in (folder / INDEX.parent).glob(f"{INDEX.name}*"):
        path.unlink()
    assert downloaded(Registry(folder), registered.version.reference, tmp_path / "target") == {"file": new}
    assert check(PackStore.in_folder(folder / "blobs"), read_data=True).findings == ()


def test_a_planted_version_is_not_believed(right, tmp_path):
    """A manifest put into the store by hand is no version: the catalog does not name it."""
    folder = copy_of_v1(tmp_path / "registry")
    forged = b'{"directories":[],"files":[],"format":"ama-manifest/1","kind":"Files","properties":{},"refs":[]}'
    digest = hashlib.sha256(forged).hexdigest()
    assert PackStore.in_folder(folder / "blobs").put(io.BytesIO(forged)).created
    with pytest.raises(AmaError, match=f"no version 'sha256:{digest}' of asset 'model'"):
        Registry(folder).resolve(f"model@sha256:{digest}")


def test_a_disk_that_became_read_only_is_told_and_nothing_breaks(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "ama-test", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"READ-ONLY DISK NOT TESTED: this machine mounts nothing ({mounted.stderr.decode().strip()})")
    try:
        shutil.copytree(V1, disk / "registry")
        registry = Registry(disk / "registry")
        before = registry.audit.entries()
        (tmp_path / "new").write_bytes(b"new")
        registry.close()  # the kernel makes no disk read-only by hand while a file is open for writing
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        with pytest.raises((PermissionDeniedError, BackendError), match="registry"):
            registry.register("model", tmp_path / "new")
        with pytest.raises((PermissionDeniedError, BackendError), match="other"):
            Registry(disk / "other", create=True)
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        assert registry.audit.entries() == before
        assert registry.register("model", tmp_path / "new").version.number == 3
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
