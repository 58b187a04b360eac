"""What `ama status` and `ama diff` tell."""

import os
import time

import pytest

from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.registry import AssetName, AssetRef, Facts, WorkingCopy
from ama_tfx.registry.working_copy import states
from ama_tfx.registry.working_copy.basing import clone
from ama_tfx.registry.working_copy.differing import diff_versions, diff_working_copy
from ama_tfx.registry.working_copy.previewing import preview
from ama_tfx.registry.working_copy.status import OnDisk, Pending, status_of
from ama_tfx.registry.working_copy.text_lines import MAX_TEXT_BYTES
from tests.effort import at_most

FILES = {"a.txt": b"one\ntwo\n", "f/b.txt": b"b", "f/g/c.bin": b"\0c"}


@pytest.fixture
def copy(local_registry, write, tmp_path, monkeypatch):
    """A clone of model:1, which the process is in."""
    local_registry.register("model", write("first", FILES), Facts(properties={"lr": 0.1}))
    copy, _ = clone(local_registry, AssetRef.parse("model"), tmp_path / "clone")
    monkeypatch.chdir(copy.root)
    return copy


def put(copy, name, content=b"changed"):
    path = copy.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def told(status):
    return {file.path: (file.pending, file.disk) for file in status.files}


def test_nothing_is_told_of_a_fresh_clone(copy, local_registry):
    status = status_of(copy, local_registry)
    assert status.is_clean
    assert (status.files, status.untracked, status.would_upload, status.next_version) == ((), (), False, None)
    assert status.base.number == status.newest.number == 1


def test_each_file_is_told_by_what_the_next_version_does_to_it_and_what_became_of_it(copy, local_registry):
    copy.add([put(copy, "new"), put(copy, "a.txt"), copy.root / "f" / "b.txt"])
    copy.remove(["f/g/c.bin"], folder=copy.root)
    assert told(status_of(copy, local_registry)) == {
        "a.txt": (Pending.MODIFIED, OnDisk.UNCHANGED),
        "f/b.txt": (Pending.SAME, OnDisk.UNCHANGED),
        "f/g/c.bin": (Pending.DELETED, OnDisk.UNCHANGED),
        "new": (Pending.NEW, OnDisk.UNCHANGED),
    }
    put(copy, "a.txt", b"changed again")
    (copy.root / "new").unlink()
    assert told(status_of(copy, local_registry))["a.txt"] == (Pending.MODIFIED, OnDisk.CHANGED)
    assert told(status_of(copy, local_registry))["new"] == (Pending.NEW, OnDisk.MISSING)


def test_changes_that_were_not_added_are_told_apart(copy, local_registry):
    put(copy, "a.txt", b"same1234")
    (copy.root / "f" / "b.txt").unlink()
    status = status_of(copy, local_registry)
    assert told(status) == {"a.txt": (None, OnDisk.CHANGED), "f/b.txt": (None, OnDisk.MISSING)}
    assert not status.would_upload
    assert not status.is_clean


def test_a_file_that_was_only_touched_is_unchanged(copy, local_registry):
    os.utime(copy.root / "a.txt", (1, 1))
    assert status_of(copy, local_registry).files == ()


def test_a_file_that_was_touched_after_it_was_added_is_what_was_added_when_that_is_known(copy, local_registry):
    copy.add([put(copy, "a.txt", b"one\nTWO\n")])
    status_of(copy, local_registry)
    os.utime(copy.root / "a.txt", (1, 1))
    assert told(status_of(copy, local_registry))["a.txt"] == (Pending.MODIFIED, OnDisk.UNCHANGED)


def test_without_a_base_everything_that_was_added_is_new(tmp_path, local_registry):
    (tmp_path / "work").mkdir()
    copy = WorkingCopy.init(tmp_path / "work", AssetName("default", "fresh"))
    copy.add([put(copy, "x")])
    for registry in (local_registry, None):
        status = status_of(copy, registry)
        assert told(status) == {"x": (Pending.NEW, OnDisk.UNCHANGED)}
        assert (status.base, status.newest, status.next_version) == (None, None, (1, "1.0.0"))


