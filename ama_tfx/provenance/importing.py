"""Taking a run into the registry, so that what it did can be told when its metadata store is gone."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ama_tfx.catalog.lineage import RUN_KIND
from ama_tfx.errors import InvalidInputError
from ama_tfx.provenance.documents import run_document
from ama_tfx.provenance.history import History
from ama_tfx.provenance.measured import measured
from ama_tfx.provenance.questions import Evaluation
from ama_tfx.provenance.run_details import RunDetails
from ama_tfx.provenance.type_names import ASSET, EVALUATION
from ama_tfx.registry import AssetRef, Bump, Facts, Ref, Registered, check_label
from ama_tfx.storage import canonical_json

if TYPE_CHECKING:
    from ama_tfx.registry import Registry

__all__ = ["ImportedRun", "RunRecord", "import_run", "record_run"]

FORMAT = "ama-run/1"
RUN_FILE = "run.json"
REGISTERED, USED = "registered", "used"
"""Roles: of versions that the run registered, and of those that it only took."""


@dataclass(frozen=True)
class RunRecord:
    """A run as it is registered.

    Attributes:
        asset: Under which name, unless another is told.
        document: What ``run.json`` says.
        references: Role and reference by digest of each version that the run registered or took.
        metrics: Reference -> metrics that the run measured of that version, over all of the data.
    """

    asset: str
    document: Mapping[str, Any]
    references: tuple[tuple[str, str], ...]
    metrics: Mapping[str, Mapping[str, float]]

    def to_bytes(self) -> bytes:
        """Return ``run.json``, canonical: the same run gives the same bytes."""
        return canonical_json(self.document)


@dataclass(frozen=True)
class ImportedRun:
    """What importing a run did.

    Attributes:
        registered: The version; ``created`` says whether it is new.
        missing: References of versions that this registry does not have; they stand in ``run.json``.
        noted: Reference -> metrics that were noted of that version now.
    """

    registered: Registered
    missing: tuple[str, ...]
    noted: Mapping[str, Mapping[str, float]]


def record_run(history: History, details: RunDetails) -> RunRecord:
    """Return what is to be registered of a run; reads the store and the files of its evaluations, changes nothing."""
    until = max((node.started_at for node in details.nodes), default=details.run.created_at)
    known = history.references(details.artifacts, until=until)
    document = {"format": FORMAT, **run_document(details)}
    for artifact in document["artifacts"]:
        artifact["references"] = sorted(known.get(int(artifact["id"]), ()))
    return RunRecord(
        asset=asset_of(details.pipeline),
        document=document,
        references=tuple(sorted(_references(details, known))),
        metrics=_metrics(details, known),
    )


def import_run(registry: Registry, record: RunRecord, asset: str | None = None) -> ImportedRun:
    """Register a run as a version of kind ``Run``; done again, it is the same version.

    Its refs lead to the versions that the run registered and took, as far as the registry has them. What the run
    measured is noted of them; a metric that a version has already is left as it is.

    Args:
        registry: Where.
        record: From `record_run`.
        asset: Of which asset it becomes a version; ``runs/<pipeline>`` by default.

    Raises:
        AmaError: What `Registry.register` and `Notes.record_metrics` raise.
    """
    there = {reference: registry.exists(reference) for _, reference in record.references}
    refs = tuple(Ref(AssetRef.parse(text), role) for role, text in record.references if there[text])
    document = record.document
    facts = Facts(
        kind=RUN_KIND,
        message=f"run {document['run']} of pipeline {document['pipeline']}: {document['state']}",
        properties={key: document[key] for key in ("pipeline", "run", "state")},
        refs=refs,
        provenance={"pipeline": document["pipeline"], "run_id": document["run"]},
        bump=Bump.PIPELINE,
    )
    with tempfile.TemporaryDirectory(prefix="ama-run-") as folder:
        file = Path(folder, RUN_FILE)
        file.write_bytes(record.to_bytes())
        registered = registry.register(asset or record.asset, file, facts)
    noted = {text: _note(registry, text, metrics) for text, metrics in record.metrics.items() if there.get(text)}
    missing = tuple(text for text, is_there in there.items() if not is_there)
    return ImportedRun(registered, missing, {text: metrics for text, metrics in noted.items() if metrics})


def asset_of(pipeline: str) -> str:
    """Return the asset of a pipeline's runs; what cannot be part of a name is replaced, and told apart by a hash."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", pipeline).strip("-.")[:100].rstrip("-.") or "unnamed"
    if not _is_label(plain):
        plain = "pipeline"
    if plain != pipeline:
        plain += f"-{hashlib.sha256(pipeline.encode('utf-8', 'backslashreplace')).hexdigest()[:8]}"
    return f"runs/{plain}"


def _references(details: RunDetails, known: Mapping[int, tuple[str, ...]]) -> set[tuple[str, str]]:
    registrars = [node for node in details.nodes if any(event.key == "artifact" for event in node.inputs)]
    made = {event.artifact_id for node in registrars for event in node.outputs}  # an imported version is taken
    assets = [one for one in details.artifacts.values() if one.type == ASSET]
    registered = {text for one in assets if one.id in made for text in known.get(one.id, ())}
    taken = {text for one in details.artifacts for text in known.get(one, ())} - registered
    return {(REGISTERED, text) for text in registered} | {(USED, text) for text in taken}


def _metrics(details: RunDetails, known: Mapping[int, tuple[str, ...]]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for evaluation, model in _evaluations(details):
        names = {name: value for name, value in measured(evaluation).overall.items() if _is_label(name)}
        for reference in known.get(model, ()) if names else ():
            found.setdefault(reference, {}).update(names)
    return found


def _evaluations(details: RunDetails) -> Iterator[tuple[Evaluation, int]]:
    """Yield what the run evaluated, with the model's id."""
    for node in details.nodes:
        models = [event.artifact_id for event in node.inputs if event.key == "model"]
        for event in node.outputs:
            artifact = details.artifacts.get(event.artifact_id)
            if artifact and artifact.type == EVALUATION and len(models) == 1:
                yield Evaluation(artifact, node.execution, (), ()), models[0]


def _is_label(name: str) -> bool:
    try:
        check_label(name, "metric")
    except InvalidInputError:
        return False
    return True


def _note(registry: Registry, reference: str, metrics: Mapping[str, float]) -> dict[str, float]:
    known = registry.notes.metrics(reference)
    news = {name: value for name, value in metrics.items() if name not in known}
    return registry.notes.record_metrics(reference, news) if news else {}
