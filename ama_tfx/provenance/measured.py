"""What an evaluation found: TFX's files are parsed where they lie; nothing of TFX is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from ama_tfx.errors import AmaError
from ama_tfx.inspection import inspect_files, local_files
from ama_tfx.provenance.questions import Evaluation

__all__ = ["MeasuredEvaluation", "measured"]


@dataclass(frozen=True)
class MeasuredEvaluation:
    """An evaluation with its metrics.

    Attributes:
        evaluation: Of what, on what, by whom.
        metrics: Name -> value; a slice stands in brackets behind the name, as in ``auc[trip_hour=3]``.
        problems: Why metrics are missing: the files are gone, elsewhere, or damaged.
    """

    evaluation: Evaluation
    metrics: Mapping[str, float] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def overall(self) -> dict[str, float]:
        """The metrics of all of the data."""
        return {name: value for name, value in self.metrics.items() if "[" not in name}


def measured(evaluation: Evaluation) -> MeasuredEvaluation:
    """Read the metrics of an evaluation; what cannot be read is told, not raised."""
    uri = evaluation.artifact.uri
    parts = urlsplit(uri)
    if parts.scheme not in {"", "file"}:
        return MeasuredEvaluation(evaluation, problems=(f"{uri!r} is not on this machine",))
    try:
        found = inspect_files(local_files(Path(unquote(parts.path) if parts.scheme else uri)))
    except AmaError as error:
        return MeasuredEvaluation(evaluation, problems=(str(error),))
    problems = tuple(f"{problem.path}: {problem.what}" for problem in found.problems)
    if not found.metrics and not problems:
        problems = (f"no metrics in {uri!r}",)
    return MeasuredEvaluation(evaluation, dict(found.metrics), problems)
