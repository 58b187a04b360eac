"""From the results of the commands about names and notes to reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ama_tfx.cli.report import Facts, Report, Table
from ama_tfx.cli.text import human_time
from ama_tfx.cli.views import move_words, short_asset, short_version
from ama_tfx.registry import AliasMove, AliasRow, AliasRule, AssetName, Details, Pin, Version


def moved_report(asset: AssetName, alias: str, move: AliasMove | None, workspace: str, *, dry_run: bool) -> Report:
    """Say what became of an alias; None for a move that was none."""
    document = {
        **_asset(asset),
        "alias": alias,
        "moved": move is not None,
        "from": move.from_version if move else None,
        "to": move.to_version if move else None,
        "reason": move.reason if move else "",
        "dry_run": dry_run,
    }
    if move is None:
        line = f"alias {alias} of {short_asset(asset, workspace)} is there already"
    else:
        would = " (dry run: nothing was changed)" if dry_run else ""
        line = f"{short_asset(asset, workspace)}: {move_words(move)}{would}"
    return Report(document, (f"{asset}:{alias}",), (line,))


def aliases_report(asset: AssetName, aliases: Sequence[AliasRow], rules: Sequence[AliasRule]) -> Report:
    """List an asset's aliases, and the protected ones that point nowhere."""
    there = {row.name: row for row in aliases}
    protected = {rule.name: rule for rule in rules}
    names = sorted({*there, *protected})
    rows = tuple(_alias_row(name, there.get(name), protected.get(name)) for name in names)
    return Report(
        [_alias_document(asset, name, there.get(name), protected.get(name)) for name in names],
        tuple(f"{asset}:{name}" for name in names),
        (Table(("alias", "version", "protection", "moved", "by"), rows) if rows else "no aliases",),
    )


def moves_report(asset: AssetName, moves: Sequence[AliasMove]) -> Report:
    """List the moves of aliases."""
    rows = tuple((human_time(move.moved_at), move.moved_by, move_words(move), move.reason) for move in moves)
    return Report(
        [
            {
                "at": move.moved_at.isoformat(),
                "by": move.moved_by,
                "alias": move.name,
                "from": move.from_version,
                "to": move.to_version,
                "reason": move.reason,
            }
            for move in moves
        ],
        tuple(f"{asset}:{move.name}" for move in moves),
        (Table(("when", "who", "what", "reason"), rows) if rows else "no moves",),
    )


def protected_report(asset: AssetName, rule: AliasRule, *, is_protected: bool) -> Report:
    """Say that an alias is protected, or is not any more."""
    document = {**_asset(asset), "alias": rule.name, "protected": is_protected, **_rule_document(rule)}
    what = _protection(rule) if is_protected else "no longer protected"
    return Report(document, (f"{asset}:{rule.name}",), (f"alias {rule.name} of {asset.name} is {what}",))


def tags_report(details: Details, changed: Sequence[str], workspace: str, *, removed: bool, dry_run: bool) -> Report:
    """Say a version's tags, and which of them are new or gone."""
    name = short_version(details.version, workspace)
    news = {"added": [] if removed else [*changed], "removed": [*changed] if removed else [], "dry_run": dry_run}
    lines = [f"{name} has the tags: {', '.join(details.tags) or '-'}"]
    if changed:
        verb = ("would lose" if dry_run else "lost") if removed else "got"
        lines.insert(0, f"{name} {verb}: {', '.join(changed)}")
    return Report({**_version(details.version), "tags": [*details.tags], **news}, details.tags, tuple(lines))


def metrics_report(details: Details, changed: Mapping[str, float], workspace: str) -> Report:
    """Show a version's metrics."""
    document = {**_version(details.version), "metrics": dict(details.metrics), "changed": sorted(changed)}
    rows = tuple((name, repr(value)) for name, value in details.metrics.items())
    none = f"{short_version(details.version, workspace)} has no metrics"
    return Report(document, tuple(f"{name}={value}" for name, value in rows), (Facts(rows) if rows else none,))


def description_report(asset: AssetName, text: str) -> Report:
    """Show what an asset is said to be."""
    shown = tuple(text.split("\n")) if text else (f"{asset.name} has no description",)
    return Report({**_asset(asset), "description": text}, tuple(filter(None, (text,))), shown)


def pinned_report(pin: Pin, workspace: str) -> Report:
    """Say that a version is pinned."""
    line = f"pinned {short_version(pin.version, workspace)}" + (f": {pin.reason}" if pin.reason else "")
    return Report(_pin_document(pin), (str(pin.version.reference),), (line,))


def unpinned_report(version: Version, workspace: str) -> Report:
    """Say that a version is pinned no more."""
    return Report(_version(version), (str(version.reference),), (f"unpinned {short_version(version, workspace)}",))


def pins_report(pins: Sequence[Pin], workspace: str) -> Report:
    """List what is pinned."""
    rows = tuple(
        (short_version(pin.version, workspace), human_time(pin.pinned_at), pin.pinned_by, pin.reason) for pin in pins
    )
    return Report(
        [_pin_document(pin) for pin in pins],
        tuple(str(pin.version.reference) for pin in pins),
        (Table(("version", "pinned", "by", "reason"), rows) if rows else "nothing is pinned",),
    )


def _alias_row(name: str, alias: AliasRow | None, rule: AliasRule | None) -> tuple[str, ...]:
    where = (str(alias.version), human_time(alias.moved_at), alias.moved_by) if alias else ("-", "-", "-")
    return name, where[0], _protection(rule) if rule else "-", where[1], where[2]


def _alias_document(asset: AssetName, name: str, alias: AliasRow | None, rule: AliasRule | None) -> dict[str, Any]:
    return {
        **_asset(asset),
        "alias": name,
        "version": alias.version if alias else None,
        "moved_at": alias.moved_at.isoformat() if alias else None,
        "moved_by": alias.moved_by if alias else None,
        "protected": rule is not None,
        "needs_blessing": rule is not None and rule.needs_blessing,
    }


def _protection(rule: AliasRule) -> str:
    return "protected, for blessed versions only" if rule.needs_blessing else "protected"


def _rule_document(rule: AliasRule) -> dict[str, Any]:
    return {"needs_blessing": rule.needs_blessing, "set_at": rule.set_at.isoformat(), "set_by": rule.set_by}


def _pin_document(pin: Pin) -> dict[str, Any]:
    told = {"reason": pin.reason, "pinned_at": pin.pinned_at.isoformat(), "pinned_by": pin.pinned_by}
    return {**_version(pin.version), **told}


def _version(version: Version) -> dict[str, Any]:
    return {**_asset(version.asset), "version": version.number, "reference": str(version.reference)}


def _asset(asset: AssetName) -> dict[str, str]:
    return {"asset": asset.name, "workspace": asset.workspace}
