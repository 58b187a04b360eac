"""``ama verify``, ``ama du``, ``ama retire`` and ``ama gc --keep``."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest


def weights(number: int) -> bytes:
    return random.Random(number).randbytes(10_000)


@pytest.fixture
def versions(upload, work: Path):
    """Five versions of 'model', each with a file of its own; the first one has an alias."""
    for number in range(1, 6):
        (work / "weights.bin").write_bytes(weights(number))
        upload("model", "weights.bin", alias="first" if number == 1 else None)


def test_a_whole_version_verifies_and_a_damaged_one_is_named(ama, home, versions):
    assert ama("verify", "model:2").out == "model:2: 1 file, 10.0 kB: whole\n"
    for pack in (home / "registry").rglob("*.pack"):
        content = bytearray(pack.read_bytes())
        content[20] ^= 1
        pack.chmod(0o644)
        pack.write_bytes(content)
    done = ama("verify", "model:2", "--json", code=5)
    assert [problem["path"] for problem in done.document["problems"]] == ["weights.bin"]


def test_a_folder_is_compared_with_a_version(ama, work, versions):
    ama("download", "model:3", "--output", "copy")
    assert ama("verify", "./copy", "model:3").out == "model:3: 1 file, 10.0 kB: whole\n"
    (work / "copy" / "weights.bin").chmod(0o644)
    (work / "copy" / "weights.bin").write_text("other")
    (work / "copy" / "more").write_text("more")
    done = ama("verify", "./copy", "model:3", code=5)
    assert done.out.splitlines()[0].startswith("weights.bin: is other content: sha256:")
    assert done.out.splitlines()[1:] == ["more: is not in the version", "model:3: 1 file, 10.0 kB: 2 problems"]


def test_a_folder_is_told_which_version_it_is(ama, work, versions):
    ama("download", "model:3", "--output", "copy")
    assert [found["version"] for found in ama("verify", "./copy", "--json").document] == [3]
    assert [found["version"] for found in ama("verify", "./copy/weights.bin", "--json").document] == [3]
    (work / "copy" / "more").write_text("more")
    assert "no version is exactly 'copy'; files of it are in model:3 (1 of 1)" in ama("verify", "./copy", code=3).err
    assert "no such file or folder: './nothing'" in ama("verify", "./nothing", code=3).err


def test_sharing_is_measured(ama, upload, versions):
    upload("copy", "weights.bin")
    document = ama("du", "--json").document
    assert [(row["asset"], row["size_bytes"], row["unique_bytes"], row["own_bytes"]) for row in document["assets"]] == [
        ("copy", 10_000, 10_000, 0),
        ("model", 50_000, 50_000, 40_000),
    ]
    assert (document["size_bytes"], document["unique_bytes"]) == (60_000, 50_000)
    assert [row["stored_bytes"] for row in document["assets"]] == [None, None]
    stored = [row["stored_bytes"] for row in ama("du", "--dedup", "--json").document["assets"]]
    assert 10_000 <= stored[0] <= 10_100
    assert 50_000 <= stored[1] <= 50_500
    assert ama("du", "copy").out.splitlines()[0].split() == ["ASSET", "VERSIONS", "FILES", "SIZE", "UNIQUE", "OWN"]
    assert "no asset 'modle'" in ama("du", "modle", code=3).err


def test_a_retired_version_keeps_its_record_and_loses_its_files(ama, home, work, versions):
    assert ama("retire", "model:2", "--reason", "bad", "--dry-run").out.startswith("would retire model:2\n10.0 kB")
    assert ama("retire", "--list").out == "nothing is retired\n"
    ama("retire", "model:2", "--reason", "bad split")
    ama("download", "model:2", "--output", "still-there")
    assert ama("show", "model:2", "--json").document["retired"]["reason"] == "bad split"
    assert [row["version"] for row in ama("list", "model", "--json").document if row["retired"]] == [2]
    assert ama("list", "model").out.count("(retired)") == 1
    ama("gc", "--apply", "--quarantine", "0")
    ama("gc", "--apply", "--quarantine", "0")
    error = ama("download", "model:2", "--output", "gone", code=3).err
    assert "the files of model:2 are gone: ann retired it on " in error
    assert not (work / "gone").exists()
    assert ama("fsck", "--read-data").out.startswith("clean: 5 versions")
    assert "its files are gone; register its content again" in ama("retire", "--undo", "model:2", code=3).err
    ama("init", "model")
    shutil.copy("still-there/weights.bin", "weights.bin")
    ama("add", "weights.bin")
    assert ama("upload", "--json").document["version"] == 2
    assert ama("retire", "--list").out == "nothing is retired\n"
    assert ama("verify", "model:2").out.endswith("whole\n")
    ama("audit", "verify")


def test_a_retired_version_is_taken_back_while_its_files_are_there(ama, versions):
    ama("retire", "model:2", "--reason", "bad")
    ama("gc", "--apply")
    assert ama("retire", "--undo", "model:2").out == "took back model:2: its files are kept again\n"
    assert ama("retire", "--undo", "model:2").out == "model:2 is not retired\n"
    ama("gc", "--apply", "--quarantine", "0")
    ama("gc", "--apply", "--quarantine", "0")
    assert ama("verify", "model:2").out.endswith("whole\n")


@pytest.mark.parametrize(
    ("args", "code", "error"),
    [
        (["model:1", "--reason", "x"], 4, "'model:1' is kept: alias first; move the alias or take the pin off first"),
        (["model:2"], 2, "retiring a version needs a reason"),
        (["model:9", "--reason", "x"], 3, "no version '9'"),
        (["--list", "model:1"], 2, "use `ama retire REF --reason TEXT"),
    ],
)
def test_what_is_needed_is_not_retired(ama, versions, args, code, error):
    assert error in ama("retire", *args, code=code).err


def test_a_version_that_others_are_made_from_is_not_retired(ama, upload, versions):
    ama("init", "child")
    ama("add", "weights.bin")
    ama("add", "ref", "model:2")
    ama("upload")
    assert "1 version(s) that are not retired are made from it" in ama("retire", "model:2", "--reason", "x", code=4).err


def test_a_rule_retires_what_it_does_not_keep(ama, home, versions):
    ama("metrics", "model:2", "auc=0.9")
    ama("metrics", "model:3", "auc=0.8")
    rule = ("--keep", "last 1, and best metric=auc", "--asset", "model")
    plan = ama("gc", *rule, "--json").document["retention"]
    assert [row["version"] for row in plan["retired"]] == [4, 3]
    assert {row["version"]: row["reasons"] for row in plan["kept"]} == {
        5: ["last 1"],
        2: ["highest metric=auc"],
        1: ["alias first"],
    }
    assert plan["freed_bytes"] == 20_000
    assert ama("retire", "--list").out == "nothing is retired\n"
    ama("gc", "--apply", *rule)
    assert [row["version"] for row in ama("retire", "--list", "--json").document] == [3, 4]
    undone = ama("gc", "--undo", *rule, "--json").document
    assert [row["version"] for row in undone["unretired"]] == [3, 4]
    assert ama("retire", "--list").out == "nothing is retired\n"
    ama("gc", "--apply", *rule)
    ama("gc", "--apply", "--quarantine", "0")
    ama("gc", "--apply", "--quarantine", "0")
    assert "clean: 5 versions" in ama("fsck", "--read-data").out
    assert "the files of model:4 are gone" in ama("download", "model:4", "--output", "gone", code=3).err
    for kept in ("model:1", "model:2", "model:5"):
        assert ama("verify", kept).out.endswith("whole\n")
    assert ama("gc", "--undo", *rule, "--json").document["gone"] == [
        "model:3 cannot be taken back, its files are gone; register its content again",
        "model:4 cannot be taken back, its files are gone; register its content again",
    ]


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["--keep", "last 5"], "--keep RULE and --asset ASSET go together"),
        (["--keep", "latest 5", "--asset", "model"], "'latest 5' in the rule 'latest 5' is no term of one"),
        (["--keep", "last 0", "--asset", "model"], "expected a number from 1"),
        (["--keep", "best metric=speed", "--asset", "model"], "use 'highest metric=speed' or 'lowest metric=speed'"),
        (["--keep", "best metric=auc", "--asset", "model"], "no version of 'model' has the metric 'auc'"),
        (["--keep", " , ", "--asset", "model"], "keeps nothing"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(ama, versions, args, error):
    assert error in ama("gc", *args, code=2).err
    assert ama("retire", "--list").out == "nothing is retired\n"
