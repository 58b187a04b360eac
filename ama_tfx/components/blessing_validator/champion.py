"""What the registry says: of the champion, of its alias, and of who approved the candidate."""

import contextlib
import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from absl import logging

from ama_tfx.catalog.lineage import VERDICT_KIND
from ama_tfx.components.asset_importer.work import open_existing
from ama_tfx.components.blessing_validator import absence
from ama_tfx.components.bounds import direction
from ama_tfx.components.verdicts import read_verdict
from ama_tfx.errors import AmaError, IntegrityError, NotFoundError
from ama_tfx.provenance.type_names import EVALUATION
from ama_tfx.registry import AssetRef, Details, Registry
from ama_tfx.storage import canonical_json

APPROVED_BY = "approved-by/"
"""A version tagged ``approved-by/ann`` by ann has her approval."""

ROLES = {EVALUATION: "evaluated_by", VERDICT_KIND: "judged"}
"""Kinds of versions that tell metrics of a model -> the role of the ref between these and that model."""

MOST_LINKED = 20
"""How many linked versions are read, the newest: of a champion that is evaluated daily there are hundreds."""

MOST_LINKED_BYTES = 64 * 1024 * 1024
"""Size of a linked version that is still downloaded to be read."""

METRIC_PREFIXES = ("", "eval.", "eval/")
"""What may stand before a metric's name in the registry, in the order in which they are looked for."""


@dataclass(frozen=True)
class Champion:
    """A version that a candidate is compared with.

    Attributes:
        reference: By digest.
        size_bytes: Sum of its files' sizes.
        metrics: Noted in the registry.
        files: Path -> SHA-256 in hexadecimal.
        linked: Kind and reference, by digest, of evaluations and verdicts of it, the newest last.
        unread: Why some of these do not count.
    """

    reference: str
    size_bytes: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    linked: tuple[tuple[str, str], ...] = ()
    unread: tuple[str, ...] = ()

    def metric(self, name: str) -> float | None:
        """Return a metric by its name, which may have a prefix in the registry, as ``eval.auc``."""
        return next((self.metrics[p + name] for p in METRIC_PREFIXES if p + name in self.metrics), None)


@dataclass(frozen=True)
class RegistryState:
    """What of the registry a verdict depends on.

    Attributes:
        champion: None when there is none.
        missing: Why there is none.
        is_first: Whether that is because there has never been one, so that a first model has nothing to beat.
        is_protected: Whether the champion's alias is protected and needs a blessing.
        approved_by: Who approved the candidate.
    """

    champion: Champion | None = None
    missing: str = ""
    is_first: bool = False
    is_protected: bool = False
    approved_by: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """Return what differs when anything of it does: a verdict from before is stale then."""
        champion = self.champion
        told = {
            "champion": None if champion is None else champion.reference,
            "metrics": {} if champion is None else dict(champion.metrics),
            "linked": [] if champion is None else [list(pair) for pair in champion.linked],
            "first": self.is_first,
            "protected": self.is_protected,
            "approved_by": list(self.approved_by),
        }
        return hashlib.sha256(canonical_json(told)).hexdigest()


@dataclass(frozen=True)
class Sought:
    """What to look up.

    Attributes:
        registry: URL; None for the environment's.
        champion: A reference, by alias as a rule; None when nothing is compared.
        candidate: Reference by digest of the registered candidate; None when it is not registered.
        pinned: The champion by digest, when it was resolved before; then that one counts, wherever the alias is now.
    """

    registry: str | None
    champion: str | None
    candidate: str | None = None
    pinned: str | None = None


def look_up(sought: Sought) -> RegistryState:
    """Look up what a verdict depends on; what is not there is part of the answer.

    Raises:
        BackendError: The registry cannot be reached.
    """
    with _opened(sought.registry) as registry:
        if registry is None:
            return RegistryState(missing="there is no registry yet", is_first=True)
        state = RegistryState() if sought.champion is None else _champion_state(registry, sought)
        if sought.candidate is None:
            return state
        return replace(state, approved_by=_approved_by(registry, sought.candidate))


