"""Deciding what became of each node: pure, from the pipeline, what ML Metadata holds, and what the runner saw.

How TFX 1.16 records what it does (each case is a test):

========================================================  ============================  =====================
what happened                                             execution in ML Metadata      ``launch()``
========================================================  ============================  =====================
executor raised                                           FAILED, without a reason      raises it
driver or publisher raised, executor raised SystemExit    RUNNING for ever              raises it
a required input is missing                               FAILED, reason is a traceback returns, the run goes on
``LatestArtifactStrategy`` found nothing                  FAILED, "... returned None."  returns, the run goes on
``LatestBlessedModelStrategy`` (or no strategy) found     COMPLETE, without events      returns
nothing
condition false                                           none                          returns
condition asks a node that a condition skipped            none or FAILED, by chance     returns
inputs resolved to no combination at all                  none                          returns
left out by a partial run                                 CACHED if reused, else none   not called
========================================================  ============================  =====================
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ama_tfx.orchestration.report import NodeOutcome, NodeState
from ama_tfx.provenance.reasons import FOUND_NOTHING, RESOLVER, one_line, raised_last

__all__ = ["Attempt", "NodeFacts", "Recorded", "decide_outcomes", "node_facts"]

_WHY_NO_OUTPUT = {
    NodeState.EMPTY: "found nothing",
    NodeState.SKIPPED: "was skipped",
    NodeState.NOT_RUN: "did not run",
    NodeState.FAILED: "failed",
    NodeState.UNKNOWN: "may not have finished",
}


@dataclass(frozen=True)
class NodeFacts:
    """What the pipeline says of a node.

    Attributes:
        node_id: Its id.
        context_name: Name of its context in ML Metadata.
        upstream: Ids of the nodes that it takes inputs or conditions from, or was told to follow.
        has_condition: Whether it stands under a ``Cond``.
        is_resolver: Whether it is a resolver node.
        is_selected: False when a partial run leaves it out.
    """

    node_id: str
    context_name: str
    upstream: tuple[str, ...] = ()
    has_condition: bool = False
    is_resolver: bool = False
    is_selected: bool = True


@dataclass(frozen=True)
class Recorded:
    """What ML Metadata holds of a node's newest execution in a run.

    Attributes:
        state: Name of the ``last_known_state``.
        result: The result message, often a traceback.
        has_events: Whether any artifact is linked to it.
    """

    state: str
    result: str = ""
    has_events: bool = True


@dataclass(frozen=True)
class Attempt:
    """What the runner saw of a node that it started.

    Attributes:
        seconds: How long it took.
        error: What it raised, if it did.
    """

    seconds: float
    error: BaseException | None = None


def node_facts(nodes: Iterable[Any]) -> tuple[NodeFacts, ...]:
    """Read the nodes of a Pipeline IR, whose runtime parameters are bound and which is marked for a partial run."""
    return tuple(_facts(node.pipeline_node) for node in nodes)


def _facts(node: Any) -> NodeFacts:
    names = [c.name.field_value.string_value for c in node.contexts.contexts if c.type.name == "node"]
    return NodeFacts(
        node_id=node.node_info.id,
        context_name=names[0] if names else "",
        upstream=tuple(node.upstream_nodes),
        has_condition=bool(node.inputs.conditionals),
        is_resolver=node.node_info.type.name == RESOLVER,
        is_selected=not node.execution_options.HasField("skip"),
    )


def decide_outcomes(
    nodes: Iterable[NodeFacts], recorded: Mapping[str, Recorded], attempts: Mapping[str, Attempt]
) -> tuple[NodeOutcome, ...]:
    """Decide what became of every node.

    Args:
        nodes: All nodes, in topological order.
        recorded: What ML Metadata holds, by node id.
        attempts: What the runner saw, by node id: only of nodes that it started.
    """
    outcomes: dict[str, NodeOutcome] = {}
    for node in nodes:
        outcomes[node.node_id] = _decide(node, recorded.get(node.node_id), attempts, outcomes)
    return tuple(outcomes.values())


def _decide(
    node: NodeFacts,
    recorded: Recorded | None,
    attempts: Mapping[str, Attempt],
    earlier: Mapping[str, NodeOutcome],
) -> NodeOutcome:
    attempt = attempts.get(node.node_id)
    if attempt is None:
        state, message = _not_started(node, recorded, attempts, earlier)
        return NodeOutcome(node.node_id, state, message)
    if attempt.error is not None:
        state, message = NodeState.FAILED, one_line(f"{type(attempt.error).__name__}: {attempt.error}")
    elif recorded is None:
        state, message = _without_execution(node, earlier)
    else:
        state, message = _with_execution(node, recorded, earlier)
    return NodeOutcome(node.node_id, state, message, attempt.seconds)


def _not_started(
    node: NodeFacts, recorded: Recorded | None, attempts: Mapping[str, Attempt], earlier: Mapping[str, NodeOutcome]
) -> tuple[NodeState, str]:
    if not node.is_selected:
        reused = recorded is not None and recorded.state == "CACHED"
        return (NodeState.CACHED, "") if reused else (NodeState.SKIPPED, "left out by the partial run")
    stopped_by = next((node_id for node_id, attempt in attempts.items() if attempt.error is not None), None)
    reason = f"the run stopped when {stopped_by!r} failed" if stopped_by else "the run stopped before it"
    return NodeState.NOT_RUN, _lacking(node, earlier) or reason


def _without_execution(node: NodeFacts, earlier: Mapping[str, NodeOutcome]) -> tuple[NodeState, str]:
    if any(not outcome.state.is_success for outcome in _upstream(node, earlier)):
        return NodeState.NOT_RUN, _lacking(node, earlier)
    if node.has_condition:
        return NodeState.SKIPPED, "its condition is false"
    return NodeState.NOT_RUN, _lacking(node, earlier) or "its inputs resolved to nothing"


def _with_execution(node: NodeFacts, recorded: Recorded, earlier: Mapping[str, NodeOutcome]) -> tuple[NodeState, str]:
    reason = _reason(recorded.result)
    if recorded.state in {"COMPLETE", "CACHED"}:
        found_nothing = node.is_resolver and not recorded.has_events
        return (NodeState.EMPTY, "found nothing") if found_nothing else (NodeState[recorded.state], "")
    if recorded.state != "FAILED":
        return NodeState.UNKNOWN, f"ML Metadata says {recorded.state}"
    if node.is_resolver and FOUND_NOTHING.search(reason):
        return NodeState.EMPTY, "found nothing"
    if _asks_a_skipped_node(node, reason, earlier):
        return NodeState.SKIPPED, f"its condition {_lacking(node, earlier)}"
    lacking = _lacking(node, earlier)
    return NodeState.FAILED, "; ".join(part for part in (lacking, reason) if part) or "no reason recorded"


def _asks_a_skipped_node(node: NodeFacts, reason: str, earlier: Mapping[str, NodeOutcome]) -> bool:
    """Whether a condition could not be evaluated because what it asks was skipped: on Kubeflow that skips too."""
    lacking = {outcome.state for outcome in _upstream(node, earlier) if outcome.state in _WHY_NO_OUTPUT}
    return node.has_condition and "Invalid conditional expression" in reason and lacking == {NodeState.SKIPPED}


def _upstream(node: NodeFacts, earlier: Mapping[str, NodeOutcome]) -> list[NodeOutcome]:
    return [earlier[node_id] for node_id in node.upstream if node_id in earlier]


def _lacking(node: NodeFacts, earlier: Mapping[str, NodeOutcome]) -> str:
    """Say which upstream nodes gave this one nothing, as in ``needs 'a', which failed``."""
    lacking = [outcome for outcome in _upstream(node, earlier) if outcome.state in _WHY_NO_OUTPUT]
    return " and ".join(f"needs {outcome.node_id!r}, which {_WHY_NO_OUTPUT[outcome.state]}" for outcome in lacking)


def _reason(result: str) -> str:
    """Return what was raised last, its class without its modules."""
    return one_line(re.sub(r"^(?:\w+\.)+(?=\w+:)", "", raised_last(result)))
