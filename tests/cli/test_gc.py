"""``ama gc``: a plan unless it is told to do it, and taking it back."""

from __future__ import annotations

from pathlib import Path

import pytest

from ama_tfx.registry import Registry


@pytest.fixture
def garbage(upload, home: Path, tmp_path: Path) -> str:
    """A registry with a version, and a pack of an upload that was interrupted: that pack."""
    upload("model", "a.txt")
    registry = home / "registry"
    before = {path.stem for path in registry.rglob("*.pack")}
    (tmp_path / "big").write_bytes(bytes(range(256)) * 40)

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Registry(registry).register("model", tmp_path / "big", before_commit=interrupt)
    (pack,) = {path.stem for path in registry.rglob("*.pack")} - before
    return pack


@pytest.mark.parametrize("option", [[], ["--plan"]])
def test_a_plan_is_shown_and_nothing_done(ama, home, garbage, option):
    lines = ama("gc", *option).out.splitlines()
    assert lines[0].split() == ["SIZE", "GOES", "CONDEMNED", "PACK"]
    assert lines[1].split()[-3:] == ["all", "-", garbage]
    assert lines[2].endswith(" in 1 pack can go; `ama gc --apply` condemns them")
    assert ama("gc", "-q", *option).out == f"{garbage}\n"
    assert not list((home / "registry" / "blobs").glob("condemned/*"))


@pytest.mark.parametrize("options", [("--plan", "--apply"), ("--apply", "--undo"), ("--undo", "--plan", "--apply")])
def test_two_of_plan_apply_and_undo_are_refused_and_nothing_is_done(ama, home, garbage, options):
    assert f"{' and '.join(options)} do not go together" in ama("gc", *options, code=2).err
    assert not list((home / "registry" / "blobs").glob("condemned/*"))


def test_it_is_condemned_then_deleted_when_the_quarantine_is_over(ama, home, garbage):
    assert ama("gc", "--apply").out == "1 pack condemned: `ama gc --undo` takes that back\n"
    assert ama("gc", "--json").document["packs"][0]["condemned_at"] is not None
    assert ama("gc", "--apply").out == "nothing to do\n"
    done = ama("gc", "--apply", "--quarantine", "0", "--json").document
    assert done["deleted"] == [garbage]
    assert done["won_bytes"] > 0
    assert ama("gc").out == "nothing to collect: versions need everything\n"
    assert ama("fsck", "--read-data").out.startswith("clean: 1 version, 1 file, 2 blobs in 1 pack")


def test_it_is_taken_back(ama, garbage):
    ama("gc", "--apply")
    assert ama("gc", "--undo", "--json").document == {"spared": [garbage], "unretired": [], "gone": []}
    assert ama("gc", "--undo").out == "nothing was condemned\n"
    assert ama("gc", "--apply", "--quarantine", "0", "--json").document["deleted"] == []


def test_garbage_is_a_note_of_fsck(ama, garbage):
    lines = ama("fsck").out.splitlines()
    assert lines[0] == "note: the store has 2 blobs that no version needs; `ama gc` removes them"
    assert lines[1].startswith("clean: ")


def test_a_damaged_registry_is_not_collected(ama, home, garbage):
    for pack in (home / "registry").rglob("*.pack"):
        pack.unlink()
    assert "repair the store" in ama("gc", "--apply", code=5).err


@pytest.mark.parametrize("days", ["-1", "x", "99999"])
def test_a_quarantine_that_is_none_is_refused(ama, garbage, days):
    assert "--quarantine" in ama("gc", "--apply", "--quarantine", days, code=2).err


def test_a_quarantine_of_a_plan_is_refused(ama, garbage):
    assert ama("gc", "--quarantine", "3", code=2).err == (
        "ama: error: --quarantine is for --apply; leave it out; see `ama gc --help`\n"
    )
