"""What is told of right files: literal values, from files of the field's own libraries where that is possible."""

from __future__ import annotations

import gzip
import json
import pickle
import zipfile

import numpy as np
import pytest

from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.inspection import (
    Danger,
    ExamplesFact,
    FeatureFact,
    Problem,
    TensorFact,
    inspect_files,
    local_files,
    schema_changes,
)
from tests.inspection import samples
from tests.inspection.samples import DATA, inspect

# Serialized by protobuf itself from the text in `test_a_schema_is_the_same_as_text_and_serialized`.
SERIALIZED_SCHEMA = bytes.fromhex(
    "0a270a01692a040800100530024a0f18fdffffffffffffffff01200a2801720909000000000000e03f0a1f0a01663003520a1dcdcccc3d250000"
    "2040b00105ba010812020802120208030a180a01733004ea01100a0e0a05696e6e657230013a037061790a170a0162100130015a0a1204782c20"
    "791202c3bc7202100122110a03706179120443617368120443617264"
)
TEXT_SCHEMA = r"""
# comment
feature { name: "i" type: INT int_domain { min: -3 max: 10 is_categorical: true }
          presence { min_fraction: 0.5 } value_count { min: 0 max: 5 } }
feature: < name: 'f', type: FLOAT; float_domain { min: 0.1 max: 2.5 } lifecycle_stage: DEPRECATED
           shape { dim { size: 2 } dim { size: 3 } } >
feature { name: "s" type: STRUCT struct_domain { feature { name: "in" "ner" type: BYTES domain: "pay" } } }
feature { name: "b" type: BYTES string_domain { value: ["x, y", "\303\274"] } presence { min_count: 1 }
          deprecated: true }
string_domain { name: "pay" value: "Cash" value: "Card" }
"""
FEATURES = (
    FeatureFact("i", "INT", "min_fraction=0.5", "0..5", "ints -3..10 categorical"),
    FeatureFact("f", "FLOAT", "optional, deprecated", "[2,3]", "floats 0.1..2.5"),
    FeatureFact("s", "STRUCT", "optional", "", ""),
    FeatureFact("s.inner", "BYTES", "optional", "", "strings {Cash, Card}"),
    FeatureFact("b", "BYTES", "min_count=1, deprecated", "", 'strings {"x, y", ü}'),
)


def test_formats_are_told_by_content_and_by_name():
    assert dict(inspect(samples.right_files()).formats) == {
        "a.gguf": "gguf",
        "a.h5": "hdf5",
        "a.json": "json",
        "a.npy": "npy",
        "a.npz": "npz",
        "a.onnx": "onnx",
        "a.safetensors": "safetensors",
        "a.tar": "tar",
        "a.tar.gz": "tar",
        "a.tfrecord": "tfrecord_examples",
        "a.tfrecord.gz": "tfrecord_examples",
        "a.toml": "toml",
        "a.yaml": "yaml",
        "a.zip": "zip",
        "metrics-00000-of-00001.tfrecord": "tfma_metrics",
        "metrics.json": "json",
        "packed.npz": "npz",
        "plain.h5": "keras_hdf5",
        "plain.keras": "keras",
        "saved_model.pb": "saved_model",
        "schema.pbtxt": "tfx_schema",
    }


def test_a_file_of_no_known_format_is_not_told_of():
    assert inspect({"a.bin": b"hello", "empty.json": b"", "vocab.txt": b"a\nb\n"}).to_json()["formats"] == {}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.yaml", b"train: {rate: 0.1, on: true, none: ~, at: 2026-01-02, layers: [64, 32], empty: []}\n"),
        (
            "a.json",
            b'{"train": {"rate": 0.1, "on": true, "none": null, "at": "2026-01-02", "layers": [64, 32], "empty": []}}',
        ),
    ],
)
def test_parameters_are_dotted(name, content):
    assert dict(inspect({name: content}).parameters) == {
        "train.rate": 0.1,
        "train.on": True,
        "train.none": None,
        "train.at": "2026-01-02",
        "train.layers.0": 64,
        "train.layers.1": 32,
        "train.empty": "[]",
    }


def test_toml_has_parameters_too():
    found = inspect({"a.toml": b"[train]\nrate = 0.1\nat = 2026-01-02\nlayers = [64]\n"})
    assert dict(found.parameters) == {"train.rate": 0.1, "train.at": "2026-01-02", "train.layers.0": 64}


