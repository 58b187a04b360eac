"""Records and answers as JSON: ids are text, for JSON's numbers do not carry 63 bits; secrets are left out."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ama_tfx.provenance.redacting import redacted

if TYPE_CHECKING:
    from ama_tfx.provenance.graph import Graph
    from ama_tfx.provenance.measured import MeasuredEvaluation
    from ama_tfx.provenance.questions import Dataset
    from ama_tfx.provenance.records import Artifact, Event, Execution
    from ama_tfx.provenance.run_details import NodeRun, RunDetails

__all__ = [
    "artifact_document",
    "dataset_document",
    "evaluation_document",
    "graph_document",
    "run_document",
    "run_summary",
]


def run_summary(details: RunDetails) -> dict[str, Any]:
    """Return a run in short: what became of it and of each of its nodes."""
    return {
        "run": details.run.name,
        "pipeline": details.pipeline,
        "state": details.state.value,
        "started_at": _time(details.started_at),
        "ended_at": _time(details.ended_at),
        "seconds": details.seconds,
        "nodes": {node.node or str(node.execution.id): node.state.value for node in details.newest},
    }


def run_document(details: RunDetails) -> dict[str, Any]:
    """Return everything known of a run."""
    return {
        **run_summary(details),
        "nodes": [_node(node) for node in details.nodes],
        "artifacts": [artifact_document(one) for _, one in sorted(details.artifacts.items())],
    }


def artifact_document(artifact: Artifact) -> dict[str, Any]:
    """Return an artifact."""
    return {
        "id": str(artifact.id),
        "type": artifact.type,
        "uri": redacted("", artifact.uri),
        "name": artifact.name,
        "state": artifact.state,
        "created_at": _time(artifact.created_at),
        "properties": _values(artifact.properties),
        "custom_properties": _values(artifact.custom_properties),
    }


def dataset_document(dataset: Dataset) -> dict[str, Any]:
    """Return a dataset that something was made from."""
    return {
        **artifact_document(dataset.artifact),
        "steps": dataset.steps,
        "taken_by": list(dataset.taken_by),
        "splits": list(dataset.splits),
        "trained_on": list(dataset.trained_on),
        "span": _whole(dataset.span),
        "version": _whole(dataset.version),
        "is_source": dataset.is_source,
    }


def evaluation_document(measured: MeasuredEvaluation) -> dict[str, Any]:
    """Return an evaluation with its metrics."""
    evaluation = measured.evaluation
    execution = evaluation.execution
    return {
        "evaluation": artifact_document(evaluation.artifact),
        "node": execution.node if execution else "",
        "run": execution.run.name if execution and execution.run else None,
        "datasets": [artifact_document(one) for one in evaluation.datasets],
        "splits": list(evaluation.splits),
        "metrics": dict(sorted(measured.metrics.items())),
        "problems": list(measured.problems),
    }


def graph_document(graph: Graph, root: int) -> dict[str, Any]:
    """Return a graph around an artifact; an event goes from what was given or took place to what came of it."""
    return {
        "root": str(root),
        "artifacts": [artifact_document(one) for _, one in sorted(graph.artifacts.items())],
        "executions": [_execution(one) for _, one in sorted(graph.executions.items())],
        "events": [
            {
                "execution": str(event.execution_id),
                "artifact": str(event.artifact_id),
                "kind": event.kind.value,
                "key": event.key,
                "index": event.index,
            }
            for event in sorted(graph.events, key=_order)
        ],
    }


def _order(event: Event) -> tuple[int, str, str, int, int]:
    return event.execution_id, event.kind.value, event.key, event.index, event.artifact_id


def _execution(execution: Execution) -> dict[str, Any]:
    return {
        "id": str(execution.id),
        "node": execution.node,
        "component": execution.type,
        "pipeline": execution.pipeline,
        "run": execution.run.name if execution.run else None,
        "state": execution.state.value,
        "created_at": _time(execution.created_at),
        "updated_at": _time(execution.updated_at),
    }


def _node(node: NodeRun) -> dict[str, Any]:
    made_by = node.cached_from
    return {
        "node": node.node,
        "component": node.execution.type,
        "execution": str(node.execution.id),
        "state": node.state.value,
        "reason": redacted("", node.reason),
        "started_at": _time(node.started_at),
        "ended_at": _time(node.ended_at),
        "seconds": node.seconds,
        "cached_from": made_by and {"execution": str(made_by.id), "run": made_by.run.name if made_by.run else None},
        "parameters": _values(node.parameters),
        "inputs": _linked(node.inputs),
        "outputs": _linked(node.outputs),
        **({"chosen": _linked(node.chosen)} if node.chosen else {}),
    }


def _linked(events: Sequence[Event]) -> dict[str, list[str]]:
    linked: dict[str, list[str]] = {}
    for event in events:
        linked.setdefault(event.key, []).append(str(event.artifact_id))
    return linked


def _values(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: redacted(name, value) for name, value in sorted(properties.items())}


def _time(at: datetime.datetime | None) -> str | None:
    return at.isoformat() if at else None


def _whole(value: int | None) -> int | str | None:
    return value if value is None or abs(value) < 2**53 else str(value)
