"""Bad input: one clear error, an exit code that is not 0, and nothing half-registered."""

import contextlib
import io
import os
import re
import resource
import threading
import time

import pytest

from ama_tfx.cli.app import root
from ama_tfx.storage import Digest
from ama_tfx.testing.damage import piece_payloads
from ama_tfx.testing.processes import in_process


@pytest.fixture
def pending(ama, write):
    """A working copy with one file added."""
    write("a.txt")
    ama("init", "model")
    ama("add", "a.txt")


def in_this_process(*args):
    """Run a command without pytest's capturing; for children that report back."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            root.main(list(args))
        except SystemExit as end:
            return end.code, err.getvalue()


def test_a_missing_path(ama, pending, assert_nothing_registered):
    done = ama("add", "a.txt", "b.txt", code=3)
    assert done.err == "ama: error: no such file or folder: 'b.txt'; did you mean 'a.txt'?\n"
    assert_nothing_registered()


def test_a_pattern_that_matches_nothing(ama, pending):
    assert ama("add", "*.yml", code=3).err == "ama: error: no file or folder matches '*.yml'\n"


def test_a_file_that_is_missing_when_it_is_uploaded(ama, pending, work, assert_nothing_registered):
    (work / "a.txt").unlink()
    assert ama("upload", code=3).err == (
        "ama: error: 'a.txt' was added and is missing now; put it back, "
        "or start again with `ama init ama://default/model --clear`\n"
    )
    assert_nothing_registered()
    ama("init", "ama://default/model", "--clear")
    assert ama("set", "--tag", "t", "--json").document["files"] == []


def test_an_unreadable_file(ama, upload, pending, work, tmp_path, as_another_user):
    upload("other", "b.txt")  # so that all that is imported on the way is: root's Python is not for other users
    ama("init", "model")
    for path in (tmp_path, work, *(work / ".ama").glob("**"), work / ".ama" / ".lock"):
        path.chmod(0o777)
    (work / "a.txt").chmod(0)
    theirs = str(tmp_path / "theirs")
    code, said = as_another_user(lambda: in_this_process("upload", "--registry", theirs))
    path = str(work / "a.txt")
    assert said == f"ama: error: cannot read {path!r}: Permission denied; this user needs the permission\n"
    assert code == 6
    assert ama("list", "--all", "--json", "--registry", theirs).document == []
    assert ama("set", "--tag", "t", "--json").document["files"] == ["a.txt"]


def test_a_folder_that_may_not_be_written(pending, work, as_another_user):
    code, said = as_another_user(lambda: in_this_process("set", "--alias", "prod"))
    path = str(work / ".ama" / ".lock")
    assert said == f"ama: error: cannot write {path!r}: Permission denied; this user needs the permission\n"
    assert code == 6


def test_a_file_that_changes_while_it_is_read(ama, pending, work, assert_nothing_registered):
    path = work / "a.txt"
    path.write_bytes(bytes(32 * 2**20))
    stop = threading.Event()

    def keep_writing():
        with path.open("ab", buffering=0) as stream:
            while not stop.is_set():
                stream.write(b"x")
                time.sleep(0.001)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        done = ama("upload", code=4)
    finally:
        stop.set()
        writer.join()
    assert "changed while it was read" in done.err
    assert done.err.endswith("; stop whatever writes it, then try again\n")
    assert_nothing_registered()
    ama("upload")


def test_an_empty_asset(ama, assert_nothing_registered, home):
    ama("init", "model")
    assert ama("upload", code=2).err == (
        "ama: error: nothing to upload: no file was added to 'model'; run `ama add PATH...` first\n"
    )
    assert not home.exists()


def test_an_empty_folder(ama, pending, work):
    (work / "empty").mkdir()
    path = str(work / "empty")
    assert ama("add", "empty", code=2).err == (
        f"ama: error: nothing to store: no file in {path!r}; an asset needs at least one\n"
    )


def test_an_unknown_alias(ama, upload):
    upload("model", "a.txt", alias="prod")
    expected = "ama: error: no alias 'prd' on asset 'model'; did you mean 'prod'?\n"
    for args in (["download", "model", "--alias", "prd"], ["show", "model:prd"], ["add", "ref", "model:prd"]):
        assert ama(*args, code=3).err == expected
    assert ama("add", "ref", "--alias", "prd", code=3).err == (
        "ama: error: no asset in workspace 'default' has the alias 'prd'; did you mean 'prod'?\n"
    )


def test_an_alias_that_several_assets_have(ama, upload):
    upload("a", "a.txt", alias="inputs")
    upload("b", "b.txt", alias="inputs")
    assert ama("add", "ref", "--alias", "inputs", code=2).err == (
        "ama: error: several assets in workspace 'default' have the alias 'inputs': 'a', 'b'; "
        "name one, as in `ama add ref a --alias inputs` or `ama add ref ama://default/a:inputs`\n"
    )
    ama("add", "ref", "a", "--alias", "inputs")
    ama("add", "ref", "ama://default/a:inputs")


NAME_RULE = (
    "expected letters, digits, '_', '-' and '.', starting with a letter, digit or '_', without '..' or a dot at the end"
)


@pytest.mark.parametrize("name", ["../x", "a..b", "a\x1b[31m", "a\nb", "/etc", "a/", "", "x y", "modèle"])
def test_a_name_that_no_asset_may_have(ama, work, name):
    done = ama("init", name, code=2)
    assert done.err == f"ama: error: not a valid asset name: {name!r}; {NAME_RULE}\n"
    assert list(work.iterdir()) == []


def test_a_version_where_an_asset_is_expected(ama):
    assert ama("init", "model:1", code=2).err == (
        "ama: error: expected an asset, not a version of one: 'model:1'; use 'model'\n"
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a\x1b[31m.txt", "path 'a\\x1b[31m.txt' holds '\\x1b', which no name in an asset may hold"),
        ("a\nb", "path 'a\\nb' holds '\\n', which no name in an asset may hold"),
        ("a..txt", "path 'a..txt' holds '..', which no name in an asset may hold"),
        ("a\u202etxt", "path 'a\\u202etxt' holds '\\u202e', which no name in an asset may hold"),
        ("a?", "path 'a?' holds '?', which no name in an asset may hold"),
    ],
)
def test_a_file_name_that_no_asset_may_hold(ama, pending, write, assert_nothing_registered, name, said):
    write(name)
    assert ama("add", name, code=2).err == f"ama: error: {said}\n"
    ama("upload", "-q")
    assert [file["path"] for file in ama("show", "model", "--json").document["files"]] == ["a.txt"]


def test_a_path_outside_the_working_copy(ama, pending, work):
    assert ama("add", "../x", code=2).err == (
        f"ama: error: '../x' is outside the working copy {str(work)!r}; copy it there first\n"
    )


def test_an_empty_path(ama, pending):
    assert ama("add", "a.txt", "", code=2).err == "ama: error: a path is empty: ''; an unset variable, perhaps?\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--alias", "latest"], "alias 'latest' is reserved for the newest version; choose another"),
        (["--alias", "7"], "not an alias: '7'; expected a letter or '_', then letters, digits, '_', '-' or '.'"),
        (["--property", "lr"], "not a property: 'lr'; expected KEY=VALUE"),
        (["--tag", "a b"], f"not a valid tag: 'a b'; {NAME_RULE}"),
        (["--kind", ""], f"not a valid kind: ''; {NAME_RULE}"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_setting_that_no_version_may_have(ama, pending, args, said):
    assert ama("set", *args, code=2).err == f"ama: error: {said}\n"


def test_setting_nothing(ama, pending):
    assert ama("set", code=2).err == (
        "ama: error: nothing to set; give --alias, --message, --tag, --property, --metric or --kind; "
        "see `ama set --help`\n"
    )


def test_a_folder_that_is_no_working_copy(ama, work):
    expected = f"ama: error: no working copy in {str(work)!r} or above it; run `ama init ASSET` first\n"
    for args in (["add", "x"], ["add", "ref", "x"], ["set", "--alias", "x"], ["upload"]):
        assert ama(*args, code=3).err == expected


def test_a_current_folder_that_is_gone(ama, work):
    work.rmdir()
    assert ama("init", "model", code=3).err == "ama: error: cannot find '.': No such file or directory\n"


def test_a_full_disk(ama, pending, work, upload, home):
    (work / "a.txt").write_bytes(os.urandom(300_000))
    upload("other", "b.txt")
    ama("init", "model")

    def with_little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        return in_this_process("upload")

    code, said = in_process(with_little_room)
    assert re.fullmatch(
        r"ama: error: cannot write '.*/home/registry/blobs/\.tmp/.*': File too large; "
        r"free some space, then try again\n",
        said,
    )
    assert code == 7
    assert ama("list", "-q").out == "ama://default/other\n"
    assert list((home / "registry" / "blobs" / ".tmp").iterdir()) == []
    ama("upload")


def test_a_full_disk_where_a_download_goes(ama, upload, work):
    (work / "a.txt").write_bytes(os.urandom(300_000))
    upload("model", "a.txt")

    def with_little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        return in_this_process("download", "model")

    code, said = in_process(with_little_room)
    assert re.fullmatch(r"ama: error: cannot write '.*': File too large; free some space, then try again\n", said)
    assert code == 7
    assert sorted(path.name for path in work.iterdir()) == [".ama", "a.txt"]


def test_a_registry_of_another_format(ama, upload, pending, home):
    upload("model", "a.txt")
    marker = home / "registry" / "registry.json"
    marker.write_text(marker.read_text().replace("ama-registry/1", "ama-registry/2"))
    expected = (
        f"ama: error: registry {str(home / 'registry')!r} has format 'ama-registry/2', this release of ama-tfx reads "
        "'ama-registry/1'; use the release that wrote it\n"
    )
    assert ama("list", code=8).err == expected
    ama("add", "a.txt")
    assert ama("upload", code=8).err == expected


def test_a_draft_of_another_format(ama, pending, work, assert_nothing_registered):
    (path,) = (work / ".ama" / "drafts").iterdir()
    path.write_text(path.read_text().replace("ama-draft/1", "ama-draft/2"))
    assert ama("upload", code=8).err == (
        f"ama: error: {str(path)!r} has format 'ama-draft/2', this release of ama-tfx reads 'ama-draft/1'; "
        "use the release that wrote it, or remove it\n"
    )
    assert_nothing_registered()


def test_a_lost_database(ama, upload, home):
    upload("model", "a.txt")
    before = sorted((home / "registry" / "blobs").rglob("*"))
    for path in (home / "registry").glob("catalog.db*"):
        path.unlink()
    expected = (
        f"ama: error: registry {str(home / 'registry')!r} has lost a part: 'catalog.db' is missing; "
        "restore it from a backup\n"
    )
    assert ama("list", code=7).err == expected
    ama("add", "a.txt")
    assert ama("upload", code=7).err == expected
    assert not (home / "registry" / "catalog.db").exists()
    assert sorted((home / "registry" / "blobs").rglob("*")) == before


def test_a_damaged_database(ama, upload, home):
    upload("model", "a.txt")
    for path in (home / "registry").glob("catalog.db-*"):
        path.unlink()
    (home / "registry" / "catalog.db").write_bytes(b"not a database" * 1000)
    assert ama("list", code=5).err == (
        f"ama: error: catalog {str(home / 'registry' / 'catalog.db')!r} is damaged: file is not a database; "
        "restore it from a backup\n"
    )


def test_damaged_content_does_not_appear(ama, upload, home, work):
    upload("model", "a.txt")
    digest = ama("show", "model", "--json").document["files"][0]["sha256"]
    (payload,) = piece_payloads(home / "registry" / "blobs", Digest(digest))
    payload.flip()
    done = ama("download", "model", code=5)
    assert done.err.startswith(f"ama: error: blob sha256:{digest} is damaged: piece ")
    assert not (work / "model").exists()


def test_a_folder_that_holds_other_things_is_made_no_registry(ama, pending, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("x")
    path = str(tmp_path / "photos")
    assert ama("upload", "--registry", path, code=2).err == (
        f"ama: error: folder {path!r} holds other things ('cat.jpg') and no registry; name an empty or new folder\n"
    )


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--version", "prod"], "not a version: 'prod'; expected a number from 1, MAJOR.MINOR.PIPELINE or sha256:…, "
         "or --alias for an alias"),
        (["--version", "1/a.txt"], "not a version: '1/a.txt'; expected a number from 1, MAJOR.MINOR.PIPELINE or "
         "sha256:…, or --alias for an alias"),
        (["--version", "0"], "not an alias or version: '0'; expected an alias, a number from 1, or "
         "MAJOR.MINOR.PIPELINE"),
        (["--alias", "1"], "not an alias: '1'; expected a letter or '_', then letters, digits, '_', '-' or '.'"),
        (["--alias", "a", "--version", "1"], "the version of 'model' is said twice; use one of --alias, --version and "
         "ASSET:VERSION"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_a_version_that_is_none(ama, upload, args, said):
    upload("model", "a.txt")
    assert ama("download", "model", *args, code=2).err == f"ama: error: {said}\n"


def test_a_version_said_twice(ama, upload):
    upload("model", "a.txt", alias="prod")
    assert ama("show", "model:1", "--alias", "prod", code=2).err == (
        "ama: error: the version of 'model:1' is said twice; use one of --alias, --version and ASSET:VERSION\n"
    )


def test_a_path_where_a_version_is_expected(ama, upload):
    upload("model", "a.txt")
    assert ama("show", "model:1/a.txt", code=2).err == (
        "ama: error: expected a version, not a path in one: 'model:1/a.txt'; use 'ama://default/model:1'\n"
    )


def test_a_ref_to_nothing(ama, pending, upload):
    upload("model", "a.txt")
    assert ama("add", "ref", code=2).err == (
        "ama: error: a ref needs a version: `ama add ref --alias ALIAS`, `ama add ref ASSET` or "
        "`ama add ref ASSET:VERSION`; a file called 'ref' is added with `ama add ./ref`\n"
    )


@pytest.mark.parametrize("sha256", ["", "00", "sha256:xyz", "g" * 64])
def test_a_sha256_that_is_none(ama, upload, sha256):
    upload("model", "a.txt")
    assert "not a SHA-256: " in ama("find", "--sha256", sha256, code=2).err


def test_finding_nothing_or_two_things(ama):
    expected = "ama: error: name contents: FILE... or --sha256; see `ama find --help`\n"
    assert ama("find", code=2).err == expected
    assert ama("find", "x", "--sha256", "0" * 64, code=2).err == expected


def test_a_folder_has_no_content_to_find(ama, upload, work):
    upload("model", "a.txt")
    (work / "folder").mkdir()
    assert ama("find", "folder", code=2).err.startswith("ama: error: 'folder' is a folder; expected files")