def test_anchors_and_merges_of_yaml_are_what_they_stand_for():
    text = b"base: &base {rate: 1, depth: 2}\nmine:\n  <<: *base\n  depth: 3\n"
    assert dict(inspect({"a.yml": text}).parameters) == {
        "base.rate": 1,
        "base.depth": 2,
        "mine.depth": 3,
        "mine.rate": 1,
    }


def test_only_keys_that_files_disagree_on_have_their_paths():
    found = inspect({"a.yaml": b"x: 1\ny: 1\n", "b.yaml": b"x: 2\ny: 1\n"})
    assert dict(found.parameters) == {"a.yaml:x": 1, "y": 1, "b.yaml:x": 2}


def test_json_named_after_metrics_is_metrics():
    files = {
        "metrics.json": b'{"auc": 0.9, "by": {"Cash": 0.8}, "name": "x", "nan": NaN, "ok": true}',
        "summary_dict.json": b'{"loss": 1}',
        "history.json": b'{"val_loss": [0.5, 0.25]}',
        "parameters.json": b'{"rate": 1}',
    }
    found = inspect(files)
    assert dict(found.metrics) == {"auc": 0.9, "by.Cash": 0.8, "loss": 1.0, "val_loss": 0.25}
    assert dict(found.parameters) == {"rate": 1}


def test_results_of_tfma_are_metrics_with_their_slices():
    found = inspect_files(local_files(DATA / "evaluation"))
    overall = {name: value for name, value in found.metrics.items() if "[" not in name}
    assert overall == {
        "auc": pytest.approx(0.945793, abs=1e-6),
        "binary_accuracy": pytest.approx(0.887837, abs=1e-6),
        "binary_crossentropy": pytest.approx(0.216822, abs=1e-6),
        "calibration": pytest.approx(1.05827, abs=1e-5),
        "example_count": 4966.0,
    }
    assert found.metrics["auc[payment_type=Unknown]"] == 0.5
    assert found.metrics["example_count[trip_start_day=5]"] == 741.0
    assert next(iter(found.metrics)) == "auc"
    assert ("validations.tfrecord", "TFMA's validation: passed") in found.notes
    assert found.problems == ()


def test_of_tfmas_models_the_candidate_is_the_one_whose_metrics_have_plain_names():
    found = inspect_files(local_files(DATA / "evaluation_with_baseline"))
    assert found.metrics["auc"] == pytest.approx(0.867831, abs=1e-6)
    assert found.metrics["auc[size=small]"] == pytest.approx(0.440698, abs=1e-6)
    assert found.metrics["auc[baseline]"] == pytest.approx(0.979809, abs=1e-6)
    assert found.metrics["auc[diff, size=large]"] == pytest.approx(-0.114919, abs=1e-6)


def test_a_schema_is_the_same_as_text_and_serialized():
    assert inspect({"schema.pbtxt": TEXT_SCHEMA.encode()}).schema == FEATURES
    assert inspect({"schema.pb": SERIALIZED_SCHEMA}).schema == FEATURES


def test_the_schema_of_a_pipeline_is_read():
    schema = {feature.name: feature for feature in inspect_files(local_files(DATA / "schema.pbtxt")).schema}
    assert len(schema) == 18
    assert schema["fare"] == FeatureFact("fare", "FLOAT", "required", "1", "")
    assert schema["company"].domain.startswith("strings {0118 - 42111 Godfrey S.Awir, 1085 - 72312 N and W Cab Co, ")


def test_the_first_schema_by_path_is_the_one():
    files = {"b/schema.pbtxt": b'feature { name: "b" }', "a/schema.pbtxt": b'feature { name: "a" }'}
    assert [feature.name for feature in inspect(files).schema] == ["a"]


def changes(old: str, new: str) -> list[tuple[str, str, bool]]:
    schemas = [inspect({"schema.pbtxt": text.encode()}).schema for text in (old, new)]
    return [(change.feature, change.what, change.is_breaking) for change in schema_changes(*schemas)]


