"""`ama inspect`: what files say, of versions and on disk."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from ama_tfx.inspection import inspect_files, local_files
from ama_tfx.registry import Registry
from tests.inspection import samples


@pytest.fixture
def model(upload, work):
    (work / "model").mkdir()
    (work / "model/train.yml").write_text("rate: 0.1\n")
    (work / "model/metrics.json").write_text('{"auc": 0.875}')
    (work / "model/weights.npz").write_bytes(samples.right_files()["a.npz"])
    (work / "model/model.pkl").write_bytes(pickle.dumps(samples.Bomb()))
    upload("sequence_models", "model", alias="champion")
    return work / "model"


def test_a_version_is_inspected_where_it_is_and_dangers_come_first(ama, model):
    done = ama("inspect", "sequence_models:champion")
    assert done.out == (
        "\n"
        "dangers:\n"
        "FILE             WHAT                                WHY\n"
        "model/model.pkl  a pickle that imports posix.system  "
        "unpickling calls what a pickle names, so it can run any code\n"
        "model/model.pkl  pickle imports posix.system         "
        "unpickling calls what a pickle names, so it can run any code\n"
        "\n"
        "formats:\n"
        "FORMAT  FILE\n"
        "json    model/metrics.json\n"
        "pickle  model/model.pkl\n"
        "yaml    model/train.yml\n"
        "npz     model/weights.npz\n"
        "\n"
        "parameters:\n"
        "PARAMETER  VALUE\n"
        "rate       0.1\n"
        "\n"
        "metrics:\n"
        "METRIC  VALUE\n"
        "auc     0.875\n"
        "\n"
        "tensors:\n"
        "DTYPE    SHAPE  NAME    FILE\n"
        "float16  [3]    bias    model/weights.npz\n"
        "float32  [2,3]  kernel  model/weights.npz\n"
    )
    assert not Path(samples.MARK).exists()


def test_json_is_the_same_for_a_version_and_for_a_folder(ama, model):
    of_version = ama("inspect", "sequence_models:1/model", "--json").document
    of_folder = ama("inspect", "./model", "--json").document
    assert of_version["metrics"] == of_folder["metrics"] == {"auc": 0.875}
    assert of_version["formats"] == {f"model/{path}": kind for path, kind in of_folder["formats"].items()}
    assert of_folder["dangers"][0]["what"] == "a pickle that imports posix.system"


def test_a_file_of_a_version_is_inspected_alone(ama, model):
    assert ama("inspect", "sequence_models:1/model/train.yml", "--json").document == {
        "formats": {"model/train.yml": "yaml"},
        "parameters": {"rate": 0.1},
        "metrics": {},
        "schema": [],
        "tensors": [],
        "signatures": {},
        "examples": None,
        "dangers": [],
        "problems": [],
        "notes": [],
    }


def test_a_file_on_disk_is_inspected_by_its_name_and_without_a_registry(ama, work):
    (work / "a.yaml").write_text("x: 1\n")
    for name in ("a.yaml", "./a.yaml", str(work / "a.yaml")):
        assert ama("inspect", name, "--json").document["parameters"] == {"x": 1}


def test_quiet_names_the_files_that_are_dangerous_or_damaged(ama, model):
    (model / "bad.json").write_text("{")
    assert ama("inspect", "./model", "-q").out == "model.pkl\nbad.json\n"


def test_strict_refuses_dangers_and_problems_after_telling_them(ama, model):
    done = ama("inspect", "sequence_models", "--alias", "champion", "--strict", code=10)
    assert done.err == (
        "ama: error: 'sequence_models' has 2 dangers and 0 problems; look at them, and load it only from somebody "
        "you trust\n"
    )
    assert "pickle imports posix.system" in done.out
    ama("inspect", "sequence_models:1/model/train.yml", "--strict")


def test_a_table_is_cut_unless_all_is_asked_for(ama, work):
    (work / "a.json").write_text(f"{{{', '.join(f'{chr(34)}k{n:02}{chr(34)}: {n}' for n in range(25))}}}")
    assert "… and 5 more; --all lists them\n" in ama("inspect", "a.json").out
    assert "k24        24\n" in ama("inspect", "a.json", "--all").out


def test_text_from_files_cannot_move_the_cursor(ama, work):
    (work / "a.json").write_text('{"\\u001b[2J": "\\u202e"}')
    out = ama("inspect", "a.json").out
    assert "\x1b" not in out
    assert "\\x1b[2J    \\u202e" in out


def test_what_is_nowhere_is_not_found(ama, model):
    assert ama("inspect", "./missing", code=3).err == "ama: error: no file or folder 'missing'\n"
    ama("inspect", "sequence_models:9", code=3)
    ama("inspect", "sequence_models:1/missing", code=3)


def test_nothing_known_is_said(ama, work):
    (work / "a.txt").write_text("hello")
    assert ama("inspect", "a.txt").out == "no file of a known format\n"


def test_the_library_says_the_same(model, home):
    registry = Registry(home / "registry")
    inspected = registry.inspect("sequence_models:champion/model/weights.npz")
    assert [tensor.name for tensor in inspected.tensors] == ["bias", "kernel"]
    assert inspect_files(local_files(model)).metrics == registry.inspect("sequence_models").metrics == {"auc": 0.875}
    registry.close()
