"""What an evaluation found: TFX's files are parsed where they lie; nothing of TFX is needed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ama_tfx.errors import AmaError
from ama_tfx.inspection import inspect_files, local_files
from ama_tfx.provenance.questions import Evaluation

__all__ = ["MeasuredEvaluation", "measured"]

_MODEL_SPEC = re.compile(r"evalConfig\.modelSpecs\.(\d+)\.(name|isBaseline)")
_BASELINE, _DIFFERENCE = "baseline", "diff"


@dataclass(frozen=True)
class MeasuredEvaluation:
    """An evaluation with its metrics.

    Attributes:
        evaluation: Of what, on what, by whom.
        metrics: Of the model itself, not of a baseline: name -> value; a slice stands in brackets behind the name, as
            in ``auc[trip_hour=3]``.
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
    if not uri:
        return MeasuredEvaluation(evaluation, problems=("the evaluation has no URI",))
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        return MeasuredEvaluation(evaluation, problems=(f"{uri!r} is no URI: {error}",))
    if parts.scheme not in {"", "file"}:
        return MeasuredEvaluation(evaluation, problems=(f"{uri!r} is not on this machine",))
    try:
        found = inspect_files(local_files(Path(unquote(parts.path) if parts.scheme else uri)))
    except AmaError as error:
        return MeasuredEvaluation(evaluation, problems=(str(error),))
    problems = tuple(f"{problem.path}: {problem.what}" for problem in found.problems)
    metrics = _own(found.metrics, *_model_names(found.parameters))
    if not metrics and not problems:
        problems = (f"no metrics in {uri!r}",)
    return MeasuredEvaluation(evaluation, metrics, problems)


def _model_names(parameters: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Return what TFMA's configuration calls the model and its baseline; TFX's own names where it does not tell."""
    specs: dict[str, dict[str, Any]] = {}
    for name, value in parameters.items():
        if told := _MODEL_SPEC.fullmatch(name):
            specs.setdefault(told[1], {})[told[2]] = value
    if not specs:
        return set(), {_BASELINE}
    baselines = {spec.get("name", "") for spec in specs.values() if spec.get("isBaseline")}
    return {spec.get("name", "") for spec in specs.values()} - baselines, baselines


def _own(metrics: Mapping[str, float], models: set[str], baselines: set[str]) -> dict[str, float]:
    """Return the model's own metrics under their plain names: neither the baseline's, nor the differences to it."""
    own = {}
    for metric, value in metrics.items():
        name, bracket, inside = metric.partition("[")
        words = inside.removesuffix("]").split(", ") if bracket else []
        if (words and words[0] in baselines) or (baselines and _DIFFERENCE in words):
            continue
        if words and words[0] in models:
            words = words[1:]
        own[f"{name}[{', '.join(words)}]" if words else name] = value
    return own