REQUIRED = "presence { min_fraction: 1 }"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("type: INT", "type: INT", []),
        ("type: INT", "type: FLOAT", [("a", "type INT -> FLOAT", True)]),
        ("", REQUIRED, [("a", "presence optional -> required", True)]),
        (REQUIRED, "", [("a", "presence required -> optional", False)]),
        ("", "deprecated: true", [("a", "presence optional -> optional, deprecated", True)]),
        ("shape { dim { size: 2 } }", "shape { dim { size: 3 } }", [("a", "shape [2] -> [3]", True)]),
        (
            "int_domain { min: 0 max: 5 }",
            "int_domain { min: 0 max: 9 }",
            [("a", "domain ints 0..5 -> ints 0..9", False)],
        ),
        (
            "int_domain { min: 0 max: 9 }",
            "int_domain { min: 1 max: 9 }",
            [("a", "domain ints 0..9 -> ints 1..9", True)],
        ),
        ("int_domain { min: 0 }", "", [("a", "domain ints 0.. -> any", False)]),
        (
            'string_domain { value: "x, y" }',
            'string_domain { value: "z" value: "x, y" }',
            [("a", 'domain strings {"x, y"} -> strings {z, "x, y"}', False)],
        ),
        (
            'string_domain { value: "x" value: "y" }',
            'string_domain { value: "x" }',
            [("a", "domain strings {x, y} -> strings {x}", True)],
        ),
    ],
)
def test_a_change_of_a_feature_is_told_with_whether_it_breaks(old, new, expected):
    assert changes(f'feature {{ name: "a" {old} }}', f'feature {{ name: "a" {new} }}') == expected


def test_features_come_and_go():
    assert changes(
        'feature { name: "gone" type: INT }',
        f'feature {{ name: "new" type: INT }} feature {{ name: "must" {REQUIRED} }}',
    ) == [
        ("gone", "removed (INT)", True),
        ("must", "added (UNKNOWN, required)", True),
        ("new", "added (INT, optional)", False),
    ]


def test_long_domains_that_differ_at_their_end_are_told_apart():
    values = "".join(f'value: "{n}" ' for n in range(3000))
    old, new = (f'feature {{ name: "a" string_domain {{ {values} value: "{end}" }} }}' for end in "xy")
    assert [what[2] for what in changes(old, new)] == [True]


def test_a_real_saved_model_tells_signatures_operations_and_variables():
    found = inspect_files(local_files(DATA / "saved_model"))
    assert {name: dict(parts) for name, parts in found.signatures.items()} == {
        "evil": {"input x": "float32[?,2]", "output y": "float32[...]"},
        "serving_default": {"input x": "float32[?,2]", "output y": "float32[?,3]"},
    }
    assert [danger.what for danger in found.dangers] == [
        "operation EagerPyFunc",
        "operation ReadFile",
        "operation WriteFile",
    ]
    assert found.tensors == (
        TensorFact("v/.ATTRIBUTES/VARIABLE_VALUE", "float32", (2, 3), "variables/variables.data-00000-of-00001"),
    )
    assert found.notes == (("saved_model.pb", "TensorFlow 2.16.2, tags serve"),)
    assert found.problems == ()


def test_saving_and_restoring_is_what_every_saved_model_does():
    content = samples.saved_model_of("SaveV2", "RestoreV2", function="__inference__traced_save_12")
    assert inspect({"saved_model.pb": content}).dangers == ()


def test_variables_without_their_index_are_a_problem():
    files = {
        "variables.data-00000-of-00001": (DATA / "saved_model/variables/variables.data-00000-of-00001").read_bytes()
    }
    assert inspect(files).problems == (
        Problem("variables.data-00000-of-00001", "does not parse as tensor_bundle: its index is not beside it"),
    )


@pytest.mark.parametrize("name", ["lambda.keras", "lambda.h5"])
def test_a_real_lambda_layer_is_a_danger(name):
    found = inspect_files(local_files(DATA / name))
    assert "Lambda layer 'evil'" in [danger.what for danger in found.dangers]
    assert {(tensor.dtype, tensor.shape) for tensor in found.tensors} == {("float32", (3, 2)), ("float32", (2,))}


def test_a_real_tfsm_layer_is_a_danger():
    found = inspect_files(local_files(DATA / "tfsm.keras"))
    assert [danger.what for danger in found.dangers] == ["TFSMLayer 'tfsm_layer' of 'sm_plain'"]


def test_tensors_of_archives_have_the_archive_as_their_file():
    assert inspect_files(local_files(DATA / "plain.keras")).tensors == (
        TensorFact("model.weights.h5:layers/dense/vars/0", "float32", (3, 2), "plain.keras"),
        TensorFact("model.weights.h5:layers/dense/vars/1", "float32", (2,), "plain.keras"),
    )


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_of_an_archive_are_tensors(compressed):
    content = samples.npz_of({"w": np.zeros((2, 3)), "n": np.array(["a"])}, compressed=compressed)
    assert inspect({"a.npz": content}).tensors == (
        TensorFact("n", "opaque", (4,), "a.npz"),
        TensorFact("w", "float64", (2, 3), "a.npz"),
    )


