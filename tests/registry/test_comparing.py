"""Comparing versions by what they hold."""

import json
import math
import struct

import numpy as np
import pytest

from ama_tfx.errors import InvalidInputError, NotFoundError
from ama_tfx.registry import AssetRef, Facts, Ref
from ama_tfx.registry.comparison.html import page
from ama_tfx.registry.comparison.results import Comparison, Subject
from ama_tfx.registry.comparison.rows import ABSENT, UNREAD, UNTOLD, FileCell, FileRow, ValueRow
from ama_tfx.registry.comparison.tables import grids
from ama_tfx.registry.comparison.tensors import distance, layers
from tests.effort import at_most
from tests.inspection.samples import DATA, MARK, example, hdf5_of, hostile_files, npy_of, npz_of
from tests.storage.formats.samples import record

DTYPES = {"F32": 4, "BF16": 2, "F16": 2, "I64": 8, "F64": 8, "I8": 1}


def safetensors(**tensors):
    """Return a file: name=(dtype, shape, bytes)."""
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def f32(*numbers):
    return "F32", [len(numbers)], struct.pack(f"<{len(numbers)}f", *numbers)


@pytest.fixture
def versions(local_registry, write):
    """Register contents as versions of `model`, and compare all of them."""

    def compare(*contents, facts=(), **options):
        for number, content in enumerate(contents):
            told = facts[number] if facts else None
            files = {path: text if isinstance(text, bytes) else text.encode() for path, text in content.items()}
            local_registry.register("model", write(f"v{number}", files), told)
        return local_registry.compare([f"model:{n}" for n in range(1, len(contents) + 1)], **options)

    return compare


# --- Parameters and metrics.


def test_parameters_of_files_and_properties_are_compared_leaf_by_leaf(versions):
    found = versions(
        {"p.yml": "opt: {lr: 0.1, name: adam}\nlayers: [1, 2]\n", "q.toml": "a = 1\n", "r.json": '{"x": null}'},
        {"p.yml": "opt: {lr: 0.2, name: adam}\nlayers: [1, 3]\n", "q.toml": "a = 1\nb = true\n", "r.json": "{}"},
        facts=[Facts(properties={"team": {"name": "a"}}), Facts(properties={"team": {"name": "b"}})],
        sections=["params"],
    )
    rows = [(row.source, row.name, *row.to_json()["values"], row.to_json()["absent"]) for row in found.params]
    assert ("p.yml", "opt.lr", 0.1, 0.2, []) in rows
    assert ("q.toml", "b", None, True, [0]) in rows
    assert ("r.json", "x", None, None, [1]) in rows
    assert ("properties", "team.name", "a", "b", []) in rows
    assert not [row for row in rows if row[1] in {"opt.name", "a"}]
    assert found.differing == ("params",)


@pytest.mark.parametrize(("old", "new"), [("1", "1.0"), ("1", "true"), ("'1'", "1"), ("null", "0")])
def test_values_of_other_types_are_other_values(versions, old, new):
    found = versions({"p.yml": f"a: {old}\n"}, {"p.yml": f"a: {new}\n"}, sections=["params"])
    assert [row.name for row in found.params] == ["a"]


def test_metrics_have_differences_and_a_direction(versions):
    found = versions(
        {"metrics.json": '{"auc": 0.5, "loss": 0.25, "zorp": 1, "gone": 2}'},
        {"metrics.json": '{"auc": 0.75, "loss": 0.5, "zorp": 2}'},
        facts=[Facts(metrics={"accuracy": 0.5}), Facts(metrics={"accuracy": 0.25})],
        sections=["metrics"],
    )
    assert [
        (row.source, row.name, row.values, row.differences[1], row.relative[1], row.better[1]) for row in found.metrics
    ] == [
        ("metrics.json", "auc", (0.5, 0.75), 0.25, 0.5, True),
        ("metrics.json", "gone", (2.0, None), None, None, None),
        ("metrics.json", "loss", (0.25, 0.5), 0.25, 1.0, False),
        ("metrics.json", "zorp", (1.0, 2.0), 1.0, 1.0, None),
        ("recorded", "accuracy", (0.5, 0.25), -0.25, -0.5, False),
    ]


# --- Files, refs, facts.


