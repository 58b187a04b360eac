"""Artifacts that hold the same registered version: what a registrar took, and what AssetImporter made of it again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Protocol

from ama_tfx.provenance.graph import Graph
from ama_tfx.provenance.records import Artifact, Event, EventKind
from ama_tfx.provenance.type_names import ASSET

__all__ = ["copies_of", "copy_reference", "registered_under", "with_originals"]

REGISTERED_INPUT = "artifact"
"""The registrar's input that it registers."""

_FROM = "reference"


class CopySource(Protocol):
    """Whatever knows artifacts and events: a metadata store."""

    def artifacts(self, ids: Collection[int]) -> list[Artifact]:
        """Return artifacts by their ids."""
        ...

    def artifact_types(self) -> list[str]:
        """Return the names of all types."""
        ...

    def artifacts_of_type(self, name: str) -> list[Artifact]:
        """Return the artifacts of a type."""
        ...

    def events_of_artifacts(self, ids: Collection[int]) -> list[Event]:
        """Return the events of artifacts."""
        ...

    def events_of_executions(self, ids: Collection[int]) -> list[Event]:
        """Return the events of executions."""
        ...


def copy_reference(artifact: Artifact) -> str | None:
    """Return the reference, by digest, of the version that an artifact was imported from; None for any other."""
    told = artifact.fact("reference")
    return told if isinstance(told, str) and told.startswith("ama://") and artifact.type != ASSET else None


def registered_under(source: CopySource, reference: str) -> list[Artifact]:
    """Return what was registered under a reference, what a run made before what was imported; else the assets."""
    assets = [one for one in source.artifacts_of_type(ASSET) if one.fact("reference") == reference]
    given = source.events_of_artifacts([one.id for one in assets])
    registrars = {event.execution_id for event in given if event.kind is EventKind.OUTPUT}
    taken = source.events_of_executions(sorted(registrars))
    ids = {event.artifact_id for event in taken if event.kind is EventKind.INPUT and event.key == REGISTERED_INPUT}
    found = source.artifacts(sorted(ids))
    return sorted(found, key=lambda one: (copy_reference(one) is not None, one.id)) or assets


def copies_of(source: CopySource, references: Collection[str], types: Collection[str] = ()) -> list[Artifact]:
    """Return what was imported from versions.

    Args:
        source: Is asked for it.
        references: Of the versions, by digest.
        types: Of artifacts that are looked at; of all when there is none.
    """
    return [
        one
        for name in types or source.artifact_types()
        for one in source.artifacts_of_type(name)
        if copy_reference(one) in references
    ]


def with_originals(graph: Graph, source: CopySource, lineage: Callable[[int], Graph]) -> Graph:
    """Return a graph in which an importer took what its version was registered from, with all before that.

    Args:
        graph: What something was made from.
        source: Knows what was registered.
        lineage: Returns what an artifact was made from.
    """
    seen = set[int]()
    while copies := [one for one in graph.artifacts.values() if one.id not in seen and copy_reference(one)]:
        seen.update(one.id for one in copies)
        for original, event in list(_origins(graph, source, copies)):
            graph = _joined(graph, lineage(original), event)
    return graph


def _origins(graph: Graph, source: CopySource, copies: Collection[Artifact]) -> Iterator[tuple[int, Event]]:
    for copy in copies:
        maker, reference = graph.maker(copy.id), copy_reference(copy)
        found = registered_under(source, reference) if maker and reference else []
        if maker and found and found[0].type != ASSET and copy_reference(found[0]) != reference:
            yield found[0].id, Event(maker.id, found[0].id, EventKind.INPUT, _FROM)


def _joined(graph: Graph, other: Graph, link: Event) -> Graph:
    return replace(
        graph,
        artifacts={**graph.artifacts, **other.artifacts},
        executions={**graph.executions, **other.executions},
        events=tuple(dict.fromkeys((*graph.events, *other.events, link))),
    )
