"""From lineage, impact and the audit log to reports."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ama_tfx.cli.report import Report, Table
from ama_tfx.cli.text import human_time, plural
from ama_tfx.registry import AssetName, AssetRef, AuditEntry, AuditHead
from ama_tfx.registry.auditing.audit import head_text
from ama_tfx.registry.lineage.tracing import Impact, Lineage, LineageNode

_DEEPEST = 50
"""Levels of a tree: each is indented further. ``--json`` has all of them."""

_Next = Callable[[AssetRef], list[tuple[str, AssetRef]]]


def lineage_report(lineage: Lineage, workspace: str) -> Report:
    """Show a graph as a tree in each direction; what hangs on several branches is shown once."""
    lines = [_node_text(lineage.node(lineage.root), workspace)]
    for title, following in (("made from:", lineage.up), ("made of it:", lineage.down)):
        if following(lineage.root):
            lines += ["", title, *_tree(lineage, following, workspace)]
    if len(lines) == 1:
        lines.append("made from nothing that is registered, and nothing was made from it")
    if lineage.note:
        lines += ["", lineage.note]
    return Report(lineage.to_json(), _ids(lineage), tuple(lines))


def drawn_report(lineage: Lineage, drawing: str) -> Report:
    """Print a graph in the language of another program."""
    return Report(lineage.to_json(), _ids(lineage), tuple(drawing.split("\n")))


def impact_report(impact: Impact, workspace: str) -> Report:
    """Show what was made from a version."""
    rows = tuple(
        (
            str(each.steps),
            _short(each.node, workspace),
            ", ".join(each.node.aliases),
            "retired" if each.node.retired else "",
            str(each.node.version.reference),
        )
        for each in impact.affected
    )
    verb = "was" if len(rows) == 1 else "were"
    lines = [f"{plural(len(rows), 'version')} {verb} made from {_short(impact.version, workspace)}"]
    if impact.aliases:
        named = ", ".join(f"{_name(alias.asset, workspace)}:{alias.selector}" for alias in impact.aliases)
        lines.append(f"affected: {named}")
    if impact.note:
        lines.append(impact.note)
    table = (Table(("steps", "version", "aliases", "state", "reference"), rows),) if rows else ()
    ids = tuple(str(each.node.version.reference) for each in impact.affected)
    return Report(impact.to_json(), ids, (*table, *lines))


def audit_report(entries: Sequence[AuditEntry]) -> Report:
    """Show the audit log."""
    rows = tuple(
        (str(e.sequence), human_time(e.at), e.actor, e.action, e.subject, json.dumps(e.details, ensure_ascii=False))
        for e in entries
    )
    table = Table(("entry", "when", "who", "action", "subject", "details"), rows)
    return Report(
        [_entry_document(entry) for entry in entries],
        tuple(str(entry.sequence) for entry in entries),
        (table if rows else "nothing was logged",),
    )


def verified_report(head: AuditHead, expected: AuditHead | None) -> Report:
    """Say that the audit log is whole, and where it ends."""
    document = {"count": head.count, "hash": str(head.hash), "head": head_text(head)}
    since = f"; its first {expected.count} entries are those of then" if expected else ""
    lines = (f"whole: the catalog is what the audit log tells{since}", f"head: {head_text(head)}")
    return Report(document, (head_text(head),), lines)


def _tree(lineage: Lineage, following: _Next, workspace: str) -> Iterator[str]:
    """Yield the lines of a tree; without recursion, for a chain may be long."""
    shown: set[AssetRef] = {lineage.root}
    pending = _branches(following(lineage.root), "")
    while pending:
        role, reference, first, rest = pending.pop()
        node = lineage.node(reference)
        further = following(reference)
        text = f"{first}{role}: {_node_text(node, workspace)}"
        is_deep = len(rest) >= 3 * _DEEPEST
        if further and (reference in shown or is_deep):
            yield f"{text} {'(above)' if reference in shown else '(and more: see --json)'}"
            continue
        shown.add(reference)
        yield text
        pending += _branches(further, rest)
        if node.is_elided and not further:
            yield f"{rest}└─ …"


def _branches(edges: Sequence[tuple[str, AssetRef]], indent: str) -> list[tuple[str, AssetRef, str, str]]:
    """Return edges, the last one first, each with what stands before its line and before those below it."""
    last = len(edges) - 1
    return [
        (role, reference, indent + ("└─ " if i == last else "├─ "), indent + ("   " if i == last else "│  "))
        for i, (role, reference) in enumerate(edges)
    ][::-1]


def _node_text(node: LineageNode, workspace: str) -> str:
    parts = [f"{_short(node, workspace)} ({node.version.semantic})"]
    if node.aliases:
        parts.append(f"[{', '.join(node.aliases)}]")
    if node.retired:
        parts.append("retired")
    if node.forked_from:
        parts.append(f"forked from {node.forked_from}")
    return " ".join(parts)


def _short(node: LineageNode, workspace: str) -> str:
    return f"{_name(node.version.asset, workspace)}:{node.version.number}"


def _name(asset: AssetName, workspace: str) -> str:
    return asset.name if asset.workspace == workspace else str(asset)


def _ids(lineage: Lineage) -> tuple[str, ...]:
    return tuple(str(node.version.reference) for node in lineage.nodes)


def _entry_document(entry: AuditEntry) -> dict[str, Any]:
    return {
        "sequence": entry.sequence,
        "at": entry.at.isoformat(),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "details": dict(entry.details),
        "previous": str(entry.previous),
        "hash": str(entry.hash),
    }
