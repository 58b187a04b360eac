"""Small SavedModels, each of which does one thing when it is loaded or asked, and components that bring them in."""

import shutil
from pathlib import Path

import tensorflow as tf
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts


def _lengths(examples):
    return {"length": tf.cast(tf.strings.length(examples), tf.float32)}


def _after(operation, examples):
    with tf.control_dependencies([operation] if operation is not None else []):
        return _lengths(tf.identity(examples))


def _endless():
    return tf.while_loop(lambda i: i >= 0.0, lambda i: tf.sin(i) + 2.0, [tf.constant(0.0)])[0]


def _hog():
    return tf.reduce_max(tf.random.uniform([3 << 8, 1 << 20]))  # 3 GiB


def _slow(examples):
    turns = tf.while_loop(lambda i: i < 8_000.0, lambda i: i + 1.0, [tf.constant(0.0)])
    return _after(turns[0], examples)


OUTSIDE = "/tmp/ama-infra-validator-was-here"

WHEN_ASKED = {
    "good": _lengths,
    "longer": lambda examples: {"length": _lengths(examples)["length"] + 0.5},
    "nan": lambda examples: {"length": _lengths(examples)["length"] * float("nan")},
    "renamed": lambda examples: {"size": _lengths(examples)["length"]},
    "slow": _slow,
    "failing": lambda examples: _after(tf.debugging.Assert(tf.constant(False), ["no rows today"]), examples),
    "endless": lambda examples: _after(_endless(), examples),
    "hog": lambda examples: {"length": _lengths(examples)["length"] + _hog()},
    "crashing": lambda examples: _after(tf.raw_ops.Abort(error_msg="boom"), examples),
    "writing": lambda examples: _after(tf.io.write_file(OUTSIDE, examples[0]), examples),
    "calling-python": lambda examples: {"length": tf.py_function(tf.strings.length, [examples], tf.int32)},
    "reading": lambda examples: {"length": tf.strings.length(examples + tf.io.read_file("/etc/shadow"))},
    "connecting": lambda examples: {"length": tf.strings.length(examples + tf.io.read_file("gs://nobody/secrets"))},
}

WHEN_LOADED = {
    "crashing-at-load": lambda: tf.compat.v1.raw_ops.Abort(error_msg="boom"),
    "endless-at-load": lambda: _endless().op,
    "writing-at-load": lambda: tf.io.write_file(OUTSIDE, "x"),
}


def save_models(folder, *names):
    """Write every model, or the named ones of those that work, as ``<folder>/<name>``."""
    for name in names or WHEN_ASKED:
        _save(folder / name, WHEN_ASKED[name])
    if names:
        return
    for name, operation in WHEN_LOADED.items():
        _save_with_start(folder / name, operation)
    tf.saved_model.save(tf.Module(), str(folder / "unsigned"))
    _save_classic(folder / "classic")
    _save_dense(folder / "dense")
    break_models(folder)


def break_models(folder):
    """Write models whose files are damaged, made of the good one."""
    for name in ("broken-graph", "broken-variables"):
        shutil.copytree(folder / "good", folder / name)
    graph = folder / "broken-graph" / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[:-40])
    (variables,) = (folder / "broken-variables" / "variables").glob("variables.data*")
    variables.write_bytes(variables.read_bytes()[:5])


def _save(path, function):
    module = tf.Module()
    module.weights = tf.Variable(tf.ones([64]))
    module.serve = tf.function(function, input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})


def _save_dense(path):
    """Signatures that do not take serialized examples: one that features can be given to, one that they cannot."""
    module = tf.Module()
    takes = tf.TensorSpec([None, 1], tf.float32, name="miles")
    lacks = tf.TensorSpec([None, 1], tf.float32, name="kilometres")
    module.double = tf.function(lambda miles: {"twice": miles * 2}, input_signature=[takes])
    module.other = tf.function(lambda kilometres: {"twice": kilometres * 2}, input_signature=[lacks])
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.double, "other": module.other})


def _save_classic(path):
    """A model of TensorFlow 1 that classifies examples, and regresses them."""
    build = tf.compat.v1.saved_model
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        examples = tf.compat.v1.placeholder(tf.string, [None], name="examples")
        miles = tf.io.parse_example(examples, {"miles": tf.io.FixedLenFeature([], tf.float32)})["miles"]
        scores = tf.stack([miles * 2, 1 - miles], axis=1)
        classes = tf.tile([["far", "near"]], [tf.shape(miles)[0], 1])
        signatures = {
            "serving_default": build.classification_signature_def(examples, classes, scores),
            "regress": build.regression_signature_def(examples, miles * 3),
        }
        builder = build.Builder(str(path))
        builder.add_meta_graph_and_variables(session, ["serve"], signatures)
        builder.save()


def _save_with_start(path, operation):
    """A model of TensorFlow 1, whose graph names an operation that loading runs."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        examples = tf.compat.v1.placeholder(tf.string, [None], name="examples")
        signature = tf.compat.v1.saved_model.predict_signature_def({"examples": examples}, _lengths(examples))
        builder = tf.compat.v1.saved_model.Builder(str(path))
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}, main_op=operation(), strip_default_attrs=True
        )
        builder.save()


@component
def TakeModel(path: Parameter[str], model: OutputArtifact[standard_artifacts.Model]):
    shutil.copytree(path, Path(model.uri, "Format-Serving"), dirs_exist_ok=True)


@component
def MakeExamples(rows: Parameter[int], examples: OutputArtifact[standard_artifacts.Examples]):
    """Rows with the one feature ``miles``; the split ``eval`` has none."""
    write_examples(Path(examples.uri, "Split-train"), rows)
    write_examples(Path(examples.uri, "Split-eval"), 0)
    examples.split_names = '["train", "eval"]'


def write_examples(folder, rows):
    folder.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "data_tfrecord-00000-of-00001.gz"), "GZIP") as writer:
        for row in range(rows):
            miles = tf.train.Feature(float_list=tf.train.FloatList(value=[float(row)]))
            features = tf.train.Features(feature={"miles": miles})
            writer.write(tf.train.Example(features=features).SerializeToString())
