"""Reading what ML Metadata holds of one run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tfx.orchestration import metadata

from ama_tfx.orchestration.outcomes import NodeFacts, Recorded

__all__ = ["RunLedger"]

_RESULT = "__execution_result__"


class RunLedger:
    """The executions of one run, by node.

    Opens the store only while reading: TFX's nodes open it too, and SQLite has one writer.

    Args:
        connection: Where ML Metadata is (a ``ConnectionConfig``).
        run_id: Name of the run.
        nodes: The nodes to look for.
    """

    def __init__(self, connection: Any, run_id: str, nodes: Iterable[NodeFacts]) -> None:
        self._connection = connection
        self._run_id = run_id
        self._node_of_context = {node.context_name: node.node_id for node in nodes}
        self._node_of_execution: dict[int, str | None] = {}

    def read(self) -> dict[str, Recorded]:
        """Return what is recorded now, by node id; a node without execution is missing.

        Raises:
            Exception: What TFX and ML Metadata raise when the store cannot be read.
        """
        with metadata.Metadata(self._connection) as handle:
            store = handle.store
            run = store.get_context_by_type_and_name("pipeline_run", self._run_id)
            executions = store.get_executions_by_context(run.id) if run is not None else []
            linked = {event.execution_id for event in store.get_events_by_execution_ids([e.id for e in executions])}
            newest: dict[str, Recorded] = {}
            for execution in sorted(executions, key=lambda e: e.id):
                node_id = self._node_of(store, execution.id)
                if node_id is not None:
                    newest[node_id] = _recorded(execution, has_events=execution.id in linked)
        return newest

    def _node_of(self, store: Any, execution_id: int) -> str | None:
        if execution_id not in self._node_of_execution:
            names = [c.name for c in store.get_contexts_by_execution(execution_id) if c.type == "node"]
            found = [self._node_of_context[name] for name in names if name in self._node_of_context]
            self._node_of_execution[execution_id] = found[0] if found else None
        return self._node_of_execution[execution_id]


def _recorded(execution: Any, *, has_events: bool) -> Recorded:
    state = execution.State.Name(execution.last_known_state)
    try:
        message = json.loads(execution.custom_properties[_RESULT].string_value)["resultMessage"]
    except (KeyError, TypeError, ValueError):  # there is none, or not as TFX writes it
        message = ""
    return Recorded(state, str(message), has_events)
