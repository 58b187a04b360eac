"""Components for the harness's own tests; its name is the first half of the artifact type's name."""

from pathlib import Path
from typing import ClassVar

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.base.base_component import BaseComponent
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.dsl.components.base.executor_spec import ExecutorClassSpec
from tfx.types import artifact_utils
from tfx.types.artifact import Artifact, Property, PropertyType
from tfx.types.channel import Channel
from tfx.types.component_spec import ChannelParameter, ComponentSpec, ExecutionParameter
from tfx.types.standard_artifacts import String


class Report(Artifact):
    TYPE_NAME = "harness_parts.Report"
    PROPERTIES: ClassVar = {
        "rows": Property(type=PropertyType.INT),
        "score": Property(type=PropertyType.FLOAT),
        "title": Property(type=PropertyType.STRING),
        "details": Property(type=PropertyType.JSON_VALUE),
    }


@component
def Write(out: OutputArtifact[String], text: Parameter[str]):
    out.write(text)


class ReportSpec(ComponentSpec):
    PARAMETERS: ClassVar = {"rows": ExecutionParameter(type=int), "score": ExecutionParameter(type=float)}
    INPUTS: ClassVar = {"source": ChannelParameter(type=String)}
    OUTPUTS: ClassVar = {"report": ChannelParameter(type=Report)}


class ReportExecutor(BaseExecutor):
    def Do(self, input_dict, output_dict, exec_properties):
        source = artifact_utils.get_single_instance(input_dict["source"])
        report = artifact_utils.get_single_instance(output_dict["report"])
        report.rows, report.score = exec_properties["rows"], exec_properties["score"]
        report.title, report.details = source.read(), {"words": ["a", "b"]}
        report.set_string_custom_property("note", "custom")
        Path(report.uri).mkdir(parents=True, exist_ok=True)
        Path(report.uri, "report.txt").write_text(report.title)


class MakeReport(BaseComponent):
    """A fully custom component with a typed artifact."""

    SPEC_CLASS = ReportSpec
    EXECUTOR_SPEC = ExecutorClassSpec(ReportExecutor)

    def __init__(self, source, rows=3, score=0.5):
        super().__init__(ReportSpec(source=source, rows=rows, score=score, report=Channel(type=Report)))


@component
def ReadReport(report: InputArtifact[Report], out: OutputArtifact[String]):
    note = report.get_string_custom_property("note")
    found = [report.rows, report.score, report.title, report.details, note]
    out.write(" ".join(f"{type(value).__name__}:{value}" for value in found))


@component
def Break(source: InputArtifact[String], out: OutputArtifact[String]):
    raise ValueError("the oven is off")
