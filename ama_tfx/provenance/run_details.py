"""What ran in a run, when, with which parameters, how long, cached or not, failed where and why: pure."""

from __future__ import annotations

import datetime
import enum
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ama_tfx.provenance.graph import Graph
from ama_tfx.provenance.reasons import FOUND_NOTHING, RESOLVER, one_line, raised_last
from ama_tfx.provenance.records import Artifact, Event, Execution, ExecutionState, Run

__all__ = ["NodeRun", "RunDetails", "RunState", "details_of"]

_INTERNAL = "__"
_RESULT = "__execution_result__"


class RunState(enum.Enum):
    """What became of a run or of a node of it."""

    COMPLETE = "complete"
    CACHED = "cached"
    """Of a node: it took the outputs of an earlier execution."""
    EMPTY = "empty"
    """Of a node: a resolver that found nothing."""
    FAILED = "failed"
    UNFINISHED = "unfinished"
    """It is at work, or it ended without a word."""


_STATES = {
    ExecutionState.COMPLETE: RunState.COMPLETE,
    ExecutionState.CACHED: RunState.CACHED,
    ExecutionState.FAILED: RunState.FAILED,
    ExecutionState.CANCELED: RunState.FAILED,
}


@dataclass(frozen=True)
class NodeRun:
    """One execution of a node in a run.

    Attributes:
        execution: Its record.
        state: What became of it.
        reason: Why it failed, in one line; empty where it did not.
        inputs: What it took, by key and position.
        outputs: What it gave.
        chosen: What a resolver chose: it neither made nor used it.
        cached_from: The execution that made its outputs, when it took them from the cache and that one is known.
    """

    execution: Execution
    state: RunState
    reason: str
    inputs: tuple[Event, ...]
    outputs: tuple[Event, ...]
    cached_from: Execution | None = None
    chosen: tuple[Event, ...] = ()

    @property
    def node(self) -> str:
        """The node's id."""
        return self.execution.node

    @property
    def started_at(self) -> datetime.datetime:
        """When it began; aware, UTC."""
        return self.execution.created_at

    @property
    def ended_at(self) -> datetime.datetime | None:
        """When it ended; None while nobody wrote that down."""
        return None if self.state is RunState.UNFINISHED else self.execution.updated_at

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None

    @property
    def parameters(self) -> dict[str, Any]:
        """What it was started with, as it is recorded; use `redacted` before showing it."""
        return {name: value for name, value in self.execution.properties.items() if not name.startswith(_INTERNAL)}


@dataclass(frozen=True)
class RunDetails:
    """A run.

    Attributes:
        run: Its record.
        nodes: Its executions, the first one first; a node may have several.
        artifacts: What these took and gave, by id.
    """

    run: Run
    nodes: tuple[NodeRun, ...]
    artifacts: Mapping[int, Artifact]

    @property
    def pipeline(self) -> str:
        """Name of the pipeline; empty where it is not recorded."""
        return next((node.execution.pipeline for node in self.nodes if node.execution.pipeline), "")

    @property
    def newest(self) -> tuple[NodeRun, ...]:
        """The newest execution of each node."""
        return tuple({node.node or str(node.execution.id): node for node in self.nodes}.values())

    @property
    def state(self) -> RunState:
        """*Failed* when a node did, *unfinished* when one is, else *complete*.

        A run that stopped has no record of the nodes behind; only the pipeline itself tells that they are missing.
        """
        states = {node.state for node in self.newest}
        if RunState.FAILED in states:
            return RunState.FAILED
        return RunState.UNFINISHED if RunState.UNFINISHED in states or not states else RunState.COMPLETE

    @property
    def failures(self) -> tuple[NodeRun, ...]:
        """The nodes whose newest execution failed."""
        return tuple(node for node in self.newest if node.state is RunState.FAILED)

    @property
    def started_at(self) -> datetime.datetime:
        """When its first node began; aware, UTC."""
        return min((node.started_at for node in self.nodes), default=self.run.created_at)

    @property
    def ended_at(self) -> datetime.datetime | None:
        """When its last node ended; None while one is unfinished, or there is none."""
        ends = [node.ended_at for node in self.newest]
        return max((end for end in ends if end), default=None) if all(ends) else None

    @property
    def seconds(self) -> float | None:
        """From the first node's beginning to the last one's end."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None


def details_of(run: Run, executions: Iterable[Execution], graph: Graph) -> RunDetails:
    """Tell what happened in a run.

    Args:
        run: Which.
        executions: Its own, the first one first, with their nodes.
        graph: At least these with their events; with the makers of what they took from the cache, these are told.
    """
    nodes = tuple(_node(execution, graph) for execution in executions)
    linked = (event for node in nodes for event in (*node.inputs, *node.outputs, *node.chosen))
    ids = dict.fromkeys(event.artifact_id for event in linked)
    return RunDetails(run, nodes, {one: graph.artifacts[one] for one in ids if one in graph.artifacts})


def _node(execution: Execution, graph: Graph) -> NodeRun:
    state, reason = _state(execution, is_linked=graph.is_linked(execution.id))
    outputs = tuple(graph.outputs(execution.id))
    maker = graph.maker(outputs[0].artifact_id) if outputs and state is RunState.CACHED else None
    return NodeRun(
        execution,
        state,
        reason,
        tuple(graph.inputs(execution.id)),
        outputs,
        None if maker is None or maker.id == execution.id else maker,
        tuple(graph.chosen(execution.id)) if execution.type == RESOLVER else (),
    )


def _state(execution: Execution, *, is_linked: bool) -> tuple[RunState, str]:
    state = _STATES.get(execution.state, RunState.UNFINISHED)
    reason = _reason(execution) if state is RunState.FAILED else ""
    if execution.type == RESOLVER:
        nothing = state is RunState.FAILED and FOUND_NOTHING.search(reason)
        if nothing or (state is RunState.COMPLETE and not is_linked):
            return RunState.EMPTY, ""
    if state is not RunState.FAILED:
        return state, ""
    if execution.state is ExecutionState.CANCELED:
        return state, reason or "canceled"
    return state, reason or "no reason is recorded; the run's log has it"


def _reason(execution: Execution) -> str:
    """Return what TFX recorded in one line; of a traceback, what was raised last."""
    if _RESULT not in execution.properties:
        return ""
    try:
        message = str(json.loads(str(execution.properties[_RESULT])).get("resultMessage", ""))
    except (ValueError, AttributeError):
        return ""
    return one_line(raised_last(message))
