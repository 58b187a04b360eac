"""Downloads that were killed leave nothing for long, and downloads replace nothing that appears meanwhile."""

import fcntl
import io
import os
import signal

import pytest

from ama_tfx.errors import ConflictError, IntegrityError
from ama_tfx.registry import Registry
from ama_tfx.storage import Digest, PackStore
from ama_tfx.testing.processes import in_process


@pytest.fixture
def registry(local_registry, write):
    local_registry.register("model", write("model", {"a": b"one", "b": b"two"}))
    return local_registry


def kill_while_downloading(tmp_path, reference, target):
    def download():
        Registry(tmp_path / "registry").download(
            reference, target, on_progress=lambda _: os.kill(os.getpid(), signal.SIGKILL)
        )

    with pytest.raises(ChildProcessError):
        in_process(download)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("reference", ["model", "model:1/a"])
def test_the_next_download_removes_what_killed_ones_left(registry, tmp_path, reference):
    out = tmp_path / "out"
    for _ in range(3):
        kill_while_downloading(tmp_path, reference, out / "target")
        assert len(names(out)) == 1
    registry.download(reference, out / "target")
    assert names(out) == ["target"]


def test_a_download_that_is_on_its_way_is_never_removed(registry, tmp_path):
    out = tmp_path / "out"

    def download_another(_size_bytes):
        Registry(tmp_path / "registry").download("model", out / "other")

    registry.download("model", out / "target", on_progress=download_another)
    assert names(out) == ["other", "target"]
    assert names(out / "target") == ["a", "b"]


def test_folders_whose_names_are_not_exactly_ours_are_kept(registry, tmp_path):
    out = tmp_path / "out"
    token = "0123456789abcdef"
    strangers = [".m.0123.partial", f"m.{token}.partial", f".m.{token.upper()}.partial", "x.partial"]
    for name in strangers:
        (out / name).mkdir(parents=True)
    (out / ".file.0123456789abcdef.partial").write_text("a file, not a folder")
    (out / ".ours.0123456789abcdef.partial").mkdir()
    registry.download("model", out / "target")
    assert names(out) == sorted([*strangers, ".file.0123456789abcdef.partial", "target"])


def test_a_folder_that_is_locked_is_kept(registry, tmp_path):
    held = tmp_path / "out" / ".held.0123456789abcdef.partial"
    held.mkdir(parents=True)
    descriptor = os.open(held, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    registry.download("model", tmp_path / "out" / "target")
    assert held.is_dir()
    os.close(descriptor)
    registry.download("model", tmp_path / "out" / "again")
    assert not held.exists()


def test_a_file_that_appears_while_one_is_downloaded_is_not_replaced(registry, tmp_path):
    target = tmp_path / "target"
    with pytest.raises(ConflictError, match="'.*target' exists already"):
        registry.download("model:1/a", target, on_progress=lambda _: target.write_text("precious"))
    assert target.read_text() == "precious"


def test_the_same_file_downloaded_by_two_at_once_is_no_conflict(registry, tmp_path):
    target = tmp_path / "target"
    done = registry.download("model:1/a", target, on_progress=lambda _: target.write_bytes(b"one"))
    assert not done.changed
    assert target.read_bytes() == b"one"


def test_all_of_a_download_is_synced_before_it_appears(registry, tmp_path, monkeypatch):
    events = []
    monkeypatch.setattr(
        "ama_tfx.storage.packs.restoring.sync_file_system",
        lambda folder: events.append((names(folder), (tmp_path / "out" / "target").exists())),
    )
    registry.download("model", tmp_path / "out" / "target")
    assert events == [(["a", "b"], False)]
    assert names(tmp_path / "out" / "target") == ["a", "b"]


def test_a_manifest_that_something_else_wrote_is_a_damaged_store(registry, tmp_path):
    content = b'{"format":"ama-manifest/1"}'
    digest = Digest.of(content)
    PackStore.in_folder(tmp_path / "registry" / "blobs").put(io.BytesIO(content))
    with pytest.raises(IntegrityError, match=f"the manifest {digest} was not written by ama-tfx"):
        registry._manifest(digest)
