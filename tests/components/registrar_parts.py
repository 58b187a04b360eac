"""Components that make small artifacts in no time; each of them only writes what its parameters say."""

from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact, standard_artifacts


class Report(artifact.Artifact):
    """A custom artifact type with a typed property, as users write them."""

    TYPE_NAME = "registrar_parts.Report"
    PROPERTIES = {"rows": artifact.Property(type=artifact.PropertyType.INT)}


def _write(folder: str, name: str, text: str) -> None:
    path = Path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@component
def MakeExamples(text: Parameter[str], examples: OutputArtifact[standard_artifacts.Examples]):
    _write(examples.uri, "Split-train/data_tfrecord-00000-of-00001.gz", text)
    _write(examples.uri, "Split-eval/data_tfrecord-00000-of-00001.gz", text.upper())
    examples.split_names = '["train", "eval"]'


@component
def MakeModel(text: Parameter[str], model: OutputArtifact[standard_artifacts.Model]):
    _write(model.uri, "Format-Serving/saved_model.pb", text)
    Path(model.uri, "Format-Serving", "assets").mkdir()


@component
def Bless(
    model: InputArtifact[standard_artifacts.Model],
    blessed: Parameter[int],
    blessing: OutputArtifact[standard_artifacts.ModelBlessing],
):
    """A gate; with -1 it decides nothing, as Evaluator without thresholds does."""
    _write(blessing.uri, "BLESSED" if blessed == 1 else "NOT_BLESSED", model.uri)
    if blessed >= 0:
        blessing.set_int_custom_property("blessed", blessed)


@component
def BlessInfra(
    model: InputArtifact[standard_artifacts.Model],
    blessed: Parameter[int],
    blessing: OutputArtifact[standard_artifacts.InfraBlessing],
):
    _write(blessing.uri, "INFRA_BLESSED" if blessed == 1 else "INFRA_NOT_BLESSED", model.uri)
    blessing.set_int_custom_property("blessed", blessed)


@component
def MakeReport(report: OutputArtifact[Report]):
    _write(report.uri, "report.txt", "3 rows\n")
    report.rows = 3


@component
def MakeText(text: OutputArtifact[standard_artifacts.String]):
    text.write("a value artifact is one file")


@component
def MakeNothing(report: OutputArtifact[Report]):
    Path(report.uri).mkdir(parents=True, exist_ok=True)


@component
def Fail(model: InputArtifact[standard_artifacts.Model], report: OutputArtifact[Report]):
    raise ValueError(f"the trainer diverged on {Path(model.uri).name}")
