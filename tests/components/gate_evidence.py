"""Real evidence for gates, made once: tiny models, evaluated by TFX's Evaluator, and data validated by TFDV."""

import json
import random
import shutil
from pathlib import Path

import pandas as pd
import tensorflow as tf
import tensorflow_data_validation as tfdv
import tensorflow_model_analysis as tfma
from google.protobuf import json_format
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.components.evaluator.executor import Executor as EvaluatorExecutor
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.types import standard_artifacts as standard

MODELS = {"champion": 1.0, "candidate": 1.5, "shuffled": 0.0}
"""Weight of each model's one feature; with 0 its predictions have nothing to do with the labels."""

ALONE = "alone"
"""The candidate's evaluation that Evaluator writes when the channel of its baseline is empty."""

SPLITS = ("train", "eval")


def make_evidence(folder: Path) -> None:
    """Write models, their evaluations and blessings, anomalies and statistics into a folder."""
    for name, weight in MODELS.items():
        _save_model(folder / "models" / name, weight)
    _write_examples(folder / "examples")
    for name in ("candidate", "shuffled"):
        _evaluate(folder, name, name)
    _evaluate(folder, "candidate", ALONE, "")
    _validate_data(folder / "anomalies", folder / "statistics")


class _Model(tf.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = tf.Variable(weight)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serve(self, serialized):
        parsed = tf.io.parse_example(serialized, {"x": tf.io.FixedLenFeature([1], tf.float32)})
        return {"score": tf.sigmoid(self.weight * parsed["x"])}


def _save_model(folder, weight):
    model = _Model(weight)
    tf.saved_model.save(model, str(folder / "Format-Serving"), signatures={"serving_default": model.serve})


def _write_examples(folder):
    chance = random.Random(0)
    split = folder / "Split-eval"
    split.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(split / "data-00000-of-00001.gz"), "GZIP") as writer:
        for number in range(300):
            label = number % 2
            features = {
                "x": tf.train.Feature(float_list=tf.train.FloatList(value=[1.5 * label + chance.gauss(0, 1)])),
                "label": tf.train.Feature(float_list=tf.train.FloatList(value=[label])),
                "pay": tf.train.Feature(bytes_list=tf.train.BytesList(value=[chance.choice([b"Cash", b"Card"])])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())


def eval_config():
    model = tfma.ModelSpec(label_key="label", prediction_key="score", signature_name="serving_default")
    whole, each = tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=["pay"])
    loss = tfma.GenericChangeThreshold(direction=tfma.MetricDirection.HIGHER_IS_BETTER, absolute={"value": -0.01})
    auc = tfma.MetricConfig(
        class_name="AUC",
        per_slice_thresholds=[
            _within(whole, _from(0.7), loss),
            _within(each, _from(0.6)),
        ],
    )
    most = tfma.GenericValueThreshold(lower_bound={"value": 0.6}, upper_bound={"value": 0.99})
    accuracy = tfma.MetricConfig(class_name="BinaryAccuracy", per_slice_thresholds=[_within(whole, most)])
    metrics = [auc, accuracy, tfma.MetricConfig(class_name="ExampleCount")]
    return tfma.EvalConfig(
        model_specs=[model], slicing_specs=[whole, each], metrics_specs=[tfma.MetricsSpec(metrics=metrics)]
    )


def _from(least):
    return tfma.GenericValueThreshold(lower_bound={"value": least})


def _within(part, value, change=None):
    threshold = tfma.MetricThreshold(value_threshold=value, change_threshold=change)
    return tfma.PerSliceMetricThreshold(slicing_specs=[part], threshold=threshold)


def artifact(kind, uri, number=1):
    made = kind()
    made.uri, made.id = str(uri), number
    return made


def _evaluate(folder, name, target, baseline="champion"):
    models = folder / "models"
    examples = artifact(standard.Examples, folder / "examples")
    examples.split_names = '["eval"]'
    blessing = artifact(standard.ModelBlessing, folder / "blessings" / target)
    inputs = {
        "model": [artifact(standard.Model, models / name, 2)],
        "baseline_model": [artifact(standard.Model, models / baseline, 3)] if baseline else [],
        "examples": [examples],
    }
    evaluation = artifact(standard.ModelEvaluation, folder / "evaluations" / target)
    context = BaseBeamExecutor.Context(
        beam_pipeline_args=["--runner=DirectRunner"], tmp_dir=str(folder / "tmp"), unique_id="1"
    )
    EvaluatorExecutor(context).Do(
        inputs,
        {"evaluation": [evaluation], "blessing": [blessing]},
        {
            "eval_config": json_format.MessageToJson(eval_config()),
            "example_splits": "null",
            "fairness_indicator_thresholds": "null",
        },
    )


def _validate_data(anomalies, statistics):
    """Write what ExampleValidator and StatisticsGen would of clean data, and of data with each kind of anomaly."""
    clean = pd.DataFrame({"pay": ["Cash", "Card"] * 50, "fare": [1.0, 2.0] * 50})
    schema = tfdv.infer_schema(tfdv.generate_statistics_from_dataframe(clean))
    data = {
        "clean": clean,
        "new_value": clean.assign(pay=["Coupon", "Card"] * 50),
        "column_gone": clean.drop(columns="fare"),
        "warned": clean.assign(tips=1.0),
        "half_missing": clean.assign(fare=[1.0, None] * 50),
        "few": clean.head(3),
    }
    for name, frame in data.items():
        stats = tfdv.generate_statistics_from_dataframe(frame)
        _write(statistics / name, stats)
        found = tfdv.validate_statistics(stats, schema)
        if name == "warned":  # as with a severity override of the pipeline's
            for info in found.anomaly_info.values():
                info.severity = anomalies_pb2.AnomalyInfo.WARNING
        _write(anomalies / name, found)


def _write(path, message):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(message.SerializeToString())


def lay_splits(source, folder, file_name, names):
    """Lay out an artifact's folder: split -> which of the made files it holds."""
    for split, name in names.items():
        target = Path(folder, f"Split-{split}")
        target.mkdir(parents=True)
        shutil.copy(source / name, target / file_name)


def move_evaluation(source, target, candidate=None, baseline=None):
    """Copy an evaluation as if its models had lain elsewhere."""
    shutil.copytree(source, target, dirs_exist_ok=True)
    path = Path(target, "eval_config.json")
    document = json.loads(path.read_text())
    for name, uri in {"candidate": candidate, "baseline": baseline}.items():
        if uri is not None:
            place = "" if "" in document["modelLocations"] else name
            document["modelLocations"][place] = f"{uri}/Format-Serving"
    path.write_text(json.dumps(document))