def test_datasets_of_hdf5_have_their_shapes_however_they_are_stored():
    def fill(file):
        file.create_dataset("chunked", data=np.zeros((6, 10)), chunks=(4, 5), compression="gzip")
        file.create_dataset("names", data=[b"a"], dtype="S3")
        file.create_dataset("flags", data=[True])

    assert inspect({"a.h5": samples.hdf5_of(fill)}).tensors == (
        TensorFact("chunked", "float64", (6, 10), "a.h5"),
        TensorFact("flags", "bool", (1,), "a.h5"),
        TensorFact("names", "string", (1,), "a.h5"),
    )


def test_a_group_that_is_stored_otherwise_is_a_problem_and_not_passed_over():
    def fill(file):
        for n in range(20):
            file.create_dataset(f"d{n}", data=[n])

    found = inspect({"a.h5": samples.hdf5_of(fill, libver="latest")})
    assert [problem.what for problem in found.problems] == ["group '/' keeps its links in a way that is not read"]


def test_an_onnx_model_tells_its_ends_and_its_weights():
    found = inspect({"a.onnx": samples.onnx_of("weights.bin")})
    assert {name: dict(parts) for name, parts in found.signatures.items()} == {
        "onnx": {"input x": "float32[2,?]", "output x": "float32[2,?]"}
    }
    assert found.tensors == (TensorFact("w", "float32", (2, 3), "a.onnx"),)
    assert found.notes == (("a.onnx", "weights lie in 'weights.bin' beside it"), ("a.onnx", "ONNX of test, opset 17"))


def test_a_gguf_file_tells_its_facts_and_tensors():
    found = inspect({"a.gguf": samples.gguf_of()})
    assert dict(found.parameters) == {"general.architecture": "tiny", "tokenizer.chat_template": "{{ x }}"}
    assert found.tensors == (TensorFact("w", "float32", (2, 3), "a.gguf"),)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_examples_are_counted_and_their_features_told(pack):
    content = samples.examples(30) + samples.record(samples.example(fare=7, note=b"x"))
    found = inspect({"Split-train/data": pack(samples.examples(30)), "Split-eval/data": pack(content)})
    assert found.examples == ExamplesFact(
        records={"Split-eval/data": 31, "Split-train/data": 30},
        is_complete=True,
        sampled=40,
        features={"company": "bytes", "fare": "float", "trip": "int64"},
    )
    assert found.examples.record_count == 61


def test_counting_is_bounded_and_says_so():
    found = inspect({"a.tfrecord": samples.examples(1) + samples.record(b"") * 250_000})
    assert found.examples.records == {"a.tfrecord": 200_000}
    assert not found.examples.is_complete


def test_a_pickle_of_data_is_one_danger_and_one_of_code_names_it():
    plain = inspect({"a.pkl": pickle.dumps({"a": np.zeros(3)})})
    assert plain.dangers == (
        Danger(
            "a.pkl",
            "a pickle that imports numpy.core.multiarray._reconstruct, numpy.ndarray, numpy.dtype",
            "unpickling calls what a pickle names, so it can run any code",
        ),
    )
    model = inspect({"a.pkl": pickle.dumps(zipfile.ZipInfo("x"))})
    assert "pickle imports zipfile.ZipInfo" in [danger.what for danger in model.dangers]


def test_a_pickle_that_is_cut_off_is_a_problem_too():
    found = inspect({"a.pkl": pickle.dumps(samples.Bomb())[:-3]})
    assert [problem.what for problem in found.problems] == ["a damaged pickle: cut off"]
    assert "pickle imports posix.system" in [danger.what for danger in found.dangers]


@pytest.mark.parametrize("name", ["a.h5", "a.npz", "a.keras", "a.npy", "a.gguf", "a.zip", "a.tfrecord"])
def test_a_file_that_is_not_what_it_is_called_is_a_problem(name):
    (problem,) = inspect({name: b"something else"}).problems
    assert problem.what.startswith("does not parse as ")
    assert problem.what.endswith("its first bytes are not those of " + problem.what.split()[4].rstrip(":"))


