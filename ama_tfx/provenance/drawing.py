"""A graph in the language of Graphviz."""

from __future__ import annotations

import unicodedata

from ama_tfx.provenance.graph import Graph
from ama_tfx.provenance.records import Execution, ExecutionState
from ama_tfx.provenance.redacting import redacted

__all__ = ["to_dot"]

_COLORS = {ExecutionState.FAILED: "firebrick", ExecutionState.CANCELED: "firebrick", ExecutionState.CACHED: "gray50"}


def to_dot(graph: Graph, root: int) -> str:
    """Return a graph for Graphviz: executions are boxes, artifacts are round, the root is drawn thick."""
    lines = ["digraph history {", '  rankdir="LR";']
    for one, artifact in sorted(graph.artifacts.items()):
        thick = ", penwidth=3" if one == root else ""
        label = f"{artifact.type} {one}"
        lines.append(f"  a{one} [label={_quoted(label)}, tooltip={_quoted(redacted('', artifact.uri))}{thick}];")
    for one, execution in sorted(graph.executions.items()):
        color = _COLORS.get(execution.state, "black")
        lines.append(f'  e{one} [shape=box, color="{color}", label={_quoted(_name(execution))}];')
    for event in sorted(graph.events, key=lambda e: (e.execution_id, e.kind.value, e.key, e.index, e.artifact_id)):
        ends = (f"a{event.artifact_id}", f"e{event.execution_id}")
        first, last = ends if event.kind.value == "input" else ends[::-1]
        lines.append(f"  {first} -> {last} [label={_quoted(event.key)}];")
    return "\n".join([*lines, "}"])


def _name(execution: Execution) -> str:
    node = execution.node or execution.type.rpartition(".")[2]
    return f"{node}\n{execution.run.name}" if execution.run else node


def _quoted(text: str) -> str:
    """Return text as a string of Graphviz; what could move a terminal's cursor is spelt out."""
    plain = "".join(
        char if char == "\n" or unicodedata.category(char)[0] != "C" else char.encode("unicode_escape").decode()
        for char in text
    )
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