def test_files_are_added_removed_changed_moved_and_copied(versions):
    found = versions(
        {"same": "s", "gone": "g", "changed": "1", "old/name.txt": "moved", "kept": "twice", "empty": ""},
        {
            "same": "s",
            "changed": "22",
            "new/name.txt": "moved",
            "kept": "twice",
            "copy": "twice",
            "more": "m",
            "e2": "",
        },
        sections=["files"],
    )
    rows = {row.path: (row.changes[1], row.cells[1] and row.cells[1].path) for row in found.files}
    assert rows == {
        "changed": ("changed", "changed"),
        "copy": ("copied", "copy"),
        "e2": ("added", "e2"),
        "empty": ("removed", None),
        "gone": ("removed", None),
        "more": ("added", "more"),
        "old/name.txt": ("moved", "new/name.txt"),
    }
    assert found.shared_bytes == (13, 16)
    assert [round(percent, 1) for percent in found.shared_percent] == [100.0, 84.2]


def test_a_moved_file_of_parameters_is_compared_with_itself(versions):
    found = versions({"a/p.yml": "x: 1\n", "w": "1"}, {"b/p.yml": "x: 1\n", "w": "2"})
    assert found.params == ()
    assert [row.changes[1] for row in found.files] == ["moved", "changed"]


def test_files_that_share_pieces_share_bytes(versions, tmp_path):
    data = np.random.default_rng(1).bytes(3 << 20)
    found = versions({"big.bin": data}, {"big.bin": data + b"more"}, sections=["files"])
    assert found.files[0].changes == ("", "changed")
    assert 80 < found.shared_percent[1] < 100


def test_refs_are_compared_by_role(local_registry, write):
    for n in (1, 2):
        local_registry.register("data", write(f"d{n}", {"x": b"%d" % n}))
        refs = (Ref(AssetRef.parse("data"), "trained_on"),)
        local_registry.register("model", write(f"m{n}", {"w": b"same"}), Facts(refs=refs))
    found = local_registry.compare(["model:1", "model:2"])
    assert [(row.name, row.values) for row in found.refs] == [
        ("trained_on", (["ama://default/data:1"], ["ama://default/data:2"]))
    ]
    assert found.differing == ("refs",)


def test_the_same_version_does_not_differ_from_itself(versions, local_registry):
    versions({"a": "1"}, {"a": "2"})
    found = local_registry.compare(["model:1", "model:1"])
    assert found.is_same
    assert (found.facts, found.files, found.params) == ((), (), ())


def test_what_is_equal_is_told_when_asked_for(versions):
    found = versions({"p.yml": "a: 1\nb: 2\n"}, {"p.yml": "a: 1\nb: 3\n"}, with_same=True)
    assert [(row.name, row.is_same) for row in found.params] == [("a", True), ("b", False)]
    assert found.with_same


def test_three_versions_stand_in_three_columns(versions):
    found = versions({"p.yml": "a: 1\n"}, {"p.yml": "a: 1\n"} | {"x": "1"}, {"p.yml": "a: 3\nb: 1\n"})
    assert [(row.name, row.to_json()["values"]) for row in found.params] == [("a", [1, 1, 3]), ("b", [None, None, 1])]
    assert [(row.path, row.changes) for row in found.files] == [
        ("p.yml", ("", "same", "changed")),
        ("x", ("", "added", "")),
    ]


# --- Schemas and tensors.


def test_schema_changes_say_whether_they_break(versions):
    schema = 'feature { name: "a" type: INT }\n'
    found = versions({"schema.pbtxt": schema}, {"schema.pbtxt": schema.replace("INT", "FLOAT")}, sections=["schema"])
    assert [(row.source, row.column, row.feature, row.what, row.is_breaking) for row in found.schema] == [
        ("schema.pbtxt", 1, "a", "type INT -> FLOAT", True)
    ]


def test_tensors_are_compared_by_their_numbers(versions):
    found = versions(
        {"m.safetensors": safetensors(same=f32(1, 2), far=f32(3, 4), wide=f32(1, 2), gone=f32(1), typed=f32(1, 2))},
        {
            "m.safetensors": safetensors(
                same=f32(1, 2),
                far=f32(3, 5),
                wide=f32(1, 2, 3),
                new=f32(1),
                typed=("BF16", [2], struct.pack("<2H", 0x3F80, 0x4000)),
            )
        },
        sections=["tensors"],
        with_same=True,
    )
    cells = {row.name: row.cells[1] for row in found.tensors}
    assert {name: cell.change for name, cell in cells.items()} == {
        "same": "same",
        "far": "values",
        "wide": "shape",
        "gone": "removed",
        "new": "added",
        "typed": "dtype",
    }
    far = cells["far"].distance
    assert (far.relative, far.largest) == (0.2, 1.0)
    assert far.cosine == pytest.approx(29 / (5 * math.sqrt(34)))
    assert cells["typed"].dtype == "bfloat16"
    assert found.differing == ("tensors",)


