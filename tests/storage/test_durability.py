"""What ``put`` acknowledges survives a power loss and can be read, whoever wrote it first."""

import ctypes
import errno
import io
import os
from pathlib import Path

import pytest

from ama_tfx.errors import ContentChangedError
from ama_tfx.storage import Digest, FileState, LocalBlobStore, import_file, sync_file_system

HELLO = Digest("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")


@pytest.fixture
def synced(monkeypatch):
    """The folders and files that were synced."""
    paths, real = [], os.fsync

    def record(descriptor):
        paths.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        real(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    return paths


@pytest.mark.parametrize("expected", [None, HELLO], ids=["digest unknown", "digest known"])
def test_a_blob_of_another_process_is_synced_with_its_folders_once(blob_store, synced, expected):
    LocalBlobStore(blob_store.folder).put(io.BytesIO(b"hello"))
    synced.clear()
    assert not blob_store.put(io.BytesIO(b"hello"), expected=expected).created
    root = blob_store.folder
    assert synced == [root, root / "sha256", root / "sha256/2c", root / "sha256/2c/f2"]
    synced.clear()
    blob_store.put(io.BytesIO(b"hello"), expected=expected)
    assert synced == []


def test_folders_that_another_process_made_are_synced_before_a_blob_in_them(blob_store, synced):
    (blob_store.folder / "sha256/2c/f2").mkdir(parents=True)
    blob_store.put(io.BytesIO(b"hello"))
    root = blob_store.folder
    assert synced[:3] == [root, root / "sha256", root / "sha256/2c"]
    assert synced[-1] == root / "sha256/2c/f2"


def test_importing_content_whose_blob_is_damaged_repairs_it(blob_store, tmp_path):
    (tmp_path / "file").write_bytes(b"hello")
    import_file(blob_store, tmp_path / "file")
    path = blob_store.folder / "sha256/2c/f2" / HELLO.hex
    path.chmod(0o644)
    path.write_bytes(b"hellO")
    assert import_file(blob_store, tmp_path / "file").created
    assert path.read_bytes() == b"hello"


def test_a_file_that_is_not_the_one_found_is_not_read(blob_store, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"hello")
    found = FileState.of(path.stat())
    path.rename(tmp_path / "away")
    path.write_bytes(b"other")
    with pytest.raises(ContentChangedError, match="file changed while it was read"):
        import_file(blob_store, path, expected=found)
    assert list(blob_store.blobs()) == []
    (tmp_path / "away").replace(path)


def test_a_file_system_is_synced_as_a_whole(tmp_path):
    (tmp_path / "file").write_bytes(b"hello")
    sync_file_system(tmp_path)
    assert (tmp_path / "file").read_bytes() == b"hello"


def test_a_failing_sync_of_a_file_system_is_an_error(tmp_path, monkeypatch):
    def fail(_descriptor):
        ctypes.set_errno(errno.EIO)
        return -1

    monkeypatch.setattr("ama_tfx.storage.files._syncfs", lambda: fail)
    with pytest.raises(OSError, match="Input/output error"):
        sync_file_system(tmp_path)


def test_without_syncfs_all_file_systems_are_synced(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr("ama_tfx.storage.files._syncfs", lambda: None)
    monkeypatch.setattr(os, "sync", lambda: calls.append("sync"))
    sync_file_system(tmp_path)
    assert calls == ["sync"]
