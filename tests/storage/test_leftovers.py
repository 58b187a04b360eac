"""What killed writers leave is removed by the next one; what is in use, or is not ours, never."""

import io
import os
import signal

import pytest

from ama_tfx.errors import ConflictError
from ama_tfx.storage import Digest, PackStore, PendingFile, give_new_name, hold, remove_leftovers
from ama_tfx.testing.processes import in_process


def killed(action):
    """Run something in a process of its own that is killed at its end."""
    with pytest.raises(ChildProcessError):
        in_process(lambda: (action(), os.kill(os.getpid(), signal.SIGKILL)))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_next_put_removes_what_a_killed_one_left(blob_store):
    temporary = blob_store.scratch
    killed(lambda: PendingFile(temporary))
    assert len(names(temporary)) == 1
    blob_store.put(io.BytesIO(b"hello"))
    assert names(temporary) == []


def test_a_file_that_somebody_writes_is_never_removed(blob_store):
    folder = blob_store.scratch.parent
    with PendingFile(blob_store.scratch) as pending:
        in_process(lambda: PackStore.in_folder(folder).put(io.BytesIO(b"hello")))
        blob_store.put(io.BytesIO(b"other"))
        pending.stream.write(b"mine")
        pending.commit(folder / "mine")
    assert (folder / "mine").read_bytes() == b"mine"


def test_only_files_of_exactly_our_names_are_removed(tmp_path):
    ours = f".{'0' * 24}.tmp"
    kept = ["notes.tmp", f"{'0' * 24}.tmp", f".{'0' * 23}.tmp", f".{'A' * 24}.tmp"]
    for name in (ours, *kept):
        (tmp_path / name).write_text("x")
    folder, link = tmp_path / f".{'1' * 24}.tmp", tmp_path / f".{'2' * 24}.tmp"
    folder.mkdir()
    link.symlink_to("notes.tmp")
    remove_leftovers(tmp_path, PendingFile.is_leftover)
    assert names(tmp_path) == sorted([*kept, folder.name, link.name])


def test_a_folder_that_cannot_be_listed_is_nobodys_failure(tmp_path):
    remove_leftovers(tmp_path / "absent", PendingFile.is_leftover)
    assert list(tmp_path.iterdir()) == []


def test_a_file_taken_for_a_leftover_before_it_was_locked_is_made_again(tmp_path, monkeypatch):
    taken = []

    def take_the_first(descriptor, path):
        if not taken:
            taken.append(path)
            path.unlink()
        return hold(descriptor, path)

    monkeypatch.setattr("ama_tfx.storage.files.hold", take_the_first)
    with PendingFile(tmp_path) as pending:
        pending.stream.write(b"content")
        pending.commit(tmp_path / "file")
    assert len(taken) == 1
    assert (tmp_path / "file").read_bytes() == b"content"


def test_a_new_name_never_replaces_what_has_it(tmp_path):
    (tmp_path / "new").write_text("new")
    (tmp_path / "target").write_text("precious")
    with pytest.raises(ConflictError, match="'.*target' exists already"):
        give_new_name(tmp_path / "new", tmp_path / "target")
    assert (tmp_path / "target").read_text() == "precious"


def test_where_there_are_no_hard_links_a_name_is_still_given_and_replaces_nothing(tmp_path, monkeypatch):
    def refuse(*_args):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    for content in ("first", "second"):
        (tmp_path / content).write_text(content)
    give_new_name(tmp_path / "first", tmp_path / "target")
    with pytest.raises(ConflictError):
        give_new_name(tmp_path / "second", tmp_path / "target")
    assert (tmp_path / "target").read_text() == "first"


def test_a_temporary_file_that_cannot_be_removed_hides_no_other_error(blob_store, monkeypatch):
    def fail(*_args, **_settings):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.unlink", fail)
        assert blob_store.put(io.BytesIO(b"hello")).digest == Digest.of(b"hello")
