"""``ama fsck``: what is printed, and how it ends."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest


@pytest.fixture
def registry(upload, home: Path, work: Path) -> Path:
    """A registry with a version of two files, each in a pack with its manifest."""
    (work / "model.h5").write_bytes(random.Random(1).randbytes(200_000))
    upload("model", "model.h5", "notes.txt")
    return home / "registry"


def damage(registry: Path) -> str:
    """Flip a bit of the first payload; return the pack."""
    (pack,) = registry.rglob("*.pack")
    data = bytearray(pack.read_bytes())
    data[1000] ^= 1
    pack.chmod(0o644)
    pack.write_bytes(data)
    return pack.stem


def test_a_sound_registry_is_called_clean(ama, registry):
    assert ama("fsck").out == "clean: 1 version, 2 files, 3 blobs in 1 pack; 0 % of the packs read\n"
    assert ama("fsck", "--read-data").out == "clean: 1 version, 2 files, 3 blobs in 1 pack; every byte read\n"
    assert ama("fsck", "--read-data=5%").out.endswith("; 5 % of the packs read\n")
    assert ama("fsck", "-q").out == ""


def test_damage_is_named_and_ends_with_5(ama, registry):
    pack = damage(registry)
    ama("fsck")  # nothing shows without reading
    done = ama("fsck", "--read-data", code=5)
    first, second, last = done.out.splitlines()
    assert first.startswith(f"damaged payload: pack {pack} is damaged at ")
    assert second.startswith("ama://default/model:1 cannot be restored: file 'model.h5' (blob sha256:")
    assert f" in pack {pack}" in second
    assert last == "1 problem, 1 file lost: 1 version, 2 files, 3 blobs in 1 pack; every byte read"
    assert done.err == (
        f"ama: error: registry {str(registry)!r} is damaged; `ama fsck --repair --from COPY` may mend it\n"
    )
    assert ama("fsck", "--read-data", "-q", code=5).out == f"{pack}\n"


def test_damage_as_json(ama, registry):
    pack = damage(registry)
    done = ama("fsck", "--read-data", "--json", code=5)
    document = done.document
    assert done.error["code"] == "integrity"
    assert document.keys() == {
        "clean", "findings", "lost", "version_count", "file_count", "blob_count", "pack_count", "unreferenced_count",
        "read_percent",
    }  # fmt: skip
    assert document["clean"] is False
    assert [(finding["problem"], finding["subject"]) for finding in document["findings"]] == [("damaged payload", pack)]
    assert [(file["asset"], file["version"], file["path"]) for file in document["lost"]] == [("model", 1, "model.h5")]


def test_a_repair_from_a_copy_mends_it(ama, registry, tmp_path, work):
    shutil.copytree(registry, tmp_path / "copy")
    pack = damage(registry)
    done = ama("fsck", "--repair", "--from", str(tmp_path / "copy"))
    assert done.out.splitlines()[:3] == [
        "found 1 problem, 0 problems left",
        "1 file can be restored again",
        "1 damaged pack moved to blobs/damaged/, to be deleted by you",
    ]
    assert done.out.splitlines()[-1].startswith("clean: ")
    assert [path.name.partition(".")[0] for path in (registry / "blobs" / "damaged").iterdir()] == [pack]
    ama("download", "model", "--output", "back")
    assert (work / "back" / "model.h5").read_bytes() == random.Random(1).randbytes(200_000)


def test_what_a_repair_could_not_mend_is_told(ama, registry):
    damage(registry)
    done = ama("fsck", "--repair", code=5)
    assert "found 1 problem, 1 problem left" in done.out
    assert "cannot be restored: file 'model.h5'" in done.out
    assert ama("fsck", "--repair", "--json", code=5).document["before"]["clean"] is False


def test_a_lost_index_is_written_again(ama, registry):
    (registry / "blobs" / "index.db").write_bytes(b"no index")
    assert "wrong index" in ama("fsck", code=5).out
    assert ama("fsck", "--rebuild-index").out.startswith("clean: ")


@pytest.mark.parametrize("percent", ["101", "x", "5.5", "", "%"])
def test_a_part_that_is_none_is_refused(ama, registry, percent):
    done = ama("fsck", f"--read-data={percent}", code=2)
    assert "expected a number from 0 to 100" in done.err
    assert done.out == ""


@pytest.mark.parametrize("args", [["--from", "copy"], ["--repair", "--read-data"], ["--repair", "--read-data=0"]])
def test_options_that_do_not_go_together_are_refused(ama, registry, args):
    assert ama("fsck", *args, code=2).err == (
        "ama: error: --from is for --repair, and that reads every byte anyway: leave --read-data out; "
        "see `ama fsck --help`\n"
    )


def test_a_copy_that_is_not_there_is_refused(ama, registry):
    assert "no registry at" in ama("fsck", "--repair", "--from", "nowhere", code=3).err


def test_where_there_is_no_registry_none_is_made(ama, home):
    for command in (["fsck"], ["fsck", "--repair"], ["gc"], ["gc", "--apply"], ["gc", "--undo"]):
        assert ama(*command, code=3).err.startswith("ama: error: no registry at ")
    assert not (home / "registry").exists()


def test_a_damaged_marker_is_written_again(ama, registry):
    (registry / "registry.json").write_bytes(b"")
    assert "registry.json" in ama("fsck", code=8).err
    done = ama("fsck", "--repair")
    assert "registry.json was lost or damaged; it was written again from the catalog" in done.err
    assert ama("fsck").out.startswith("clean: 1 version")
