"""What changed from one TFX Schema to another, and what of it breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ama_tfx.inspection.facts import FeatureFact, SchemaChange

_VALUE = re.compile(r'"(?:[^"\\]|\\.)*"|[^,\s][^,]*')


def schema_changes(old: Sequence[FeatureFact], new: Sequence[FeatureFact]) -> tuple[SchemaChange, ...]:
    """Return what changed, by feature.

    Breaking is what makes data or models that fitted the old schema fail under the new one: a feature that is gone or
    has become required, one of another type or shape, a domain that lost values. Not breaking is what only allows more.

    Args:
        old: The schema before.
        new: The schema after.
    """
    before, after = ({feature.name: feature for feature in features} for features in (old, new))
    changes: list[SchemaChange] = []
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            changes.append(SchemaChange(name, f"removed ({before[name].type})", True))
        elif name not in before:
            required = _is_required(after[name])
            changes.append(SchemaChange(name, f"added ({after[name].type}, {after[name].presence})", required))
        else:
            changes += _of_feature(before[name], after[name])
    return tuple(changes)


def _of_feature(old: FeatureFact, new: FeatureFact) -> Iterator[SchemaChange]:
    if old.type != new.type:
        yield SchemaChange(old.name, f"type {old.type} -> {new.type}", True)
    if old.presence != new.presence:
        breaks = (_is_required(new) and not _is_required(old)) or (_is_gone(new) and not _is_gone(old))
        yield SchemaChange(old.name, f"presence {old.presence} -> {new.presence}", breaks)
    if old.shape != new.shape:
        yield SchemaChange(old.name, f"shape {old.shape or 'any'} -> {new.shape or 'any'}", True)
    if old.domain != new.domain:
        breaks = not _is_wider(old.domain, new.domain)
        yield SchemaChange(old.name, f"domain {old.domain or 'any'} -> {new.domain or 'any'}", breaks)


def _is_required(feature: FeatureFact) -> bool:
    return feature.presence.startswith("required")


def _is_gone(feature: FeatureFact) -> bool:
    return any(word in feature.presence for word in ("deprecated", "disabled", "planned", "debug_only"))


def _is_wider(old: str, new: str) -> bool:
    """Return whether the new domain takes every value that the old one takes, as far as their texts tell."""
    if not new:
        return True
    kind, _, rest = old.partition(" ")
    new_kind, _, new_rest = new.partition(" ")
    if kind != new_kind or not old:
        return False
    if kind == "strings":
        values, new_values = (_values(text) for text in (rest, new_rest))
        return values is not None and (new_values is None or values <= new_values)
    limits, new_limits = _limits(rest), _limits(new_rest)
    return (
        new_limits[0] <= limits[0] and limits[1] <= new_limits[1] and ("categorical" in old) == ("categorical" in new)
    )


def _values(text: str) -> set[str] | None:
    return set(_VALUE.findall(text[1:-1])) if text else None


def _limits(text: str) -> tuple[float, float]:
    least, dots, most = text.removesuffix("categorical").strip().partition("..")
    if not dots:
        return float("-inf"), float("inf")
    return float(least or "-inf"), float(most or "inf")
