"""Judge three models by serving them: a good one, one that drifted from it, and one that writes files.

Needs the extra `tfx`; runs offline and writes into a temporary folder. Each model is served in a limited process.
"""

import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import tensorflow as tf
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import infra_validator_pb2
from tfx.types import standard_artifacts

from ama_tfx.components import InfraValidator, ServingBudgets, ServingLimits
from ama_tfx.components.infra_validator import kept_warm
from ama_tfx.orchestration import run_local


@component
def Train(kind: Parameter[str], model: OutputArtifact[standard_artifacts.Model]):  # noqa: N802 - as TFX names them
    """Instead of training: a model that answers with the length of each example."""
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serve(examples):
        length = tf.cast(tf.strings.length(examples), tf.float32)
        if kind == "writing":
            with tf.control_dependencies([tf.io.write_file("copy-of-the-request", examples[0])]):
                length = tf.identity(length)
        return {"length": length + (0.5 if kind == "drifted" else 0.0)}

    tf.saved_model.save(module, str(Path(model.uri, "Format-Serving")), signatures={"serving_default": serve})


@component
def MakeExamples(examples: OutputArtifact[standard_artifacts.Examples]):  # noqa: N802 - as TFX names them
    folder = Path(examples.uri, "Split-eval")
    folder.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "data_tfrecord-00000-of-00001.gz"), "GZIP") as writer:
        for miles in (1.0, 2.5, 13.0):
            feature = tf.train.Feature(float_list=tf.train.FloatList(value=[miles]))
            features = tf.train.Features(feature={"miles": feature})
            writer.write(tf.train.Example(features=features).SerializeToString())
    examples.split_names = '["eval"]'


def main(home: Path) -> None:
    examples, champion = MakeExamples(), Train(kind="good").with_id("Champion")
    nodes = [examples, champion]
    for kind in ("good", "drifted", "writing"):
        model = Train(kind=kind).with_id(f"Train-{kind}")
        gate = InfraValidator(
            model.outputs["model"],
            examples.outputs["examples"],
            champion=champion.outputs["model"],
            request_spec=infra_validator_pb2.RequestSpec(num_examples=3, make_warmup=True),
            limits=ServingLimits(memory_mib=1024, load_seconds=60, answer_seconds=10),
            budgets=ServingBudgets(latency_p99_ms=5000, output_difference=0.25, samples=20),
        ).with_id(f"Judge-{kind}")
        nodes += [model, gate]
    pipeline = Pipeline(
        "judge",
        str(home / "root"),
        components=nodes,
        metadata_connection_config=sqlite_metadata_connection_config(str(home / "metadata.db")),
    )
    with kept_warm():  # one import of TensorFlow for all the servers
        run_local(pipeline)
    for kind in ("good", "drifted", "writing"):
        (verdict,) = home.glob(f"root/Judge-{kind}/verdict/*/verdict.md")
        print(verdict.read_text())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(Path(temporary))
