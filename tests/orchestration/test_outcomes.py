import pytest

from ama_tfx.orchestration import NodeOutcome, NodeState
from ama_tfx.orchestration.outcomes import Attempt, NodeFacts, Recorded, decide_outcomes

TRACEBACK = """Traceback (most recent call last):

  File "launcher.py", line 272, in _prepare_execution
    resolved_inputs = inputs_utils.resolve_input_artifacts(

tfx.orchestration.exceptions.InsufficientInputError: Error while resolving inputs: min_count
has not met.
"""
NO_BOOLEAN = "tfx.x.FailedPreconditionError: Invalid conditional expression for cond_2; Expected boolean type"


TRIED = Attempt(seconds=2.0)


def decide(node, recorded=None, *, attempt=TRIED, before=()):
    """Decide about one node that follows others, each a pair (NodeFacts, Recorded or None)."""
    nodes = [*(facts for facts, _ in before), node]
    records = {facts.node_id: record for facts, record in [*before, (node, recorded)] if record}
    attempts = {facts.node_id: Attempt(seconds=1.0) for facts, _ in before}
    if attempt:
        attempts[node.node_id] = attempt
    return decide_outcomes(nodes, records, attempts)[-1]


def test_nothing_is_decided_about_no_nodes():
    assert decide_outcomes([], {}, {}) == ()


@pytest.mark.parametrize(
    ("recorded", "state"),
    [("COMPLETE", "complete"), ("CACHED", "cached"), ("FAILED", "failed")],
)
def test_a_recorded_end_is_taken_over(recorded, state):
    outcome = decide(NodeFacts("n", "p.n"), Recorded(recorded, "bad"))
    assert (outcome.state.value, outcome.seconds) == (state, 2.0)


@pytest.mark.parametrize("recorded", ["RUNNING", "NEW", "UNKNOWN", "CANCELED"])
def test_every_other_recorded_state_is_unknown(recorded):
    outcome = decide(NodeFacts("n", "p.n"), Recorded(recorded))
    assert outcome == NodeOutcome("n", NodeState.UNKNOWN, f"ML Metadata says {recorded}", 2.0)
    assert not outcome.state.is_success


def test_what_was_raised_outweighs_what_is_recorded():
    """An execution of the same run that is resumed may still say COMPLETE."""
    outcome = decide(NodeFacts("n", "p.n"), Recorded("COMPLETE"), attempt=Attempt(1.0, OSError("disk\n  full")))
    assert outcome == NodeOutcome("n", NodeState.FAILED, "OSError: disk full", 1.0)


def test_of_a_traceback_only_what_was_raised_last_is_told():
    outcome = decide(NodeFacts("n", "p.n"), Recorded("FAILED", TRACEBACK))
    assert outcome.message == "InsufficientInputError: Error while resolving inputs: min_count has not met."


def test_a_failure_without_reason_says_so():
    assert decide(NodeFacts("n", "p.n"), Recorded("FAILED")).message == "no reason recorded"


def test_a_long_reason_is_cut():
    message = decide(NodeFacts("n", "p.n"), Recorded("FAILED", "x" * 10_000)).message
    assert len(message) == 500
    assert message.endswith("…")


def test_no_execution_without_a_condition_is_no_intended_skip():
    outcome = decide(NodeFacts("n", "p.n"))
    assert outcome == NodeOutcome("n", NodeState.NOT_RUN, "its inputs resolved to nothing", 2.0)


def test_no_execution_under_a_condition_is_a_skip():
    assert decide(NodeFacts("n", "p.n", has_condition=True)).state is NodeState.SKIPPED


def test_no_execution_under_a_condition_behind_a_failed_node_is_no_intended_skip():
    failed = (NodeFacts("a", "p.a"), Recorded("FAILED", "bad"))
    outcome = decide(NodeFacts("n", "p.n", upstream=("a",), has_condition=True), before=[failed])
    assert outcome == NodeOutcome("n", NodeState.NOT_RUN, "needs 'a', which failed", 2.0)


SKIPPED = (NodeFacts("s", "p.s", has_condition=True), None)
FAILED = (NodeFacts("f", "p.f"), Recorded("FAILED", "bad"))


@pytest.mark.parametrize(
    ("before", "has_condition", "reason", "state"),
    [
        ([SKIPPED], True, NO_BOOLEAN, NodeState.SKIPPED),
        ([SKIPPED], False, NO_BOOLEAN, NodeState.FAILED),
        ([SKIPPED], True, "InsufficientInputError: min_count", NodeState.FAILED),
        ([SKIPPED, FAILED], True, NO_BOOLEAN, NodeState.FAILED),
        ([], True, NO_BOOLEAN, NodeState.FAILED),
    ],
)
def test_only_a_condition_that_asks_nothing_but_skipped_nodes_skips(before, has_condition, reason, state):
    upstream = tuple(facts.node_id for facts, _ in before)
    node = NodeFacts("n", "p.n", upstream, has_condition)
    assert decide(node, Recorded("FAILED", reason), before=before).state is state


def test_a_resolver_that_returned_none_is_empty_and_another_node_that_says_so_is_not():
    nothing = Recorded("FAILED", "InputResolutionError: inputs of n: <Strategy object> returned None.")
    assert decide(NodeFacts("n", "p.n", is_resolver=True), nothing).state is NodeState.EMPTY
    assert decide(NodeFacts("n", "p.n"), nothing).state is NodeState.FAILED


def test_a_complete_resolver_without_events_is_empty_and_another_node_is_not():
    silent = Recorded("COMPLETE", has_events=False)
    assert decide(NodeFacts("n", "p.n", is_resolver=True), silent).state is NodeState.EMPTY
    assert decide(NodeFacts("n", "p.n"), silent).state is NodeState.COMPLETE


def test_a_node_that_was_never_started_is_not_run():
    outcome = decide(NodeFacts("n", "p.n"), attempt=None)
    assert outcome == NodeOutcome("n", NodeState.NOT_RUN, "the run stopped before it")


def test_an_older_record_of_a_node_that_was_not_started_does_not_count():
    """A run that is resumed and stops earlier than before."""
    assert decide(NodeFacts("n", "p.n"), Recorded("COMPLETE"), attempt=None).state is NodeState.NOT_RUN
