"""What LineageLinker does, without TFX: from what a run recorded to links between asset versions, and their picture."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ama_tfx.components.asset_importer.work import open_existing
from ama_tfx.provenance import Event, Graph, History, open_history
from ama_tfx.provenance.questions import without_reports
from ama_tfx.provenance.type_names import EVALUATION, EXAMPLES
from ama_tfx.registry import AssetRef
from ama_tfx.registry.lineage.linking import record_links
from ama_tfx.registry.lineage.tracing import Lineage, LineageEdge

DECLARED = (
    ("model", "trained_on", "examples"),
    ("model", "schema", "schema"),
    ("model", "base_model", "base_model"),
    ("evaluation", "evaluated_by", "model"),
)
"""What the inputs mean by their names: made, role, and what it was made from."""

_BASELINE, _SELECTED = "baseline_model", "selected_from"

MOST_VERSIONS, STEPS_DOWN = 60, 2
"""Of a picture: a graph with more is none that anybody reads."""

_ROLES = {
    ("Model", EXAMPLES): "trained_on",
    ("Model", "Model"): "base_model",
    (EVALUATION, "Model"): "evaluated_by",
    (EVALUATION, EXAMPLES): "evaluated_on",
}


@dataclass(frozen=True)
class LinkRequest:
    """One run's lineage.

    Attributes:
        assets: Input's name -> reference by digest of the version that it holds; ``model`` is always there.
        registry: URL; None for the environment's.
        metadata: Address of the metadata store that the run is recorded in; None when it cannot be read here.
        name: Asset that keeps the links; None for ``lineage/<the model's name>``.
        provenance: Where this is known from.
    """

    assets: Mapping[str, str]
    registry: str | None = None
    metadata: str | None = None
    name: str | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Linked:
    """What came of it: how many links the run tells, which are new, and the graph around the model."""

    links: tuple[LineageEdge, ...]
    recorded: str | None
    graph: Lineage

    def documents(self) -> dict[str, bytes]:
        """Return the graph as JSON, DOT and SVG; the JSON says which links this run told."""
        document = {
            **self.graph.to_json(),
            "links": [link.to_json() for link in self.links],
            "recorded": self.recorded,
        }
        return {
            "lineage.json": json.dumps(document, indent=1, sort_keys=True).encode(),
            "lineage.dot": self.graph.to_dot().encode(),
            "lineage.svg": self.graph.to_svg().encode(),
        }


def link(request: LinkRequest) -> Linked:
    """Record what the run tells of what was made from what; done again, it changes nothing.

    Raises:
        NotFoundError: The registry, a version, or the metadata store is not there.
        InvalidInputError: A name or an address that can never work.
        FormatError, BackendError: The metadata store cannot be read.
    """
    found = set(declared_links(request.assets))
    if request.metadata:
        found |= observed_links(open_history(request.metadata), request.assets.values())
    model = AssetRef.parse(request.assets["model"])
    with open_existing(request.registry) as registry:
        there = {end: registry.exists(end) for edge in found for end in (edge.made, edge.made_from)}
        links = sorted((e for e in found if there[e.made] and there[e.made_from]), key=lambda e: str(e.to_json()))
        asset = request.name or f"ama://{model.asset.workspace}/lineage/{model.asset.name}"
        kept = record_links(registry, asset, links, request.provenance)
        graph = registry.lineage.graph(model, up=None, down=STEPS_DOWN, most=MOST_VERSIONS)
    return Linked(tuple(links), str(kept.version.reference) if kept else None, graph)


def declared_links(assets: Mapping[str, str]) -> Iterator[LineageEdge]:
    """Yield what the names of the inputs say."""
    for made, role, source in DECLARED:
        if made in assets and source in assets and assets[made] != assets[source]:
            yield LineageEdge(AssetRef.parse(assets[made]), role, AssetRef.parse(assets[source]))


def observed_links(history: History, references: Iterable[str]) -> set[LineageEdge]:
    """Return what a metadata store says of what these versions were made from.

    That is, of each, the nearest things before it that are registered, whatever lies between them: a model was trained
    on the registered examples even if a Transform that nobody registered made others of them.
    """
    found = set()
    for text in dict.fromkeys(references):
        artifact = history.artifact(text)
        graph = without_reports(history.lineage(artifact.id, down=0))
        known = history.references(graph.artifacts)
        for source, key in _nearest(graph, artifact.id, known):
            other = known[source][0]
            if other != text:
                role = role_of(artifact.type, graph.artifacts[source].type, key)
                found.add(LineageEdge(AssetRef.parse(text), role, AssetRef.parse(other)))
    return found


def role_of(made: str, source: str, key: str) -> str:
    """Return what something was used as.

    Args:
        made: Type of what was made of it.
        source: Its own type.
        key: Name of the input, of the node that made the other, on the way to it.
    """
    if key == _BASELINE:
        return "compared_with"
    if key == _SELECTED and (made, source) == ("Model", "Model"):
        return _SELECTED
    if source == "Schema":
        return "schema"
    return _ROLES.get((made, source), key or "input")


def _nearest(graph: Graph, start: int, known: Mapping[int, Any]) -> Iterator[tuple[int, str]]:
    """Yield the nearest registered artifacts before one, each with the first input's name on the shortest way."""
    seen, waiting = {start}, [(start, "")]
    for artifact, key in waiting:
        for event in _inputs(graph, artifact):
            if event.artifact_id in seen:
                continue
            seen.add(event.artifact_id)
            way = event.key if key in {"", _SELECTED} else key
            if event.artifact_id in known:
                yield event.artifact_id, way
            elif event.key != _BASELINE:
                waiting.append((event.artifact_id, way))


def _inputs(graph: Graph, artifact_id: int) -> list[Event]:
    """Return what an artifact was made from: of candidates the one that was selected; a baseline comes last."""
    maker, artifact = graph.maker(artifact_id), graph.artifacts.get(artifact_id)
    events = graph.inputs(maker.id) if maker else []
    chosen = artifact.fact(_SELECTED) if artifact else None
    models = {one.id: one.uri for one in graph.artifacts.values() if artifact and one.type == artifact.type}
    if chosen is not None and chosen in {models.get(event.artifact_id) for event in events}:
        events = [replace(e, key=_SELECTED) for e in events if models.get(e.artifact_id) == chosen]
    return sorted(events, key=lambda event: event.key == _BASELINE)
