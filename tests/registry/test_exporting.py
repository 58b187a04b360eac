"""Exporting a version as a zip: what importing does, backwards."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from ama_tfx.errors import ConflictError, FormatError, IntegrityError, InvalidInputError, NotFoundError
from ama_tfx.registry import Facts, Ref
from ama_tfx.registry.sharing import export_folder, manifest_digest
from ama_tfx.storage import Digest


def folder(path: Path, **files: str) -> Path:
    for name, text in files.items():
        target = path / name.replace("__", "/").replace("_", ".")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return path


@pytest.fixture
def trained(local_registry, tmp_path):
    """A model with what went into it."""
    inputs = local_registry.register("seq_inputs", folder(tmp_path / "in", training_yml="a: 1\n"))
    made = folder(tmp_path / "out", model_h5="weights", logs__summary_txt="done")
    (made / "empty").mkdir()
    return local_registry.register("seq", made, Facts(refs=(Ref(inputs.version.reference, "input"),)))


def content_of(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}


ALL = {"empty/": b"", "logs/summary.txt": b"done", "model.h5": b"weights", "training.yml": b"a: 1\n"}


def test_the_zip_holds_the_version_and_what_went_into_it(local_registry, trained, tmp_path):
    done = local_registry.sharing.export_zip("seq", tmp_path / "seq.zip")
    assert content_of(tmp_path / "seq.zip") == ALL
    assert (done.file_count, done.content_bytes) == (3, len("weights") + len("done") + len("a: 1\n"))
    assert done.size_bytes == (tmp_path / "seq.zip").stat().st_size
    assert [source.split("@")[0] for source in done.sources] == ["ama://default/seq", "ama://default/seq_inputs"]


def test_importing_the_zip_gives_both_assets_back(local_registry, trained, tmp_path, open_registry):
    local_registry.sharing.export_zip("seq", tmp_path / "seq.zip")
    other = open_registry(tmp_path / "other")
    other.sharing.import_archive(tmp_path / "seq.zip")
    for asset in ("seq", "seq_inputs"):
        assert other.show(asset).files == local_registry.show(asset).files
    assert [(role, version.asset.name) for role, version in other.show("seq").refs] == [("input", "seq_inputs")]


def test_made_twice_it_is_the_same_to_the_byte(local_registry, trained, tmp_path):
    local_registry.sharing.export_zip("seq", tmp_path / "a.zip")
    local_registry.sharing.export_zip(trained.version.digest, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_without_inputs_only_the_version_s_own_files_are_in_it(local_registry, trained, tmp_path):
    local_registry.sharing.export_zip("seq", tmp_path / "seq.zip", with_inputs=False)
    assert content_of(tmp_path / "seq.zip") == {name: data for name, data in ALL.items() if name != "training.yml"}


def test_an_input_with_another_file_of_the_same_path_is_a_conflict(local_registry, trained, tmp_path):
    clash = local_registry.register("clash", folder(tmp_path / "clash", model_h5="others"))
    made = folder(tmp_path / "out2", model_h5="weights")
    local_registry.register("both", made, Facts(refs=(Ref(clash.version.reference, "input"),)))
    with pytest.raises(ConflictError, match=r"'model.h5' is in .*both@.* and, with other content, in .*clash@"):
        local_registry.sharing.export_zip("both", tmp_path / "both.zip")
    assert not (tmp_path / "both.zip").exists()


def test_what_is_there_is_kept_unless_forced(local_registry, trained, tmp_path):
    (tmp_path / "seq.zip").write_text("mine")
    with pytest.raises(ConflictError, match="exists already"):
        local_registry.sharing.export_zip("seq", tmp_path / "seq.zip")
    assert (tmp_path / "seq.zip").read_text() == "mine"
    local_registry.sharing.export_zip("seq", tmp_path / "seq.zip", force=True)
    assert content_of(tmp_path / "seq.zip") == ALL


def test_damaged_bytes_are_never_exported(local_registry, trained, tmp_path):
    packs = list((tmp_path / "registry").rglob("*.pack"))
    assert packs
    for path in packs:
        path.chmod(0o600)
        path.write_bytes(bytes(len(path.read_bytes())))
    with pytest.raises(IntegrityError):
        local_registry.sharing.export_zip("seq", tmp_path / "seq.zip")
    assert [path.name for path in tmp_path.iterdir() if path.suffix in {".zip", ".tmp"}] == []


def test_a_manifest_of_another_registry_is_not_found(local_registry, trained, tmp_path):
    with pytest.raises(NotFoundError, match="no version here has the manifest 'sha256:"):
        local_registry.sharing.export_zip(Digest.of(b"another"), tmp_path / "seq.zip")


def test_a_manifest_s_file_says_which_version_it_is_of(local_registry, trained, tmp_path):
    (tmp_path / "manifest.json").write_bytes(local_registry.manifest("seq").to_bytes())
    assert manifest_digest(tmp_path / "manifest.json") == trained.version.digest
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(FormatError, match="manifest has format None"):
        manifest_digest(tmp_path / "manifest.json")


def test_a_folder_is_zipped_as_it_is_and_an_empty_one_is_not(tmp_path):
    export_folder(folder(tmp_path / "in", a__b_txt="1", c_txt="2"), tmp_path / "f.zip")
    assert content_of(tmp_path / "f.zip") == {"a/b.txt": b"1", "c.txt": b"2"}
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InvalidInputError, match="there is no file in"):
        export_folder(tmp_path / "nothing", tmp_path / "g.zip")
    with pytest.raises(InvalidInputError, match="is not a folder"):
        export_folder(tmp_path / "f.zip", tmp_path / "g.zip")


@pytest.mark.parametrize("linked", ["file", "folder"])
def test_a_folder_with_a_link_is_refused(tmp_path, linked):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "a.txt").write_text("a")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "source" / "link").symlink_to(tmp_path / ("elsewhere" if linked == "folder" else "file"))
    with pytest.raises(InvalidInputError, match="link' is a link; expected regular files and folders"):
        export_folder(tmp_path / "source", tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()
