"""Importing a model's archive: what went in and what came out, told apart by name, linked."""

import json
import shutil
import tarfile
import zipfile

import pytest

from ama_tfx.errors import InvalidInputError
from ama_tfx.registry.sharing import Side

INPUTS = ("git_commit_info_ckpt0.yml", "run_config_ckpt0.yml", "training.yml")
OUTPUTS = ("graph_version.txt", "meta.yml", "model.h5", "model.yml", "summary_dict.json")
SUMMARY = {"loss": 0.25, "epochs": 3, "eval": {"auc": 0.875, "note": "good", "done": True}, "history": [1, 2]}


@pytest.fixture
def folder(tmp_path):
    """A training's folder, as the AMA case study has it."""
    made = tmp_path / "trained"
    made.mkdir()
    for name in (*INPUTS, *OUTPUTS):
        (made / name).write_text(f"name: {name}\n")
    (made / "summary_dict.json").write_text(json.dumps(SUMMARY))
    return made


@pytest.fixture
def archive(folder, tmp_path):
    """The same as a zip with one folder in it."""
    with zipfile.ZipFile(tmp_path / "sequence_models.zip", "w", zipfile.ZIP_DEFLATED) as made:
        for path in folder.iterdir():
            made.write(path, f"trained/{path.name}")
    return tmp_path / "sequence_models.zip"


def test_an_archive_becomes_two_linked_assets(registry, archive):
    imported = registry.sharing.import_archive(archive)
    assert imported.outputs.created
    details, inputs = registry.show("sequence_models"), registry.show("sequence_models_inputs")
    assert tuple(file.path for file in inputs.files) == INPUTS
    assert tuple(file.path for file in details.files) == OUTPUTS
    assert details.refs == (("input", inputs.version),)
    assert details.metrics == {"epochs": 3.0, "eval.auc": 0.875, "loss": 0.25}
    assert details.registrations[0].provenance["imported_from"]["archive"] == "sequence_models.zip"
    assert registry.open("sequence_models:1/model.h5").read() == b"name: model.h5\n"


def test_the_same_content_however_packed_is_the_same_versions(registry, folder, archive, tmp_path):
    first = registry.sharing.import_archive(archive).outputs.version
    with tarfile.open(tmp_path / "packed.tar.gz", "w:gz") as made:
        made.add(folder, ".")
    with tarfile.open(tmp_path / "packed.tar", "w") as made:
        made.add(folder, "deep")
    for other in (archive, folder, tmp_path / "packed.tar.gz", tmp_path / "packed.tar"):
        again = registry.sharing.import_archive(other, name="sequence_models")
        assert (again.outputs.created, again.outputs.version) == (False, first)
    assert len(registry.versions("sequence_models_inputs")) == 1


def test_a_plan_says_why_each_file_goes_where_and_makes_nothing(registry, archive, tmp_path):
    plan = registry.sharing.plan_import(archive, inputs=["meta.yml"], outputs=["training.*"])
    why = {file.path: (file.rule.side, file.rule.glob) for file in plan.files}
    assert why["meta.yml"] == (Side.INPUT, "meta.yml")
    assert why["training.yml"] == (Side.OUTPUT, "training.*")
    assert why["run_config_ckpt0.yml"] == (Side.INPUT, "run_config*.y*ml")
    assert why["model.h5"] == (Side.OUTPUT, "model.*")
    assert (str(plan.inputs), str(plan.outputs)) == (
        "ama://default/sequence_models_inputs",
        "ama://default/sequence_models",
    )
    assert registry.assets() == []
    assert registry.audit.head().count == 0


def test_without_inputs_there_is_one_asset_and_without_outputs_none(registry, folder):
    for name in INPUTS:
        (folder / name).unlink()
    imported = registry.sharing.import_archive(folder, name="only")
    assert imported.inputs is None
    assert [asset.name.name for asset in registry.assets()] == ["only"]
    with pytest.raises(InvalidInputError, match="nothing came out"):
        registry.sharing.import_archive(folder, name="none", inputs=["*"])


def test_nested_archives_and_unknown_files_are_files_that_came_out(local_registry, folder, archive):
    shutil.copy(archive, folder / "inner.zip")
    (folder / "notes.md").write_text("x")
    local_registry.sharing.import_archive(folder, name="m")
    assert {"inner.zip", "notes.md"} <= {file.path for file in local_registry.show("m").files}


def test_records_of_programs_are_passed_over(local_registry, folder, tmp_path):
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as made:
        for name in ("model.h5", ".git/config", "__MACOSX/._model.h5", "a/.DS_Store"):
            made.writestr(name, "x")
    imported = local_registry.sharing.import_archive(tmp_path / "m.zip")
    assert [file.path for file in local_registry.show("m").files] == ["model.h5"]
    assert "3 members passed over" in imported.plan.notes[0]


@pytest.mark.parametrize("summary", ['{"loss": NaN}', "[", '{"a": 1, "a": 2}', '"text"', "[" * 100_000, "\x00"])
def test_a_summary_that_cannot_be_read_gives_no_metrics_and_is_imported(local_registry, folder, summary):
    (folder / "summary_dict.json").write_text(summary)
    imported = local_registry.sharing.import_archive(folder, name="m")
    assert imported.plan.metrics == {}
    assert local_registry.show("m").metrics == {}


def test_a_name_that_cannot_be_a_metrics_is_told(local_registry, folder):
    (folder / "summary_dict.json").write_text('{"../x": 1, "auc": 0.5}')
    plan = local_registry.sharing.plan_import(folder, name="m")
    assert plan.metrics == {"auc": 0.5}
    assert plan.notes == ("'../x' in 'summary_dict.json' cannot be the name of a metric",)
