"""What killed writers leave is removed by the next one; what is in use, or is not ours, never."""

import io
import os
import signal

import pytest

from ama_tfx.errors import ConflictError
from ama_tfx.storage import Digest, LocalBlobStore, PendingFile, export_blob, hold, remove_leftovers
from ama_tfx.testing.processes import in_process


def killed(action):
    """Run something in a process of its own that is killed at its end."""
    with pytest.raises(ChildProcessError):
        in_process(lambda: (action(), os.kill(os.getpid(), signal.SIGKILL)))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_next_put_removes_what_a_killed_one_left(blob_store):
    temporary = blob_store.folder / "tmp"
    killed(lambda: PendingFile(temporary))
    assert len(names(temporary)) == 1
    blob_store.put(io.BytesIO(b"hello"))
    assert names(temporary) == []


def test_a_file_that_somebody_writes_is_never_removed(blob_store):
    with PendingFile(blob_store.folder / "tmp") as pending:
        in_process(lambda: LocalBlobStore(blob_store.folder).put(io.BytesIO(b"hello")))
        blob_store.put(io.BytesIO(b"other"))
        pending.stream.write(b"mine")
        pending.commit(blob_store.folder / "mine")
    assert (blob_store.folder / "mine").read_bytes() == b"mine"


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


def test_an_export_never_replaces_what_appears_meanwhile(blob_store, tmp_path):
    digest = blob_store.put(io.BytesIO(b"hello")).digest
    target = tmp_path / "target"
    with pytest.raises(ConflictError, match="'.*target' exists already"):
        export_blob(blob_store, digest, target, on_bytes=lambda _: target.write_text("precious"))
    assert target.read_text() == "precious"
    assert names(tmp_path) == ["blobs", "target"]


def test_where_there_are_no_hard_links_a_file_is_still_exported_and_replaces_nothing(blob_store, tmp_path, monkeypatch):
    def refuse(*_args):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    digest = blob_store.put(io.BytesIO(b"hello")).digest
    export_blob(blob_store, digest, tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"hello"
    with pytest.raises(ConflictError):
        export_blob(blob_store, digest, tmp_path / "target")


def test_a_temporary_file_that_cannot_be_removed_hides_no_other_error(blob_store, monkeypatch):
    def fail(*_args, **_settings):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.unlink", fail)
        assert blob_store.put(io.BytesIO(b"hello")).digest == Digest.of(b"hello")