def test_what_nobody_added_is_untracked_and_a_folder_of_it_is_one(copy, local_registry):
    for name in ("x", "f/y", "d/e/1", "d/e/2", "d/e/3.log", ".git/config", "f/z.log", "logs/1", "only/1.log"):
        put(copy, name)
    put(copy, ".amaignore", b"*.log\nlogs/\n")
    (copy.root / "link").symlink_to("a.txt")
    os.mkfifo(copy.root / "fifo")
    (copy.root / "hollow").mkdir()
    status = status_of(copy, local_registry)
    assert status.untracked == (".amaignore", "d/", "f/y", "fifo", "link", "x")
    assert status.ignored == ("d/e/3.log", "f/z.log", "logs/", "only/1.log")


def test_a_ref_whose_alias_moved_on_is_told(copy, local_registry, write):
    old = local_registry.register("data", write("d1", {"d": b"1"}), alias="inputs").version
    copy.add_ref(local_registry, AssetRef.parse("data:inputs"))
    copy.add_ref(local_registry, old.reference, "schema")
    assert [ref.has_moved for ref in status_of(copy, local_registry).refs] == [False, False]
    new = local_registry.register("data", write("d2", {"d": b"2"}), alias="inputs").version
    moved, pinned = status_of(copy, local_registry).refs
    assert (moved.has_moved, moved.now, pinned.has_moved) == (True, new.reference, False)
    assert [ref.now for ref in status_of(copy, None).refs] == [None, old.reference]


def test_a_newer_version_than_the_base_is_told(copy, local_registry, write):
    local_registry.register("model", write("second", {"x": b"x"}))
    status = status_of(copy, local_registry)
    assert (status.base.number, status.newest.number) == (1, 2)


def test_files_are_hashed_once_however_often_the_status_is_asked_for(copy, local_registry, monkeypatch):
    for path in copy.root.rglob("*"):
        if path.is_file() and ".ama" not in path.parts:
            os.utime(path, (1, 1))
    monkeypatch.setattr(states, "_TOO_FRESH_NS", 0)
    time.sleep(0.02)
    status_of(copy, local_registry)
    read, real = [], states.hash_stream

    def count(stream):
        read.append(stream.name)
        return real(stream)

    monkeypatch.setattr(states, "hash_stream", count)
    assert status_of(copy, local_registry).files == ()
    assert read == []
    put(copy, "a.txt", b"one\nTWO\n")
    assert told(status_of(copy, local_registry)) == {"a.txt": (None, OnDisk.CHANGED)}
    assert len(read) == 1


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"format":"ama-states/1","known":{"a.txt":[1]},"added":7}'])
def test_damaged_states_are_made_again(copy, local_registry, content):
    copy.add([put(copy, "a.txt")])
    (path,) = (copy.root / ".ama" / "states").iterdir()
    path.write_bytes(content)
    assert told(status_of(copy, local_registry)) == {"a.txt": (Pending.MODIFIED, OnDisk.UNCHANGED)}


def test_the_status_of_ten_thousand_unchanged_files_is_quick(tmp_path, local_registry, monkeypatch):
    folder = tmp_path / "many"
    for number in range(10_000):
        path = folder / f"d{number % 100}" / f"f{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(str(number).encode())
    local_registry.register("many", folder)
    copy, _ = clone(local_registry, AssetRef.parse("many"), tmp_path / "copy")
    monkeypatch.setattr(states, "_TOO_FRESH_NS", 0)
    status_of(copy, local_registry)
    with at_most(2):  # it takes 0.6 s; 10,000 files read, far more
        assert status_of(copy, local_registry).is_clean


# --- The dry run of an upload.


def test_a_preview_is_what_the_upload_makes_then(copy, local_registry):
    copy.add([put(copy, "a.txt"), put(copy, "new")])
    copy.remove(["f/b.txt"], folder=copy.root)
    copy.set(alias="prod", properties={"epochs": 3})
    before = preview(copy, local_registry, message="m")
    assert (before.number, before.semantic, before.there) == (2, "1.0.1", None)
    assert len(local_registry.versions("model")) == 1
    version = copy.upload(local_registry)[0].version
    assert (version.reference, version.number, str(version.semantic)) == (before.reference, 2, "1.0.1")


def test_a_preview_knows_a_version_that_is_there(copy, local_registry):
    copy.add([copy.root / "a.txt"])
    copy.set(alias="again")
    found = preview(copy, local_registry)
    assert (found.there.number, found.number) == (1, 1)


def test_a_preview_of_nothing_is_refused_as_the_upload_is(copy):
    with pytest.raises(InvalidInputError, match="nothing to upload"):
        preview(copy, None)


# --- Differences.


def changes(diff):
    return {file.path: file.change for file in diff.files}


