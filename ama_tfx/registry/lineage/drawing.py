"""Lineage as text that other programs draw: Graphviz's DOT, and Mermaid."""

from __future__ import annotations

from collections.abc import Callable

from ama_tfx.registry.lineage.results import Lineage, LineageNode

_MERMAID_SAFE = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-./:,()")


def to_dot(lineage: Lineage) -> str:
    """Return a graph for Graphviz: arrows lead from what was used to what was made of it."""
    numbers = {node.version.reference: f"n{number}" for number, node in enumerate(lineage.nodes)}
    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box];"]
    for node in lineage.nodes:
        style = ", style=dashed" if node.retired else ", style=bold" if node.version.reference == lineage.root else ""
        lines.append(f"  {numbers[node.version.reference]} [label={_quoted(_label(node))}{style}];")
    for edge in lineage.edges:
        arrow = f"{numbers[edge.made_from]} -> {numbers[edge.made]}"
        lines.append(f"  {arrow} [label={_quoted(edge.role)}];")
    if lineage.note:
        lines.append(f"  label={_quoted(lineage.note)};")
    return "\n".join([*lines, "}"])


def to_mermaid(lineage: Lineage) -> str:
    """Return a flowchart for Mermaid, likewise."""
    numbers = {node.version.reference: f"n{number}" for number, node in enumerate(lineage.nodes)}
    lines = ["flowchart LR"]
    lines += [f'  {numbers[node.version.reference]}["{_entities(_label(node))}"]' for node in lineage.nodes]
    lines += [
        f'  {numbers[edge.made_from]} -->|"{_entities(edge.role)}"| {numbers[edge.made]}' for edge in lineage.edges
    ]
    if lineage.note:
        lines.append(f'  note["{_entities(lineage.note)}"]')
    return "\n".join(lines)


def _label(node: LineageNode) -> str:
    version = node.version
    parts = [f"{version.asset.workspace}/{version.asset.name}:{version.number}", *node.aliases]
    return ", ".join([*parts, *(["retired"] if node.retired else [])])


def _quoted(text: str) -> str:
    """Return a DOT string; what is not printed becomes its escape, and nothing ends the string early."""
    return '"' + _printable(text, lambda char: f"\\{char}" if char in '"\\' else char) + '"'


def _entities(text: str) -> str:
    """Return a label of Mermaid: whatever could be syntax or HTML there is an entity."""
    return _printable(text, lambda char: char if char in _MERMAID_SAFE else f"#{ord(char)};")


def _printable(text: str, safe: Callable[[str], str]) -> str:
    return "".join(
        safe(char) if char.isprintable() else "".join(map(safe, char.encode("unicode_escape").decode()))
        for char in text
    )