def with_linked_metrics(registry_url: str | None, champion: Champion, own: Mapping[str, bool]) -> Champion:
    """Return a champion with what registered evaluations and verdicts say of it too; what was noted counts more.

    ``own`` says of which own metrics more is better.

    One that cannot be read, is very large, or says that it is of another model too tells nothing: then a metric is not
    known, and *unknown* is not *yes*.
    """
    found: dict[str, float] = {}
    unread: list[str] = []
    with _opened(registry_url) as registry, tempfile.TemporaryDirectory(prefix="ama-champion-") as folder:
        for number, (kind, reference) in enumerate(champion.linked if registry else ()):
            assert registry is not None
            target = Path(folder, str(number))
            try:
                _check_linked(registry.show(reference), kind, champion)
                registry.download(reference, target)
                found |= _METRICS[kind](str(target), own)
            except AmaError as error:
                told = str(error).replace(str(target), reference)
                logging.warning("%s tells no metrics of the champion: %s", reference, told)
                unread.append(f"{reference}: {told}")
    return replace(champion, metrics={**found, **champion.metrics}, unread=tuple(unread))


def _check_linked(details: Details, kind: str, champion: Champion) -> None:
    others = {str(version.reference) for role, version in details.refs if role == ROLES[kind]} - {champion.reference}
    if others:
        raise IntegrityError(f"it is {ROLES[kind]} {', '.join(sorted(others))}; expected the champion alone")
    if details.version.size_bytes > MOST_LINKED_BYTES:
        size = details.version.size_bytes
        raise IntegrityError(f"it has {size} bytes; expected {MOST_LINKED_BYTES} at most of {kind}")


def _metrics_of_evaluation(folder: str, _: Mapping[str, bool]) -> dict[str, float]:
    from ama_tfx.components.evaluations import read_evaluation  # TFMA: seconds to import

    return {name: found.value for name, found in read_evaluation(folder).all_found().items()}


def _metrics_of_verdict(folder: str, own: Mapping[str, bool]) -> dict[str, float]:
    """Return what a verdict tells; of several numbers of one name that which is hardest to beat."""
    found: dict[str, list[float]] = {}
    for signal in read_verdict(folder).signals:
        if isinstance(signal.value, int | float):
            name = f"{signal.name}[{signal.slice}]" if signal.slice else signal.name
            found.setdefault(name, []).append(float(signal.value))
    return {name: max(told) if direction(name, own) else min(told) for name, told in found.items()}


_METRICS = {EVALUATION: _metrics_of_evaluation, VERDICT_KIND: _metrics_of_verdict}


def _opened(url: str | None) -> contextlib.AbstractContextManager[Registry | None]:
    try:
        return open_existing(url)
    except NotFoundError:
        return contextlib.nullcontext()


def _champion_state(registry: Registry, sought: Sought) -> RegistryState:
    assert sought.champion is not None
    ref = AssetRef.parse(sought.champion, registry.workspace)
    is_protected = _is_protected(registry, ref)
    try:
        champion = _champion(registry.show(sought.pinned or sought.champion))
    except NotFoundError as error:
        told = absence.hint(registry, ref)
        return RegistryState(None, f"{error}{told or ''}", told is None, is_protected)
    return RegistryState(champion, is_protected=is_protected)


def _champion(details: Details) -> Champion:
    around = [version for role, version in (*details.refs, *details.used_by) if ROLES.get(version.kind) == role]
    newest = sorted(around, key=lambda version: (version.created_at, str(version.reference)))[-MOST_LINKED:]
    return Champion(
        reference=str(details.version.reference),
        size_bytes=details.version.size_bytes,
        metrics=dict(details.metrics),
        files={entry.path: entry.digest.hex for entry in details.files},
        linked=tuple((version.kind, str(version.reference)) for version in newest),
    )


def _is_protected(registry: Registry, ref: AssetRef) -> bool:
    try:
        rules = registry.protection.rules(ref.asset)
    except NotFoundError:
        return False
    return any(rule.name == str(ref.selector) and rule.needs_blessing for rule in rules)


def _approved_by(registry: Registry, candidate: str) -> tuple[str, ...]:
    """Return who approved a version: by a tag that is there now, and that the audit log says was set by that person."""
    details = registry.show(candidate)
    version = details.version
    tagged_by: dict[str, str] = {}
    for entry in registry.audit.entries(version.asset):
        if entry.action == "version.tag" and entry.details.get("version") == version.number:
            tagged_by |= dict.fromkeys(entry.details["tags"], entry.actor)
    names = [tag.removeprefix(APPROVED_BY) for tag in details.tags if tag.startswith(APPROVED_BY)]
    return tuple(sorted(n for n in names if tagged_by.get(APPROVED_BY + n) == n and n != version.created_by))
