"""One component that gives every kind of artifact that the suite's components take."""

from tfx.dsl.component.experimental.annotations import OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import (
    ExampleAnomalies,
    Examples,
    ExampleStatistics,
    InfraBlessing,
    Model,
    ModelBlessing,
    ModelEvaluation,
)


@component
def Everything(
    model: OutputArtifact[Model],
    other_model: OutputArtifact[Model],
    examples: OutputArtifact[Examples],
    anomalies: OutputArtifact[ExampleAnomalies],
    statistics: OutputArtifact[ExampleStatistics],
    evaluation: OutputArtifact[ModelEvaluation],
    other_evaluation: OutputArtifact[ModelEvaluation],
    blessing: OutputArtifact[ModelBlessing],
    infra_blessing: OutputArtifact[InfraBlessing],
):
    """Compiled and never run."""
    raise NotImplementedError