def test_a_warm_up_request_in_assets_extra_is_what_tfx_writes():
    files = {"assets.extra/tf_serving_warmup_requests": samples.record(b"\x32\x02\x0a\x00")}
    assert inspect(files).dangers == ()


def test_members_of_archives_are_no_parameters():
    assert inspect({"a.zip": samples.zip_of({"a.yaml": b"x: 1"})}).parameters == {}


def test_what_is_told_is_json():
    document = inspect(samples.right_files()).to_json()
    assert list(json.loads(json.dumps(document))) == [
        "formats",
        "parameters",
        "metrics",
        "schema",
        "tensors",
        "signatures",
        "examples",
        "dangers",
        "problems",
        "notes",
    ]


def test_numbers_that_json_lacks_are_text():
    found = inspect({"a.yaml": b"x: .nan\ny: .inf\n"})
    assert found.to_json()["parameters"] == {"x": "nan", "y": "inf"}


def test_what_is_no_file_cannot_be_looked_into(tmp_path):
    with pytest.raises(NotFoundError):
        local_files(tmp_path / "missing")
    with pytest.raises(InvalidInputError):
        local_files(tmp_path / "a\0b")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", b"x^2 + y^2"),  # as zlib begins
        ("raw.dat", b"\x80\x04" + bytes(50)),  # as a pickle begins
        ("faiss.index", b"an index of another kind"),
        ("model.bin", b"weights of another kind"),
        ("model.bin", b"\x93NUMPX and the rest"),  # the first byte is an opcode of pickles
        ("distutils-precedence.pth", b"import os; os.environ.get('X')\n"),
    ],
)
def test_what_only_looks_like_a_format_is_no_problem(name, content):
    assert inspect({name: content}).to_json()["problems"] == []


def test_an_old_pickle_is_found_under_the_name_of_a_model():
    found = inspect({"pytorch_model.bin": pickle.dumps(samples.Bomb(), protocol=0)})
    assert "pickle imports posix.system" in [danger.what for danger in found.dangers]


def test_a_large_member_does_not_hide_the_next(monkeypatch):
    monkeypatch.setattr("ama_tfx.inspection.archives.MOST_CHECKED_BYTES", 1000)
    content = samples.zip_of({"0": bytes(2000), "data.pkl": pickle.dumps(samples.Bomb())})
    assert "pickle imports posix.system" in [danger.what for danger in inspect({"a.pt": content}).dangers]
    packed = samples.zip_of({"0": bytes(2000), "1.pkl": pickle.dumps(samples.Bomb())}, zipfile.ZIP_DEFLATED)
    assert [problem.what for problem in inspect({"a.zip": packed}).problems] == [
        "member '0' is not looked into: too much is compressed",
        "member '1.pkl' is not looked into: too much is compressed",
    ]


def test_an_array_of_records_is_opaque_and_one_with_objects_a_danger():
    plain = np.zeros(3, [("a", "<f4"), ("b", "S3"), ("c", "<i8", (2,))])
    found = inspect({"a.npy": samples.npy_of(plain)})
    assert (found.tensors, found.problems) == ((TensorFact("array", "opaque", (3,), "a.npy"),), ())
    objects = np.zeros(1, [("a", "<f4"), ("b", "O")])
    assert inspect({"a.npy": samples.npy_of(objects)}).dangers[0].what == "an array of objects, which is a pickle"


@pytest.mark.parametrize("word", ['"O"', "'object'", "'\\x4f'"])
def test_an_array_of_objects_that_is_spelled_otherwise_is_not_passed_over(word):
    content = samples.npy_of(np.array([samples.Bomb()], object), allow_pickle=True)
    at = content.index(b"'|O'")
    header_end = content.index(b"\n") + 1
    header = content[10:header_end].replace(b"'|O'", word.encode())
    header = header.rstrip() + b" " * (header_end - 11 - len(header.rstrip())) + b"\n"
    found = inspect({"a.npy": content[:10] + header + content[header_end:]})
    assert at > 0
    assert found.dangers or found.problems


def test_a_large_configuration_is_a_note_and_a_bomb_a_problem():
    large = json.dumps(list(range(6000))).encode()
    assert inspect({"a.json": large}).notes == (("a.json", "more than 5,000 values, which are not listed"),)
    assert inspect({"a.yaml": large}).notes == (("a.yaml", "more than 5,000 values, which are not listed"),)
    assert [problem.what for problem in inspect({"a.yaml": samples.yaml_bomb()}).problems] == [
        "does not parse as yaml: more than 5,000 values"
    ]