def test_a_diff_shows_what_changed_since_the_base_added_or_not(copy, local_registry):
    put(copy, "a.txt", b"one\n2\n")
    put(copy, "untracked")
    copy.add([put(copy, "new", b"n\n")])
    copy.remove(["f/g/c.bin"], folder=copy.root)
    diff = diff_working_copy(copy, local_registry, folder=copy.root)
    assert changes(diff) == {"a.txt": "changed", "f/g/c.bin": "removed", "new": "added"}
    assert diff.files[0].lines == ("--- a/a.txt", "+++ b/a.txt", "@@ -1,2 +1,2 @@", " one", "-two", "+2")
    assert (diff.files[0].inserted, diff.files[0].deleted) == (1, 1)
    assert diff.files[1].note == "binary"
    assert diff.files[2].lines == ("--- /dev/null", "+++ b/new", "@@ -0,0 +1 @@", "+n")


def test_a_clone_does_not_differ(copy, local_registry):
    assert diff_working_copy(copy, local_registry, folder=copy.root).is_same


def test_a_file_of_another_name_is_moved(copy, local_registry):
    (copy.root / "a.txt").rename(copy.root / "z.txt")
    copy.add([copy.root])
    (file,) = diff_working_copy(copy, local_registry, folder=copy.root).files
    assert (file.change, file.old_path, file.path, file.lines) == ("moved", "a.txt", "z.txt", ())


def test_a_missing_end_of_the_last_line_is_told(copy, local_registry):
    put(copy, "f/b.txt", b"b\n")
    (file,) = diff_working_copy(copy, local_registry, folder=copy.root).files
    assert file.lines[2:] == ("@@ -1 +1 @@", "-b\n\\ No newline at end of file", "+b")


@pytest.mark.parametrize("content", [b"x" * (MAX_TEXT_BYTES + 1), b"x\n" * 6000])
def test_what_is_too_long_is_not_compared_line_by_line(copy, local_registry, content):
    put(copy, "a.txt", content)
    (file,) = diff_working_copy(copy, local_registry, folder=copy.root).files
    assert (file.note, file.lines) == ("too long", ())


def test_versions_differ_in_files_refs_properties_and_kind(copy, local_registry, write):
    data = local_registry.register("data", write("d1", {"d": b"1"})).version
    copy.add([put(copy, "a.txt")])
    copy.add_ref(local_registry, data.reference)
    copy.set(kind="Model", properties={"lr": 0.2, "new": True})
    copy.upload(local_registry)
    diff = diff_versions(local_registry, "model:1", "model:2")
    assert changes(diff) == {"a.txt": "changed"}
    assert diff.refs == (("input", str(data.reference), True),)
    assert diff.properties["lr"] == (0.1, 0.2)
    assert list(diff.properties) == ["lr", "new"]
    assert diff.kinds == ("Files", "Model")
    assert diff_versions(local_registry, "model:2", "model:2").is_same


def test_paths_choose_what_is_compared(copy, local_registry):
    put(copy, "a.txt")
    put(copy, "f/b.txt")
    assert changes(diff_working_copy(copy, local_registry, None, ["f"], folder=copy.root)) == {"f/b.txt": "changed"}
    assert changes(diff_working_copy(copy, local_registry, None, ["b.txt"], folder=copy.root / "f")) == {
        "f/b.txt": "changed"
    }
    assert changes(diff_working_copy(copy, local_registry, None, ["**/*.txt"], folder=copy.root)) == {
        "a.txt": "changed",
        "f/b.txt": "changed",
    }
    with pytest.raises(NotFoundError, match="is called 'nothing'"):
        diff_working_copy(copy, local_registry, None, ["nothing"], folder=copy.root)


def test_without_a_base_the_other_side_has_to_be_named(tmp_path, local_registry, copy):
    (tmp_path / "work").mkdir()
    fresh = WorkingCopy.init(tmp_path / "work", AssetName("default", "fresh"))
    with pytest.raises(InvalidInputError, match="is based on no version; name one, as in `ama diff ASSET:VERSION`"):
        diff_working_copy(fresh, local_registry, folder=fresh.root)
    fresh.add([put(fresh, "a.txt", FILES["a.txt"])])
    diff = diff_working_copy(fresh, local_registry, AssetRef.parse("model:1"), folder=fresh.root)
    assert changes(diff) == {"f/b.txt": "removed", "f/g/c.bin": "removed"}
