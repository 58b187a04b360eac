"""TFX's own ``fileio`` on ``ama://``."""

import pytest
from tfx.dsl.io import fileio, filesystem

from ama_tfx.components.fileio import register
from ama_tfx.errors import PermissionDeniedError
from ama_tfx.registry import Registry


def test_fileio_reads_assets_and_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("AMA_REGISTRY", str(tmp_path / "registry"))
    monkeypatch.setenv("AMA_HOME", str(tmp_path / "home"))
    content = tmp_path / "content"
    (content / "Split-train").mkdir(parents=True)
    (content / "Split-train" / "data.csv").write_text("a,b\n")
    (content / "notes.txt").write_text("ü")
    with Registry(tmp_path / "registry", create=True) as registry:
        registry.register("examples", content, alias="now")
    register()
    register()
    root = "ama://default/examples:now"
    assert fileio.open(f"{root}/notes.txt").read() == "ü"
    assert fileio.open(f"{root}/notes.txt", "rb").read() == "ü".encode()
    assert sorted(fileio.listdir(root)) == ["Split-train", "notes.txt"]
    assert fileio.glob(f"{root}/*/data.csv") == [f"{root}/Split-train/data.csv"]
    assert (fileio.isdir(root), fileio.exists(f"{root}/none")) == (True, False)
    assert fileio.stat(f"{root}/notes.txt")["size"] == 2
    assert list(fileio.walk(f"{root}/Split-train")) == [(f"{root}/Split-train", [], ["data.csv"])]
    fileio.copy(f"{root}/notes.txt", str(tmp_path / "copy.txt"))
    assert (tmp_path / "copy.txt").read_text() == "ü"
    with pytest.raises(filesystem.NotFoundError):
        fileio.open(f"{root}/none")
    for change in (
        lambda: fileio.open(f"{root}/new", "w"),
        lambda: fileio.remove(f"{root}/notes.txt"),
        lambda: fileio.rmtree(root),
        lambda: fileio.makedirs(f"{root}/new"),
        lambda: fileio.rename(f"{root}/notes.txt", f"{root}/n2.txt"),
    ):
        with pytest.raises(PermissionDeniedError):
            change()
