"""Components that say what they were given, for pipelines that start from the registry."""

import json
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts


def listing(uri: str) -> dict[str, str]:
    """Return the files below a folder with their texts."""
    return {str(path.relative_to(uri)): path.read_text() for path in sorted(Path(uri).rglob("*")) if path.is_file()}


@component
def ReadModel(model: InputArtifact[standard_artifacts.Model], told: OutputArtifact[standard_artifacts.String]):
    told.write(json.dumps(listing(model.uri)))


@component
def ReadExamples(examples: InputArtifact[standard_artifacts.Examples], told: OutputArtifact[standard_artifacts.String]):
    known = {"splits": examples.split_names, "span": examples.span, "files": sorted(listing(examples.uri))}
    told.write(json.dumps(known))


@component
def ReadText(text: InputArtifact[standard_artifacts.String], told: OutputArtifact[standard_artifacts.String]):
    told.write(json.dumps(text.read()))


@component
def ReadLinked(model: InputArtifact[standard_artifacts.Model], told: OutputArtifact[standard_artifacts.String]):
    from ama_tfx.components.asset_importer import linked_content

    before = sorted(listing(model.uri))
    with linked_content(model) as folder:
        told.write(json.dumps([before, listing(folder)]))


def write(uri: str, name: str, text: str) -> None:
    Path(uri).mkdir(parents=True, exist_ok=True)
    Path(uri, name).write_text(text)


@component
def MakeSchema(text: Parameter[str], schema: OutputArtifact[standard_artifacts.Schema]):
    write(schema.uri, "schema.pbtxt", text)


@component
def TransformRows(
    examples: InputArtifact[standard_artifacts.Examples],
    schema: InputArtifact[standard_artifacts.Schema],
    transformed: OutputArtifact[standard_artifacts.Examples],
):
    """Makes examples that nobody registers."""
    write(transformed.uri, "rows", "".join([*listing(examples.uri).values(), *listing(schema.uri).values()]))


@component
def Train(
    examples: InputArtifact[standard_artifacts.Examples],
    model: OutputArtifact[standard_artifacts.Model],
    base_model: InputArtifact[standard_artifacts.Model] = None,
):
    base = "" if base_model is None else str(listing(base_model.uri))
    write(model.uri, "saved_model.pb", f"trained on {listing(examples.uri)} {base}")


@component
def Evaluate(
    model: InputArtifact[standard_artifacts.Model],
    examples: InputArtifact[standard_artifacts.Examples],
    evaluation: OutputArtifact[standard_artifacts.ModelEvaluation],
):
    write(evaluation.uri, "metrics", f"{sorted(listing(model.uri))} {sorted(listing(examples.uri))}")
