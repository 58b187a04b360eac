"""Which part of MAJOR.MINOR.PIPELINE a new version raises; the rule is in ``docs/reference/versions.md``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ama_tfx.registry.metric_directions import higher_is_better, is_better, primary_metric
from ama_tfx.registry.results import Bump

if TYPE_CHECKING:
    from ama_tfx.inspection import FeatureFact, SchemaChange
    from ama_tfx.registry.comparison.signatures import Signatures

_TARGETS = {
    *("label", "labels", "label_key", "label_keys", "label_name", "label_column"),
    *("target", "targets", "target_key", "target_name", "target_column"),
}
_OF_DATA = {"data", "dataset", "features", "input", "label", "model", "schema", "train", "trainer", "training"}
_MOST_REASONS = 5
_LONGEST_VALUE = 60
_LONGEST_REASON = 300


@dataclass(frozen=True)
class BumpFacts:
    """What a decision is made from; what is not known is empty, and says nothing.

    Attributes:
        schemas: Features by where the schema is: the path of a file, or ``ref schema``.
        signatures: Of SavedModels, by path.
        parameters: Dotted names -> values, of files and properties.
        metrics: Name -> value; of a file with its path and ``: `` before it.
        pipeline: What it was made with: ``pipeline``, ``code``.
        files: Path -> digest in hexadecimal, as far as they were compared.
    """

    schemas: Mapping[str, tuple[FeatureFact, ...]] = field(default_factory=dict)
    signatures: Mapping[str, Signatures] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    pipeline: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BumpDecision:
    """Which part is raised, and why, in words with numbers."""

    bump: Bump
    reasons: tuple[str, ...]


def decide_bump(old: BumpFacts | None, new: BumpFacts) -> BumpDecision:
    """Decide which part a new version raises.

    MAJOR when the data's schema, the target, or a signature is incompatible; else MINOR when the metric that counts
    first got better; else PIPELINE. What is not known is no reason for MAJOR or MINOR.

    Args:
        old: Of the version before; None for the first one.
        new: Of the new one.
    """
    if old is None:
        return BumpDecision(Bump.PIPELINE, ("the first version",))
    if major := [*_schemas(old, new), *_signatures(old, new), *_targets(old, new)]:
        return BumpDecision(Bump.MAJOR, _first(major))
    better, told = _metrics(old, new)
    if better:
        return BumpDecision(Bump.MINOR, _first([told]))
    reasons = [*filter(None, [told]), *_pipeline(old, new), *_parameters(old, new)]
    return BumpDecision(Bump.PIPELINE, _first(reasons or list(_files(old, new))))


def is_target(name: str) -> bool:
    """Return whether a parameter names what is predicted: ``label_key``, ``data.target``; not ``deploy.target``."""
    *outer, last = name.lower().replace("-", "_").split(".")
    if last not in _TARGETS:
        return False
    return not last.startswith("target") or not outer or outer[-1] in _OF_DATA


def _schemas(old: BumpFacts, new: BumpFacts) -> Iterator[str]:
    # Inspection takes 150 ms to import, and most versions have no schema.
    for where in sorted(old.schemas.keys() & new.schemas.keys()):
        from ama_tfx.inspection import schema_changes

        yield from _breaking(where, schema_changes(old.schemas[where], new.schemas[where]))


def _signatures(old: BumpFacts, new: BumpFacts) -> Iterator[str]:
    for where in sorted(old.signatures.keys() & new.signatures.keys()):
        from ama_tfx.registry.comparison.signatures import signature_changes

        yield from _breaking(where, signature_changes(old.signatures[where], new.signatures[where]))


def _breaking(where: str, changes: Iterable[SchemaChange]) -> Iterator[str]:
    for change in changes:
        if change.is_breaking:
            yield f"{where}: {change.feature}: {change.what}"


def _targets(old: BumpFacts, new: BumpFacts) -> Iterator[str]:
    for name in sorted(old.parameters.keys() & new.parameters.keys()):
        before, after = old.parameters[name], new.parameters[name]
        if is_target(name.rpartition(": ")[2]) and before != after:
            yield f"the target changed: {name} from {_shown(before)} to {_shown(after)}"


def _metrics(old: BumpFacts, new: BumpFacts) -> tuple[bool, str]:
    """Return whether the first metric that both have got better, and what became of it."""
    both = old.metrics.keys() & new.metrics.keys()
    name = primary_metric(both)
    if name is None:
        return False, ""
    before, after = old.metrics[name], new.metrics[name]
    better = is_better(name, before, after)
    if better is None:
        return False, f"{name} stayed at {before:.6g}"
    way = "rose" if after > before else "fell"
    wanted = "higher" if higher_is_better(name) else "lower"
    word = "better" if better else "worse"
    return better, f"{name} {way} from {before:.6g} to {after:.6g}, which is {word} ({wanted} is better)"


def _pipeline(old: BumpFacts, new: BumpFacts) -> Iterator[str]:
    for name in sorted(old.pipeline.keys() & new.pipeline.keys()):
        if old.pipeline[name] != new.pipeline[name]:
            yield f"{name} changed from {_shown(old.pipeline[name])} to {_shown(new.pipeline[name])}"


def _parameters(old: BumpFacts, new: BumpFacts) -> Iterator[str]:
    for name in sorted({*old.parameters, *new.parameters}):
        before, after = old.parameters.get(name), new.parameters.get(name)
        if name not in new.parameters:
            yield f"parameter {name} is gone"
        elif name not in old.parameters:
            yield f"parameter {name} is new: {_shown(after)}"
        elif before != after:
            yield f"parameter {name} changed from {_shown(before)} to {_shown(after)}"


def _files(old: BumpFacts, new: BumpFacts) -> Iterator[str]:
    for path in sorted(old.files.keys() & new.files.keys()):
        if old.files[path] != new.files[path]:
            yield f"file {path} changed"


def _first(reasons: list[str]) -> tuple[str, ...]:
    """Return the first few reasons; a decision is told on a line, and kept in the log for ever."""
    if not reasons:
        return ("nothing says that the data or the target is another, or that the result got better",)
    more = len(reasons) - _MOST_REASONS
    # Names in files may be of any length, and hold halves of surrogate pairs, which no log can keep.
    told = (reason[:_LONGEST_REASON].encode(errors="backslashreplace").decode() for reason in reasons[:_MOST_REASONS])
    return (*told, *([f"and {more} more"] if more > 0 else []))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
