"""Components and pipelines for the tests: at module level, because TFX imports executors by their dotted path."""

import os
import sys
from pathlib import Path
from typing import ClassVar

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.dsl.components.common.resolver import Resolver, ResolverStrategy
from tfx.dsl.input_resolution.strategies.latest_artifact_strategy import LatestArtifactStrategy
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact, Property, PropertyType
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec
from tfx.types.standard_artifacts import Model, ModelBlessing, String


class TypedReport(Artifact):
    """An artifact type with typed properties, named as Kubeflow wants it."""

    TYPE_NAME = "orchestration_parts.TypedReport"
    PROPERTIES: ClassVar = {
        "rows": Property(type=PropertyType.INT),
        "score": Property(type=PropertyType.FLOAT),
        "title": Property(type=PropertyType.STRING),
    }


@component
def Write(out: OutputArtifact[String], text: Parameter[str]):
    out.write(text)


@component
def Copy(source: InputArtifact[String], out: OutputArtifact[String]):
    out.write(source.read())


@component
def Break(source: InputArtifact[String], out: OutputArtifact[String]):
    raise ValueError("the oven is off")


@component
def Leave(out: OutputArtifact[String]):
    sys.exit(0)


@component
def BreakOnce(out: OutputArtifact[String], marker: Parameter[str]):
    if not Path(marker).exists():
        Path(marker).touch()
        raise OSError("try again")
    out.write("second try")


@component
def TrainModel(model: OutputArtifact[Model]):
    Path(model.uri, "weights").write_text("1")


@component
def BlessModel(model: InputArtifact[Model], blessing: OutputArtifact[ModelBlessing]):
    blessing.set_int_custom_property("blessed", 1)
    blessing.set_int_custom_property("current_model_id", model.id)


@component
def NeedModel(model: InputArtifact[Model], out: OutputArtifact[String]):
    out.write("used")


@component
def MakeReport(report: OutputArtifact[TypedReport], rows: Parameter[int]):
    report.rows = rows


class CompareSpec(ComponentSpec):
    """Inputs as Evaluator has them: a model, and perhaps a baseline."""

    PARAMETERS: ClassVar = {}
    INPUTS: ClassVar = {
        "model": ChannelParameter(type=Model),
        "baseline_model": ChannelParameter(type=Model, optional=True),
    }
    OUTPUTS: ClassVar = {"out": ChannelParameter(type=String)}


class CompareExecutor(BaseExecutor):
    def Do(self, input_dict, output_dict, exec_properties):
        compared = "with a baseline" if input_dict.get("baseline_model") else "alone"
        artifact_utils.get_single_instance(output_dict["out"]).write(compared)


class Compare(BaseComponent):
    SPEC_CLASS = CompareSpec
    EXECUTOR_SPEC = ExecutorClassSpec(CompareExecutor)

    def __init__(self, model, baseline_model):
        super().__init__(CompareSpec(model=model, baseline_model=baseline_model, out=Channel(type=String)))


class BreakingStrategy(ResolverStrategy):
    def resolve_artifacts(self, store, input_dict):
        raise KeyError("no such shelf")


def latest_model() -> Resolver:
    return Resolver(strategy_class=LatestArtifactStrategy, model=Channel(type=Model)).with_id("latest")


def latest_blessed_model() -> Resolver:
    return Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
    ).with_id("baseline")


def pipeline_of(components, folder, **arguments) -> Pipeline:
    if "metadata_connection_config" not in arguments:
        store = sqlite_metadata_connection_config(os.fspath(folder / "metadata.db"))
        arguments["metadata_connection_config"] = store
    settings = {"pipeline_name": "demo", "pipeline_root": os.fspath(folder / "artifacts"), **arguments}
    return Pipeline(components=components, **settings)
