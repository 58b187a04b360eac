"""What ``ama runs`` says."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ama_tfx.cli.report import Facts, Report, Table
from ama_tfx.cli.text import human_time, plural
from ama_tfx.provenance.documents import (
    artifact_document,
    dataset_document,
    evaluation_document,
    graph_document,
    run_document,
    run_summary,
)
from ama_tfx.provenance.drawing import to_dot
from ama_tfx.provenance.redacting import redacted
from ama_tfx.storage import canonical_json

if TYPE_CHECKING:
    from ama_tfx.provenance import (
        Artifact,
        Dataset,
        Graph,
        ImportedRun,
        MeasuredEvaluation,
        NodeRun,
        RunDetails,
        RunRecord,
    )

_LONGEST = 60
"""Characters of a parameter that are shown; ``--json`` has all of it."""


def runs_report(found: Sequence[RunDetails], limit: int) -> Report:
    """List runs.

    Args:
        found: One more than the limit where there are more.
        limit: How many to show; 0 for all.
    """
    shown = found[:limit] if limit else found
    rows = tuple(
        (one.run.name, one.pipeline, one.state.value, _counted(one), human_time(one.started_at), _seconds(one.seconds))
        for one in shown
    )
    more = ("there are more, which --limit 0 shows",) if len(found) > len(shown) else ()
    table = Table(("run", "pipeline", "state", "nodes", "started", "took"), rows)
    return Report(
        [run_summary(one) for one in shown],
        tuple(one.run.name for one in shown),
        (table, *more) if rows else ("no runs",),
    )


def run_report(details: RunDetails) -> Report:
    """Show a run."""
    facts = Facts(
        (
            ("run", details.run.name),
            ("pipeline", details.pipeline),
            ("state", details.state.value),
            ("started", human_time(details.started_at)),
            ("took", _seconds(details.seconds)),
        )
    )
    nodes = Table(("node", "state", "started", "took", "inputs", "outputs"), tuple(map(_row, details.nodes)), "nodes")
    failed = tuple(f"{node.node} failed: {redacted('', node.reason)}" for node in details.failures)
    cached = tuple(
        f"{node.node} was cached from execution {node.cached_from.id}{_of_run(node)}"
        for node in details.nodes
        if node.cached_from
    )
    parameters = tuple(_parameters(details.nodes))
    told = (Table(("node", "parameter", "value"), parameters, "parameters"),) if parameters else ()
    blocks = (facts, nodes, *_titled("failures", failed), *_titled("cached", cached), *told)
    return Report(run_document(details), (details.run.name,), blocks)


def datasets_report(artifact: Artifact, found: Sequence[Dataset]) -> Report:
    """List the datasets that an artifact was made from."""
    columns = ("steps", "id", "type", "span", "version", "splits", "trained on", "taken by", "uri")
    rows = tuple(
        (
            str(one.steps),
            str(one.artifact.id),
            one.artifact.type,
            "" if one.span is None else str(one.span),
            "" if one.version is None else str(one.version),
            ", ".join(one.splits),
            ", ".join(one.trained_on),
            ", ".join(one.taken_by),
            redacted("", one.artifact.uri),
        )
        for one in found
    )
    nothing = f"{artifact.type} {artifact.id} was made from no dataset that the store knows"
    document = {"artifact": artifact_document(artifact), "datasets": [dataset_document(one) for one in found]}
    return Report(
        document,
        tuple(str(one.artifact.id) for one in found),
        (f"{artifact.type} {artifact.id} was made from:", Table(columns, rows)) if rows else (nothing,),
    )


def metrics_report(
    model: Artifact, dataset: Artifact | None, found: Sequence[MeasuredEvaluation], *, slices: bool
) -> Report:
    """Show the metrics of each evaluation of a model, on a dataset or on all."""
    asked = f" on {dataset.type} {dataset.id}" if dataset else ""
    blocks: list[str | Table | Facts] = [] if found else [f"{model.type} {model.id} was not evaluated{asked}"]
    for one in found:
        evaluation = one.evaluation
        on = ", ".join(f"{data.type} {data.id}" for data in evaluation.datasets) or "nothing that is recorded"
        split = f" ({', '.join(evaluation.splits)})" if evaluation.splits else ""
        rows = tuple((name, f"{value:g}") for name, value in _shown(one, slices=slices))
        title = f"evaluation {evaluation.artifact.id} on {on}{split}, {human_time(evaluation.artifact.created_at)}"
        blocks += [f"{title}:", *([Table(("metric", "value"), rows)] if rows else [])]
        if one.metrics and not rows:
            blocks.append("no metrics of all of the data; --slices shows those of slices")
        blocks += [f"not read: {problem}" for problem in one.problems]
    document = {"model": artifact_document(model), "evaluations": [evaluation_document(one) for one in found]}
    return Report(document, tuple(str(one.evaluation.artifact.id) for one in found), tuple(blocks))


def history_report(graph: Graph, root: Artifact) -> Report:
    """List what an artifact was made from, with negative steps, and what was made from it."""
    steps = {one: -count for one, count in graph.ancestors(root.id).items()} | graph.descendants(root.id)
    rows = tuple(
        _history_row(graph, graph.artifacts[one], steps[one])
        for one in sorted(steps, key=lambda one: (steps[one], one))
        if one in graph.artifacts
    )
    table = Table(("steps", "id", "type", "made by", "run", "uri"), rows)
    others = len(graph.executions)
    line = f"{plural(len(rows), 'artifact')} and {plural(others, 'execution')}; steps are counted in executions"
    return Report(graph_document(graph, root.id), _ids(graph), (table, line))


def drawn_history(graph: Graph, root: Artifact) -> Report:
    """Print a graph in the language of Graphviz."""
    return Report(graph_document(graph, root.id), _ids(graph), tuple(to_dot(graph, root.id).split("\n")))


def import_plan_report(record: RunRecord, asset: str | None) -> Report:
    """Show what importing a run would register."""
    document = {
        "asset": asset or record.asset,
        "run": json.loads(canonical_json(record.document)),
        "refs": [{"role": role, "reference": reference} for role, reference in record.references],
        "metrics": {reference: dict(metrics) for reference, metrics in record.metrics.items()},
    }
    table = Table(("role", "reference"), record.references)
    lines = (f"run {record.document['run']} would become a version of {asset or record.asset}",)
    return Report(document, (asset or record.asset,), (*lines, table) if record.references else lines)


def imported_report(imported: ImportedRun, workspace: str) -> Report:
    """Show what importing a run registered."""
    version = imported.registered.version
    name = version.asset.name if version.asset.workspace == workspace else str(version.asset)
    was = "is now" if imported.registered.created else "was already"
    lines = [f"the run {was} {name}:{version.number}", f"{version.reference}"]
    lines += [f"noted of {one}: {_told(metrics)}" for one, metrics in imported.noted.items()]
    lines += [f"not in this registry: {one}" for one in imported.missing]
    document = {
        **version.to_json(),
        "created": imported.registered.created,
        "missing": list(imported.missing),
        "noted": {one: dict(metrics) for one, metrics in imported.noted.items()},
    }
    return Report(document, (str(version.reference),), tuple(lines))


def _history_row(graph: Graph, artifact: Artifact, steps: int) -> tuple[str, ...]:
    maker = graph.maker(artifact.id)
    run = maker.run.name if maker and maker.run else ""
    made_by = (maker.node or maker.type.rpartition(".")[2]) if maker else ""
    return f"{steps:+d}" if steps else "0", str(artifact.id), artifact.type, made_by, run, redacted("", artifact.uri)


def _ids(graph: Graph) -> tuple[str, ...]:
    return tuple(str(one) for one in sorted(graph.artifacts))


def _counted(details: RunDetails) -> str:
    counts: dict[str, int] = {}
    for node in details.newest:
        counts[node.state.value] = counts.get(node.state.value, 0) + 1
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))


def _parameters(nodes: Sequence[NodeRun]) -> Iterator[tuple[str, str, str]]:
    for node in nodes:
        for name, value in sorted(node.parameters.items()):
            found = redacted(name, value)
            text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
            if text:
                yield node.node, name, text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _shown(one: MeasuredEvaluation, *, slices: bool) -> list[tuple[str, float]]:
    return sorted((one.metrics if slices else one.overall).items())


def _titled(title: str, lines: Sequence[str]) -> tuple[str, ...]:
    return ("", f"{title}:", *lines) if lines else ()


def _row(node: NodeRun) -> tuple[str, ...]:
    chosen = f"chose {_linked(node.chosen)}" if node.chosen else ""
    told = ", ".join(filter(None, (_linked(node.outputs), chosen)))
    return node.node, node.state.value, _since(node), _seconds(node.seconds), _linked(node.inputs), told


def _of_run(node: NodeRun) -> str:
    made_by = node.cached_from
    return f" of run {made_by.run.name}" if made_by and made_by.run else ""


def _linked(events: Sequence[Any]) -> str:
    return ", ".join(f"{event.key}={event.artifact_id}" for event in events)


def _since(node: NodeRun) -> str:
    return human_time(node.started_at.astimezone(datetime.timezone.utc))


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f} s"


def _told(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name}={value:g}" for name, value in sorted(metrics.items()))