def test_a_moved_file_of_tensors_differs_in_none(versions):
    content = safetensors(a=f32(1, 2))
    found = versions({"a.safetensors": content}, {"b.safetensors": content})
    assert found.tensors == ()
    assert [row.changes[1] for row in found.files] == ["moved"]


def test_large_tensors_of_equal_pieces_are_the_same_without_reading_them(versions):
    random = np.random.default_rng(2)
    frozen = ("F32", [1 << 19], random.standard_normal(1 << 19, np.float32).tobytes())
    heads = [("F32", [1 << 16], random.standard_normal(1 << 16, np.float32).tobytes()) for _ in range(2)]
    found = versions(
        *({"m.safetensors": safetensors(frozen=frozen, head=head)} for head in heads),
        with_same=True,
        sections=["tensors"],
    )
    assert {row.name: row.cells[1].change for row in found.tensors} == {"frozen": "same", "head": "values"}
    relative = found.tensors[1].cells[1].distance.relative
    assert relative == pytest.approx(math.sqrt(2), rel=0.05)


@pytest.mark.parametrize(
    ("first", "other", "relative", "largest"),
    [
        (np.array([2**62, 1]), np.array([2**62 + 1, 1]), 1 / 2**62, 1.0),
        (np.array([np.nan, 3.0, 4.0]), np.array([np.nan, 3.0, 4.0]), 0.0, 0.0),
        (np.array([np.inf, 3.0, 4.0]), np.array([np.inf, 3.0, 5.0]), 0.2, 1.0),
        (np.array([0.0]), np.array([2.0]), math.inf, 2.0),
        (np.array([1e200, 0.0]), np.array([2e200, 0.0]), 1.0, 1e200),
        (np.array([250], np.uint8), np.array([5], np.uint8), 0.98, 245.0),
        (np.array([True]), np.array([False]), 1.0, 1.0),
        (np.array([3 + 4j], np.complex64), np.array([0j], np.complex64), 1.0, 5.0),
    ],
)
def test_distances_lose_nothing_of_any_type(first, other, relative, largest):
    found = distance([first], [other])
    assert (found.relative, found.largest) == (pytest.approx(relative), largest)


def test_distances_do_not_depend_on_the_blocks():
    numbers = np.arange(10.0)
    found = distance([numbers[:3], numbers[3:]], [numbers[:7] + 1, numbers[7:] + 1])
    assert (found.difference, found.largest) == (pytest.approx(math.sqrt(10)), 1.0)
    with pytest.raises(ValueError, match="more numbers"):
        distance([numbers], [numbers, numbers[:1]])


def test_a_number_that_became_nan_is_told(versions):
    found = distance([np.array([1.0, 2.0])], [np.array([1.0, np.nan])])
    assert math.isnan(found.largest)
    assert found.to_json()["largest"] == "nan"


@pytest.mark.parametrize(
    ("name", "build", "change"),
    [
        ("w.npy", npy_of, "values"),
        ("w.npz", lambda numbers: npz_of({"kernel": numbers}), "values"),
        ("w.npz", lambda numbers: npz_of({"kernel": numbers}, compressed=True), "values"),
        ("w.h5", lambda numbers: hdf5_of(lambda file: file.create_dataset("kernel", data=numbers)), "values"),
        (
            "w.h5",
            lambda numbers: hdf5_of(lambda file: file.create_dataset("kernel", data=numbers, compression="gzip")),
            "unknown",
        ),
    ],
)
def test_weights_of_other_formats_have_distances_too(versions, name, build, change):
    found = versions(*({name: build(np.array([3.0, last], "float32"))} for last in (4.0, 5.0)), sections=["tensors"])
    (cell,) = [row.cells[1] for row in found.tensors]
    assert (cell.change, cell.distance and cell.distance.relative) == (change, 0.2 if change == "values" else None)


