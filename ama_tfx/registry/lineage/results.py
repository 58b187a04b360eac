"""What lineage gives back: graphs as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ama_tfx.registry.names import AssetRef
from ama_tfx.registry.results import Version


@dataclass(frozen=True, slots=True)
class LineageNode:
    """A version in a graph.

    Attributes:
        version: Which.
        aliases: Those that point at it now.
        retired: Whether its bytes are not kept any more.
        forked_from: The reference of the version that it is a fork of, if it is one.
        is_elided: Whether what it was made from, or what was made from it, goes on beyond what the graph shows.
    """

    version: Version
    aliases: tuple[str, ...] = ()
    retired: bool = False
    forked_from: str | None = None
    is_elided: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {
            **self.version.to_json(),
            "aliases": list(self.aliases),
            "retired": self.retired,
            "forked_from": self.forked_from,
            "elided": self.is_elided,
        }


@dataclass(frozen=True, slots=True)
class LineageEdge:
    """A ref: ``made`` was made from ``made_from``, which it used in a role; both are references by digest."""

    made: AssetRef
    role: str
    made_from: AssetRef

    def to_json(self) -> dict[str, str]:
        """Return the stable JSON form."""
        return {"from": str(self.made), "role": self.role, "to": str(self.made_from)}


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a version was made from and what was made from it.

    Attributes:
        root: The version that was asked for, by digest.
        nodes: The versions, those nearest to the root first; the root is the first.
        edges: Between them.
        note: What is not shown and why; empty when everything is.
    """

    root: AssetRef
    nodes: tuple[LineageNode, ...]
    edges: tuple[LineageEdge, ...]
    note: str = ""
    _by_ref: dict[AssetRef, LineageNode] = field(default_factory=dict, init=False, repr=False, compare=False)
    _up: dict[AssetRef, list[tuple[str, AssetRef]]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _down: dict[AssetRef, list[tuple[str, AssetRef]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        self._by_ref.update((node.version.reference, node) for node in self.nodes)
        for edge in self.edges:
            self._up.setdefault(edge.made, []).append((edge.role, edge.made_from))
            self._down.setdefault(edge.made_from, []).append((edge.role, edge.made))

    def node(self, reference: AssetRef) -> LineageNode:
        """Return the node of a reference by digest."""
        return self._by_ref[reference]

    def up(self, reference: AssetRef) -> list[tuple[str, AssetRef]]:
        """Return what a version of the graph was made from: role and reference."""
        return self._up.get(reference, [])

    def down(self, reference: AssetRef) -> list[tuple[str, AssetRef]]:
        """Return what was made from a version of the graph: role and reference."""
        return self._down.get(reference, [])

    def to_dot(self) -> str:
        """Return the graph for Graphviz: arrows lead from what was used to what was made of it."""
        from ama_tfx.registry.lineage.drawing import to_dot

        return to_dot(self)

    def to_mermaid(self) -> str:
        """Return the graph as a flowchart for Mermaid, likewise."""
        from ama_tfx.registry.lineage.drawing import to_mermaid

        return to_mermaid(self)

    def to_svg(self) -> str:
        """Return the graph as a picture, likewise."""
        from ama_tfx.registry.lineage.svg import to_svg

        return to_svg(self)

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form, as ``ama lineage --json`` prints it."""
        return {
            "root": str(self.root),
            "nodes": [node.to_json() for node in self.nodes],
            "edges": [edge.to_json() for edge in self.edges],
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Affected:
    """A version that was made from another, directly or not.

    Attributes:
        node: Which.
        steps: How many refs lie between the two, by the shortest way; 0 for a fork, which is the same content.
    """

    node: LineageNode
    steps: int

    def to_json(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {**self.node.to_json(), "steps": self.steps}


@dataclass(frozen=True, slots=True)
class Impact:
    """Everything that was made from a version.

    Attributes:
        version: Which version.
        affected: What was made from it, the nearest first; without the version itself.
        aliases: References of the aliases that point at it or at what was made from it, in order.
        note: What is left out and why; empty when nothing is.
    """

    version: LineageNode
    affected: tuple[Affected, ...]
    aliases: tuple[AssetRef, ...]
    note: str = ""

    def to_json(self) -> Mapping[str, Any]:
        """Return the stable JSON form, as ``ama impact --json`` prints it."""
        return {
            "version": self.version.to_json(),
            "affected": [each.to_json() for each in self.affected],
            "aliases": [str(alias) for alias in self.aliases],
            "note": self.note,
        }
