"""Whatever a file holds, looking into it raises nothing, ends soon and takes little memory."""

from __future__ import annotations

import contextlib
import json
import os
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ama_tfx.inspection import Inspected, text_proto, yaml_tree
from ama_tfx.inspection.facts import FeatureFact, TensorFact
from tests.effort import at_most
from tests.inspection import samples
from tests.storage.formats.test_hostile_files import limited, mutated

RIGHT = samples.right_files()
REAL = {
    path.relative_to(samples.DATA).as_posix(): path.read_bytes() for path in samples.DATA.rglob("*") if path.is_file()
}
HOSTILE = {name: content for name, (content, _) in samples.hostile_files("/nowhere/x").items() if len(content) < 99_999}
ORIGINALS = {**RIGHT, **REAL, **HOSTILE}
MUTATIONS_OF_EACH = int(os.environ.get("AMA_MUTATIONS", "300")) // 10
NAMES = sorted({*RIGHT, "a.pkl", "a.pt", "a.yml", "schema.pb", "keras_metadata.pb", "x.index", "x.data-00000-of-00001"})


def looked_into(name: str, content: bytes, *, seconds: float = 3.0) -> Inspected:
    """Look into a file, and check what holds of every answer."""
    files = {name: content, "variables/variables.index": REAL["saved_model/variables/variables.index"]}
    with at_most(seconds):
        found = samples.inspect(files)
    assert all(isinstance(tensor, TensorFact) and all(size >= 0 for size in tensor.shape) for tensor in found.tensors)
    assert all(isinstance(feature, FeatureFact) for feature in found.schema)
    assert all(len(fact.what) <= 501 for fact in (*found.dangers, *found.problems))
    found.to_json()
    return found


@pytest.mark.parametrize("name", ORIGINALS)
def test_changed_files_do_no_harm(name):
    content, chance = ORIGINALS[name], random.Random(name)

    def run() -> int:
        return sum(bool(looked_into(name, mutated(content, chance)).problems) for _ in range(MUTATIONS_OF_EACH))

    assert 0 <= limited(run) <= MUTATIONS_OF_EACH


def test_the_start_of_every_file_does_no_harm():
    for name, content in ORIGINALS.items():
        for size in {*range(min(len(content), 60)), *range(0, len(content), max(97, len(content) // 20))}:
            looked_into(name, content[:size])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from(NAMES), content=st.binary(max_size=600), start=st.integers(0, 80))
def test_random_bytes_do_no_harm(name, content, start):
    looked_into(name, RIGHT.get(name, b"")[:start] + content)


SCALAR = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8)
TREE = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
)
KERAS_KEY = st.sampled_from(["class_name", "module", "registered_name", "config", "function", "vocabulary", "filepath"])


@settings(max_examples=200, deadline=None)
@given(
    tree=st.recursive(
        SCALAR | st.sampled_from(["Lambda", "TFSMLayer", "os", "keras", "a>b", "function"]),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KERAS_KEY, inner, max_size=5),
    )
)
def test_configurations_of_keras_may_say_anything(tree):
    looked_into("a.keras", samples.zip_of({"config.json": json.dumps(tree).encode()}))


@settings(max_examples=200, deadline=None)
@given(tree=TREE)
def test_json_may_say_anything(tree):
    looked_into("metrics.json", json.dumps(tree).encode())
    looked_into("a.json", json.dumps(tree).encode())


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.sampled_from("{}<>[]:;,'\"\\#\n ab1.-e&*!|%@`?x"), max_size=200))
def test_text_of_the_signs_of_a_format_is_read_or_refused(text):
    with contextlib.suppress(ValueError):
        text_proto.parse(text)
    with contextlib.suppress(ValueError):
        yaml_tree.tree_of(text, lambda tag: None)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pbtxt", b"a" * (8 << 20)),
        ("a.pbtxt", b" " * (8 << 20)),
        ("a.pbtxt", b"#" * (8 << 20)),
        ("a.pbtxt", b"# \n" * (2 << 20)),
        ("a.pbtxt", b"a{" * (4 << 20)),
        ("a.pbtxt", b'a:"' + b"\\n" * (4 << 20)),
        ("a.pbtxt", b"a:1 " * (2 << 20)),
        ("a.yaml", b"[" * (1 << 20)),
        ("a.yaml", b"a: " + b"9" * 500_000),
        ("a.yaml", b"a: " + b"1:" * 500_000 + b"1"),
        ("a.yaml", b"- " * (1 << 19)),
        ("a.yaml", b"? " * (1 << 19)),
        ("a.yaml", b"&a " * (1 << 18)),
        ("a.yaml", b"- a\n" * (1 << 18)),
        ("a.json", b'{"a":' * (1 << 19)),
        ("a.json", b"9" * (4 << 20)),
        ("a.json", b"[" + b"[]," * (1 << 20) + b"[]]"),
        ("a.toml", b"a." * (1 << 15)),
        ("a.toml", b"a=" + b"[" * (1 << 15)),
        ("a.pkl", b"\x80\x04" + b"K\x01" * (8 << 20)),
        ("a.pkl", b"\x80\x04" + b"N." * (8 << 20)),
        ("a.pkl", b"c" + b"a" * (8 << 20)),
        ("saved_model.pb", b"\x12\x02\x12\x00" * (4 << 20)),
        ("saved_model.pb", b"\x08\x01" * (8 << 20)),
        ("a.tfrecord", samples.record(b"") * (1 << 20)),
        ("a.tar", samples.tar_of({f"{n}.txt": b"" for n in range(3000)})),
        ("a.gguf", samples.gguf_of(pairs=1 << 20) + bytes(16 << 20)),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else value,
)
def test_costly_files_cost_little(name, content):
    def run() -> int:
        looked_into(name, content, seconds=25)
        return 1

    assert limited(run) == 1
