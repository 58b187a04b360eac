"""Layer 4, history: what happened in runs, and with which code.

Start with `open_history`: it reads a metadata store of TFX. Each name is loaded when it is first used; ML Metadata only
when a store is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ama_tfx.lazy_names import lazy_names

if TYPE_CHECKING:
    from ama_tfx.provenance.code import CodeState, capture_code
    from ama_tfx.provenance.graph import Graph
    from ama_tfx.provenance.history import History, open_history
    from ama_tfx.provenance.importing import ImportedRun, RunRecord, import_run, record_run
    from ama_tfx.provenance.measured import MeasuredEvaluation
    from ama_tfx.provenance.questions import Dataset, Evaluation
    from ama_tfx.provenance.recorded import recorded_references
    from ama_tfx.provenance.records import Artifact, Event, EventKind, Execution, ExecutionState, Run
    from ama_tfx.provenance.redacting import redacted
    from ama_tfx.provenance.run_details import NodeRun, RunDetails, RunState

__all__ = [
    "Artifact",
    "CodeState",
    "Dataset",
    "Evaluation",
    "Event",
    "EventKind",
    "Execution",
    "ExecutionState",
    "Graph",
    "History",
    "ImportedRun",
    "MeasuredEvaluation",
    "NodeRun",
    "Run",
    "RunDetails",
    "RunRecord",
    "RunState",
    "capture_code",
    "import_run",
    "open_history",
    "record_run",
    "recorded_references",
    "redacted",
]

_NAMES = {
    "code": ("CodeState", "capture_code"),
    "graph": ("Graph",),
    "history": ("History", "open_history"),
    "importing": ("ImportedRun", "RunRecord", "import_run", "record_run"),
    "measured": ("MeasuredEvaluation",),
    "questions": ("Dataset", "Evaluation"),
    "recorded": ("recorded_references",),
    "records": ("Artifact", "Event", "EventKind", "Execution", "ExecutionState", "Run"),
    "redacting": ("redacted",),
    "run_details": ("NodeRun", "RunDetails", "RunState"),
}

__getattr__, __dir__ = lazy_names(__name__, {f"{__name__}.{module}": names for module, names in _NAMES.items()})
