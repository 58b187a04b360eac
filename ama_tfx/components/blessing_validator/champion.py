"""What the registry says: of the champion, of its alias, and of who approved the candidate."""

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from absl import logging

from ama_tfx.components.verdicts import read_verdict
from ama_tfx.errors import AmaError, NotFoundError, did_you_mean
from ama_tfx.registry import Alias, AssetRef, Details, Registry, default_registry_url
from ama_tfx.storage import canonical_json

APPROVED_BY = "approved-by/"
"""A version tagged ``approved-by/ann`` by ann has her approval."""

EVALUATION, VERDICT = "ModelEvaluation", "ama_tfx.Verdict"
"""Kinds of versions that tell metrics of the model that they are linked with."""

MOST_LINKED = 20
"""How many linked versions are read, the newest: of a champion that is evaluated daily there are hundreds."""

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
        linked: Kind and reference, by digest, of evaluations and verdicts that are linked with it, the newest last.
    """

    reference: str
    size_bytes: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    linked: tuple[tuple[str, str], ...] = ()

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


def with_linked_metrics(registry_url: str | None, champion: Champion) -> Champion:
    """Return a champion with what registered evaluations and verdicts say of it too; what was noted counts more.

    One that cannot be read tells nothing: then a metric is not known, and *unknown* is not *yes*.
    """
    found: dict[str, float] = {}
    with _opened(registry_url) as registry, tempfile.TemporaryDirectory(prefix="ama-champion-") as folder:
        for number, (kind, reference) in enumerate(champion.linked if registry else ()):
            assert registry is not None
            target = Path(folder, str(number))
            try:
                registry.download(reference, target)
                found |= _METRICS[kind](str(target))
            except AmaError as error:
                logging.warning("%s tells no metrics of the champion: %s", reference, error)
    return replace(champion, metrics={**found, **champion.metrics})


def _metrics_of_evaluation(folder: str) -> dict[str, float]:
    from ama_tfx.components.evaluations import read_evaluation  # TFMA: seconds to import

    return {name: found.value for name, found in read_evaluation(folder).all_found().items()}


def _metrics_of_verdict(folder: str) -> dict[str, float]:
    return {
        f"{signal.name}[{signal.slice}]" if signal.slice else signal.name: float(signal.value)
        for signal in read_verdict(folder).signals
        if isinstance(signal.value, int | float)
    }


_METRICS = {EVALUATION: _metrics_of_evaluation, VERDICT: _metrics_of_verdict}


@contextlib.contextmanager
def _opened(url: str | None) -> Iterator[Registry | None]:
    try:
        registry = Registry(url or default_registry_url())
    except NotFoundError:
        yield None
        return
    with registry:
        yield registry


def _champion_state(registry: Registry, sought: Sought) -> RegistryState:
    assert sought.champion is not None
    ref = AssetRef.parse(sought.champion, registry.workspace)
    is_protected = _is_protected(registry, ref)
    try:
        champion = _champion(registry.show(sought.pinned or sought.champion))
    except NotFoundError as error:
        return RegistryState(None, str(error), _never_was(registry, ref), is_protected)
    return RegistryState(champion, is_protected=is_protected)


def _champion(details: Details) -> Champion:
    around = [version for _, version in (*details.refs, *details.used_by) if version.kind in (EVALUATION, VERDICT)]
    newest = sorted(around, key=lambda version: (version.created_at, str(version.reference)))[-MOST_LINKED:]
    return Champion(
        reference=str(details.version.reference),
        size_bytes=details.version.size_bytes,
        metrics=dict(details.metrics),
        files={entry.path: entry.digest.hex for entry in details.files},
        linked=tuple((version.kind, str(version.reference)) for version in newest),
    )


def _never_was(registry: Registry, ref: AssetRef) -> bool:
    """Return whether nothing was ever there; an alias that was removed, or is misspelt, is another matter."""
    if not isinstance(ref.selector, Alias):
        return not registry.exists(AssetRef(ref.asset))
    try:
        known = [alias.name for alias in registry.aliases(ref.asset)]
        return not registry.alias_moves(ref.asset, ref.selector.name) and not did_you_mean(ref.selector.name, known)
    except NotFoundError:
        return True


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
