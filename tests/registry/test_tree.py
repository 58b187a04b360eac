"""Local files: attack class B as far as folders go."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from ama_tfx.errors import ContentChangedError, InvalidInputError, NotFoundError, PermissionDeniedError
from ama_tfx.registry.tree import check_unchanged, scan


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "folder"
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "one").write_bytes(b"1")
    (folder / "two").write_bytes(b"22")
    return folder


def found(tree):
    return {path: file.state.size_bytes for path, file in tree.files.items()}


def test_a_folder_is_its_content(folder):
    tree = scan(folder)
    assert found(tree) == {"a/one": 1, "two": 2}
    assert list(tree.files) == ["a/one", "two"]
    assert tree.directories == ()
    assert tree.size_bytes == 3


def test_a_file_is_content_under_its_own_name(folder):
    assert found(scan(folder / "two")) == {"two": 2}


def test_paths_may_be_given_names_in_the_asset(folder):
    tree = scan({"x/y": folder / "two", "z": folder, "": folder / "a"})
    assert found(tree) == {"one": 1, "x/y": 2, "z/a/one": 1, "z/two": 2}


def test_empty_folders_are_recorded_and_full_ones_follow_from_their_files(folder):
    (folder / "empty" / "inner").mkdir(parents=True)
    (folder / "a" / "empty").mkdir()
    assert scan(folder).directories == ("a/empty", "empty/inner")


def test_an_empty_folder_may_stand_beside_files(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    tree = scan({"out": tmp_path / "empty", "two": folder / "two"})
    assert tree.directories == ("out",)


def test_nothing_is_no_content(tmp_path):
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    for content in ({}, tmp_path / "empty", {"x": tmp_path / "empty"}):
        with pytest.raises(InvalidInputError, match="nothing to store: no file in .*an asset needs at least one"):
            scan(content)


def test_content_that_does_not_exist_is_not_found(tmp_path):
    for content in (tmp_path / "absent", {"x": tmp_path / "absent"}):
        with pytest.raises(NotFoundError, match="cannot read '.*absent': No such file or directory"):
            scan(content)


def test_two_files_for_one_path_are_refused(folder):
    with pytest.raises(InvalidInputError, match="'.*a/one' and '.*/two' would both be 'one'"):
        scan({"": folder / "a", "one": folder / "two"})


def test_one_file_named_twice_is_that_file(folder):
    (folder / "a" / "empty").mkdir()
    tree = scan({"": folder, "a": folder / "a", "two": folder / "two"})
    assert found(tree) == {"a/one": 1, "two": 2}
    assert tree.directories == ("a/empty",)


def test_names_may_be_passed_over_with_all_that_is_in_them(folder):
    assert found(scan(folder, skip={"a"})) == {"two": 2}


# --- What is refused inside a folder: what it means elsewhere is unknown.


def _socket(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


STRANGE = {
    "a link to a file": lambda path: path.symlink_to("two"),
    "a link out of the folder": lambda path: path.symlink_to("/etc/passwd"),
    "a link to a folder": lambda path: path.symlink_to("a"),
    "a link to a folder outside": lambda path: path.symlink_to("/etc"),
    "a link to the folder it is in": lambda path: path.symlink_to("."),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a link to nothing": lambda path: path.symlink_to("nowhere"),
    "a fifo": os.mkfifo,
    "a socket": _socket,
}


@pytest.mark.parametrize("make", STRANGE.values(), ids=STRANGE)
def test_what_is_no_file_or_folder_is_refused_and_named(folder, make, monkeypatch):
    monkeypatch.chdir(folder)  # a socket's path has at most 107 bytes
    make(Path("strange"))
    with pytest.raises(InvalidInputError, match=r"cannot store '.*folder/strange': it is (a symbolic link|no regular)"):
        scan(folder)


def test_a_device_is_refused(folder):
    device = folder / "device"
    try:
        os.mknod(device, 0o600 | 0o020000, os.makedev(1, 3))
    except PermissionError:
        device = Path("/dev/null")
    with pytest.raises(InvalidInputError, match="it is no regular file"):
        scan({"device": device})
    with pytest.raises(InvalidInputError, match="it is no regular file"):
        scan({"null": Path("/dev/null")})


def test_a_link_that_the_caller_names_is_followed(folder, tmp_path):
    (tmp_path / "to-folder").symlink_to(folder)
    (tmp_path / "to-file").symlink_to(folder / "two")
    assert found(scan(tmp_path / "to-folder")) == {"a/one": 1, "two": 2}
    assert found(scan(tmp_path / "to-file")) == {"to-file": 2}
    assert scan(tmp_path / "to-file").files["to-file"].local == folder / "two"


def test_a_looping_link_that_the_caller_names_is_refused(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(InvalidInputError, match="Too many levels of symbolic links"):
        scan(tmp_path / "loop")


def test_hard_links_are_files_like_any_other(folder):
    os.link(folder / "two", folder / "three")
    assert found(scan(folder)) == {"a/one": 1, "three": 2, "two": 2}


def test_bits_of_setuid_and_execution_are_no_part_of_content(folder):
    (folder / "two").chmod(0o6755)
    assert found(scan(folder)) == {"a/one": 1, "two": 2}


BAD_NAMES = {
    "no UTF-8": b"\xff.txt",
    "not NFC": "u\u0308".encode(),
    "a backslash": b"a\\b",
    "a newline": b"a\nb",
    "a device": b"NUL",
    "a dot at the end": b"a.",
    "a space at the end": b"a ",
    "a hyphen at the start": b"-rf",
    "two dots": b"a..b",
    "an override": "a\u202eb".encode(),
}


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES)
def test_a_file_whose_name_means_something_else_elsewhere_is_refused(folder, name):
    (folder / os.fsdecode(name)).write_bytes(b"x")
    with pytest.raises(InvalidInputError) as caught:
        scan(folder)
    assert str(caught.value).isprintable()


def test_twins_in_case_are_refused(folder):
    (folder / "TWO").write_bytes(b"x")
    with pytest.raises(InvalidInputError, match="paths 'TWO' and 'two' are the same, or differ only in case"):
        scan(folder)


def test_twins_of_unicode_forms_are_refused(folder):
    (folder / "\u00fc").write_bytes(b"x")
    (folder / "u\u0308").write_bytes(b"x")
    with pytest.raises(InvalidInputError, match="is not in Unicode's NFC form"):
        scan(folder)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "C:\\x", ""])
def test_names_in_the_asset_are_checked_like_names_of_files(folder, path):
    with pytest.raises(InvalidInputError, match="path "):
        scan({path: folder / "two"})


def test_fifty_levels_of_folders_are_content(tmp_path):
    deep = tmp_path.joinpath("root", *["d"] * 50)
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(b"x")
    assert found(scan(tmp_path / "root")) == {"/".join(["d"] * 50 + ["file"]): 1}


def test_thousands_of_folders_do_not_exhaust_the_stack(tmp_path, monkeypatch):
    (tmp_path / "root").mkdir()
    monkeypatch.chdir(tmp_path / "root")
    for _ in range(1100):
        Path("d").mkdir()
        os.chdir("d")
    Path("file").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    try:
        with pytest.raises(InvalidInputError, match="path 'd/d/d/.*'… has 2204 bytes; expected 1 to 2048"):
            scan(tmp_path / "root")
    finally:  # Python's own removal would exhaust it
        subprocess.run(["rm", "-r", tmp_path / "root"], check=True)


def test_a_folder_that_may_not_be_read_is_a_question_of_permission(folder, as_another_user):
    (folder / "a").chmod(0)
    try:
        with pytest.raises(PermissionDeniedError, match="cannot read '.*folder/a'"):
            as_another_user(lambda: scan(folder))
    finally:
        (folder / "a").chmod(0o755)


def test_a_file_below_a_folder_that_may_not_be_entered_is_a_question_of_permission(folder, as_another_user):
    folder.chmod(0o644)
    try:
        with pytest.raises(PermissionDeniedError, match="cannot read '.*/two'"):
            as_another_user(lambda: scan(folder / "two"))
    finally:
        folder.chmod(0o755)


@pytest.mark.parametrize("name", ["a\0b", "a" * 300])
def test_a_path_that_no_system_takes_is_refused(tmp_path, name):
    with pytest.raises(InvalidInputError, match="cannot read"):
        scan(tmp_path / name)


# --- Changes while it is read.


def test_unchanged_content_is_unchanged(folder):
    (folder / "empty").mkdir()
    check_unchanged(folder, scan(folder))


def _rewrite_same_size(folder):
    (folder / "two").write_bytes(b"33")


CHANGES = {
    "a file more": lambda folder: (folder / "three").write_bytes(b"333"),
    "a file less": lambda folder: (folder / "two").unlink(),
    "a longer file": lambda folder: (folder / "two").write_bytes(b"222"),
    "other bytes of the same size": _rewrite_same_size,
    "a file renamed": lambda folder: (folder / "two").rename(folder / "deux"),
    "a folder more": lambda folder: (folder / "empty").mkdir(),
    "a folder in place of a file": lambda folder: ((folder / "two").unlink(), (folder / "two").mkdir()),
    "a link in place of a file": lambda folder: ((folder / "two").unlink(), (folder / "two").symlink_to("a/one")),
    "a link in place of a folder": lambda folder: (
        (folder / "a").rename(folder.parent / "elsewhere"),
        (folder / "a").symlink_to(folder.parent / "elsewhere"),
    ),
    "a fifo in place of a file": lambda folder: ((folder / "two").unlink(), os.mkfifo(folder / "two")),
    "all of it gone": lambda folder: folder.rename(folder.parent / "gone"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_is_seen(folder, change):
    os.utime(folder / "two", ns=(1, 1))
    before = scan(folder)
    change(folder)
    with pytest.raises(ContentChangedError, match=r"'.*folder' changed while it was read"):
        check_unchanged(folder, before)


def test_a_file_that_goes_while_the_folder_is_listed_counts_as_a_change(folder, monkeypatch):
    before, listed = scan(folder), os.scandir

    def scandir_then_lose(path):
        entries = list(listed(path))
        (folder / "two").unlink(missing_ok=True)
        return iter(entries)

    monkeypatch.setattr(os, "scandir", scandir_then_lose)
    with pytest.raises(ContentChangedError, match=r"changed while it was read: cannot read '.*two'"):
        check_unchanged(folder, before)


def test_content_that_is_named_twice_is_unchanged_when_nobody_writes_to_it(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("x")
    content = {"folder": tmp_path / "folder", "folder/file": tmp_path / "folder" / "file"}
    before = scan(content)
    check_unchanged(content, before)
    (tmp_path / "folder" / "file").unlink()
    (tmp_path / "folder" / "file").write_text("y")
    with pytest.raises(ContentChangedError, match="folder/file"):
        check_unchanged(content, before)