def test_a_saved_model_is_compared_with_all_that_it_holds(versions):
    files = {str(path.relative_to(DATA)): path.read_bytes() for path in DATA.rglob("*") if path.is_file()}
    (shard,) = [path for path in files if ".data-0" in path]
    changed = {**files, shard: bytes(len(files[shard]))}
    found = versions(files, changed)
    assert {row.source for row in found.tensors} == {shard}
    far = [row.cells[1].distance for row in found.tensors if row.cells[1].distance]
    assert far
    assert {one.relative for one in far} == {1.0}  # zeros are as far from a tensor as it is long
    assert found.differing == ("files", "tensors")


def test_many_tensors_are_summed_up_by_layer(versions):
    def model(step):
        return safetensors(**{f"encoder.{n}.kernel": f32(3, 4 + step * (n > 10)) for n in range(50)})

    found = versions({"m.safetensors": model(0)}, {"m.safetensors": model(1)}, sections=["tensors"], with_same=True)
    (layer,) = layers(found.tensors, 1)
    assert (layer.name, layer.counts) == ("encoder", {"same": 11, "values": 39})
    assert layer.distance.relative == pytest.approx(0.2)
    assert [grid.title for grid in grids(found)] == ["tensors by layer", "tensors"]


def test_records_are_compared_by_their_features(versions):
    def shards(feature, count):
        content = b"".join(record(example(fare=1.5, **feature)) for _ in range(count))
        return {f"train/data-0000{n}-of-00002": content for n in range(2)}

    found = versions(shards({"trip": 1}, 3), shards({"trip": 1.5, "new": b"x"}, 4), sections=["schema"])
    assert [(row.feature, row.what, row.is_breaking) for row in found.schema] == [
        ("", "records 6 -> 8", False),
        ("new", "added (bytes)", False),
        ("trip", "type int64 -> float", True),
    ]


def test_nothing_hostile_is_executed_or_stops_a_comparison(versions, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    hostile = {path: content for path, (content, _) in hostile_files(str(tmp_path / "outside")).items()}
    assert len(hostile) > 10
    found = versions({"q.yml": "b: 1\n", **hostile}, {"q.yml": "b: 2\n", **{p: c + b"x" for p, c in hostile.items()}})
    assert ("q.yml", "b", (1, 2)) in [(row.source, row.name, row.values) for row in found.params]
    assert page(found).startswith("<!DOCTYPE html>")
    assert json.dumps(found.to_json(), allow_nan=False)
    assert not (tmp_path / MARK).exists()
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ((["a", "b"], []), ("a, b", "-")),
        (([1, 2.5], [True, None]), ("1, 2.5", "true, null")),
        ((1, "1"), ("1", '"1"')),
        (([], ABSENT), ("[]", "-")),
        (("a, b", ["a", "b"]), ('"a, b"', '["a", "b"]')),
        ((1, UNREAD), ("1", "cannot be read")),
        ((UNTOLD, "-"), ("-", "-")),
    ],
)
def test_values_read_as_people_write_them_and_unlike_values_never_read_alike(values, texts):
    subjects = (Subject("a", None), Subject("b", None))
    (grid,) = grids(Comparison(subjects, ("params",), params=(ValueRow("p.yml", "x", values),)))
    assert tuple(cell.text for cell in grid.rows[0][2:]) == texts


@pytest.mark.parametrize(
    ("shared", "total", "note"),
    [
        (99_999, 100_000, "b has 99.9 % of its 100,000 bytes in common with a"),
        (417, 1000, "b has 41.7 % of its 1,000 bytes in common with a"),
        (1000, 1000, "all 1,000 bytes of b are in a too"),
    ],
)
def test_a_hundred_percent_is_never_said_of_what_differs(shared, total, note):
    cells = (FileCell("w", "0" * 64, 1), FileCell("w", "1" * 64, 1))
    found = Comparison(
        (Subject("a", None), Subject("b", None)),
        ("files",),
        files=(FileRow("w", cells, ("", "changed")),),
        shared_bytes=(total, shared),
        total_bytes=(total, total),
    )
    assert [grid.notes for grid in grids(found)] == [(note,)]
    assert found.to_json()["shared_percent"] == [
        100.0,
        min(round(100 * shared / total, 2), 99.99) if shared < total else 100.0,
    ]


