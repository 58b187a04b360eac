"""ModelSelector: the best of several candidate models, and why."""

import os
import posixpath
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from ama_tfx.components.asset_importer.linked import require_files
from ama_tfx.components.choosing import Candidate, Wanted, choose
from ama_tfx.components.evaluations import read_evaluation
from ama_tfx.components.links import refuse_links_below
from ama_tfx.components.tree import tree_size
from ama_tfx.components.types import Verdict
from ama_tfx.components.verdicts import Judgement, read_verdict, write_verdict
from ama_tfx.errors import InvalidInputError

MOST_CHANNELS = 4
"""Channels of each kind: a function component's inputs are fixed, and Kubeflow takes no union of channels."""

SELECTED_FROM = "selected_from"
"""Custom property of the selected model: the URI of the candidate whose files it has."""

Models = InputArtifact[list[standard_artifacts.Model]]
Evaluations = InputArtifact[list[standard_artifacts.ModelEvaluation]]
Verdicts = InputArtifact[list[Verdict]]


@component
def SelectModel(  # noqa: N802 - TFX names function components like classes
    model: OutputArtifact[standard_artifacts.Model],
    verdict: OutputArtifact[Verdict],
    wanted: Parameter[str],
    model_1: Models = None,
    model_2: Models = None,
    model_3: Models = None,
    model_4: Models = None,
    evaluation_1: Evaluations = None,
    evaluation_2: Evaluations = None,
    evaluation_3: Evaluations = None,
    evaluation_4: Evaluations = None,
    verdict_1: Verdicts = None,
    verdict_2: Verdicts = None,
    verdict_3: Verdicts = None,
    verdict_4: Verdicts = None,
):
    """Select one of several models; `ModelSelector` composes it.

    Raises:
        GateError: None of them qualifies.
        InvalidInputError: There is a link in the one that is selected.
    """
    models = _all(model_1, model_2, model_3, model_4)
    evaluations = [read_evaluation(e.uri) for e in _all(evaluation_1, evaluation_2, evaluation_3, evaluation_4)]
    verdicts = [read_verdict(v.uri) for v in _all(verdict_1, verdict_2, verdict_3, verdict_4)]
    candidates = [_candidate(each, evaluations, verdicts) for each in models]
    choice = choose("ModelSelector", model.uri, candidates, Wanted.from_json(wanted))
    _copy(choice.selected.uri, model.uri)
    model.set_string_custom_property(SELECTED_FROM, choice.selected.uri)
    write_verdict(verdict, choice.judgement)


def ModelSelector(  # noqa: N802 - it is used like a component's class
    models: Sequence[types.BaseChannel],
    evaluations: Sequence[types.BaseChannel],
    metric: str,
    *,
    verdicts: Sequence[types.BaseChannel] = (),
    minimum: Mapping[str, float] | None = None,
    max_size_bytes: float | None = None,
    max_latency_ms: float | None = None,
    tolerance: float = 0.0,
    higher_is_better: Mapping[str, bool] | None = None,
):
    """Selects the best of several candidate models, and says why.

    Evaluations and verdicts are matched to models by the model that they say they are of, so their order does not
    matter. A candidate qualifies when its metric was measured, it meets every minimum and budget, and each verdict on
    it is *blessed*; where there are verdicts, there has to be one on it. Of those that qualify, the one with the best
    metric is selected; among those within ``tolerance`` of the best the quickest, then the smallest, then the first.

    Example::

        best = ModelSelector(
            models=[linear.outputs["model"], deep.outputs["model"]],
            evaluations=[linear_evaluator.outputs["evaluation"], deep_evaluator.outputs["evaluation"]],
            metric="auc",
            minimum={"auc[payment_type=Cash]": 0.6},
            tolerance=0.002,
        )

    Args:
        models: 1 to 4 channels of Model. Locally each may hold many: `union` of channels, a Resolver's output.
        evaluations: Channels of Evaluator's ``evaluation``, up to 4, likewise.
        metric: What counts, ``auc`` or of a slice ``auc[hour=3]``; its name says whether more or less is better.
        verdicts: Channels of `ama_tfx.Verdict` on the models, up to 4, likewise.
        minimum: Metric -> what a candidate has to reach; of loss, say, the most it may be.
        max_size_bytes: Of all files of the model.
        max_latency_ms: Of signal ``latency_p99_ms`` in a verdict.
        higher_is_better: Own metric -> whether more of it is better, for one whose name does not say so.
        tolerance: How far below the best a metric may be and still count as equally good.

    Outputs:
        model: The selected one's files (linked where the file system can, else copied), with custom property
            ``selected_from``, the candidate's URI.
        verdict: `ama_tfx.Verdict` on the selected model, with the numbers of every candidate.

    Raises:
        InvalidInputError: A parameter that can never work, when the pipeline is composed; a selected model that has a
            link in it, when it runs.
    """
    own = higher_is_better or {}
    wanted = Wanted(metric, minimum or {}, max_size_bytes, max_latency_ms, tolerance, bool(verdicts), own)
    kinds = {"model": models, "evaluation": evaluations, "verdict": verdicts}
    for kind, channels in kinds.items():
        _check_channels(kind, channels)
    if not models:
        raise InvalidInputError("there is no model to select from; pass models=[trainer.outputs['model'], …]")
    slots = {f"{kind}_{n}": c for kind, channels in kinds.items() for n, c in enumerate(channels, start=1)}
    return SelectModel(wanted=wanted.to_json(), **slots).with_id("ModelSelector")


def _check_channels(kind: str, channels: Any) -> None:
    if isinstance(channels, types.BaseChannel) or not all(isinstance(c, types.BaseChannel) for c in channels):
        raise InvalidInputError(f"{kind}s are {channels!r:.80}; expected a list of channels")
    if len(channels) > MOST_CHANNELS:
        raise InvalidInputError(
            f"there are {len(channels)} channels of {kind}s; expected {MOST_CHANNELS} at most; locally a channel may "
            "be a union of many"
        )


def _all(*slots: list[Any] | None) -> list[Any]:
    return [artifact for slot in slots for artifact in slot or []]


def _candidate(model: types.Artifact, evaluations: Sequence[Any], verdicts: Sequence[Judgement]) -> Candidate:
    metrics: dict[str, Any] = {}
    for evaluation in evaluations:
        if evaluation.is_of(model.uri):
            metrics |= evaluation.all_found()
    require_files(model)
    own = tuple(verdict for verdict in verdicts if verdict.subject == model.uri)
    return Candidate(model.uri, float(tree_size(model.uri)), metrics, own)


def _copy(source: str, target: str) -> None:
    """Give the target the source's files: as links where that can be, for models are large and never change."""
    refuse_links_below(source)
    if "://" in source or "://" in target:
        io_utils.copy_dir(source, target)
        return
    fileio.makedirs(posixpath.dirname(target))
    shutil.copytree(source, target, copy_function=_link, dirs_exist_ok=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
