"""``ama bundle``, ``fork``, ``workspaces`` and ``import``."""

import zipfile

import pytest


@pytest.fixture
def bundled(ama, upload, tmp_path):
    """A registry with a model, and a bundle of it."""
    upload("model", "m.h5", alias="production")
    done = ama("bundle", "create", "model:production", "--output", "model.ama")
    assert done.out.startswith("wrote model.ama: 1 version, 1 file, ")
    return tmp_path / "work" / "model.ama"


def elsewhere(tmp_path):
    return "--registry", str(tmp_path / "elsewhere")


def test_a_bundle_goes_from_one_registry_to_another(ama, bundled, tmp_path):
    shown = ama("bundle", "inspect", "model.ama", "--read-data").out
    assert "every byte read" in shown
    assert "ama://default/model:1" in shown
    planned = ama("bundle", "apply", "model.ama", "--dry-run", *elsewhere(tmp_path))
    assert ": 1 new version, 0 there already" in planned.out
    assert not (tmp_path / "elsewhere").exists()
    applied = ama("bundle", "apply", "model.ama", *elsewhere(tmp_path))
    assert "1 new version, 0 there already" in applied.out
    assert "alias model:production set" in applied.out
    again = ama("bundle", "apply", "model.ama", "--dry-run", *elsewhere(tmp_path))
    assert "would apply bundle" in again.out
    assert "alias model:production there already" in again.out
    reference = ama("show", "model", "-q").out
    assert ama("show", "model:production", "-q", *elsewhere(tmp_path)).out == reference
    assert ama("bundle", "apply", "model.ama", "-q", *elsewhere(tmp_path)).out == reference


def test_the_documents_are_those_of_the_reference(ama, bundled, tmp_path):
    contents = ama("bundle", "inspect", "model.ama", "--json").document
    assert sorted(contents) == [
        *("aliases", "blob_bytes", "blob_count", "descriptions", "digest", "path", "registry", "roots", "size_bytes"),
        *("verified", "versions"),
    ]
    applied = ama("bundle", "apply", "model.ama", "--to", "team", "--json", *elsewhere(tmp_path)).document
    assert sorted(applied) == ["aliases", "bundle", "done", "new_bytes", "versions"]
    assert applied["versions"][0]["reference"].startswith("ama://team/model@sha256:")
    workspaces = ama("workspaces", "--json", *elsewhere(tmp_path)).document
    assert {"workspace": "team", "asset_count": 1, "version_count": 1} in workspaces


def test_a_bundle_that_exists_is_replaced_only_with_force(ama, bundled):
    assert "say --force" in ama("bundle", "create", "model", "-o", "model.ama", code=4).err
    ama("bundle", "create", "model", "-o", "model.ama", "--force")
    assert ama("bundle", "create", "-o", "x", code=2).err.startswith("ama: error: Missing argument 'REF...'")


def test_a_damaged_bundle_ends_with_its_own_exit_code(ama, bundled, tmp_path):
    bundled.write_bytes(bundled.read_bytes()[:-1])
    assert "is cut off" in ama("bundle", "inspect", "model.ama", code=5).err
    assert "is cut off" in ama("bundle", "apply", "model.ama", *elsewhere(tmp_path), code=5).err
    assert not (tmp_path / "elsewhere").exists()


def test_a_bundle_whose_files_are_damaged_makes_no_registry(ama, bundled, tmp_path):
    bundled.write_bytes(bundled.read_bytes().replace(b"m.h5\0", b"m.h6\0"))
    ama("bundle", "inspect", "model.ama")
    assert "is not what its name says" in ama("bundle", "apply", "model.ama", *elsewhere(tmp_path), code=5).err
    assert not (tmp_path / "elsewhere").exists()


def test_a_bundle_that_lacks_what_it_was_made_from_makes_no_registry(ama, bundled, write, tmp_path):
    write("child")
    ama("init", "child")
    ama("add", "child")
    ama("add", "ref", "model")
    ama("upload")
    ama("bundle", "create", "child", "--no-refs", "-o", "child.ama")
    ama("bundle", "apply", "child.ama", *elsewhere(tmp_path), code=3)
    assert not (tmp_path / "elsewhere").exists()


def test_a_bundle_is_not_imported_as_an_archive(ama, bundled):
    assert ama("import", "model.ama", code=2).err == (
        "ama: error: 'model.ama' is a bundle; use `ama bundle apply`, which takes its versions as they are\n"
    )


def test_a_fork_is_shown_with_where_it_comes_from(ama, bundled):
    assert ama("fork", "model", "mine", "--dry-run").out == "would fork model:1 into mine\n"
    assert ama("fork", "model", "mine", "--aliases").out == "forked model:1 into mine:1\nalias production set\n"
    assert ama("fork", "model", "mine").out == "nothing new: mine has what was asked for\n"
    assert "forked_from.reference" in ama("show", "mine").out
    assert "forked from ama://default/model@sha256:" in ama("lineage", "mine").out
    assert ama("fork", "model", "ama://team/mine", "--all-versions", "--json").document["workspace"] == "team"
    assert ama("workspaces").out.split() == ["WORKSPACE", "ASSETS", "VERSIONS", "default", "2", "2", "team", "1", "1"]
    assert ama("workspaces", "-q").out.split() == ["default", "team"]


def test_an_archive_is_imported_as_its_plan_says(ama, work, assert_nothing_registered):
    with zipfile.ZipFile(work / "seq.zip", "w") as archive:
        archive.writestr("training.yml", "a: 1")
        archive.writestr("model.h5", "weights")
        archive.writestr("summary_dict.json", '{"loss": 0.5}')
    planned = ama("import", "seq.zip", "--dry-run").out
    assert "training*.y*ml" in planned
    assert "metrics: loss" in planned
    assert_nothing_registered()
    done = ama("import", "seq.zip")
    assert [line.split(" (")[0] for line in done.out.splitlines()] == ["imported seq_inputs:1", "imported seq:1"]
    assert ama("show", "seq", "--json").document["metrics"] == {"loss": 0.5}
    again = ama("import", "seq.zip", "--json").document
    assert (again["inputs"]["created"], again["outputs"]["created"]) == (False, False)
    assert ama("import", "seq.zip", "--most-bytes", "3", code=2).err
