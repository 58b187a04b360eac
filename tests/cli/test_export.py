"""``ama export``."""

import zipfile

import pytest


@pytest.fixture
def model(ama, work):
    (work / "made").mkdir()
    (work / "made" / "training.yml").write_text("a: 1\n")
    (work / "made" / "model.h5").write_text("weights")
    ama("import", "made", "--name", "seq")


def names(archive):
    with zipfile.ZipFile(archive) as opened:
        return opened.namelist()


def test_a_version_is_written_with_what_went_into_it(ama, work, model):
    done = ama("export", "seq", "-o", "seq.zip")
    assert done.out.splitlines()[0].startswith("wrote seq.zip: 2 files, ")
    assert [line.split("@")[0] for line in done.out.splitlines()[1:]] == [
        "from ama://default/seq",
        "from ama://default/seq_inputs",
    ]
    assert names(work / "seq.zip") == ["model.h5", "training.yml"]
    ama("export", "seq", "-o", "own.zip", "--no-inputs")
    assert names(work / "own.zip") == ["model.h5"]


def test_a_version_may_be_named_by_its_manifest_and_a_folder_by_its_path(ama, work, model):
    assert ama("export", "made", "--folder", "-o", "folder.zip", "--json").document["file_count"] == 2
    ama("export", "made/model.h5", "--manifest", "-o", "no.zip", code=2)
    both = ama("export", "x", "--manifest", "--folder", "-o", "no.zip", code=2)
    assert "use one of --manifest, --folder" in both.err
    assert not (work / "no.zip").exists()


def test_what_is_there_is_kept_unless_forced(ama, work, model):
    (work / "seq.zip").write_text("mine")
    assert "exists already" in ama("export", "seq", "-o", "seq.zip", code=4).err
    assert (work / "seq.zip").read_text() == "mine"
    ama("export", "seq", "-o", "seq.zip", "--force")
    assert names(work / "seq.zip") == ["model.h5", "training.yml"]
