"""Two models before a gate: a good one becomes the champion, one trained on shuffled labels is refused with reasons.

Needs the extra `tfx`; runs offline and writes into a temporary folder.
"""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tfx.components import Evaluator
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.types.standard_artifacts import Examples, Model

from ama_tfx import Registry
from ama_tfx.components import AssetRegistrar, BlessingPolicy, BlessingValidator
from ama_tfx.orchestration import run_local

SPEC = {"x": tf.io.FixedLenFeature([10], tf.float32), "tip": tf.io.FixedLenFeature([1], tf.float32)}


@component
def MakeExamples(examples: OutputArtifact[Examples]):  # noqa: N802 - as TFX names them
    """Trips with ten features, of which the first tells of tips, paid in cash or not."""
    chance = np.random.default_rng(0)
    for split in ("train", "eval"):
        folder = Path(examples.uri, f"Split-{split}")
        folder.mkdir(parents=True)
        with tf.io.TFRecordWriter(str(folder / "data-00000-of-00001.gz"), "GZIP") as writer:
            for x in chance.normal(size=(300, 10)):
                tip = float(x[0] + chance.normal() / 2 > 0)
                features = {"x": x, "tip": [tip], "cash": [float(x[1] > 0)]}
                lists = {k: tf.train.Feature(float_list=tf.train.FloatList(value=v)) for k, v in features.items()}
                writer.write(tf.train.Example(features=tf.train.Features(feature=lists)).SerializeToString())
    examples.split_names = '["train", "eval"]'


@component
def Train(examples: InputArtifact[Examples], shuffled: Parameter[int], model: OutputArtifact[Model]):  # noqa: N802
    """A linear model of each feature's correlation with tips; of shuffled labels there is nothing to learn."""
    files = [str(path) for path in Path(examples.uri, "Split-train").iterdir()]
    data = tf.io.parse_example(list(tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator()), SPEC)
    x, tip = data["x"].numpy(), data["tip"].numpy()
    if shuffled:
        np.random.default_rng(1).shuffle(tip)
    module = tf.Module()
    module.weights = tf.Variable(((tip - tip.mean()) * x).mean(axis=0))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def serve(serialized):
        found = tf.io.parse_example(serialized, {"x": SPEC["x"]})
        return {"score": tf.sigmoid(tf.linalg.matvec(found["x"], module.weights))}

    tf.saved_model.save(module, str(Path(model.uri, "Format-Serving")), signatures={"serving_default": serve})


def eval_config() -> tfma.EvalConfig:
    whole, cash = tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=["cash"])
    at_least = tfma.MetricThreshold(value_threshold={"lower_bound": {"value": 0.8}})
    thresholds = [tfma.PerSliceMetricThreshold(slicing_specs=[part], threshold=at_least) for part in (whole, cash)]
    auc = tfma.MetricConfig(class_name="AUC", per_slice_thresholds=thresholds)
    return tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(label_key="tip", prediction_key="score", signature_name="serving_default")],
        slicing_specs=[whole, cash],
        metrics_specs=[tfma.MetricsSpec(metrics=[auc])],
    )


def pipeline(home: Path, shuffled: bool) -> Pipeline:
    registry = str(home / "registry")
    examples = MakeExamples()
    model = Train(examples=examples.outputs["examples"], shuffled=int(shuffled))
    evaluator = Evaluator(
        examples=examples.outputs["examples"], model=model.outputs["model"], eval_config=eval_config()
    )
    gate = BlessingValidator(
        model.outputs["model"],
        evaluator.outputs["evaluation"],
        evaluator_blessing=evaluator.outputs["blessing"],
        champion="ama://default/taxi/model:champion",
        policy=BlessingPolicy(min_change={"auc": -0.01}, max_size_ratio=2),
        registry=registry,
    )
    model_asset = AssetRegistrar(
        model.outputs["model"],
        "taxi/model",
        alias="champion",
        blessing=gate.outputs["blessing"],
        registry=registry,
    ).with_id("RegisterModel")
    # What the verdict on a champion says is what the next candidate is compared with.
    verdict_asset = AssetRegistrar(
        gate.outputs["verdict"], "taxi/verdict", refs={"judged": model_asset.outputs["asset"]}, registry=registry
    ).with_id("RegisterVerdict")
    return Pipeline(
        "gated",
        str(home / "root"),
        components=[examples, model, evaluator, gate, model_asset, verdict_asset],
        metadata_connection_config=sqlite_metadata_connection_config(str(home / "metadata.db")),
        enable_cache=True,
    )


def main(home: Path) -> None:
    for shuffled in (False, True):
        run_local(pipeline(home, shuffled))
        with Registry(home / "registry") as registry:
            champion = registry.resolve("taxi/model:champion").number
            with registry.open("taxi/verdict:latest/verdict.md") as stream:
                print(stream.read().decode())
        print(f"labels {'shuffled' if shuffled else 'in order'}: the champion is version {champion}\n")
        assert champion == 1
    with Registry(home / "registry") as registry:
        assert registry.show("taxi/model:2").aliases == ()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
