"""What is written survives a power loss, many files at once."""

import ctypes
import errno
import os

import pytest

from ama_tfx.storage import sync_file_system


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
