import pickle

import pytest
from ml_metadata.proto import metadata_store_pb2

from ama_tfx.errors import RunFailedError
from ama_tfx.orchestration import NodeOutcome, NodeProgress, NodeState, RunReport
from ama_tfx.orchestration.executions import _recorded
from ama_tfx.orchestration.outcomes import Recorded

DONE = NodeOutcome("a", NodeState.COMPLETE, seconds=1.0)


def report(*outcomes, cause=None):
    return RunReport("local", "demo", "monday", outcomes, cause)


def test_which_states_are_a_success_is_pinned():
    assert {state.value: state.is_success for state in NodeState} == {
        "complete": True,
        "cached": True,
        "empty": True,
        "skipped": True,
        "not run": False,
        "failed": False,
        "unknown": False,
    }


def test_a_run_of_no_nodes_is_no_success():
    assert not report().is_success


def test_what_was_raised_fails_a_run_whose_nodes_all_look_well():
    with pytest.raises(RunFailedError) as caught:
        report(DONE, cause=OSError("late")).require_success()
    assert str(caught.value.__cause__) == "late"


def test_a_successful_report_is_returned():
    assert report(DONE).require_success() == report(DONE)


def test_the_error_survives_pickling():
    with pytest.raises(RunFailedError) as caught:
        report(NodeOutcome("a", NodeState.UNKNOWN, "nobody knows")).require_success()
    copy = pickle.loads(pickle.dumps(caught.value))
    assert "\n  a: unknown: nobody knows" in str(copy)


def test_progress_reads_as_a_line():
    assert str(NodeProgress(3, 12, "Transform")) == "[3/12] Transform ..."
    ended = NodeOutcome("Transform", NodeState.COMPLETE, seconds=12.345)
    assert str(NodeProgress(3, 12, "Transform", ended)) == "[3/12] Transform ... complete 12.3 s"


@pytest.mark.parametrize(
    ("written", "told"),
    [('{"resultMessage": "no disk"}', "no disk"), ("damaged", ""), ("[1]", ""), ("{}", ""), (None, "")],
)
def test_a_damaged_result_hides_its_own_reason_only(written, told):
    execution = metadata_store_pb2.Execution(last_known_state="FAILED")
    if written is not None:
        execution.custom_properties["__execution_result__"].string_value = written
    assert _recorded(execution, has_events=False) == Recorded("FAILED", told, False)
