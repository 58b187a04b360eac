"""Components that hand over prepared evidence, as if the standard ones had just made it."""

import os
import shutil
from pathlib import Path

import gate_evidence
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from ama_tfx.components.types import Verdict
from ama_tfx.components.verdicts import Blessing, Signal, judge, write_verdict


@component
def GiveModel(folder: Parameter[str], name: Parameter[str], model: OutputArtifact[standard_artifacts.Model]):
    shutil.copytree(Path(folder, "models", name), model.uri, dirs_exist_ok=True)


@component
def Evaluate(
    folder: Parameter[str],
    name: Parameter[str],
    model: InputArtifact[standard_artifacts.Model],
    evaluation: OutputArtifact[standard_artifacts.ModelEvaluation],
    baseline: InputArtifact[standard_artifacts.Model] = None,
):
    """Give Evaluator's real evaluation of the model, compared with the baseline."""
    source = Path(folder, "evaluations", name)
    gate_evidence.move_evaluation(source, Path(evaluation.uri), candidate=model.uri, baseline=baseline and baseline.uri)


@component
def BlessAnything(
    model: InputArtifact[standard_artifacts.Model], blessing: OutputArtifact[standard_artifacts.ModelBlessing]
):
    """A gate that is too kind; it blesses by the artifact's id, as Evaluator does."""
    Path(blessing.uri).mkdir(parents=True, exist_ok=True)
    Path(blessing.uri, "BLESSED").touch()
    blessing.set_int_custom_property("blessed", 1)
    blessing.set_int_custom_property("current_model_id", model.id)
    blessing.set_string_custom_property("current_model", model.uri)


@component
def Measure(
    model: InputArtifact[standard_artifacts.Model], latency_ms: Parameter[float], verdict: OutputArtifact[Verdict]
):
    """Give a verdict as InfraValidator does."""
    signal = Signal("Measure", Blessing.BLESSED, "fast enough", "latency_p99_ms", latency_ms, "<= 1000")
    write_verdict(verdict, judge("Measure", model.uri, [signal]))


@component
def GiveData(
    folder: Parameter[str],
    train: Parameter[str],
    evaluated: Parameter[str],
    anomalies: OutputArtifact[standard_artifacts.ExampleAnomalies],
    statistics: OutputArtifact[standard_artifacts.ExampleStatistics],
):
    """Give what ExampleValidator and StatisticsGen say of two splits."""
    names = {"train": train, "eval": evaluated}
    for artifact, kind, file in (
        (anomalies, "anomalies", "SchemaDiff.pb"),
        (statistics, "statistics", "FeatureStats.pb"),
    ):
        shutil.rmtree(artifact.uri, ignore_errors=True)
        gate_evidence.lay_splits(Path(folder, kind), artifact.uri, file, names)
        artifact.split_names = '["train", "eval"]'
    anomalies.set_json_value_custom_property("blessed", {k: int(v == "clean") for k, v in names.items()})


def remember(notification):
    with Path(os.environ["CALLS"]).open("a") as stream:
        stream.write(f"{notification.to} {notification.judgement.gate}\n")


def forget(notification):
    raise ValueError("the desk is closed")
