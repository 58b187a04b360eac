"""Which datasets a model was trained on, and where it was evaluated: pure questions to a graph."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ama_tfx.provenance.graph import Graph
from ama_tfx.provenance.records import Artifact, Event, EventKind, Execution
from ama_tfx.provenance.type_names import ASSET, EVALUATION, EXAMPLES

__all__ = ["Dataset", "Evaluation", "datasets_of", "evaluations_of", "references_of", "without_reports"]

REPORTS = frozenset({EVALUATION, "ModelBlessing", "InfraBlessing", "Verdict", "ExampleAnomalies"})
"""Types that tell of something: whoever takes them is told, and makes nothing of them but other reports."""

_BASELINE = "baseline_model"


@dataclass(frozen=True)
class Dataset:
    """A dataset that something was made from.

    Attributes:
        artifact: Its record.
        steps: How many executions lie between: 1 for what the trainer itself took.
        taken_by: ``Trainer.examples``: who took it on the way, as which input.
        splits: That it has; empty where they are not recorded.
        trained_on: Splits of it that a trainer was told to train on; empty where nobody said.
        span: Of a dataset that comes in spans; None where it is not recorded.
        version: Of the span.
        is_source: Whether it was made from no other dataset.
    """

    artifact: Artifact
    steps: int
    taken_by: tuple[str, ...]
    splits: tuple[str, ...]
    trained_on: tuple[str, ...]
    span: int | None
    version: int | None
    is_source: bool


@dataclass(frozen=True)
class Evaluation:
    """That a model was evaluated.

    Attributes:
        artifact: TFX's ``ModelEvaluation``.
        execution: Who made it; None where that is not known.
        datasets: On what.
        splits: On which splits of it; empty where nobody said: then on all.
    """

    artifact: Artifact
    execution: Execution | None
    datasets: tuple[Artifact, ...]
    splits: tuple[str, ...]


def datasets_of(graph: Graph, artifact_id: int, types: Collection[str] = ()) -> list[Dataset]:
    """Return the datasets that an artifact was made from, the nearest first; a dataset is not one of its own.

    Args:
        graph: Holds everything the artifact was made from.
        artifact_id: Of a model, or of anything.
        types: Names of types that count as datasets beside TFX's ``Examples``.
    """
    graph = without_reports(graph)
    steps = graph.ancestors(artifact_id)
    found = [one for one in steps if one != artifact_id and _is_dataset(graph.artifacts.get(one), types)]
    return [
        _dataset(graph, graph.artifacts[one], steps, types) for one in sorted(found, key=lambda one: (steps[one], one))
    ]


def evaluations_of(graph: Graph, model_ids: Collection[int], dataset_id: int | None = None) -> list[Evaluation]:
    """Return where a model was evaluated itself, not as the baseline of another; the newest first.

    Args:
        graph: Holds what was made from the model, and from the dataset.
        model_ids: Which model: it, and other artifacts that hold the same.
        dataset_id: Only on this dataset, or on one that was made from it.
    """
    allowed = None if dataset_id is None else graph.descendants(dataset_id)
    found = []
    for execution_id in dict.fromkeys(one for model in model_ids for one in graph.consumers(model)):
        taken = graph.inputs(execution_id)
        if not any(event.artifact_id in model_ids and event.key != _BASELINE for event in taken):
            continue
        datasets = [a for e in taken if (a := graph.artifacts.get(e.artifact_id)) and _is_dataset(a, ())]
        if allowed is None or any(one.id in allowed for one in datasets):
            found += [_evaluation(graph, one, datasets) for one in _evaluations(graph, execution_id)]
    unique = {one.artifact.id: one for one in found}
    return sorted(unique.values(), key=lambda one: (one.artifact.created_at, one.artifact.id), reverse=True)


def without_reports(graph: Graph) -> Graph:
    """Return a graph in which what something was made from goes through no report that its maker took besides.

    A model that a selector chose by its evaluation is not made from what the evaluation compared it with.
    """
    reports = {one for one, artifact in graph.artifacts.items() if artifact.type.rpartition(".")[2] in REPORTS}
    makers = {e.execution_id for e in graph.events if e.kind is EventKind.OUTPUT and e.artifact_id not in reports}
    dropped = {e for e in graph.events if e.kind is EventKind.INPUT and e.artifact_id in reports}
    return replace(graph, events=tuple(e for e in graph.events if e not in dropped or e.execution_id not in makers))


def references_of(graph: Graph) -> dict[int, tuple[str, ...]]:
    """Return the references, by digest, that artifacts are registered under: those of assets, and of what they hold."""
    found: dict[int, dict[str, None]] = {}
    for artifact in graph.artifacts.values():
        told = artifact.fact("reference")
        if not isinstance(told, str) or not told.startswith("ama://"):
            continue
        found.setdefault(artifact.id, {})[told] = None
        if artifact.type == ASSET:
            for execution_id in graph.producers(artifact.id):
                for event in graph.inputs(execution_id):
                    if event.key == "artifact":
                        found.setdefault(event.artifact_id, {})[told] = None
    return {one: tuple(references) for one, references in found.items()}


def _is_dataset(artifact: Artifact | None, types: Collection[str]) -> bool:
    return artifact is not None and (artifact.type.rpartition(".")[2] == EXAMPLES or artifact.type in types)


def _dataset(graph: Graph, artifact: Artifact, steps: dict[int, int], types: Collection[str]) -> Dataset:
    takers = list(_takers(graph, artifact, steps))
    own = graph.ancestors(artifact.id)
    return Dataset(
        artifact=artifact,
        steps=steps[artifact.id],
        taken_by=tuple(dict.fromkeys(f"{_who(execution)}.{event.key}" for execution, event in takers)),
        splits=_texts(artifact.fact("split_names")),
        trained_on=tuple(dict.fromkeys(split for execution, _ in takers for split in _trained(execution))),
        span=_whole(artifact.fact("span")),
        version=_whole(artifact.fact("version")),
        is_source=not any(one != artifact.id and _is_dataset(graph.artifacts.get(one), types) for one in own),
    )


def _takers(graph: Graph, artifact: Artifact, steps: dict[int, int]) -> Iterator[tuple[Execution, Event]]:
    """Yield who took a dataset on the way to what was made from it."""
    for execution_id in graph.consumers(artifact.id):
        execution = graph.executions.get(execution_id)
        made = {event.artifact_id for event in graph.outputs(execution_id)}
        if execution and any(steps.get(one) == steps[artifact.id] - 1 for one in made):
            yield from ((execution, e) for e in graph.inputs(execution_id) if e.artifact_id == artifact.id)


def _evaluations(graph: Graph, execution_id: int) -> Iterator[Artifact]:
    for event in graph.outputs(execution_id):
        artifact = graph.artifacts.get(event.artifact_id)
        if artifact and artifact.type == EVALUATION:
            yield artifact


def _evaluation(graph: Graph, artifact: Artifact, datasets: list[Artifact]) -> Evaluation:
    execution = graph.maker(artifact.id)
    told = execution.properties.get("example_splits") if execution else None
    return Evaluation(artifact, execution, tuple(datasets), _texts(told))


def _who(execution: Execution) -> str:
    return execution.node or execution.type.rpartition(".")[2]


def _trained(execution: Execution) -> tuple[str, ...]:
    document = _json(execution.properties.get("train_args"))
    return _texts(document.get("splits")) if isinstance(document, dict) else ()


def _texts(value: Any) -> tuple[str, ...]:
    found = _json(value)
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _json(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) and value else value
    except (ValueError, RecursionError):
        return None


def _whole(value: Any) -> int | None:
    if isinstance(value, str) and value.lstrip("-").isdigit():
        return int(value)
    return int(value) if isinstance(value, int | float) and value == value // 1 else None