def test_nothing_of_a_file_that_cannot_be_read_is_removed_or_added(versions):
    schema = 'feature { name: "a" type: INT }\n'
    good = {"p.yml": "a: 1\n", "m.safetensors": safetensors(t=f32(1, 2)), "schema.pbtxt": schema}
    found = versions(
        good, {"p.yml": "a: [1", "m.safetensors": b"\xff" * 20, "schema.pbtxt": "feature { name"}, good | {"more": "1"}
    )
    assert [row.values for row in found.params] == [(1, UNREAD, 1)]
    assert [cell.change for row in found.tensors for cell in row.cells] == ["", "unread", "same"]
    assert found.schema == ()
    assert sorted(problem.path for problem in found.problems) == ["m.safetensors", "p.yml", "schema.pbtxt"]


# --- What lies on disk, and parts of versions.


def test_a_folder_on_disk_is_compared_with_a_version(versions, local_registry, write):
    versions({"p.yml": "a: 1\n"}, {"p.yml": "a: 2\n"}, facts=[Facts(properties={"x": 1}, tags=("t",))] * 2)
    folder = write("disk", {"p.yml": b"a: 1\n", ".ama/current.json": b"{}", ".git/config": b""})
    assert local_registry.compare(["model:1", folder]).is_same
    found = local_registry.compare([folder, "model:2"])
    assert [(row.name, row.values) for row in found.params] == [("a", (1, 2))]
    assert found.differing == ("params", "files")


def test_single_files_are_compared_whatever_they_are_called(versions, local_registry, write):
    versions({"a/one.yml": "a: 1\n"}, {"a/two.yml": "a: 2\n"})
    found = local_registry.compare(["model:1/a/one.yml", "model:2/a/two.yml"])
    assert [(row.source, row.name, row.values) for row in found.params] == [("one.yml", "a", (1, 2))]
    disk = write("disk", {"p.yml": b"a: 7\n"}) / "p.yml"
    assert local_registry.compare(["model:1/a/one.yml", disk]).params[0].values == (1, 7)


def test_a_folder_of_a_version_is_compared_by_itself(versions, local_registry):
    versions({"a/x": "1", "b/x": "1"}, {"a/x": "1", "b/x": "2"})
    assert local_registry.compare(["model:1/a", "model:2/a"]).is_same
    assert not local_registry.compare(["model:1/b", "model:2/b"]).is_same


# --- What cannot be compared.


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("m.safetensors", struct.pack("<Q", 1 << 60) + b"{"),
        ("p.yml", "a: [1"),
        ("p.json", '{"a": 1'),
        ("m.h5", b"\x89HDF\r\n\x1a\n" + b"\xff" * 200),
    ],
)
def test_a_damaged_file_is_named_and_the_others_are_compared(versions, path, content):
    found = versions({"q.yml": "b: 1\n", path: "{}"}, {"q.yml": "b: 2\n", path: content})
    assert [(p.column, p.path) for p in found.problems if p.column == 1] == [(1, path)]
    assert [row.name for row in found.params if row.source == "q.yml"] == ["b"]


def test_two_to_twenty_things_are_compared(local_registry, hello):
    local_registry.register("model", hello)
    for count in (0, 1, 21):
        with pytest.raises(InvalidInputError, match=f"cannot compare {count}; expected 2 to 20"):
            local_registry.compare(["model"] * count)
    with pytest.raises(InvalidInputError, match="no section 'tensor'; did you mean 'tensors'"):
        local_registry.compare(["model"] * 2, sections=["tensor"])
    with pytest.raises(NotFoundError, match="no asset 'modle'"):
        local_registry.compare(["model", "modle"])
    with pytest.raises(NotFoundError):
        local_registry.compare(["model", hello / "missing"])


def test_ten_thousand_files_are_compared_in_bounded_time(versions, local_registry):
    def files(mark, folder):
        changed = {f"{n % 50}/{n}.json": f'{{"n": {mark}}}' for n in range(5000)}
        return changed | {f"{folder}/{n}": "the same content at five thousand paths" for n in range(5000)}

    versions(files(1, "a"), files(2, "b"), sections=["refs"])
    with at_most(7):  # it takes 1 s; what grows with the square of the files, 1000
        found = local_registry.compare(["model:1", "model:2"])
    assert [row.changes[1] for row in found.files].count("moved") == 5000
    assert len(found.files) == 10_000
    assert len(found.params) == 1000
    assert [(p.path, p.what) for p in found.problems] == [("", "4000 more files were not looked into, only listed")]
